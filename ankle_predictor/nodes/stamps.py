"""Stamps in whole nanoseconds become seconds that keep their precision."""

from __future__ import annotations


class TimeOrigin:
    """Counts seconds from the first stamp it sees.

    Seconds since 1970 as a float are only good to 0.2 microseconds. Counted from a start they are exact, there and
    back, for 48 days; after that, and across a clock that jumps by years, they are good to a microsecond.
    """

    def __init__(self) -> None:
        self._origin: int | None = None

    def seconds(self, nanoseconds: int) -> float:
        """Return a stamp in s."""
        if self._origin is None:
            self._origin = nanoseconds
        return (nanoseconds - self._origin) / 1e9

    def nanoseconds(self, seconds: float) -> int:
        """Return the stamp that ``seconds`` came from."""
        return (self._origin or 0) + round(seconds * 1e9)
