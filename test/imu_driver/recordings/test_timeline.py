"""When samples are due, and whether playback publishes them then."""

from __future__ import annotations

import itertools
import threading
import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ankle_imu_driver.conventions import ENCODER, ERROR, FOOT, OK, SHANK, WARN
from ankle_imu_driver.recordings.playback import Playback, PlaybackStatus
from ankle_imu_driver.recordings.recording import EncoderSamples, ImuSamples, Recording
from ankle_imu_driver.recordings.timeline import LatenessStats, Sample, Timeline, check_rate, looped, samples

SECOND = 1_000_000_000


def recording(stamps: list[float], foot_delay: float = 0.0, encoder: bool = True) -> Recording:
    stamp = np.array(stamps)
    values = np.arange(3.0 * len(stamp)).reshape(-1, 3)
    return Recording(
        "walk",
        ImuSamples(stamp, values, -values),
        ImuSamples(stamp + foot_delay, values + 0.5, values),
        EncoderSamples(stamp, stamp * 2) if encoder else None,
        None,
    )


def test_streams_are_merged_completely_in_order_of_time() -> None:
    out = list(samples([recording([12.0, 12.01, 12.05], foot_delay=0.004)]))
    assert [(s.time, s.stream) for s in out] == [
        (12_000_000_000, SHANK),
        (12_000_000_000, ENCODER),
        (12_004_000_000, FOOT),
        (12_010_000_000, SHANK),
        (12_010_000_000, ENCODER),
        (12_014_000_000, FOOT),
        (12_050_000_000, SHANK),
        (12_050_000_000, ENCODER),
        (12_054_000_000, FOOT),
    ]
    assert out[3].values == [3.0, 4.0, 5.0, -3.0, -4.0, -5.0]
    assert out[4].values == [24.02]


def test_samples_with_the_same_time_are_in_the_order_shank_foot_encoder() -> None:
    assert [s.stream for s in samples([recording([1.0, 2.0])])] == [SHANK, FOOT, ENCODER] * 2


def test_a_loop_continues_after_one_sample_period() -> None:
    out = itertools.islice(samples(looped(recording([5.0, 5.01, 5.02], encoder=False))), 18)
    times = [s.time for s in out if s.stream == SHANK]
    assert np.diff(times) == pytest.approx([10_000_000] * 8, abs=2)


@given(
    rate=st.floats(0.1, 50.0),
    first=st.integers(0, 10**18),
    monotonic=st.integers(0, 10**15),
    now=st.integers(0, 2 * 10**18),
    steps=st.lists(st.integers(1, 10**10), max_size=30),
)
def test_stamps_keep_their_distances_and_due_times_follow_the_rate(
    rate: float, first: int, monotonic: int, now: int, steps: list[int]
) -> None:
    timeline = Timeline.starting(rate, first, monotonic, now)
    times = list(itertools.accumulate(steps, initial=first))
    assert timeline.stamp(first) == (now if rate == 1 else first)
    assert [timeline.stamp(t) - timeline.stamp(first) for t in times] == [t - first for t in times]
    due = [timeline.due(t) for t in times]
    assert due[0] == monotonic
    assert due == sorted(due)
    assert due[-1] - monotonic == pytest.approx((times[-1] - first) / rate, abs=1)


def test_at_rate_one_the_first_stamp_is_now() -> None:
    assert Timeline.starting(1.0, 12 * SECOND, 7, 1_700_000_000 * SECOND).stamp(13 * SECOND) == 1_700_000_001 * SECOND


def test_rates_that_cannot_be_played_are_refused() -> None:
    check_rate(0.25)
    with pytest.raises(ValueError, match=r"rate 0 .* exists in-process only; use evaluate"):
        check_rate(0.0)
    for rate in (-1.0, float("nan"), float("inf")):
        with pytest.raises(ValueError, match="must be above 0"):
            check_rate(rate)


def test_lateness_is_counted() -> None:
    stats = LatenessStats()
    for lateness in (0, 1_000_000, 6_000_000, 20_000_000):
        stats.add(lateness)
    assert (stats.sent, stats.late, stats.worst) == (4, 2, 20_000_000)


class Collector:
    """Stores what a playback publishes, with the time of publishing."""

    def __init__(self) -> None:
        self.taken: list[tuple[float, Sample, int]] = []
        self.finished = threading.Event()

    def publish(self, sample: Sample, stamp: int) -> None:
        self.taken.append((time.monotonic(), sample, stamp))


def playback(collector: Collector, stamps: list[float], rate: float = 1.0) -> Playback:
    source = samples([recording(stamps, encoder=False)])
    return Playback(source, rate, lambda: 100 * SECOND, collector.publish, collector.finished.set)


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

    source = samples([recording(list(np.arange(30) * 0.01), encoder=False)])
    player = Playback(source, 1.0, lambda: 0, publish, collector.finished.set)
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
    player = Playback(broken(), 1.0, lambda: 0, collector.publish, collector.finished.set)
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
