"""Monotonic clocks: the computer's, and a virtual clock that jumps ahead instead of waiting."""

from __future__ import annotations

import time
from typing import Protocol


class Clock(Protocol):
    """A clock that never steps."""

    def now(self) -> int:
        """Return the monotonic time in ns."""
        ...

    def sleep_until(self, deadline: int) -> None:
        """Wait until ``deadline`` in ns; return at once if it has passed."""
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
    """A clock whose time advances only by sleeping, for tests and fault benchmarks that need not run in real time."""

    def __init__(self, start: int = 0) -> None:
        self._now = start

    def now(self) -> int:
        """See ``Clock.now``."""
        return self._now

    def sleep_until(self, deadline: int) -> None:
        """See ``Clock.sleep_until``."""
        self._now = max(self._now, deadline)
