"""Parameters of ``orientation_filter``, ``predictor`` and ``visualizer``: defaults, bounds, meaning. No ROS here."""

from __future__ import annotations

import math
from dataclasses import fields
from typing import get_args

from ankle_imu_driver.conventions import SIDES, frame_specs, joint_specs
from ankle_imu_driver.mounting import AUTO, FOOT_TILT, MOUNTING_MEANING, SHANK_TILT, check_mounting
from ankle_imu_driver.parameter_spec import SMALLEST, ParameterSpec
from ankle_imu_driver.refusal import Refusal
from ankle_predictor.estimation.encoder_fusion import EncoderRole
from ankle_predictor.estimation.filter_config import LARGEST, MAY_BE_ZERO, FilterConfig
from ankle_predictor.estimation.pair_matcher import PAIR_TOLERANCE
from ankle_predictor.forecasting.predictor_config import PredictorConfig
from ankle_predictor.nodes.source_defaults import AUTO as AUTO_SAVE
from ankle_predictor.trust.input_monitor import TrustLimits
from ankle_predictor.visualization.leg_geometry import LARGEST_LENGTH, LegShape

MEANINGS = {
    "drift": "rad/sqrt(s), growth of an inclination's uncertainty",
    "drift_turning": "rad/sqrt(s) per rad/s of the foot's rate, additional growth",
    "accel_noise_rest": "g*sqrt(s), accelerometer error while the foot rests on the ground",
    "accel_noise_moving": "g*sqrt(s), accelerometer error while the foot moves",
    "start_variance": "rad^2, variance of the inclinations at the start",
    "rest_rate": "rad/s, the foot rests if its rate is below this",
    "rest_accel": "share of 1 g, the foot rests if its specific force is this close to 1 g",
    "rest_hold": "s, the foot rests once both last for this time",
    "lever_arm": "m, height of the shank sensor above the ankle joint",
    "bias_gain": "1/s^2, gain of the gyro bias estimation at rest",
    "bias_limit": "rad/s, limit of the estimated bias",
    "accel_limit": "m/s^2, samples are clipped at this value",
    "gyro_limit": "rad/s, samples are clipped at this value",
    "max_gap": "s, a longer gap restarts the estimate and the window",
}
LENGTHS = {
    "shank_length": "m, knee to ankle, as drawn",
    "foot_length": "m, heel to toe, as drawn",
    "ankle_height": "m, ankle above the sole, as drawn",
    "leg_spacing": "m, distance of the two legs, as drawn",
}
FASTEST = 50.0  # Hz, of what is drawn


def filter_specs() -> tuple[ParameterSpec, ...]:
    """Return a parameter for each constant of the filter, with the same name and unit."""
    return tuple(
        ParameterSpec(
            constant.name,
            constant.default,
            MEANINGS[constant.name],
            low=0.0 if constant.name in MAY_BE_ZERO else SMALLEST,
            high=LARGEST[constant.name],
        )
        for constant in fields(FilterConfig)
    )


def _check_fixed_frame(name: str) -> None:
    if not name or name.startswith("/"):  # tf2 refuses a leading slash
        raise Refusal(f"fixed_frame must be a frame's name without a slash before it, such as odom, not {name!r}")


SIDE = ParameterSpec("side", "right", "the leg that wears the sensors", choices=SIDES)
TOLERANCE = ParameterSpec(
    "pair_tolerance", PAIR_TOLERANCE, "s, largest difference of the two stamps of a pair", low=SMALLEST, high=1.0
)
FILTER_SPECS = (
    ParameterSpec("calibration_file", "", "calibration from standing, or a recording with one; empty for none"),
    ParameterSpec("leg", "", "in a calibration_file that is a recording of several legs, the namespace of one of them"),
    # The node cannot know whether its samples come from a person: who starts the driver, too, replaces ``auto``.
    ParameterSpec(
        "calibration_save", AUTO_SAVE, "file that calibrations are saved to; empty for none; auto: by source"
    ),
    ParameterSpec("frame_prefix", "", "prefix of the names of frames"),
    *frame_specs(),
    SIDE,
    *(
        spec
        for name, tilt in (("shank", SHANK_TILT), ("foot", FOOT_TILT))
        for spec in (
            ParameterSpec(f"{name}.mounting", AUTO, MOUNTING_MEANING, check=check_mounting),
            ParameterSpec(
                f"{name}.tilt",
                list(tilt),
                "rad, usual roll and pitch of the mounted sensor",
                low=-math.pi,
                high=math.pi,
                length=2,
            ),
        )
    ),
    TOLERANCE,
    *filter_specs(),
    *joint_specs(),
)
_LIMITS = TrustLimits()
LIVE_LIMITS = {"max_input_age": "max_input_age", "plausible.angle": "max_angle", "plausible.rate": "max_rate"}
"""Parameters that change a limit of ``TrustLimits`` at once."""
PREDICTOR_SPECS = (
    ParameterSpec(
        "model", "base", "name of a bundle in the model directories, or its path; follows load_weights, adapt"
    ),
    ParameterSpec("models_dir", "", "model directory that is searched first, and that adapt writes to; empty for none"),
    SIDE,
    ParameterSpec("threads", 1, "threads of the network's inference", low=1, high=64),
    ParameterSpec("spinning", False, "these threads wait without sleeping; uses whole cores"),
    ParameterSpec("velocities", False, "forecast points have velocities"),
    ParameterSpec(
        "withhold_unfamiliar", False, "no forecast while the gait is unlike that of the training data", is_live=True
    ),
    TOLERANCE,
    ParameterSpec(
        "max_input_age",
        _LIMITS.max_input_age,
        "s, no forecast if the newest samples are older",
        low=SMALLEST,
        high=10.0,
        is_live=True,
    ),
    ParameterSpec(
        "plausible.angle",
        _LIMITS.max_angle,
        "rad in both directions, no forecast with larger angles",
        low=SMALLEST,
        high=math.pi,
        is_live=True,
    ),
    ParameterSpec(
        "plausible.rate",
        _LIMITS.max_rate,
        "rad/s, no forecast with a faster joint",
        low=SMALLEST,
        high=1000.0,
        is_live=True,
    ),
    ParameterSpec(
        "encoder.role",
        PredictorConfig.encoder_role,
        "input: gives the present angle while it is believed; score: it only scores; off",
        choices=get_args(EncoderRole),
    ),
    *joint_specs(),
    *joint_specs("encoder."),
    *filter_specs(),
)
VISUALIZER_SPECS = (
    ParameterSpec("fixed_frame", "odom", "frame that the legs stand in; no prefix is added", check=_check_fixed_frame),
    ParameterSpec("frame_prefix", "", "prefix of the names of frames"),
    SIDE,
    ParameterSpec("display_rate", FASTEST, "Hz, of what is drawn", low=SMALLEST, high=FASTEST),
    *(
        ParameterSpec(length.name, length.default, LENGTHS[length.name], low=SMALLEST, high=LARGEST_LENGTH)
        for length in fields(LegShape)
    ),
    TOLERANCE,
    *joint_specs(),
)
