"""Playing samples at their time, in real time."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable

import numpy as np
import pytest

from ankle_imu_driver.conventions import ERROR, FOOT, OK, SHANK, WARN
from ankle_imu_driver.recordings.playback import Playback, PlaybackStatus
from ankle_imu_driver.recordings.recording import ImuSamples, Recording
from ankle_imu_driver.recordings.timeline import LatenessStats, Sample, samples

SECOND = 1_000_000_000


def recording(stamps: list[float]) -> Recording:
    stamp, values = np.array(stamps), np.zeros((len(stamps), 3))
    return Recording("walk", ImuSamples(stamp, values, values), ImuSamples(stamp, values, values), None, None)


class Collector:
    """Stores what a playback publishes, with the time of publishing."""

    def __init__(self) -> None:
        self.taken: list[tuple[float, Sample, int]] = []
        self.finished = threading.Event()

    def publish(self, sample: Sample, stamp: int) -> None:
        self.taken.append((time.monotonic(), sample, stamp))


class Clock:
    """A clock of stamps that shows 100 s at the first look, and can be set."""

    def __init__(self) -> None:
        self.offset: int | None = None

    def __call__(self) -> int:
        if self.offset is None:
            self.offset = 100 * SECOND - time.monotonic_ns()
        return time.monotonic_ns() + self.offset


def playback(
    collector: Collector, stamps: list[float], rate: float = 1.0, clock: Callable[[], int] | None = None
) -> Playback:
    source = samples([recording(stamps)])
    return Playback(source, rate, clock or Clock(), collector.publish, collector.finished.set)


@pytest.mark.parametrize("step", [-5, -1, 1, 5])
def test_stamps_follow_a_clock_that_is_set(step: int) -> None:
    collector, clock = Collector(), Clock()
    player = playback(collector, list(np.arange(40) * 0.01), clock=clock)
    player.start()
    while len(collector.taken) < 30:
        time.sleep(0.001)
    assert clock.offset is not None
    clock.offset += step * SECOND
    assert collector.finished.wait(10.0)
    first, last = collector.taken[0], collector.taken[-1]
    assert first[2] / SECOND == pytest.approx(100.0, abs=0.01)
    assert last[2] / SECOND == pytest.approx(100.0 + 0.39 + step, abs=0.02)


@pytest.mark.parametrize("rate", [1.0, 4.0, 0.5])
def test_playback_keeps_time_and_ends(rate: float) -> None:
    stamps = [12.0, 12.01, 12.06, 12.07, 12.20]
    collector = Collector()
    player = playback(collector, stamps, rate)
    player.start()
    assert collector.finished.wait(5.0)
    player.stop()
    status = player.take_status()
    assert status.ended
    assert not status.failure
    assert status.position == 12_200_000_000
    assert status.counts == {SHANK: 5, FOOT: 5}
    came = [at for at, sample, _ in collector.taken if sample.stream == SHANK]
    # A busy computer may be late, but never early, and the lateness does not add up.
    late = np.array(came) - came[0] - (np.array(stamps) - 12.0) / rate
    assert late.min() > -0.03
    assert np.median(late) < 0.03
    start = 100.0 if rate == 1 else 12.0
    assert [stamp / SECOND for _, sample, stamp in collector.taken if sample.stream == FOOT] == pytest.approx(
        np.array(stamps) - 12.0 + start
    )


def test_a_late_playback_publishes_all_due_samples_at_once_and_counts_them() -> None:
    collector = Collector()
    slow = iter([0.2])

    def publish(sample: Sample, stamp: int) -> None:
        collector.publish(sample, stamp)
        time.sleep(next(slow, 0.0))

    source = samples([recording(list(np.arange(30) * 0.01))])
    player = Playback(source, 1.0, Clock(), publish, collector.finished.set)
    player.start()
    assert collector.finished.wait(5.0)
    lateness = player.take_status().lateness
    assert lateness.sent == 60
    assert lateness.late >= 30
    assert lateness.worst >= 0.15 * SECOND
    assert collector.taken[-1][0] - collector.taken[0][0] < 0.6
    assert player.take_status().lateness.sent == 0


def test_playback_pauses_at_once_and_continues_with_the_next_sample() -> None:
    collector = Collector()
    player = playback(collector, [0.0, 0.01, 60.0, 60.01], rate=10.0)
    player.start()
    _until(lambda: len(collector.taken) == 4)
    before = time.monotonic()
    player.stop()
    assert time.monotonic() - before < 1.0  # not the 6 s of the gap
    assert not player.take_status().ended
    player.start()
    assert collector.finished.wait(5.0)
    assert [s.time for _, s, _ in collector.taken if s.stream == SHANK] == [0, 10_000_000, 60 * SECOND, 60_010_000_000]


def test_a_failure_of_the_source_is_reported() -> None:
    def broken() -> itertools.chain[Sample]:
        yield Sample(0, SHANK, [0.0] * 6)
        raise RuntimeError("the bus is gone")

    collector = Collector()
    player = Playback(broken(), 1.0, Clock(), collector.publish, collector.finished.set)
    player.start()
    assert collector.finished.wait(5.0)
    status = player.take_status()
    assert status.failure == "RuntimeError: the bus is gone"
    assert "in broken" in status.traceback
    assert status.judge("replay") == (ERROR, "replay failed: RuntimeError: the bus is gone")
    assert len(collector.taken) == 1


@pytest.mark.parametrize(
    ("lateness", "ended", "level", "sentence"),
    [
        (LatenessStats(100, 5, 9_000_000), False, OK, "replay runs"),
        (LatenessStats(100, 6, 9_000_000), False, WARN, "6 of 100 samples were late; the computer is too busy"),
        (LatenessStats(100, 6, 9_000_000), True, OK, "recording ended"),
        (LatenessStats(), False, OK, "replay runs"),
    ],
)
def test_levels_and_sentences_of_diagnostics(lateness: LatenessStats, ended: bool, level: int, sentence: str) -> None:
    assert PlaybackStatus(lateness, 0, {}, ended, "", "").judge("replay") == (level, sentence)


def _until(condition: object, timeout: float = 5.0) -> None:
    end = time.monotonic() + timeout
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < end
        time.sleep(0.005)
