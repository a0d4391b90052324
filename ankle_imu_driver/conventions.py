"""Names and signs that the whole code shares: streams, topics, frames, sides, the joint, diagnostic levels."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from ankle_imu_driver.arrays import FloatArray
from ankle_imu_driver.parameter_spec import ParameterSpec
from ankle_imu_driver.refusal import Refusal

SHANK, FOOT, ENCODER = range(3)
"""The streams, in the order in which samples with the same time are published."""
STREAM_NAMES = {SHANK: "shank", FOOT: "foot", ENCODER: "encoder"}
SENSORS = (STREAM_NAMES[SHANK], STREAM_NAMES[FOOT])
RAW_TOPICS = {stream: f"{STREAM_NAMES[stream]}/imu/data_raw" for stream in (SHANK, FOOT)}
ENCODER_TOPIC = "encoder/joint_states"
CALIBRATION_TOPIC = "orientation_filter/calibration"
SOURCE_TIME_TOPIC = "source_time"
SENSOR_FRAMES = {stream: f"{STREAM_NAMES[stream]}_imu_link" for stream in (SHANK, FOOT)}
SEGMENT_FRAMES = {stream: f"{STREAM_NAMES[stream]}_link" for stream in (SHANK, FOOT)}
"""Frames of the sensors and of the segments, without the node's frame_prefix."""

NODE_NAMES = ("imu_driver", "orientation_filter", "predictor", "visualizer")
"""The nodes of one leg, all in the leg's namespace."""

SIDES = ("left", "right")

OK, WARN, ERROR = range(3)
"""Levels of diagnostics, as in ``diagnostic_msgs/msg/DiagnosticStatus``."""

Angle = TypeVar("Angle", float, FloatArray)


def check_side(side: str) -> None:
    """Check the name of a side.

    Raises:
        Refusal: the name is not in ``SIDES``.
    """
    if side not in SIDES:
        raise Refusal(f"side must be 'left' or 'right', not {side!r}")


def check_seed(name: str, seed: int) -> None:
    """Check the seed of a random generator; ``name`` is the parameter's name.

    Raises:
        Refusal: the seed is negative.
    """
    if seed < 0:
        raise Refusal(f"{name} must be 0 or more, not {seed}")


def _check_joint_name(name: str) -> None:
    if not name:
        raise Refusal("joint_name must not be empty")


@dataclass(frozen=True)
class JointConvention:
    """How a joint's angle is published: ``sign * dorsiflexion + offset``. Inside the code dorsiflexion is positive.

    Attributes:
        name: name of the joint.
        sign: 1, or -1 if plantarflexion is positive.
        offset: published angle at standing, in rad.
    """

    name: str
    sign: float = 1.0
    offset: float = 0.0

    def __post_init__(self) -> None:
        """Check the values.

        Raises:
            Refusal: the name is empty, the sign is not 1 or -1, or the offset is not finite.
        """
        _check_joint_name(self.name)
        if self.sign not in (1.0, -1.0):
            raise Refusal(f"joint_sign must be 1 or -1, not {self.sign:g}")
        if not math.isfinite(self.offset):
            raise Refusal(f"joint_offset must be finite, not {self.offset}")

    def published(self, angle: Angle) -> Angle:
        """Convert dorsiflexion in rad, one angle or an array, to the published angle."""
        return self.sign * angle + self.offset

    def received(self, angle: float) -> float:
        """Convert a published angle in rad to dorsiflexion."""
        return self.sign * (angle - self.offset)

    def read(
        self, names: Sequence[str], positions: Sequence[float], velocities: Sequence[float]
    ) -> tuple[float, float] | None:
        """Return the joint's angle in rad and rate in rad/s, dorsiflexion positive, from the fields of a joint state.

        The joint is found by its name. Returns None if there is no position for it. The rate is NaN if there is no
        velocity for it.
        """
        k = names.index(self.name) if self.name in names else len(positions)
        if k >= len(positions):
            return None
        rate = self.sign * velocities[k] if k < len(velocities) else math.nan
        return self.received(positions[k]), rate


ENCODER_JOINT = JointConvention("ankle")
"""The encoder's joint, unless parameters say otherwise."""


def frame_specs() -> tuple[ParameterSpec, ...]:
    """Return the parameters that name the frames of the raw samples."""
    return tuple(
        ParameterSpec(
            f"{name}.frame_id", "", f"frame of the {name}'s raw samples; empty: <frame_prefix>{name}_imu_link, or any"
        )
        for name in SENSORS
    )


def joint_specs(prefix: str = "") -> tuple[ParameterSpec, ...]:
    """Return the parameters that give a joint's convention; ``prefix`` is ``encoder.`` for that of the encoder."""
    of = "encoder/joint_states" if prefix else "published joint states and forecasts"
    return (
        ParameterSpec(f"{prefix}joint_name", "ankle", f"name of the joint in {of}", check=_check_joint_name),
        ParameterSpec(
            f"{prefix}joint_sign", 1.0, f"1, or -1 if plantarflexion is positive in {of}", choices=(1.0, -1.0)
        ),
        ParameterSpec(
            f"{prefix}joint_offset", 0.0, f"rad, the angle at standing in {of}", low=-math.tau, high=math.tau
        ),
    )
