"""The soak's ledger: which forecasts are expected, and which came."""

from __future__ import annotations

from collections import Counter
from typing import Any

from ankle_predictor.model.features import FeatureSpec
from ankle_predictor.trust.status import WITHHELD, Status, names


class Ledger:
    """Records each pair that is sent and the answer to it. All stamps in ns.

    Attributes:
        makers: number of forecasts by the name of the model.
    """

    def __init__(self, spec: FeatureSpec) -> None:
        """Start empty.

        Args:
            spec: of the models, with the length of the window and the longest gap in it.
        """
        self._rows, self._max_gap = spec.window, round(spec.filter.max_gap * 1e9)
        self._last = 0
        self._since_restart = 0  # pairs since the window was last restarted by a gap or a jump
        self._expected: dict[int, bool] = {}
        self._status: dict[int, int] = {}
        self._trajectories: set[int] = set()
        self.makers: Counter[str] = Counter()

    def send(self, stamp: int) -> None:
        """Record a pair that is sent."""
        follows = 0 < stamp - self._last <= self._max_gap
        self._since_restart = self._since_restart + 1 if follows else 1
        self._last = stamp
        self._expected[stamp] = self._since_restart >= self._rows

    def answer(self, stamp: int, status: int, model: str = "") -> None:
        """Record a ``forecast_detail``. Only the first one for a pair counts; more are repeated while no pair comes."""
        if stamp in self._expected and stamp not in self._status:
            self._status[stamp] = status
            if not status & WITHHELD:
                self.makers[model] += 1

    def forecast(self, stamp: int) -> None:
        """Record a ``forecast``."""
        self._trajectories.add(stamp)

    def summary(self) -> dict[str, Any]:
        """Return the counts. Each expected forecast is made, withheld for a reason, skipped, or unanswered."""
        due = [stamp for stamp, expected in self._expected.items() if expected]
        early = [stamp for stamp, expected in self._expected.items() if not expected]
        skipped = self._skipped()
        return {
            "pairs": len(self._expected),
            "expected": len(due),
            "made": self._made(due),
            "withheld": self._reasons(due),
            "skipped": skipped,
            "unanswered": sum(stamp not in self._status for stamp in due) - skipped,
            "not_due": len(early),
            "made_though_not_due": self._made(early),
            "not_due_by_reason": self._reasons(early),
            "trajectories_heard": len(self._trajectories & set(self._expected)),
            "by_model": dict(self.makers),
        }

    def _made(self, stamps: list[int]) -> int:
        return sum(not self._status.get(stamp, WITHHELD) & WITHHELD for stamp in stamps)

    def _reasons(self, stamps: list[int]) -> dict[str, int]:
        """Count the withheld forecasts by reason, the most frequent first."""
        withheld = (Status(self._status.get(stamp, 0) & WITHHELD) for stamp in stamps)
        return dict(Counter(names(status) for status in withheld if status).most_common())

    def _skipped(self) -> int:
        """Count expected forecasts without an answer whose next answer reports an overrun."""
        skipped = waiting = 0
        for stamp, expected in self._expected.items():
            if stamp in self._status:
                skipped += waiting if self._status[stamp] & Status.OVERRUN else 0
                waiting = 0
            else:
                waiting += expected
        return skipped
