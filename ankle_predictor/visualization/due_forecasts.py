"""Keeps forecasts until the time that they were made for, so that they can be plotted over what then happened."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from itertools import pairwise

LARGEST_GAP = 0.03  # s between two due times that may be interpolated; more is a stretch without forecasts
KEPT = 1000  # forecasts that are not due yet; 500 ms of them at 100 Hz are 50


class DueForecasts:
    """The forecasts of some horizons that are not due yet."""

    def __init__(self, horizons: Sequence[float]) -> None:
        """Start empty; ``horizons`` in s."""
        self._waiting: dict[float, deque[tuple[float, float]]] = {h: deque(maxlen=KEPT) for h in horizons}
        self._newest = -math.inf

    def push(self, stamp: float, period: float, angles: Sequence[float]) -> None:
        """Add a forecast.

        Args:
            stamp: s, when it was made; if it goes back, what came before is forgotten.
            period: s between two of its steps; the first one is due a period after ``stamp``.
            angles: (H,) of any unit; a horizon beyond the last one is left out.
        """
        if stamp < self._newest:
            for waiting in self._waiting.values():
                waiting.clear()
        elif stamp == self._newest:
            return
        self._newest = stamp
        for horizon, waiting in self._waiting.items():
            k = round(horizon / period) - 1
            if 0 <= k < len(angles):
                waiting.append((stamp + (k + 1) * period, float(angles[k])))

    def due(self, stamp: float) -> dict[float, float]:
        """Return by horizon what was forecast for ``stamp`` s, interpolated between the nearest two due times.

        A horizon for which nothing was forecast near that time is left out.
        """
        found = {}
        for horizon, waiting in self._waiting.items():
            while len(waiting) > 1 and waiting[1][0] <= stamp:
                waiting.popleft()
            value = _at(stamp, waiting)
            if value is not None:
                found[horizon] = value
        return found


def _at(stamp: float, waiting: deque[tuple[float, float]]) -> float | None:
    if waiting and waiting[0][0] == stamp:
        return waiting[0][1]
    for (before, first), (after, second) in pairwise(list(waiting)[:2]):
        if before <= stamp <= after and after - before <= LARGEST_GAP:
            return first + (second - first) * (stamp - before) / (after - before)
    return None
