"""The commands' options ``--side``, ``--params-file`` and ``--namespace`` mean what the nodes' parameters mean."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from ankle_imu_driver.conventions import ENCODER_JOINT, SIDES, JointConvention, check_side
from ankle_imu_driver.document import shown
from ankle_imu_driver.mounting import AUTO, FOOT_TILT, SHANK_TILT
from ankle_imu_driver.parameter_file import full_name, parameters_of, sections_of, untaken_warning
from ankle_imu_driver.refusal import Refusal
from ankle_predictor.estimation.filter_config import FilterConfig
from ankle_predictor.estimation.leg_estimator import LegConfig
from ankle_predictor.estimation.pair_matcher import PAIR_TOLERANCE
from ankle_predictor.model.manifest import Manifest
from ankle_predictor.offline.live_run import LiveSettings
from ankle_predictor.trust.input_monitor import TrustLimits

FILTER_NODE, PREDICTOR_NODE = "orientation_filter", "predictor"
LIMITS = {
    "max_input_age": "max_input_age",
    "pair_tolerance": "skew",
    "plausible.angle": "max_angle",
    "plausible.rate": "max_rate",
}
"""Parameters of the predictor by their names, and the limits that they set."""


def add_leg_options(parser: argparse.ArgumentParser) -> None:
    """Add ``--side``, ``--params-file`` and ``--namespace`` to a command."""
    parser.add_argument("--side", choices=SIDES, help="the leg that was recorded; default: the file's, or right")
    parser.add_argument(
        "--params-file", type=Path, metavar="FILE", help="the nodes' parameters as YAML: side, mounting, tolerances"
    )
    parser.add_argument(
        "--namespace", default="", metavar="NS", help="the nodes' namespace in the parameter file, e.g. right_ankle"
    )


def leg_settings(side: str | None, params_file: Path | None, namespace: str = "") -> LiveSettings:
    """Return the settings that the options give, and warn on stderr of sections that no node in the namespace takes.

    Args:
        side: overrides the file's; None if it was not given.
        params_file: the nodes' parameters; None for their defaults.
        namespace: of the nodes, whose sections of the file count.

    Raises:
        ParameterFileError: the file cannot be read.
        Refusal: a value cannot be used; the message names the parameter.
    """
    if params_file is None:
        return LiveSettings().worn_on(side or "right")
    sections = sections_of(params_file)
    if warning := untaken_warning(params_file, sections, [namespace]):
        print(warning, file=sys.stderr)
    ours, predictor = (parameters_of(sections, full_name(node, namespace)) for node in (FILTER_NODE, PREDICTOR_NODE))
    constants = {field.name: _number(ours, field.name) for field in fields(FilterConfig) if field.name in ours}
    leg = LegConfig(
        shank_mounting=_text(ours, "shank.mounting", AUTO),
        foot_mounting=_text(ours, "foot.mounting", AUTO),
        shank_tilt=_tilt(ours, "shank.tilt", SHANK_TILT),
        foot_tilt=_tilt(ours, "foot.tilt", FOOT_TILT),
        pair_tolerance=_number(ours, "pair_tolerance", PAIR_TOLERANCE),
        side=side or _side(ours),
    )
    limits = {limit: _number(predictor, name) for name, limit in LIMITS.items() if name in predictor}
    own_filter = FilterConfig(**constants) if constants else None
    return LiveSettings(
        side or _side(predictor),
        leg,
        TrustLimits(**limits),
        own_filter,
        _encoder_joint(predictor),
        withhold_unfamiliar=_flag(predictor, "withhold_unfamiliar"),
    )


def is_mirrored(settings: LiveSettings, model: Manifest) -> bool:
    """Return whether the sensors are on the other leg than the model's.

    Raises:
        Refusal: the settings have other constants of the filter than the model was trained with.
    """
    if settings.filter not in (None, model.features.filter):
        raise Refusal(
            f"the filter's constants differ from those that the model {model.name} was trained with; "
            "use the model's, or another model"
        )
    return settings.side != model.side


def _encoder_joint(values: Mapping[str, Any]) -> JointConvention:
    try:
        return JointConvention(
            _text(values, "encoder.joint_name", ENCODER_JOINT.name),
            _number(values, "encoder.joint_sign", ENCODER_JOINT.sign),
            _number(values, "encoder.joint_offset", ENCODER_JOINT.offset),
        )
    except Refusal as refusal:
        raise Refusal(f"encoder: {refusal}") from refusal


def _side(values: Mapping[str, Any]) -> str:
    side = _text(values, "side", "right")
    check_side(side)
    return side


def _text(values: Mapping[str, Any], name: str, default: str) -> str:
    value = values.get(name, default)
    if not isinstance(value, str):
        raise Refusal(f"parameter {name} must be text, not {shown(value)}")
    return value


def _flag(values: Mapping[str, Any], name: str) -> bool:
    value = values.get(name, False)
    if not isinstance(value, bool):
        raise Refusal(f"parameter {name} must be true or false, not {shown(value)}")
    return value


def _number(values: Mapping[str, Any], name: str, default: float = 0.0) -> float:
    value = values.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Refusal(f"parameter {name} must be a number, not {shown(value)}")
    return float(value)


def _tilt(values: Mapping[str, Any], name: str, default: tuple[float, float]) -> tuple[float, float]:
    """Return roll and pitch in rad, of a right leg."""
    value = values.get(name, default)
    numbers = isinstance(value, list | tuple) and all(isinstance(part, int | float) for part in value)
    if not numbers or len(value) != 2:
        raise Refusal(f"{name} must be [roll, pitch] in rad, not {shown(value)}")
    return float(value[0]), float(value[1])
