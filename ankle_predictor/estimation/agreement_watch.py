"""Watches whether a segment's gyro and accelerometer tell the same story.

A leg does not fly away: its acceleration, averaged over some strides, is near zero. What remains is the orientation's
error times gravity, and such an error stays only if the gyro contradicts the accelerometer, which corrects it: a wrong
bias, a dead or exchanged axis, a sensor that has come off while the other one walks.
"""

from __future__ import annotations

import math

from ankle_predictor.estimation.samples import SegmentSample
from ankle_predictor.estimation.stride_evidence import rotated

SMOOTHING = 1.5  # s, of each of two stages: one or two strides
SETTLED = 3.0  # s, before which nothing is said
LARGEST = 2.2  # m/s^2; in 75 recordings of 33 people (level, stairs, running, slow) it was 2.1 at most
CALM = 1.1  # m/s^2, below which it is taken back
LARGEST_GAP = 0.1  # s


class AgreementWatch:
    """Watches one segment.

    Attributes:
        problem: one sentence without the sensor's name; empty if all is well.
    """

    def __init__(self) -> None:
        self.problem = ""
        self._last = math.nan
        self._start()

    def clear(self) -> None:
        """Begin anew with an orientation that is found anew."""
        self.problem = ""
        self._start()

    def _start(self) -> None:
        self._seconds = 0.0
        self._first = self._second = (0.0, 0.0)

    def push(self, sample: SegmentSample) -> bool:
        """Process one sample with its orientation; return whether the orientation should be found anew."""
        assert sample.orientation is not None
        dt, self._last = sample.stamp - self._last, sample.stamp
        if not 0.0 < dt <= LARGEST_GAP:
            self._start()
            return False
        self._seconds += dt
        x, y, _ = rotated(sample.orientation, sample.accel)
        share, (fx, fy), (sx, sy) = dt / SMOOTHING, self._first, self._second
        self._first = fx, fy = fx + share * (x - fx), fy + share * (y - fy)
        self._second = sx, sy = sx + share * (fx - sx), sy + share * (fy - sy)
        if self._seconds < SETTLED:
            return False
        size = math.hypot(sx, sy)
        if size > LARGEST:
            self.problem = (
                f"has a gyro and an accelerometer that contradict each other (the leg would fly away with {size:.1f} "
                "m/s^2): stand still and calibrate again; if that does not help, check its axes, range and strap"
            )
            self._start()
            return True
        if size < CALM:
            self.problem = ""
        return False
