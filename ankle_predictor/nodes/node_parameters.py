"""Reads the parameters that filter node and predictor node have in common; ``parameter_specs`` has what they may be."""

from __future__ import annotations

from dataclasses import fields

from ankle_imu_driver.conventions import JointConvention
from ankle_imu_driver.managed_node import ManagedNode
from ankle_predictor.estimation.filter_config import FilterConfig
from ankle_predictor.estimation.leg_estimator import LegConfig


def read_filter(node: ManagedNode) -> FilterConfig:
    """Read the constants of the filter.

    Raises:
        Refusal: a constant is out of its bounds.
    """
    return FilterConfig(**{constant.name: node.parameters.value(constant.name) for constant in fields(FilterConfig)})


def read_leg(node: ManagedNode) -> LegConfig:
    """Read the side of the leg, the mounting of the sensors, and the constants of the filter.

    Raises:
        Refusal: a value cannot be used.
    """
    value = node.parameters.value
    (shank_roll, shank_pitch), (foot_roll, foot_pitch) = value("shank.tilt"), value("foot.tilt")
    return LegConfig(
        shank_mounting=value("shank.mounting"),
        foot_mounting=value("foot.mounting"),
        shank_tilt=(shank_roll, shank_pitch),
        foot_tilt=(foot_roll, foot_pitch),
        pair_tolerance=value("pair_tolerance"),
        filter=read_filter(node),
        side=value("side"),
    )


def read_joint(node: ManagedNode, prefix: str = "") -> JointConvention:
    """Read the name, sign and offset (rad) of the joint in messages.

    Raises:
        Refusal: the name, sign or offset is invalid.
    """
    return JointConvention(*(node.parameters.value(f"{prefix}joint_{part}") for part in ("name", "sign", "offset")))
