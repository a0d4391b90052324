"""Queues samples in one thread and publishes them later in another."""

from __future__ import annotations

import math
import traceback
from collections import deque
from collections.abc import Callable

from ankle_imu_driver.conventions import ENCODER
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
        self._queue: deque[tuple[int, Sample, int]] = deque(maxlen=CAPACITY)  # number, sample, stamp in ns
        self._number = 0  # of sensor samples that were put; an encoder's has that of the one before it
        self._released = math.inf
        self._reported_drops = 0
        self._failure = ""
        self.dropped = 0

    def put(self, sample: Sample, stamp: int) -> None:
        """Add a sample; called in the source's thread."""
        self.dropped += len(self._queue) == self._queue.maxlen
        self._number += sample.stream != ENCODER
        self._queue.append((self._number, sample, stamp))

    def hold_later(self) -> None:
        """Keep sensor samples that are put from now on, until the next call: what is made of them has to go first."""
        self._released = self._number

    def publish_batch(self) -> None:
        """Publish the oldest samples, at most ``BATCH_SIZE``; a sample that cannot be published is dropped."""
        for _ in range(min(len(self._queue), BATCH_SIZE)):
            if self._queue[0][0] > self._released:
                return
            _, sample, stamp = self._queue.popleft()
            try:
                self._publish(sample, stamp)
            except Exception as error:  # noqa: BLE001 - must not stop the executor; take_problem reports it
                if not self._failure:
                    self._log_error(traceback.format_exc())
                self._failure = f"{type(error).__name__}: {error}"

    def publish_all(self) -> None:
        """Publish all queued samples."""
        self._released = math.inf
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
