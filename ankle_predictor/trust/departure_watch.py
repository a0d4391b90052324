"""Tells, from the second stride on, when the angle leaves its forecast: a sensor fails, or the wearer stumbles.

When a sensor fails within a swing, neither sensor can contradict the other before the foot rests again. What the wearer
did in the strides before can: forecasts for the next 200 ms are rarely wrong by several half widths of their interval.
"""

from __future__ import annotations

import math
from collections import deque

from ankle_predictor.estimation.filter_config import TIME_RESOLUTION
from ankle_predictor.model.forecast import Forecast

LEAD = 0.2  # s, age of the forecast that the angle is compared with
OLDEST = 0.25  # s, largest age of it
WIDTHS = 4.0  # half widths of the interval beyond which the angle has left the forecast
LEAST = math.radians(8.0)  # rad, by which it must be off as well
LASTS = 0.6  # s; until then the foot has rested, and what compares the sensors there has decided


class DepartureWatch:
    """Compares each change of the angle with the one that was forecast for it a moment ago."""

    def __init__(self, period: float, is_adaptive: bool = True) -> None:
        """Start without a forecast.

        Args:
            period: s between two steps of a forecast.
            is_adaptive: whether the intervals follow what they held. To leave another one says nothing of the angle.
        """
        self._period, self._is_adaptive = period, is_adaptive
        self._made: deque[tuple[float, float, Forecast]] = deque()
        self._left = -math.inf

    def clear(self) -> None:
        """Forget all forecasts, as after a restart of the estimate."""
        self._made.clear()
        self._left = -math.inf

    def remember(self, stamp: float, angle: float, forecast: Forecast) -> None:
        """Add a forecast that was made while somebody walks; a shorter one than is compared is ignored.

        Args:
            stamp: s, when it was made.
            angle: rad, the IMUs' ankle angle of then.
            forecast: (H,) rad.
        """
        if self._is_adaptive and len(forecast.angle) * self._period >= OLDEST:
            self._made.append((stamp, angle, forecast))

    def push(self, stamp: float, angle: float) -> bool:
        """Add the IMUs' ankle angle (rad) at ``stamp`` s; return whether it has left the forecast a moment ago."""
        if self._made and stamp <= self._made[-1][0]:
            self.clear()
        while self._made and stamp - self._made[0][0] >= LEAD - TIME_RESOLUTION:
            then, before, forecast = self._made.popleft()
            if stamp - then <= OLDEST and self._is_left(stamp - then, angle - before, forecast):
                self._left = stamp
        return stamp - self._left < LASTS

    def _is_left(self, lead: float, change: float, forecast: Forecast) -> bool:
        curve = forecast.angle
        step = round(lead / self._period) - 1
        # From the curve's own start, as a model may forecast an encoder's angle, which differs by an offset.
        off = change - float(curve[step] - (2.0 * curve[0] - curve[1]))
        end = forecast.upper if off > 0 else forecast.lower
        return abs(off) > max(LEAST, WIDTHS * abs(float(end[step] - curve[step])))
