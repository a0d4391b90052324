"""Monotonic time as the driver uses it: the machine's, and a virtual one that jumps instead of waiting."""

from __future__ import annotations

import time
from typing import Protocol


class Clock(Protocol):
    """A clock that never steps."""

    def now(self) -> int:
        """Monotonic time in ns."""
        ...

    def sleep_until(self, deadline: int) -> None:
        """Return at ``deadline`` (ns) or later; at once if it has passed."""
        ...


class SystemClock:
    """CLOCK_MONOTONIC."""

    def now(self) -> int:
        """See ``Clock.now``."""
        return time.monotonic_ns()

    def sleep_until(self, deadline: int) -> None:
        """See ``Clock.sleep_until``."""
        while (wait := deadline - time.monotonic_ns()) > 0:
            time.sleep(wait / 1e9)


class VirtualClock:
    """Time that passes only by sleeping, for tests and for fault runs that need not take their ten minutes."""

    def __init__(self, start: int = 0) -> None:
        self._now = start

    def now(self) -> int:
        """See ``Clock.now``."""
        return self._now

    def sleep_until(self, deadline: int) -> None:
        """See ``Clock.sleep_until``."""
        self._now = max(self._now, deadline)
