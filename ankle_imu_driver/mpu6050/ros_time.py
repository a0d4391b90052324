"""Monotonic time to ROS time, over steps of the ROS clock, with order kept."""

from __future__ import annotations

import threading
from collections.abc import Callable

STEP = 2_000_000  # ns; smaller differences may be the measurement's own
MAX_HOLD = 10_000_000_000  # ns that a stream is held back to keep its order
_TRUSTED = 500_000  # ns; a measurement during which more passed was interrupted
_TRIES = 3


class RosTime:
    """Keeps the offset of the ROS clock to the monotonic clock, and measures whether it still holds.

    NTP slews both clocks alike, so that the offset only ever steps.

    Args:
        ros_now: the ROS clock, ns.
        monotonic_now: the monotonic clock, ns.
        announce: takes a sentence at each step.
    """

    def __init__(
        self, ros_now: Callable[[], int], monotonic_now: Callable[[], int], announce: Callable[[str], None]
    ) -> None:
        self.steps = 0
        self._ros_now = ros_now
        self._monotonic_now = monotonic_now
        self._announce = announce
        self._lock = threading.Lock()  # two buses are two threads
        self._offset = min(self._measure() for _ in range(_TRIES))[1]

    def check(self) -> None:
        """Measure the offset and take over a step; to be called before every sample."""
        with self._lock:
            if abs(self._measure()[1] - self._offset) < STEP:
                return
            width, offset = min(self._measure() for _ in range(_TRIES))
            step = offset - self._offset
            if width > _TRUSTED or abs(step) < STEP:
                return
            self._offset = offset
            self.steps += 1
        self._announce(f"the ROS clock stepped by {step / 1e9:+.3f} s; stamps follow it from now on")

    def to_ros(self, monotonic: int) -> int:
        """ROS time in ns of a monotonic time in ns."""
        return monotonic + self._offset

    def _measure(self) -> tuple[int, int]:
        before = self._monotonic_now()
        ros = self._ros_now()
        after = self._monotonic_now()
        return after - before, ros - (before + after) // 2


class StampOrder:
    """Keeps one stream's stamps strictly increasing.

    After the clock was set back, samples are held back until it has passed the last stamp, since stamping them later
    than they are would make a controller play the wrong part of a forecast. Set back by more than ``MAX_HOLD``, the
    stream would be dumb for that long: there a new stream begins.
    """

    def __init__(self) -> None:
        self.held = 0
        self.restarts = 0
        self._last: int | None = None

    def admit(self, stamp: int) -> bool:
        """Whether a sample with this stamp (ns) may go out."""
        if self._last is not None and stamp <= self._last:
            if self._last - stamp <= MAX_HOLD:
                self.held += 1
                return False
            self.restarts += 1
        self._last = stamp
        return True
