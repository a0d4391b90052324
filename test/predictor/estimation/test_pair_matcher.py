"""Samples of two streams are matched to pairs by their stamps."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ankle_imu_driver.conventions import FOOT, SHANK
from ankle_predictor.estimation.pair_matcher import Matched, PairMatcher
from ankle_predictor.estimation.stamp_guard import CONFIRMATIONS


def run(events, **options):
    matcher = PairMatcher(**options)
    return matcher, [match for stream, stamp in events for match in matcher.push(stream, stamp, stamp)]


def both(matches):
    return [(m.shank, m.foot) for m in matches if m.shank is not None and m.foot is not None]


@given(st.lists(st.floats(-0.002, 0.002), min_size=1, max_size=60), st.randoms(use_true_random=False))
def test_every_sample_of_two_jittering_streams_is_paired_in_any_interleaving(jitter, random):
    shanks = [(SHANK, 0.01 * k + j) for k, j in enumerate(jitter)]
    feet = [(FOOT, 0.01 * k - j) for k, j in enumerate(jitter)]
    events = []
    while shanks or feet:
        lead = len(shanks) - len(feet)
        source = shanks if shanks and (not feet or lead > 3 or (abs(lead) <= 3 and random.random() < 0.5)) else feet
        events.append(source.pop(0))
    matcher, matches = run(events)
    assert both(matches) == [(0.01 * k + j, 0.01 * k - j) for k, j in enumerate(jitter)]
    assert sum(matcher.counts.values()) == 0


@given(st.lists(st.tuples(st.sampled_from((SHANK, FOOT)), st.floats(0, 2)), max_size=80))
def test_pairs_are_close_and_in_order_unless_the_clock_jumps_and_use_no_sample_twice(events):
    matcher, pairs, jumps = PairMatcher(), [], 0
    for k, (stream, stamp) in enumerate(events):
        found = both(matcher.push(stream, stamp, (stamp, k)))
        pairs = ([] if matcher.counts["clock_jumps"] != jumps else pairs) + found
        jumps = matcher.counts["clock_jumps"]
        assert all(abs(a[0] - b[0]) <= 0.005 for a, b in pairs)
        for side in (0, 1):
            times = [pair[side] for pair in pairs]
            assert times == sorted(set(times))


def test_repeated_and_late_samples_are_dropped_and_counted():
    matcher, matches = run(
        [(SHANK, 0.0), (FOOT, 0.0), (SHANK, 0.01), (SHANK, 0.01), (SHANK, 0.005), (FOOT, 0.01), (SHANK, 0.02)]
    )
    assert both(matches) == [(0.0, 0.0), (0.01, 0.01)]
    assert matcher.counts == {"repeated": 1, "late": 1}


def test_a_silent_stream_delays_the_other_by_at_most_max_wait():
    matcher, matches = run([(SHANK, 0.01 * k) for k in range(10)])
    assert matches == [Matched(0.01 * k, None) for k in range(4)]
    assert matcher.counts["unmatched"] == 4


def test_a_missing_sample_loses_one_pair():
    events = [(stream, 0.01 * k) for k in range(5) for stream in (SHANK, FOOT) if (k, stream) != (2, FOOT)]
    _, matches = run(events)
    assert [m.shank for m in matches] == [0.0, 0.01, 0.02, 0.03, 0.04]
    assert [m.foot for m in matches] == [0.0, 0.01, None, 0.03, 0.04]


ODD = (0.0, -1e9, 1e9, 99.0, 96.0, 103.0, math.nan, math.inf)


@pytest.mark.parametrize("odd", ODD)
@pytest.mark.parametrize("stream", [SHANK, FOOT])
def test_a_sample_with_an_odd_stamp_is_dropped_and_loses_nothing_else(stream, odd):
    events = [(s, 100.0 + 0.01 * k) for k in range(20) for s in (SHANK, FOOT)]
    _, undisturbed = run(events)
    matcher, matches = run([*events[:13], (stream, odd), *events[13:]])
    assert both(matches) == both(undisturbed)
    assert matcher.counts == {"odd_stamp": 1}


@pytest.mark.parametrize("step", [-1e9, -3600.0, -1.0, -0.3, -0.06, 1.0, 3600.0])
@pytest.mark.parametrize("period", [0.01, 0.05])
def test_after_a_step_of_the_clock_pairs_are_back_at_once(step, period):
    before = [(s, 2e9 + period * k) for k in range(20) for s in (SHANK, FOOT)]
    after = [(s, 2e9 + step + period * (20 + k)) for k in range(20) for s in (SHANK, FOOT)]
    matcher, matches = run([*before, *after])
    pairs = both(matches)
    assert all(a == b for a, b in pairs)
    lost = 40 - len(pairs)
    assert lost <= CONFIRMATIONS - 1
    assert pairs[-1][0] == after[-1][1]
    assert matcher.counts["odd_stamp"] == 0
