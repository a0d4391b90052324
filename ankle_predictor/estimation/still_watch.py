"""Finds a sensor that lies still while the other one turns: it has come off, or it sends noise.

A resting foot is never so still for so long while the shank turns: in 81 recordings the shank turned by at most 1.4
rad/s on average where the foot's rate changed by less than ``STILL``, and the foot by at most 0.2 rad/s where the
shank's did. A rate that does not change is not enough: a shank may turn steadily while the heel comes off the ground.
"""

from __future__ import annotations

import math
from collections import deque

from ankle_imu_driver.arrays import Vector
from ankle_imu_driver.calibration import Calibration
from ankle_imu_driver.conventions import FOOT, SENSORS, SHANK
from ankle_predictor.estimation.samples import RawPair

STILL_TIME = 0.13  # s
FEWEST = 8  # samples
STILL = 0.06  # rad/s, most that a rate changes within that time, on each axis
LIES = 0.3  # rad/s, most that the rate differs from the calibrated bias; a gyro that warms up drifts by up to 0.2
STILL_FORCE = 1.0  # m/s^2, most that the specific force does; a gyro that is dead alone is found by ``SensorWatch``
OTHER = {SHANK: 1.0, FOOT: 2.2}  # rad/s, mean rate of the other sensor, by the one that is still
MOVES = 0.5  # rad/s, change of the rate that shows that it moves again
LARGEST_GAP = 0.1  # s


class StillWatch:
    """Watches both sensors of a leg.

    Attributes:
        problem: one sentence; empty if no sensor lies still.
    """

    def __init__(self) -> None:
        self.problem = ""
        self._biases: tuple[Vector, Vector] = ((0.0, 0.0, 0.0), (0.0, 0.0, 0.0))
        self._recent: deque[RawPair] = deque()
        self._still: int | None = None

    def calibrate(self, calibration: Calibration) -> None:
        """Take the gyros' biases from a calibration; they are zero before."""
        self._biases = calibration.shank.gyro_bias, calibration.foot.gyro_bias

    def push(self, pair: RawPair) -> int | None:
        """Process one pair; return the stream that has begun to move again, if one has."""
        recent, stamp = self._recent, pair.foot_stamp
        if recent and not 0.0 < stamp - recent[-1].foot_stamp <= LARGEST_GAP:
            recent.clear()
        recent.append(pair)
        while stamp - recent[0].foot_stamp > STILL_TIME:
            recent.popleft()
        if self._still is not None:
            return self._wait(self._still)
        if len(recent) >= FEWEST and stamp - recent[0].foot_stamp >= 0.9 * STILL_TIME:
            for stream in (SHANK, FOOT):
                if self._is_still(stream) and self._mean_rate(1 - stream) > OTHER[stream]:
                    self._still = stream
                    self.problem = (
                        f"the {SENSORS[stream]} sensor lies still while the {SENSORS[1 - stream]} turns: it has come "
                        "off; strap it on, stand still and calibrate again"
                    )
        return None

    def _is_still(self, stream: int) -> bool:
        (a, b, c), (x, y, z) = _rate(self._recent[0], stream), _rate(self._recent[-1], stream)
        if max(abs(a - x), abs(b - y), abs(c - z)) >= STILL:  # mostly; saves looking at all of them
            return False
        if math.dist((x, y, z), self._biases[stream]) >= LIES:
            return False
        spread = _spread([_rate(pair, stream) for pair in self._recent])
        if not 0.0 < spread < STILL:  # without any noise it hangs, which is found elsewhere
            return False
        return _spread([_force(pair, stream) for pair in self._recent]) < STILL_FORCE

    def _mean_rate(self, stream: int) -> float:
        return math.fsum(math.hypot(*_rate(pair, stream)) for pair in self._recent) / len(self._recent)

    def _wait(self, stream: int) -> int | None:
        if _spread([_rate(pair, stream) for pair in self._recent]) < MOVES:
            return None
        self._still, self.problem = None, ""
        return stream


def _rate(pair: RawPair, stream: int) -> Vector:
    return pair.shank_gyro if stream == SHANK else pair.foot_gyro


def _force(pair: RawPair, stream: int) -> Vector:
    return pair.shank_accel if stream == SHANK else pair.foot_accel


def _spread(vectors: list[Vector]) -> float:
    """Return the largest range of an axis."""
    axes = ([vector[k] for vector in vectors] for k in range(3))
    return max(max(axis) - min(axis) for axis in axes)
