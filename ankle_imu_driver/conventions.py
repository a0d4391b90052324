"""Names and signs that all of the code agrees on: the streams and their topics, the two sides, the joint."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TypeVar

from ankle_imu_driver.arrays import FloatArray
from ankle_imu_driver.refusal import Refusal

SHANK, FOOT, ENCODER = range(3)
"""The streams, in the order in which samples of one instant go out."""
STREAM_NAMES = {SHANK: "shank", FOOT: "foot", ENCODER: "encoder"}
RAW_TOPICS = {stream: f"{STREAM_NAMES[stream]}/imu/data_raw" for stream in (SHANK, FOOT)}
ENCODER_TOPIC = "encoder/joint_states"

SIDES = ("left", "right")

Angle = TypeVar("Angle", float, FloatArray)


def check_side(side: str) -> None:
    """Refuse what is no leg.

    Raises:
        Refusal: neither of ``SIDES``.
    """
    if side not in SIDES:
        raise Refusal(f"side must be 'left' or 'right', not {side!r}")


@dataclass(frozen=True)
class JointConvention:
    """The published angle is ``sign * dorsiflexion + offset``; inside, dorsiflexion is positive everywhere.

    Attributes:
        name: of the joint.
        sign: 1, or -1 where plantarflexion is positive.
        offset: rad, what is published at standing.
    """

    name: str
    sign: float = 1.0
    offset: float = 0.0

    def __post_init__(self) -> None:
        """Refuse what is no convention.

        Raises:
            Refusal: the name is empty, the sign is not 1 or -1, or the offset is not finite.
        """
        if not self.name:
            raise Refusal("joint_name must not be empty")
        if self.sign not in (1.0, -1.0):
            raise Refusal(f"joint_sign must be 1 or -1, not {self.sign}")
        if not math.isfinite(self.offset):
            raise Refusal(f"joint_offset must be finite, not {self.offset}")

    def published(self, angle: Angle) -> Angle:
        """Turn one angle or many in rad, dorsiflexion positive, into what others expect."""
        return self.sign * angle + self.offset

    def received(self, angle: float) -> float:
        """Turn an angle of others' into rad, dorsiflexion positive."""
        return self.sign * (angle - self.offset)
