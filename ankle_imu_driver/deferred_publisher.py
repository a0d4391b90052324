"""Queues samples in one thread and publishes them later in another."""

from __future__ import annotations

import traceback
from collections import deque
from collections.abc import Callable

from ankle_imu_driver.recordings.timeline import Sample

CAPACITY = 1000  # samples; more than 3 s of both sensors and an encoder
BATCH_SIZE = 30  # samples published per call: small, so that no subscriber's queue overflows and no forecast is delayed


class DeferredPublisher:
    """A bounded queue between the source's thread, which puts samples, and the executor's thread, which publishes them.

    Attributes:
        dropped: number of samples that were dropped because the queue was full; the oldest are dropped first.
    """

    def __init__(self, publish: Callable[[Sample, int], None], log_error: Callable[[str], None]) -> None:
        """Make an empty queue.

        Args:
            publish: takes a sample and its stamp in ns.
            log_error: takes the traceback of the first failure after each ``take_problem``.
        """
        self._publish = publish
        self._log_error = log_error
        self._queue: deque[tuple[Sample, int]] = deque(maxlen=CAPACITY)
        self._reported_drops = 0
        self._failure = ""
        self.dropped = 0

    def put(self, sample: Sample, stamp: int) -> None:
        """Add a sample; called in the source's thread."""
        self.dropped += len(self._queue) == self._queue.maxlen
        self._queue.append((sample, stamp))

    def publish_batch(self) -> None:
        """Publish the oldest samples, at most ``BATCH_SIZE``; a sample that cannot be published is dropped."""
        for _ in range(min(len(self._queue), BATCH_SIZE)):
            try:
                self._publish(*self._queue.popleft())
            except Exception as error:  # noqa: BLE001 - must not stop the executor; take_problem reports it
                if not self._failure:
                    self._log_error(traceback.format_exc())
                self._failure = f"{type(error).__name__}: {error}"

    def publish_all(self) -> None:
        """Publish all queued samples."""
        while self._queue:
            self.publish_batch()

    def take_problem(self) -> tuple[bool, str]:
        """Report what went wrong since the last call.

        Returns:
            Whether publishing failed, and one sentence; the sentence is empty if nothing went wrong.
        """
        dropped, self._reported_drops = self.dropped - self._reported_drops, self.dropped
        failure, self._failure = self._failure, ""
        if failure:
            return True, f"samples cannot be published: {failure}"
        return False, f"{dropped} samples were not published; the computer is too busy" if dropped else ""
