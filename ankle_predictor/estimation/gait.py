"""Strides as they come: whether somebody walks steadily, and how long a stride takes. Only the past is looked at."""

from __future__ import annotations

import math
from collections import deque
from enum import Enum
from statistics import median

from ankle_predictor.adaptation.walk_collector import LONGEST_STRIDE, SHORTEST_STRIDE, SWING_RATE

FALLEN = 0.5  # share of a peak down to which the rate must fall before the peak is one
STEADY_STRIDES = 3  # whose periods must agree
AGREEMENT = 0.2  # by which they may differ from their median, relative; recorded strides scatter by 4 to 7 %
OVERDUE = 1.4  # periods after which the next swing should long have come
STILL_RATE = 0.3  # rad/s, who stays below this stands or sits (postural sway stays below 0.2)
STILL_TIME = 1.0  # s, for this long


class Gait(Enum):
    """What the leg does."""

    STEADY = "steady gait"
    TRANSITION = "transition"
    STANDING = "standing"


class StrideWatch:
    """Finds each swing of the shank by the peak of its forward pitch rate, once it has fallen off again.

    In every stride the shank swings forward once, faster than it moves at any other time (Aminian et al. 2002).
    """

    def __init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        """Forget everything, as after a jump of the clock."""
        self._last = math.nan
        self._moved = math.nan  # when the shank last moved, or the watch began
        self._peak: tuple[float, float] | None = None  # stamp and height of the swing under way
        self._swing = math.nan
        self._periods: deque[float] = deque(maxlen=STEADY_STRIDES)

    def push(self, stamp: float, pitch_rate: float) -> None:
        """Take the shank's rate about its left axis in rad/s (``gyro`` y, leaning forward is positive) at a time in s.

        A stamp that goes back, or a gap of more than the longest stride, starts over.
        """
        if not 0.0 < stamp - self._last <= LONGEST_STRIDE:
            self.restart()
            self._moved = stamp
        self._last = stamp
        if abs(pitch_rate) > STILL_RATE:
            self._moved = stamp
        forward = -pitch_rate
        if forward >= SWING_RATE and (self._peak is None or forward > self._peak[1]):
            self._peak = stamp, forward
        elif self._peak is not None and forward < FALLEN * self._peak[1]:
            self._end_swing(self._peak[0])

    def _end_swing(self, stamp: float) -> None:
        self._peak = None
        period = stamp - self._swing
        if period < SHORTEST_STRIDE:  # a second peak of the same swing
            return
        self._swing = stamp
        if period <= LONGEST_STRIDE:
            self._periods.append(period)
        else:
            self._periods.clear()

    @property
    def gait(self) -> Gait:
        """What the leg does now."""
        if math.isfinite(self.period):
            return Gait.STEADY
        return Gait.STANDING if self._last - self._moved >= STILL_TIME else Gait.TRANSITION

    @property
    def period(self) -> float:
        """The stride period in s, the median of the last ones; NaN when not walking steadily."""
        if len(self._periods) < STEADY_STRIDES:
            return math.nan
        middle = median(self._periods)
        steady = all(abs(period - middle) <= AGREEMENT * middle for period in self._periods)
        return middle if steady and self._last - self._swing <= OVERDUE * middle else math.nan
