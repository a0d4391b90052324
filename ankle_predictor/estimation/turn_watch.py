"""Judges how far each stride has turned: from one rest of the foot to the next one gyro and accelerometer must agree.

A foot's gyro that is off by 0.5 rad/s, turns backward, has another scale or its axes in another order is off by 15 to
60 degrees after one stride. In 81 recordings 4 of 950 strides with a long rest were beyond 15. One odd stride is only a
doubt, and nothing is forecast until the next one: an odd rest is followed by its opposite, so that the sum of both is
small; what is wrong adds up. A stride in which a gyro was at the end of its range is not judged: what it has cut off is
missing.

The shank does not rest while the foot does: 1 % of its strides are beyond 20 degrees. So what it has turned is only a
doubt together with a change of the stride (``stride_watch.py``), which then decides with the next stride.
"""

from __future__ import annotations

import math
from collections import deque

from ankle_imu_driver.arrays import Vector
from ankle_imu_driver.calibration import Calibration
from ankle_predictor.estimation.samples import RawPair
from ankle_predictor.estimation.stride_watch import Change
from ankle_predictor.estimation.turn_check import LONGEST_STRIDE, TurnCheck, TurnedStride

ODD = math.radians(15.0)  # of a rest that is long enough to average over
WRONG = math.radians(24.0)  # sum of two strides
CLEAN = math.radians(10.0)  # a stride with less shows that the sensor is well again
LONG = 11  # samples of a rest, over which the accelerometers are averaged
RECENT = 0.3  # s, from the end of a stride to its judgement
KEPT = 8  # strides
SHANK_TURN = math.radians(14.0)  # of the shank, where it also turns otherwise than before
SCALE, SAME = 0.28, 0.12  # change of the logarithm of what the shank turns, and most of what the foot does
SHANK_LEAN, LEAST_LEAN = math.radians(10.0), math.radians(5.0)  # of the shank, where it also leans otherwise
MORE = 1.15  # times the largest of the strides before
ALIKE, NOT_MORE = 0.15, 0.25  # most of the difference of the changes of both, and of each, where the lean is compared


class TurnWatch:
    """Watches one leg.

    Attributes:
        doubt: one sentence while a stride is odd and the next one is awaited; empty otherwise.
        doubts_shank: whether it is the shank's; then the comparison of strides decides.
        problem: one sentence if two strides are; empty otherwise.
    """

    def __init__(self, calibration: Calibration) -> None:
        self.doubt = self.problem = ""
        self._check = TurnCheck(calibration)
        self.doubts_shank = False
        self._shank_sizes: deque[float] = deque(maxlen=KEPT)
        self._judged: TurnedStride | None = None
        self._sum = (0.0, 0.0, 0.0)
        self._waited = 0.0

    def clear(self) -> None:
        """Begin anew after a gap; a problem stays until a clean stride."""
        self.doubt, self.doubts_shank = "", False
        self._check.clear()

    def push(self, dt: float, raw: RawPair, change: Change | None) -> None:
        """Process a pair ``dt`` s after the last one; ``change`` is that of the newest stride to those before."""
        self._check.push(dt, raw)
        self._waited += dt
        if self.doubt and self._waited > LONGEST_STRIDE:  # the wearer stands: standing is judged elsewhere
            self.doubt, self.doubts_shank = "", False
        stride = self._check.newest
        if stride is not None and stride is not self._judged:
            self._judged = stride
            is_recent = change is not None and 0.0 <= raw.foot_stamp - change.stamp <= RECENT
            self._judge(stride, change if is_recent else None)
            if not self.doubt:
                self._shank_sizes.append(math.hypot(*stride.shank))

    def _judge(self, stride: TurnedStride, change: Change | None) -> None:
        size = math.hypot(*stride.foot)
        if self.problem:
            if size < CLEAN and stride.samples >= LONG and not stride.is_cut:
                self.problem = ""
        elif self.doubt:
            was_shank, self.doubt, self.doubts_shank = self.doubts_shank, "", False
            total = math.hypot(*_sum(self._sum, stride.foot))
            if not was_shank and total > WRONG and stride.samples >= LONG and not stride.is_cut:
                self.problem = (
                    f"the foot sensor has a gyro and an accelerometer that contradict each other (by "
                    f"{math.degrees(total):.0f} degrees after two strides): restart the sensor, stand still and "
                    "calibrate again; if that does not help, check its axes, range and strap"
                )
        elif stride.samples >= LONG and not stride.is_cut:
            self.doubts_shank = size <= ODD
            if size > ODD:
                self._doubt(stride, "foot", size)
            elif self._is_shank_odd(math.hypot(*stride.shank), change):
                self._doubt(stride, "shank", math.hypot(*stride.shank))

    def _doubt(self, stride: TurnedStride, name: str, size: float) -> None:
        self._sum, self._waited = stride.foot, 0.0
        self.doubt = (
            f"the {name}'s gyro and accelerometer differ by {math.degrees(size):.0f} degrees after this stride: the "
            "next one decides"
        )

    def _is_shank_odd(self, size: float, change: Change | None) -> bool:
        if change is None or not change.is_same_walk:
            return False
        shank, foot = change.turns
        if size > SHANK_TURN and abs(shank) > SCALE and abs(foot) < SAME:
            return True
        is_alike = max(abs(shank), abs(foot)) < NOT_MORE and abs(shank - foot) < ALIKE
        is_more = size > SHANK_LEAN and size > MORE * max(self._shank_sizes, default=0.0)
        return is_alike and is_more and change.lean > LEAST_LEAN


def _sum(a: Vector, b: Vector) -> Vector:
    return a[0] + b[0], a[1] + b[1], a[2] + b[2]
