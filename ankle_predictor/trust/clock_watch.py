"""Compares the stamps of samples with the clock on which forecasts are due."""

from __future__ import annotations

import math
from enum import Enum

SURE = 0.25  # s for which all pairs must come too late before a slow start is no explanation any more
YEAR = 3e7  # s; a larger difference is that of simulated and real time


class ClockVerdict(Enum):
    """What the age of the newest pair means."""

    GOOD = "good"
    LATE = "late"  # the clocks agree, and the pair has become too old on its way
    APART = "apart"  # the stamps are of another clock


class ClockWatch:
    """Judges the age of the newest pair by the clock of the forecasts.

    A forecast is due at its stamp and after. If the stamps come from another clock, every point of it is due at a wrong
    time, however fresh the samples are. How long a pair waited on its way is known from the monotonic clock
    (``QueueDelay``), so that a slow computer is not taken for a wrong clock.

    Times named ``now`` are s on the monotonic clock. ``clock`` is s on the forecasts' clock, with the stamps' origin.
    """

    def __init__(self, max_age: float, max_ahead: float, real_time: bool = True) -> None:
        """Make a watch that has seen no pair.

        Args:
            max_age: s, largest age of a pair.
            max_ahead: s, how far in the future a stamp may lie.
            real_time: whether the forecasts' clock advances with the monotonic clock; False for simulated time, which
                comes in steps, so that stamps may lie ``max_age`` in the future.
        """
        self._real_time, self._least_ahead = real_time, max_ahead
        self.change_max_age(max_age)
        self._stamp = self._looked = self._clock = math.nan
        self._offset = 0.0  # s by which the newest stamp was behind the clock when it came, without its time in queues
        self._agreed = math.nan  # when a pair last came in time, or the first one came at all
        self._apart = 0.0  # s by which the stamps were behind when they were last found apart; 0 if they were not

    def change_max_age(self, max_age: float) -> None:
        """Judge by another largest age of a pair, in s, from now on."""
        self._max_age = max_age
        self._max_ahead = self._least_ahead if self._real_time else max(max_age, self._least_ahead)

    def pair(self, stamp: float, waited: float, now: float, clock: float) -> None:
        """Add the pair that is processed now.

        Args:
            stamp: s.
            waited: s that it has waited in queues until now.
            now: s.
            clock: s.
        """
        self._stamp, self._looked, self._clock = stamp, now, clock
        self._offset = clock - stamp - max(0.0, waited)
        if self._offset <= self._max_age or math.isnan(self._agreed):
            self._agreed = now

    def judge(self, now: float, clock: float) -> ClockVerdict:
        """Judge the newest pair now; it may have been computed on, or the clock may have been set, since it came."""
        age = clock - self._stamp
        if math.isnan(age) or -self._max_ahead <= age <= self._max_age:
            return ClockVerdict.GOOD
        if age > self._max_age:
            step = (clock - self._clock) - (now - self._looked) if self._real_time else 0.0
            is_behind = self._offset > self._max_age and now - self._agreed >= SURE
            if age - step > self._max_age and not is_behind:
                return ClockVerdict.LATE
        self._apart = age if age < 0.0 else max(self._offset, age - (now - self._looked) * self._real_time)
        return ClockVerdict.APART

    def take_sentence(self) -> str:
        """Return a sentence on the clocks if they were apart since the last call; empty otherwise."""
        behind, self._apart = self._apart, 0.0
        if not behind:
            return ""
        sentence = f"the samples' stamps are {abs(behind):.3f} s {'behind' if behind > 0.0 else 'ahead of'} the clock"
        if not self._real_time or abs(behind) > YEAR:
            return f"{sentence} here: all nodes need the same use_sim_time, and with it somebody who publishes /clock"
        return f"{sentence} of this computer: both computers need one clock, such as chrony or PTP give them"
