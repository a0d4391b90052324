"""The soak's ledger: which forecasts are expected, and which came."""

from __future__ import annotations

from collections import Counter
from typing import Any

from ankle_predictor.model.features import FeatureSpec
from ankle_predictor.trust.status import WITHHELD, Status, names

TOLD_WITHIN = 5.0  # s, after which diagnostics must have named a loss; they come once a second


class Ledger:
    """Records each pair that is sent and the answer to it. All stamps in ns.

    Attributes:
        makers: number of forecasts by the name of the model.
        losses: messages that were lost, by where.
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
        self._sent_at: dict[int, float] = {}
        self._after: dict[int, str] = {}
        self._disturbed: set[int] = set()
        self._repeated: set[int] = set()
        self._losses: list[tuple[float, int]] = []  # s when they were told, and how many
        self.losses: Counter[str] = Counter()
        self.makers: Counter[str] = Counter()

    def send(
        self,
        stamp: int,
        now: float = 0.0,
        *,
        disturbed: bool = False,
        after: str = "nothing",
        repeated: bool = False,
    ) -> None:
        """Record a pair that is sent ``now`` (s).

        Args:
            stamp: ns.
            now: s.
            disturbed: whether something is the matter that may take its forecast.
            after: the disturbance that came last.
            repeated: whether a sensor repeats its reading for too long, so that it may not be used.
        """
        follows = 0 < stamp - self._last <= self._max_gap
        self._since_restart = self._since_restart + 1 if follows else 1
        self._last = stamp
        self._expected[stamp] = self._since_restart >= self._rows
        self._sent_at[stamp], self._after[stamp] = now, after
        if disturbed:
            self._disturbed.add(stamp)
        if repeated:
            self._repeated.add(stamp)

    def answer(self, stamp: int, status: int, model: str = "") -> None:
        """Record a ``forecast_detail``. Only the first one for a pair counts; more are repeated while no pair comes."""
        if stamp in self._expected and stamp not in self._status:
            self._status[stamp] = status
            if not status & WITHHELD:
                self.makers[model] += 1

    def lost(self, where: str, total: int, now: float) -> None:
        """Record how many messages have been lost somewhere so far, as it is told ``now`` (s)."""
        if (new := total - self.losses[where]) > 0:
            self.losses[where] = total
            self._losses.append((now, new))

    def forecast(self, stamp: int) -> None:
        """Record a ``forecast``."""
        self._trajectories.add(stamp)

    def summary(self) -> dict[str, Any]:
        """Return the counts. Each expected forecast is made, withheld, not used, skipped, lost, or unanswered."""
        due = [stamp for stamp, expected in self._expected.items() if expected]
        early = [stamp for stamp, expected in self._expected.items() if not expected]
        repeated = sum(stamp in self._repeated and stamp not in self._status for stamp in due)
        skipped, missing = self._skipped()
        unexplained = self._unexplained(missing)
        calm = [stamp for stamp in due if stamp not in self._disturbed]
        return {
            "pairs": len(self._expected),
            "expected": len(due),
            "made": self._made(due),
            "withheld": self._reasons(due),
            "repeated": repeated,
            "skipped": skipped,
            "lost": len(missing) - len(unexplained),
            "losses": dict(self.losses),
            "unanswered": len(unexplained),
            "unanswered_at": [self._sent_at[stamp] for stamp in unexplained],
            "unanswered_after": dict(Counter(self._after[stamp] for stamp in unexplained).most_common()),
            "calm": len(calm),
            "withheld_in_calm": self._reasons(calm),
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

    def _skipped(self) -> tuple[int, list[int]]:
        """Count expected forecasts without an answer whose next answer reports an overrun, and list the others.

        While a stream has two senders one of them is not used; the next answer says that, too.
        """
        skipped, waiting, missing = 0, list[int](), list[int]()
        for stamp, expected in self._expected.items():
            if stamp not in self._status:
                waiting += [stamp] * (expected and stamp not in self._repeated)
            elif self._status[stamp] & (Status.OVERRUN | Status.TWO_SOURCES):
                skipped, waiting = skipped + len(waiting), []
            else:
                missing, waiting = missing + waiting, []
        return skipped, missing + waiting

    def _unexplained(self, missing: list[int]) -> list[int]:
        """Return the pairs that have no answer though no message was lost.

        Each lost message explains one pair at most.
        """
        left = [list(loss) for loss in self._losses]
        unexplained = list[int]()
        for stamp in missing:
            sent = self._sent_at[stamp]
            loss = next((one for one in left if one[1] > 0 and sent <= one[0] <= sent + TOLD_WITHIN), None)
            if loss is None:
                unexplained.append(stamp)
            else:
                loss[1] -= 1
        return unexplained
