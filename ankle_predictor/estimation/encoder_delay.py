"""Estimates by how much an encoder's stamps are late, from its motion and the gyros'.

A delay that does not change is no lie: an encoder behind a bus and a filter reports an angle of some time ago. The
delay is the shift at which the encoder's changes correlate best with those of the gyros' integral (time-delay
estimation by cross-correlation, Knapp and Carter 1976). Correlation does not depend on scale, so a wrong scale does
not pass for a delay.
"""

from __future__ import annotations

import math
from collections import deque

import numpy as np

STEP = 0.005  # s between two shifts that are compared
LONGEST = 0.1  # s
SHIFTS = np.arange(0.0, LONGEST + STEP / 2.0, STEP)
SPAN = 0.05  # s over which a change is taken, at least
EVERY = 0.04  # s between two updates, at least
MEMORY = 4.0  # s, time constant of the sums
LEAST_TURN = math.radians(1.5) ** 2  # rad^2, mean square change over ``SPAN`` that shows a delay; standing has none
LEAST_UPDATES = 50
LEAST_CORRELATION = 0.9
UNSEEN = 0.008  # s; less is not told from the IMUs' own filter delay and counts as none


class EncoderDelay:
    """Takes the encoder's samples and the gyros' integral; ``seconds`` is the estimate, 0 until it is known."""

    def __init__(self) -> None:
        self._samples: deque[tuple[float, float]] = deque()
        self._updated = -math.inf
        self._updates = 0
        self._weight = 0.0  # sum of the weights of the changes in the sums below
        self._encoder = 0.0
        self._gyro = np.zeros(len(SHIFTS))
        self._both = np.zeros(len(SHIFTS))
        self.seconds = 0.0

    def push(self, stamp: float, angle: float, stamps: list[float], turned: list[float]) -> None:
        """Add an encoder sample; one whose stamp goes back, as after a step of the clock, starts a new change.

        Args:
            stamp: s, as the encoder gives it.
            angle: rad.
            stamps: s, of the joint's past, covering ``LONGEST`` and two ``SPAN`` before the sample.
            turned: rad, the gyros' integral at these stamps.
        """
        samples = self._samples
        if samples and stamp <= samples[-1][0]:
            samples.clear()
        samples.append((stamp, angle))
        while len(samples) > 2 and samples[1][0] <= stamp - SPAN:
            samples.popleft()
        first, first_angle = samples[0]
        span = stamp - first
        if not SPAN <= span <= 3.0 * SPAN or stamps[0] > first - LONGEST or stamps[-1] < stamp:
            return
        late, early = np.interp(np.concatenate((stamp - SHIFTS, first - SHIFTS)), stamps, turned).reshape(2, -1)
        keep = math.exp(-min(max(stamp - self._updated, 0.0), 1.0) / MEMORY)
        self._updated = stamp
        self._updates += 1
        change, turn = (angle - first_angle) / span, (late - early) / span
        self._weight = keep * self._weight + 1.0
        self._encoder = keep * self._encoder + change * change
        self._gyro = keep * self._gyro + turn * turn
        self._both = keep * self._both + change * turn
        self._estimate()

    def due(self, stamp: float) -> bool:
        """Return whether a sample at this stamp in s should be given to ``push``; more of them tell nothing new."""
        return not 0.0 <= stamp - self._updated < EVERY

    def _estimate(self) -> None:
        if self._updates < LEAST_UPDATES or float(self._gyro[0]) * SPAN * SPAN < LEAST_TURN * self._weight:
            return
        fit = self._both / np.sqrt(self._encoder * self._gyro + 1e-12)
        best = int(np.argmax(fit))
        if fit[best] < LEAST_CORRELATION:
            return
        shift = float(SHIFTS[best])
        if 0 < best < len(SHIFTS) - 1:
            before, here, after = fit[best - 1 : best + 2]
            bend = float(before - 2.0 * here + after)
            shift += STEP * 0.5 * float(before - after) / bend if bend < 0.0 else 0.0
        self.seconds = shift if shift >= UNSEEN else 0.0
