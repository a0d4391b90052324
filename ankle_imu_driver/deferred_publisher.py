"""Samples that somebody got first, on their way to everybody else."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from ankle_imu_driver.recordings.timeline import Sample

ROOM = 1000  # samples; more than 3 s of both sensors and an encoder
AT_ONCE = 30  # samples that are sent together, so that neither a listener's queue nor the next forecast suffers


class DeferredPublisher:
    """Takes samples in the thread of their source, and sends them in another.

    Attributes:
        lost: samples that gave way to newer ones, as nobody sent them.
    """

    def __init__(self, send: Callable[[Sample, int], None]) -> None:
        """Make an empty one; ``send`` takes a sample and its stamp in ns."""
        self._send = send
        self._waiting: deque[tuple[Sample, int]] = deque(maxlen=ROOM)
        self._lost_told = 0
        self._failure = ""
        self.lost = 0

    def put(self, sample: Sample, stamp: int) -> None:
        """Take a sample."""
        self.lost += len(self._waiting) == self._waiting.maxlen
        self._waiting.append((sample, stamp))

    def send_some(self) -> None:
        """Send the oldest; a sample that cannot be sent is left out."""
        for _ in range(min(len(self._waiting), AT_ONCE)):
            try:
                self._send(*self._waiting.popleft())
            except Exception as error:  # noqa: BLE001 - who sends has others to serve; ``problem`` tells
                self._failure = f"{type(error).__name__}: {error}"

    def send_all(self) -> None:
        """Send whatever waits."""
        while self._waiting:
            self.send_some()

    def problem(self) -> tuple[bool, str]:
        """Return whether sending failed since this was last asked, and a sentence, empty if all is well."""
        lost, self._lost_told = self.lost - self._lost_told, self.lost
        failure, self._failure = self._failure, ""
        if failure:
            return True, f"samples cannot be published: {failure}"
        return False, f"{lost} samples were not published; the computer is too busy" if lost else ""
