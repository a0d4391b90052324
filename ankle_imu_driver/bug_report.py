"""Remembers bugs that callbacks of a node raised, for its log and its diagnostics."""

from __future__ import annotations

import traceback
from dataclasses import dataclass

SHOWN = 60.0  # s for which diagnostics name a bug after it occurred last


@dataclass
class _Occurrence:
    sentence: str
    count: int
    last: float


class BugReport:
    """Counts bugs by where they were raised. Times are s on a monotonic clock, given by the caller."""

    def __init__(self) -> None:
        self._occurrences: dict[tuple[str, int], _Occurrence] = {}

    def add(self, where: str, bug: Exception, now: float) -> str:
        """Take a bug and return its traceback if it is new; empty if it was reported before.

        A callback at 100 Hz that fails every time would otherwise fill the log.

        Args:
            where: name of the callback that raised it.
            bug: the exception.
            now: s.
        """
        frame = traceback.extract_tb(bug.__traceback__)[-1]
        place = frame.filename, frame.lineno or 0
        known = self._occurrences.get(place)
        if known is not None:
            known.count, known.last = known.count + 1, now
            return ""
        sentence = f"bug in {where}: {type(bug).__name__}: {bug}"
        self._occurrences[place] = _Occurrence(sentence, 1, now)
        return "".join(traceback.format_exception(bug))

    def sentence(self, now: float) -> str:
        """Return a sentence on the newest bug of the last ``SHOWN`` seconds; empty if there was none."""
        recent = [bug for bug in self._occurrences.values() if now - bug.last <= SHOWN]
        if not recent:
            return ""
        newest = max(recent, key=lambda bug: bug.last)
        times = "once" if newest.count == 1 else f"{newest.count} times"
        return f"{newest.sentence} ({times}); the log has the traceback, please report it"

    @property
    def counts(self) -> dict[str, int]:
        """How often each bug occurred, by its sentence."""
        return {bug.sentence: bug.count for bug in self._occurrences.values()}
