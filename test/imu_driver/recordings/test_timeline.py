"""When samples are due, and which stamps they get."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ankle_imu_driver.conventions import ENCODER, FOOT, SHANK
from ankle_imu_driver.recordings.recording import EncoderSamples, ImuSamples, Recording
from ankle_imu_driver.recordings.timeline import LatenessStats, Timeline, check_rate, looped, samples

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


def test_a_loop_and_its_samples_can_begin_at_any_time() -> None:
    log = recording([5.0, 5.01, 5.02], encoder=False)
    whole = list(itertools.islice(samples(looped(log)), 60))
    for begin in (0.0, 5.0, 5.015, 5.03, 5.1003):
        late = list(itertools.islice(samples(looped(log, begin), round(begin * 1e9)), 12))
        assert late == [s for s in whole if s.time >= begin * 1e9][:12]
    assert next(looped(log, 3605.0)).start == pytest.approx(3605.0, abs=0.031)


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


@pytest.mark.parametrize("step", [-3_600_000_000_000, -1_000_000_000, -20_000_000, 20_000_000, 5_000_000_000])
def test_at_rate_1_stamps_follow_a_clock_that_is_set(step):
    timeline = Timeline.starting(1.0, 7_000, 1_000_000, 50_000_000_000)
    after = timeline.following(3_000_000, 50_002_000_000 + step, 3_000_100)
    assert after.stamp(7_000) == pytest.approx(50_000_000_000 + step, abs=1_000)
    assert after.due(7_000) == timeline.due(7_000)
    assert after.following(4_000_000, 50_003_000_000 + step, 4_000_100) is after
    assert timeline.following(3_000_000, 50_002_000_000 + step, 13_000_000) is timeline, "interrupted"
    slow = Timeline.starting(0.5, 7_000, 1_000_000, 50_000_000_000)
    assert slow.following(3_000_000, step, 3_000_100) is slow, "the clock follows the stamps"
