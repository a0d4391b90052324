"""Tells from walking whether the shank's and the foot's sensor are swapped.

The foot rests on the ground for a third of each stride and hardly turns; the shank never rests for so long. In 80
recordings (level walking, stairs, running, braces) the foot was at least 1.4 times as still as the shank, over any ten
seconds.
"""

from __future__ import annotations

import math

from ankle_imu_driver.arrays import Vector

STILL_RATE = 0.3  # rad/s
MOVING_RATE = 2.0  # rad/s, one of the two sensors turns this fast within the last second, or nobody walks
TIME_CONSTANT = 10.0  # s of moving
LEAST_TIME = 8.0  # s of moving before anything is said
SWAPPED = 0.75  # stillness of the foot over that of the shank
RECENT = 3.0  # s of moving, after which sensors that were exchanged back are believed again
RIGHT = 1.4  # stillness of the foot over that of the shank
LARGEST_GAP = 0.1  # s


class SwapWatch:
    """Compares how still the two sensors are while the leg moves."""

    def __init__(self) -> None:
        self._last = self._moved = -math.inf
        self._is_swapped = False
        self._start()

    def _start(self) -> None:
        self._seconds = self._shank = self._foot = 0.0
        self._recent = [0.0, 0.0]

    def push(self, stamp: float, shank_gyro: Vector, foot_gyro: Vector) -> None:
        """Process one pair: s, rad/s without bias, in any frames."""
        dt, self._last = stamp - self._last, stamp
        shank, foot = math.hypot(*shank_gyro), math.hypot(*foot_gyro)
        if max(shank, foot) > MOVING_RATE:
            self._moved = stamp
        if not 0.0 < dt <= LARGEST_GAP or not 0.0 <= stamp - self._moved <= 1.0:
            return
        self._seconds += dt
        shank, foot = (1.0 / (1.0 + (rate / STILL_RATE) ** 2) for rate in (shank, foot))
        share = dt / min(self._seconds, TIME_CONSTANT)
        self._shank += share * (shank - self._shank)
        self._foot += share * (foot - self._foot)
        share = dt / min(self._seconds, RECENT)
        self._recent = [old + share * (new - old) for old, new in zip(self._recent, (shank, foot), strict=True)]
        if self._is_swapped and self._recent[1] >= RIGHT * self._recent[0]:
            self._is_swapped = False
            self._start()
        elif self._seconds >= LEAST_TIME:
            # What lies some seconds back alone does not count: they may have been exchanged back.
            self._is_swapped |= self._foot < SWAPPED * self._shank and self._recent[1] < self._recent[0]

    @property
    def problem(self) -> str:
        """One sentence if the sensors are swapped, otherwise empty."""
        if not self._is_swapped:
            return ""
        return (
            "the shank and the foot sensor are swapped: what is called the shank's rests on the ground in each stride; "
            "exchange the sensors, their plugs or their addresses"
        )
