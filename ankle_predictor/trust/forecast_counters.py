"""Counts how many forecasts were made and withheld, and why, for the diagnostics of the predictor."""

from __future__ import annotations

from collections import Counter, deque

import numpy as np

from ankle_predictor.trust.status import Status, names

MEDIAN, LONGEST = "forecast took, median (ms)", "forecast took, longest (ms)"  # keys in the diagnostics
MOST_DURATIONS = 1000  # newest durations that are kept until ``take_durations``


class ForecastCounters:
    """Counts the outcome of each pair of samples.

    Attributes:
        counts: since the start: ``forecasts``, ``withheld``, ``skipped``, each status bit by its name, and anything
            else that the caller counts.
        status: the newest status.
    """

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.status = self._withheld = Status.STALE
        self._reported = self.counts.copy()
        self._durations: deque[float] = deque(maxlen=MOST_DURATIONS)

    def took(self, seconds: float) -> None:
        """Record the duration of one forecast: features, window and network."""
        self._durations.append(seconds)

    def take_durations(self) -> dict[str, str]:
        """Return median and maximum of the durations since the last call; empty without forecasts."""
        took, self._durations = self._durations, deque(maxlen=MOST_DURATIONS)
        return {MEDIAN: f"{1e3 * np.median(took):.3f}", LONGEST: f"{1e3 * max(took):.3f}"} if took else {}

    def tell(self, status: Status, withheld: bool) -> None:
        """Count one ``forecast_detail`` message."""
        self.status = status
        if withheld:
            self._withheld = status
        self.counts["withheld" if withheld else "forecasts"] += 1
        for bit in Status:
            if bit & status:
                self.counts[names(bit)] += 1

    def report(self) -> tuple[bool, bool, str]:
        """Return what happened since the last call: any forecast made, any withheld or skipped, and a sentence."""
        before, self._reported = self._reported, self.counts.copy()
        made, withheld, skipped = (self.counts[name] - before[name] for name in ("forecasts", "withheld", "skipped"))
        if not made:
            return False, True, f"nothing is forecast: {names(self.status)}"
        parts = [f"{made} forecasts"]
        if withheld:
            parts.append(f"{withheld} times none: {names(self._withheld)}")
        if skipped:
            parts.append(f"{skipped} skipped, as this computer does not keep up")
        return True, withheld + skipped > 0, ", ".join(parts)
