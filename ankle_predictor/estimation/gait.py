"""Swings and strides as they come: whether somebody walks steadily, and how long a stride takes. Uses the past only."""

from __future__ import annotations

import math
from collections import deque
from enum import Enum
from statistics import median

SWING_RATE = 2.0  # rad/s by which the shank swings forward in a step; the slowest of 90 recorded ones had 2.4
FALLEN = 0.5  # share of a peak down to which the rate must fall before the peak is one
SHORTEST_STRIDE = 0.5  # s
LONGEST_STRIDE = 2.5  # s
STEADY_STRIDES = 3  # whose periods must agree
AGREEMENT = 0.2  # by which they may differ from their median, relative; recorded strides scatter by 4 to 7 %
OVERDUE = 1.4  # periods after which the next swing should long have come
STILL_RATE = 0.3  # rad/s, who stays below this stands or sits (postural sway stays below 0.2)
STILL_TIME = 1.0  # s, for this long
RESTING_RATE = 0.25  # rad/s, root mean square of the shank's pitch rate over seconds, below which nobody walks


class Gait(Enum):
    """What the leg does."""

    STEADY = "steady gait"
    TRANSITION = "transition"
    STANDING = "standing"


class Swing(Enum):
    """What a sample shows of the shank's swing forward."""

    BEGINS = "begins"
    ENDS = "ends"


class SwingDetector:
    """Finds each swing of the shank by its forward pitch rate, from where that rises to where it has fallen off again.

    In every stride the shank swings forward once, faster than it moves at any other time (Aminian et al. 2002).

    Attributes:
        fastest: s, stamp of the peak of the last swing that ended; -inf before the first.
    """

    def __init__(self) -> None:
        self._peak: tuple[float, float] | None = None  # stamp and height of the swing under way
        self.fastest = -math.inf

    def push(self, stamp: float, pitch_rate: float) -> Swing | None:
        """Take the shank's rate about its left axis and return what it shows.

        A second swing within ``SHORTEST_STRIDE`` of the last one is taken for a part of that.

        Args:
            stamp: s; has to rise.
            pitch_rate: rad/s (``gyro`` y), leaning forward is positive, so that a swing is negative.
        """
        forward = -pitch_rate
        if self._peak is None:
            if forward < SWING_RATE:
                return None
            self._peak = stamp, forward
            return Swing.BEGINS if stamp - self.fastest >= SHORTEST_STRIDE else None
        if forward > self._peak[1]:
            self._peak = stamp, forward
        elif forward < FALLEN * self._peak[1]:
            peak, self._peak = self._peak[0], None
            if peak - self.fastest >= SHORTEST_STRIDE:
                self.fastest = peak
                return Swing.ENDS
        return None


class StrideMonitor:
    """Tells the gait and the stride period from one swing to the next."""

    def __init__(self) -> None:
        self._start(math.nan)

    def _start(self, stamp: float) -> None:
        self._last = self._moved = stamp  # when the shank last moved, or the watch began
        self._detector = SwingDetector()
        self._swing = math.nan
        self._periods: deque[float] = deque(maxlen=STEADY_STRIDES)

    def push(self, stamp: float, pitch_rate: float) -> None:
        """Take the shank's rate about its left axis in rad/s (leaning forward is positive) at a time in s.

        A stamp that goes back, or a gap of more than the longest stride, starts over.
        """
        if not 0.0 < stamp - self._last <= LONGEST_STRIDE:
            self._start(stamp)
        self._last = stamp
        if abs(pitch_rate) > STILL_RATE:
            self._moved = stamp
        if self._detector.push(stamp, pitch_rate) is Swing.ENDS:
            self._take_swing(self._detector.fastest)

    def _take_swing(self, stamp: float) -> None:
        period, self._swing = stamp - self._swing, stamp
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
