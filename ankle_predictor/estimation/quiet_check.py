"""Judges a calibration while the leg moves but does not walk: restless standing, shifting from foot to foot.

Over a second and a half without a swing the mean specific force is gravity's, and where a gyro says that its sensor has
turned to is where its accelerometer then is.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from ankle_imu_driver.arrays import Vector
from ankle_predictor.estimation.samples import PairSample
from ankle_predictor.estimation.turn_check import between, direction, tilt_of, turned

SECONDS = 1.5
SWING_RATE = 2.0  # rad/s, of the foot or, twice that, of the shank


@dataclass(frozen=True)
class Posture:
    """What such a time shows.

    Attributes:
        tilts: rad, of the mean specific forces of shank and foot to their z axes.
        biases: rad/s, what their gyros turn too much.
        angle: rad, of the ankle, dorsiflexion positive, from the calibration's zero.
    """

    tilts: tuple[float, float]
    biases: tuple[float, float]
    angle: float


class QuietCheck:
    """Follows one leg, in the frames of its segments."""

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        """Begin anew."""
        self._seconds = 0.0
        self._forces = [[0.0] * 3, [0.0] * 3]
        self._turns = [[0.0] * 3, [0.0] * 3]  # rad, what the gyros have turned too much before the last gap
        self._ups: list[Vector] = []
        self._seen: list[Vector] = []

    def gap(self) -> None:
        """Go on after a gap: a busy computer that loses samples has those before it and those after it."""
        self._turns = self._turned()
        self._ups = self._seen = []

    def push(self, dt: float, pair: PairSample) -> Posture | None:
        """Process a pair that comes ``dt`` s after the last one; return the posture when enough time has passed."""
        parts = pair.shank, pair.foot
        if math.hypot(*pair.foot.gyro) > SWING_RATE or math.hypot(*pair.shank.gyro) > 2.0 * SWING_RATE:
            self.clear()
            return None
        self._seen = [direction(part.accel) for part in parts]
        if not self._ups:
            self._ups = self._seen
            return None
        self._ups = [turned(up, part.gyro, dt) for up, part in zip(self._ups, parts, strict=True)]
        self._seconds += dt
        for force, part in zip(self._forces, parts, strict=True):
            for k, value in enumerate(part.accel):
                force[k] += dt * value
        if self._seconds < SECONDS:
            return None
        shank, foot = (math.hypot(*turn) / self._seconds for turn in self._turned())
        posture = Posture((tilt_of(self._forces[0]), tilt_of(self._forces[1])), (shank, foot), ankle_of(*self._forces))
        self.clear()
        return posture

    def _turned(self) -> list[list[float]]:
        if not self._ups:
            return self._turns
        now = [between(up, seen) for up, seen in zip(self._ups, self._seen, strict=True)]
        return [[a + b for a, b in zip(*pair, strict=True)] for pair in zip(self._turns, now, strict=True)]


def ankle_of(shank: Sequence[float], foot: Sequence[float]) -> float:
    """Return the ankle's angle in rad, from the calibration's zero, that the specific forces of a still leg show."""
    return math.atan2(-shank[0], shank[2]) - math.atan2(-foot[0], foot[2])
