"""How far a segment turned while its samples were missing, told from the stride before.

Within a gap of 150 ms a foot in swing turns by 30 degrees and back, so the mean of the rates at both ends says little.
But a stride is much like the one before: the rates of one stride ago fill the gap, moved so that they meet the rates at
both ends. Nothing later than the first sample after the gap is used.
"""

from __future__ import annotations

from collections import deque

import numpy as np

from ankle_imu_driver.arrays import FloatArray, Vector

KEPT = 4.5  # s of samples that are kept: the longest stride, and what is compared before it
STRIDES = np.arange(0.5, 4.01, 0.01)  # s, times since the movement was the same
COMPARED = np.arange(-0.24, 0.001, 0.02)  # s before the gap at which the rates are compared with those of a stride ago
DENSE = 0.06  # s, the kept samples must not be further apart than this
ALIKE = 0.7  # largest root mean square difference, as a share of the rates' own, at which two strides are the same
STEPS = 16  # into which the gap is cut


class GapBridge:
    """Keeps the angular rates of the last strides of one segment."""

    def __init__(self) -> None:
        self._kept: deque[tuple[float, float, float, float]] = deque()

    def push(self, stamp: float, gyro: Vector) -> None:
        """Add a sample: stamp in s, later than the last one's, and the angular rate in rad/s."""
        self._kept.append((stamp, *gyro))
        while self._kept[0][0] < stamp - KEPT:
            self._kept.popleft()

    def clear(self) -> None:
        """Forget all samples."""
        self._kept.clear()

    def mean_rate(self, stamp: float, gyro: Vector) -> Vector:
        """Return the mean angular rate in rad/s since the last sample, told by the first sample after the gap.

        Without a stride ago that is alike it is the mean of the rates at both ends.

        Args:
            stamp: s, of the first sample after the gap.
            gyro: rad/s, its angular rate.
        """
        kept = np.array(self._kept)
        stamps, rates = kept[:, 0], kept[:, 1:]
        last, now = rates[-1], np.array(gyro)
        mean: FloatArray = 0.5 * (last + now)
        ago = self._stride_ago(stamps, rates, stamp, now)
        if ago is not None:
            inside = np.linspace(stamps[-1], stamp, STEPS + 1)
            past = _at(stamps, rates, inside - ago)
            # The trapezoidal rule; what the ends of the two strides differ by is taken to change linearly between them.
            mean = (past[:-1] + past[1:]).mean(axis=0) / 2.0 + 0.5 * ((last - past[0]) + (now - past[-1]))
        return float(mean[0]), float(mean[1]), float(mean[2])

    @staticmethod
    def _stride_ago(stamps: FloatArray, rates: FloatArray, stamp: float, now: FloatArray) -> float | None:
        """Return how many s ago the movement was the same, None if it never was."""
        end = stamps[-1]
        ago = STRIDES[(stamp - end <= STRIDES) & (end + COMPARED[0] - STRIDES >= stamps[0])]
        if not len(ago):
            return None
        times = np.append(end + COMPARED, stamp)
        here = np.vstack([_at(stamps, rates, times[:-1]), now])
        there = _at(stamps, rates, times - ago[:, np.newaxis])
        weight = np.ones(len(times))
        weight[-1] = len(COMPARED) / 3.0  # the one sample behind the gap tells as much as several close ones before it
        apart = np.sqrt(((there - here) ** 2).sum(axis=2) @ weight)
        best = int(np.argmin(apart))
        moving = np.sqrt((here**2).sum(axis=1) @ weight)
        used = (stamps > end + COMPARED[0] - ago[best] - DENSE) & (stamps < stamp - ago[best] + DENSE)
        dense = np.count_nonzero(used) > 1 and np.diff(stamps[used]).max() <= DENSE
        return float(ago[best]) if dense and apart[best] <= ALIKE * moving else None


def _at(stamps: FloatArray, rates: FloatArray, times: FloatArray) -> FloatArray:
    """Return the rates at some times, (..., 3)."""
    return np.stack([np.interp(times, stamps, rates[:, axis]) for axis in range(3)], axis=-1)
