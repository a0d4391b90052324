"""The queue of samples between the source's thread and the executor's."""

from __future__ import annotations

import pytest

from ankle_imu_driver import deferred_publisher
from ankle_imu_driver.conventions import ENCODER, FOOT
from ankle_imu_driver.deferred_publisher import BATCH_SIZE, DeferredPublisher
from ankle_imu_driver.recordings.timeline import Sample


class Sink:
    """Publishes into a list; fails for the stamps in ``bad``."""

    def __init__(self, *bad: int) -> None:
        self.stamps: list[int] = []
        self.log: list[str] = []
        self.bad = bad

    def publish(self, sample: Sample, stamp: int) -> None:
        if stamp in self.bad:
            raise RuntimeError(f"{stamp} is bad")
        self.stamps.append(stamp)

    def queue(self, count: int) -> DeferredPublisher:
        queue = DeferredPublisher(self.publish, self.log.append)
        for stamp in range(count):
            queue.put(Sample(stamp, FOOT, [0.0] * 6), stamp)
        return queue


def test_what_comes_later_is_held_but_for_the_encoder_of_what_may_go() -> None:
    sink = Sink()
    queue = sink.queue(3)
    queue.hold_later()
    queue.put(Sample(3, ENCODER, [0.0]), 3)
    for stamp in (4, 5):
        queue.put(Sample(stamp, FOOT, [0.0] * 6), stamp)
    queue.publish_batch()
    assert sink.stamps == [0, 1, 2, 3]
    queue.hold_later()
    queue.put(Sample(6, FOOT, [0.0] * 6), 6)
    queue.publish_batch()
    assert sink.stamps == [0, 1, 2, 3, 4, 5]
    queue.publish_all()
    assert sink.stamps[-1] == 6


def test_batches_and_the_rest_are_published_in_order() -> None:
    sink = Sink()
    queue = sink.queue(2 * BATCH_SIZE + 5)
    queue.publish_batch()
    assert sink.stamps == list(range(BATCH_SIZE))
    queue.publish_all()
    assert sink.stamps == list(range(2 * BATCH_SIZE + 5))
    assert queue.take_problem() == (False, "")


def test_a_full_queue_drops_the_oldest_samples_and_reports_it_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deferred_publisher, "CAPACITY", 6)
    sink = Sink()
    queue = sink.queue(10)
    queue.publish_all()
    assert sink.stamps == [4, 5, 6, 7, 8, 9]
    assert queue.dropped == 4
    assert queue.take_problem() == (False, "4 samples were not published; the computer is too busy")
    assert queue.take_problem() == (False, "")


def test_a_failure_is_reported_with_one_traceback_and_the_other_samples_are_published() -> None:
    sink = Sink(2, 3)
    queue = sink.queue(5)
    queue.publish_all()
    assert sink.stamps == [0, 1, 4]
    assert len(sink.log) == 1
    assert "RuntimeError: 2 is bad" in sink.log[0]
    assert "Traceback" in sink.log[0]
    assert queue.take_problem() == (True, "samples cannot be published: RuntimeError: 3 is bad")
    assert queue.take_problem() == (False, "")
