"""Detects swings and strides as the samples come: whether the wearer walks steadily, and the stride period."""

from __future__ import annotations

import math
from collections import deque
from enum import Enum
from statistics import median

SWING_RATE = 2.0  # rad/s, least forward rate of the shank in a swing; the slowest of 90 recorded swings had 2.4
SWING_END = 0.5  # share of its peak rate below which a swing has ended
SHORTEST_STRIDE = 0.5  # s
LONGEST_STRIDE = 2.5  # s
STEADY_STRIDES = 3  # number of last strides whose periods must agree in steady gait
PERIOD_TOLERANCE = 0.2  # relative difference of a period from the median; recorded strides scatter by 4 to 7 %
OVERDUE = 1.4  # periods after the last swing at which steady gait has ended
STILL_RATE = 0.3  # rad/s, the wearer stands or sits if the rate stays below this (postural sway stays below 0.2)
STILL_TIME = 1.0  # s, and does so for this long
RESTING_RATE = 0.25  # rad/s, root mean square of the shank's pitch rate over seconds, below which nobody walks


class Gait(Enum):
    """The present kind of movement."""

    STEADY = "steady gait"
    TRANSITION = "transition"
    STANDING = "standing"


class Swing(Enum):
    """An event of the shank's forward swing."""

    BEGINS = "begins"
    ENDS = "ends"


class SwingDetector:
    """Detects each forward swing of the shank: its pitch rate rises above a threshold, and falls again after a peak.

    In every stride the shank swings forward once, faster than it moves at any other time (Aminian et al. 2002).

    Attributes:
        fastest: s, stamp of the peak of the last swing that ended; -inf before the first.
    """

    def __init__(self) -> None:
        self._peak: tuple[float, float] | None = None  # stamp (s) and rate (rad/s) of the present swing's peak
        self._began = -math.inf  # s, stamp at which the last swing began
        self._is_slow = True  # whether the rate was below ``SWING_RATE`` since the last swing
        self.fastest = -math.inf

    def push(self, stamp: float, pitch_rate: float) -> Swing | None:
        """Process one sample and return the event that it completes, or None.

        A second swing within ``SHORTEST_STRIDE`` of the last one counts as a part of that one.

        Args:
            stamp: s; must increase.
            pitch_rate: rad/s about the shank's left axis (``gyro`` y); leaning forward is positive, so a forward swing
                is negative.
        """
        forward = -pitch_rate
        if self._peak is None:
            self._is_slow = self._is_slow or forward < SWING_RATE
            if forward < SWING_RATE or not self._is_slow:
                return None
            self._peak = stamp, forward
            if stamp - self._began < SHORTEST_STRIDE:
                return None
            self._began = stamp
            return Swing.BEGINS
        if forward > self._peak[1]:
            self._peak = stamp, forward
        elif forward < SWING_END * self._peak[1]:
            peak, self._peak, self._is_slow = self._peak[0], None, False
            if peak - self.fastest >= SHORTEST_STRIDE:
                self.fastest = peak
                return Swing.ENDS
        return None


class StrideMonitor:
    """Determines the gait and the stride period from the times between swings."""

    def __init__(self) -> None:
        self._start(math.nan)

    def _start(self, stamp: float) -> None:
        self._last = self._moved = stamp  # the newest stamp, and when the shank last moved (or monitoring began)
        self._detector = SwingDetector()
        self._swing = math.nan
        self._periods: deque[float] = deque(maxlen=STEADY_STRIDES)

    def push(self, stamp: float, pitch_rate: float) -> None:
        """Process one sample of the shank. A stamp that goes back, or a gap over ``LONGEST_STRIDE``, starts over.

        Args:
            stamp: s.
            pitch_rate: rad/s about the shank's left axis; leaning forward is positive.
        """
        if not 0.0 < stamp - self._last <= LONGEST_STRIDE:
            self._start(stamp)
        self._last = stamp
        if abs(pitch_rate) > STILL_RATE:
            self._moved = stamp
        if self._detector.push(stamp, pitch_rate) is Swing.ENDS:
            self._add_swing(self._detector.fastest)

    def _add_swing(self, stamp: float) -> None:
        period, self._swing = stamp - self._swing, stamp
        if period <= LONGEST_STRIDE:
            self._periods.append(period)
        else:
            self._periods.clear()

    @property
    def gait(self) -> Gait:
        """The present kind of movement."""
        if math.isfinite(self.period):
            return Gait.STEADY
        return Gait.STANDING if self._last - self._moved >= STILL_TIME else Gait.TRANSITION

    @property
    def is_striding(self) -> bool:
        """Whether one swing followed another a moment ago: the wearer walks, steadily or not, beyond the first step."""
        return bool(self._periods) and self._last - self._swing <= LONGEST_STRIDE

    @property
    def period(self) -> float:
        """Stride period in s, the median of the last ones; NaN when the wearer does not walk steadily."""
        if len(self._periods) < STEADY_STRIDES:
            return math.nan
        middle = median(self._periods)
        steady = all(abs(period - middle) <= PERIOD_TOLERANCE * middle for period in self._periods)
        return middle if steady and self._last - self._swing <= OVERDUE * middle else math.nan
