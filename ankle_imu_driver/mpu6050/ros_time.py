"""Converts monotonic time to ROS time, follows steps of the ROS clock, and keeps stamps in order."""

from __future__ import annotations

import threading
from collections.abc import Callable

STEP = 2_000_000  # ns; smaller differences may be measurement errors
MAX_HOLD = 90_000_000  # ns; longest time for which samples are held back to keep the order: a gap that costs no window
_TRUSTED = 500_000  # ns; a measurement that takes longer was interrupted
_TRIES = 3


class RosTime:
    """Stores the offset between the ROS clock and the monotonic clock, and detects steps of the ROS clock.

    NTP slews both clocks alike, so the offset changes only in steps.

    Args:
        ros_now: the ROS clock, in ns.
        monotonic_now: the monotonic clock, in ns.
        notify: takes a sentence at each step.

    Attributes:
        steps: number of steps so far.
    """

    def __init__(
        self, ros_now: Callable[[], int], monotonic_now: Callable[[], int], notify: Callable[[str], None]
    ) -> None:
        self.steps = 0
        self._ros_now = ros_now
        self._monotonic_now = monotonic_now
        self._notify = notify
        self._lock = threading.Lock()  # two buses are two threads
        self._offset = min(self._measure() for _ in range(_TRIES))[1]

    def check(self) -> None:
        """Measure the offset and apply a step if there was one; to be called before every sample."""
        with self._lock:
            if abs(self._measure()[1] - self._offset) < STEP:
                return
            width, offset = min(self._measure() for _ in range(_TRIES))
            step = offset - self._offset
            if width > _TRUSTED or abs(step) < STEP:
                return
            self._offset = offset
            self.steps += 1
        self._notify(f"the ROS clock stepped by {step / 1e9:+.3f} s; stamps follow it from now on")

    def to_ros(self, monotonic: int) -> int:
        """Convert a monotonic time in ns to ROS time in ns."""
        return monotonic + self._offset

    def _measure(self) -> tuple[int, int]:
        before = self._monotonic_now()
        ros = self._ros_now()
        after = self._monotonic_now()
        return after - before, ros - (before + after) // 2


class StampOrder:
    """Keeps one stream's stamps strictly increasing.

    After the clock was set back, samples are dropped until the clock has passed the last stamp, because with a later
    stamp than the true one a controller would follow the wrong part of a forecast. If the clock was set back by more
    than ``MAX_HOLD``, the stream would be silent for too long, so it restarts with smaller stamps.

    Attributes:
        held: number of samples dropped.
        restarts: number of restarts with smaller stamps.
    """

    def __init__(self) -> None:
        self.held = 0
        self.restarts = 0
        self._last: int | None = None

    def admit(self, stamp: int) -> bool:
        """Return whether a sample with this stamp in ns may be published."""
        if self._last is not None and stamp <= self._last:
            if self._last - stamp <= MAX_HOLD:
                self.held += 1
                return False
            self.restarts += 1
        self._last = stamp
        return True
