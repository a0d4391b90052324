"""Takes small jumps off an encoder's angle: a gear that skips a tooth, a brace that gives way at once.

The encoder less the gyros' integral, its level, hardly moves from one sample to the next while both tell the truth. A
step of it that is larger than the steps of the last strides, and that stays, is no movement of the ankle.
"""

from __future__ import annotations

import math
from collections import deque

LEAST = math.radians(1.6)  # a smaller step is not told from noise
LARGEST = math.radians(3.5)  # a larger one is not taken off: such an encoder is suspect
BEYOND_USUAL = 2.0  # times the largest step of the last strides
STRIDES = 60.0  # s, time constant with which the largest step is forgotten
STAYS = 0.08  # s for which a step must stay
STAYED = 0.75  # share of the step that must be left then
MEAN = 8  # levels before and after a step that are averaged, against noise
NEXT = 0.03  # s between two samples, over which a step is not judged
FADE = 30.0  # s, time constant with which what was taken off comes back: the person's offset is learned anew


class LevelJumps:
    """Judges the level of each sample.

    Attributes:
        taken_off: rad, to be taken off the encoder's angle.
        count: of jumps that were taken off.
    """

    def __init__(self) -> None:
        self.taken_off = 0.0
        self.count = 0
        self._usual = math.nan  # rad, largest step lately; NaN before the first
        self.interrupt()

    def interrupt(self) -> None:
        """Compare the next level with none before: the gyros' integral has a gap."""
        self._stamp = -math.inf  # s, of the last sample
        self._levels: deque[float] = deque(maxlen=MEAN)  # rad, of the last ones
        self._since = math.nan  # s, stamp of a step that may be a jump; NaN without one
        self._before = math.nan  # rad, the level before it

    def push(self, stamp: float, level: float, believed: bool) -> bool:
        """Judge the next level and return whether the sample may be used; it may not while a step is being judged.

        Args:
            stamp: s.
            level: rad, the encoder's angle as it came less the gyros' integral.
            believed: whether the encoder is believed; otherwise nothing is taken off, and what was is forgotten.
        """
        dt = stamp - self._stamp
        if not believed:
            self.taken_off = 0.0
        if not 0.0 < dt <= NEXT or not believed:
            self.interrupt()
        else:
            self.taken_off *= math.exp(-dt / FADE)
            if math.isnan(self._since) and self._may_jump(dt, level):
                self._since, self._before = stamp, self._mean_level()
                self._levels.clear()
        self._stamp = stamp
        self._levels.append(level)
        if math.isnan(self._since):
            return True
        if stamp - self._since < STAYS:
            return False
        self._since, shift = math.nan, self._mean_level() - self._before
        if min(abs(shift), abs(level - self._before)) >= STAYED * LEAST and abs(shift) <= LARGEST:
            self.taken_off += shift
            self.count += 1
        return True

    def _mean_level(self) -> float:
        return sum(self._levels) / len(self._levels)

    def _may_jump(self, dt: float, level: float) -> bool:
        step, usual = abs(level - self._levels[-1]), self._usual * math.exp(-dt / STRIDES)
        if math.isnan(usual) or not max(LEAST, BEYOND_USUAL * usual) < step <= LARGEST:
            self._usual = step if math.isnan(usual) else max(step, usual)
            return False
        self._usual = usual
        return True
