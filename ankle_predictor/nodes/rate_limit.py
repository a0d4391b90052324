"""Limits how often something is done that anyone on the network can ask for. No ROS here."""

from __future__ import annotations

import math


class RateLimit:
    """Allows a use only once in a period. Times are s on the caller's monotonic clock."""

    def __init__(self, period: float) -> None:
        self._period = period
        self._used = -math.inf

    def wait(self, now: float) -> float:
        """Return how long it is until the next use is allowed, in s; 0 if it is."""
        return max(0.0, self._used + self._period - now)

    def use(self, now: float) -> None:
        """Note a use."""
        self._used = now
