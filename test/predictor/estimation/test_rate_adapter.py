"""Two streams of any rate become samples that pair, or a sentence says why not."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ankle_imu_driver.conventions import FOOT, SHANK
from ankle_predictor.estimation.pair_matcher import PAIR_TOLERANCE, PairMatcher
from ankle_predictor.estimation.rate_adapter import RateAdapter, Sample
from ankle_predictor.estimation.samples import Raw
from ankle_predictor.estimation.stamp_guard import CONFIRMATIONS, StampGuard

Event = tuple[float, int, float]
"""Time of arrival, stream and time of measurement, s."""


def reading(stream: int, time: float) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """A leg that swings once a second: smooth, and different on all axes."""
    swing = [math.sin(2 * math.pi * time + 0.7 * k + stream) for k in range(6)]
    return tuple(5.0 * v for v in swing[:3]), tuple(4.0 * v for v in swing[3:])


def regular(stream: int, rate: float, phase: float = 0.0, seconds: float = 4.0) -> list[Event]:
    stamps = [100.0 + (k + phase) / rate for k in range(int(seconds * rate))]
    return [(stamp, stream, stamp) for stamp in stamps]


def packets(stream: int, size: int, seed: int = 0, delay: float = 0.0) -> list[Event]:
    random, events = np.random.default_rng(seed), []
    for first in range(0, 400, size):
        arrival = 100.0 + 0.01 * (first + size - 1) + delay * random.random()
        events += [(arrival, stream, 100.0 + 0.01 * (first + k)) for k in range(size)]
    return events


def run(adapter: RateAdapter, events: Sequence[Event], stamped_on_arrival: bool = False) -> list[tuple[float, Sample]]:
    """The samples that come out, each with the time at which it does."""
    out = []
    for arrival, stream, measured in sorted(events):
        accel, gyro = reading(stream, measured)
        stamp = arrival if stamped_on_arrival else measured
        out += [(arrival, sample) for sample in adapter.push(stream, stamp, accel, gyro)]
    return out


def late(out: list[tuple[float, Sample]]) -> list[tuple[float, Sample]]:
    """What comes out after the rates are known."""
    return [one for one in out if one[1][1][0] > 101.0]


def largest_error(out: list[tuple[float, Sample]]) -> float:
    """Of specific force and rate, against the leg at the time of the stamp."""
    errors = [max(abs(np.subtract((*raw[1], *raw[2]), sum(reading(stream, raw[0]), ())))) for _, (stream, raw) in out]
    return float(max(errors))


def stamps_of(out: list[tuple[float, Sample]], stream: int) -> np.ndarray:
    return np.array([raw[0] for _, (one, raw) in out if one == stream])


# A phase of 0.3 is 3.8 ms at 80 Hz: with jitter often more than the 4 ms up to which streams count as near.
@given(st.floats(80.0, 130.0), st.floats(-0.25, 0.25), st.integers(0, 100))
@settings(max_examples=25, deadline=None)
def test_two_sensors_of_about_100_hz_are_passed_on_as_they_come(rate: float, phase: float, seed: int) -> None:
    random = np.random.default_rng(seed)
    jitter = iter(random.uniform(-0.1, 0.1, 2000) / rate)
    events = [
        (t + d, s, t + d)
        for e in (regular(SHANK, rate), regular(FOOT, rate, phase))
        for t, s, _ in e
        for d in [next(jitter)]
    ]
    adapter = RateAdapter(PAIR_TOLERANCE)
    out = run(adapter, events)
    assert not adapter.resampling
    assert [(sample[0], sample[1][0]) for _, sample in out] == [(s, t) for _, s, t in sorted(events)]


@pytest.mark.parametrize(("shank", "foot"), [(70.0, 71.0), (70.0, 76.0), (50.0, 50.5), (20.0, 20.5), (58.8, 58.0)])
def test_slow_sensors_whose_clocks_drift_apart_keep_their_pairs(shank: float, foot: float) -> None:
    seconds = 20.0
    adapter, pairs = RateAdapter(PAIR_TOLERANCE), PairMatcher[Raw](PAIR_TOLERANCE)
    events = regular(SHANK, shank, seconds=seconds) + regular(FOOT, foot, seconds=seconds)
    matched = [one for _, (stream, raw) in run(adapter, events) for one in pairs.push(stream, raw[0], raw)]
    stamps = np.array([one.foot[0] for one in matched if one.shank is not None and one.foot is not None])
    assert len(stamps) > 0.95 * seconds * min(shank, foot)
    assert np.max(np.diff(stamps[stamps > 102.0])) < 3.0 / min(shank, foot)


@given(st.floats(20.0, 1000.0), st.floats(20.0, 1000.0), st.floats(0.0, 1.0))
@example(70.0, 71.0, 0.0)
@example(20.0, 20.9375, 0.0)
@example(50.5, 54.0, 0.0)
@settings(max_examples=40, deadline=None)
def test_any_two_rates_give_near_samples_in_order_with_the_leg_s_true_values(
    shank: float, foot: float, phase: float
) -> None:
    adapter = RateAdapter(PAIR_TOLERANCE)
    out = run(adapter, regular(SHANK, shank) + regular(FOOT, foot, phase))
    out = [one for one in out if one[0] > 101.5]  # then it is known whether the clocks drift apart; pairs stay whole
    assert adapter.problem == ""
    if not adapter.resampling:
        return
    a, b = stamps_of(out, SHANK), stamps_of(out, FOOT)
    assert len(a) == len(b)
    assert np.max(np.abs(a - b)) <= PAIR_TOLERANCE + 1e-6
    slower = min(shank, foot, 100.0 if min(shank, foot) > 135.0 else 135.0)
    for stamps in (a, b):
        assert np.min(np.diff(stamps)) > 0.0
        assert len(stamps) == pytest.approx(slower * 2.5, rel=0.15)
    # A line between samples 50 ms apart misses a swing of 1 Hz by up to (2 pi 0.05)^2 / 8 = 1.2 % of 5 m/s^2.
    assert largest_error(out) < 0.08
    # Nothing is known before it was measured, and nothing waits longer than for the other sensor's next sample.
    ages = [arrival - sample[1][0] for arrival, sample in out]
    assert min(ages) >= -1e-9
    assert max(ages) <= 0.011 + max(1.0 / shank, 1.0 / foot)


def test_vibration_above_the_new_rate_is_removed() -> None:
    adapter, out = RateAdapter(PAIR_TOLERANCE), []
    for k in range(4000):
        shake = 10.0 * math.sin(2 * math.pi * 110.0 * 0.001 * k)  # samples every 10 ms would show it as 10 Hz
        for stream in (SHANK, FOOT):
            out += [(0.0, s) for s in adapter.push(stream, 100.0 + 0.001 * k, (shake, 0.0, 9.8), (0.0, shake, 0.0))]
    values = np.array([(*raw[1], *raw[2]) for _, (_, raw) in late(out)])
    assert np.max(np.abs(values[:, [0, 4]])) < 0.03 * 10.0
    np.testing.assert_allclose(values[:, 2], 9.8)


@pytest.mark.parametrize("size", [2, 5, 10])
def test_packets_with_one_stamp_are_spread_over_their_time(size: int) -> None:
    adapter = RateAdapter(PAIR_TOLERANCE)
    out = late(run(adapter, packets(SHANK, size) + packets(FOOT, size), stamped_on_arrival=True))
    stamps = stamps_of(out, SHANK)
    assert adapter.problem == ""
    np.testing.assert_allclose(np.diff(stamps), 0.01, atol=0.0021)
    assert len(stamps) == pytest.approx(300, abs=size)
    settled = [one for one in out if one[1][1][0] > 102.0]
    np.testing.assert_allclose(np.diff(stamps_of(settled, SHANK)), 0.01, atol=2e-4)
    assert largest_error(settled) < 0.05


def test_packets_of_a_jittering_host_keep_the_times_of_the_fastest_one() -> None:
    adapter = RateAdapter(PAIR_TOLERANCE)
    events = packets(SHANK, 5, 1, delay=0.02) + packets(FOOT, 5, 2, delay=0.02)
    out = [one for one in run(adapter, events, stamped_on_arrival=True) if one[1][1][0] > 103.0]
    # Stamps are up to 20 ms late. At 1 Hz and 5 m/s^2 that were 0.6.
    assert largest_error(out) < 0.25
    assert len(stamps_of(out, SHANK)) >= 85


def test_packets_whose_samples_have_their_own_stamps_are_not_touched() -> None:
    adapter = RateAdapter(PAIR_TOLERANCE)
    out = run(adapter, packets(SHANK, 5) + packets(FOOT, 5))
    assert not adapter.resampling
    assert len(out) == 800


def test_a_repeated_sample_is_dropped_and_is_no_packet() -> None:
    adapter = RateAdapter(PAIR_TOLERANCE)
    events = [e for e in regular(SHANK, 100.0) + regular(FOOT, 100.0) for _ in range(2)]
    assert len(run(adapter, events)) == 800
    assert adapter.counts["repeated"] == 800
    assert not adapter.resampling


@pytest.mark.parametrize(
    ("rate", "sentence"),
    [
        (15.0, "the foot sends 15 samples a second: 20 to 1000"),
        (1500.0, "the foot sends 1500 samples a second: 20 to 1000"),
    ],
)
def test_a_rate_that_is_not_supported_is_refused_with_the_value(rate: float, sentence: str) -> None:
    adapter = RateAdapter(PAIR_TOLERANCE)
    out = run(adapter, regular(SHANK, 100.0) + regular(FOOT, rate))
    assert late(out) == []
    assert sentence in adapter.problem
    assert "100 Hz" in adapter.problem


def test_random_times_are_refused_and_a_stream_that_becomes_regular_is_used_again() -> None:
    random = np.random.default_rng(3)
    stamps = 100.0 + np.cumsum(random.exponential(0.01, 300))
    adapter = RateAdapter(PAIR_TOLERANCE)
    run(adapter, [(t, s, t) for t in stamps.tolist() for s in (SHANK, FOOT)])
    assert "at irregular times" in adapter.problem
    after = float(stamps[-1]) - 100.0 + 0.01
    out = run(adapter, [(t + after, s, m + after) for t, s, m in regular(SHANK, 100.0) + regular(FOOT, 100.0)])
    assert adapter.problem == ""
    assert len(out) >= 400


@pytest.mark.parametrize(("shank", "foot"), [(400.0, 400.0), (50.0, 200.0), (200.0, 50.0)])
def test_when_one_sensor_falls_silent_the_other_one_goes_on_alone_and_then_both(shank: float, foot: float) -> None:
    adapter = RateAdapter(PAIR_TOLERANCE)
    shanks = regular(SHANK, shank)
    feet = [e for e in regular(FOOT, foot) if not 102.0 <= e[0] < 103.0]
    out = run(adapter, shanks + feet)
    alone = [s for s in stamps_of(out, SHANK) if 102.2 < s < 102.95]
    assert len(alone) >= 0.7 * min(shank, 100.0)
    assert not [s for s in stamps_of(out, FOOT) if 102.01 < s < 103.0]
    both = [s for s in stamps_of(out, FOOT) if s > 103.05]
    assert len(both) >= 0.85 * min(shank, foot, 100.0)


@given(
    begin=st.integers(200, 240),
    lasts=st.integers(10, 220),
    silent=st.sampled_from([(SHANK,), (FOOT,), (SHANK, FOOT)]),
    first=st.sampled_from([SHANK, FOOT]),
)
@example(begin=200, lasts=100, silent=(FOOT,), first=SHANK)  # lost a pair 0.45 s after the foot sent again
@settings(max_examples=25, deadline=None)
def test_a_silence_costs_no_pair_of_which_both_samples_came(
    begin: int, lasts: int, silent: tuple[int, ...], first: int
) -> None:
    adapter, matcher = RateAdapter(PAIR_TOLERANCE), PairMatcher[Raw](PAIR_TOLERANCE)
    guards = StampGuard[Raw](), StampGuard[Raw]()
    end, sent, paired = begin + lasts, set[int](), set[int]()
    for k in range(end + 250):
        streams = [s for s in (first, 1 - first) if not (begin <= k < end and s in silent)]
        if len(streams) == 2:
            sent.add(k)
        for stream in streams:
            jumps = guards[stream].jumps
            certain = guards[stream].push(100.0 + 0.01 * k, (100.0 + 0.01 * k, *reading(stream, 0.01 * k)))
            if guards[stream].jumps != jumps:  # as in LegEstimator
                adapter.clear()
            for to, raw in (one for _, sample in certain for one in adapter.push(stream, *sample)):
                for match in matcher.push(to, raw[0], raw):
                    if match.shank is not None and match.foot is not None:
                        paired.add(round((match.foot[0] - 100.0) * 100.0))
    unconfirmed = set(range(end, end + CONFIRMATIONS))  # after a long silence the matcher waits for these
    assert sent - unconfirmed - {max(sent)} <= paired
