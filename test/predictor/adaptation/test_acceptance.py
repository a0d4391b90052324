"""The judgement: nothing is learned from before it was judged, and what gets worse is not taken."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ankle_predictor.adaptation.acceptance import LEARNED_AT_LEAST, PARTS, is_better, parts_of

HORIZON = 0.5
PERIOD = 0.03


@given(st.floats(1.0, 200.0), st.lists(st.tuples(st.floats(0.0, 1.0), st.floats(0.0, 5.0)), max_size=3))
def test_every_judged_forecast_is_made_after_all_that_is_learned_from_has_come_due(
    seconds: float, gaps: list[tuple[float, float]]
) -> None:
    stamp = np.arange(2.0, 2.0 + seconds, PERIOD)
    for share, length in gaps:
        start = 2.0 + share * seconds
        stamp = stamp[(stamp < start) | (stamp > start + length)]
    if len(stamp) < 2:
        return
    judged_at_all = np.zeros(len(stamp), dtype=int)
    for learned, judged in parts_of(stamp, HORIZON):
        assert stamp[learned].max() + HORIZON <= stamp[judged].min()
        assert stamp[learned].max() - stamp[0] >= LEARNED_AT_LEAST - 1e-6
        judged_at_all += judged
    assert judged_at_all.max(initial=0) <= 1


def test_a_walk_without_gaps_is_judged_from_its_first_quarter_on() -> None:
    stamp = np.arange(0.0, 40.0, PERIOD)
    parts = parts_of(stamp, HORIZON)
    assert len(parts) == PARTS - 1
    judged = np.logical_or.reduce([judged for _, judged in parts])
    np.testing.assert_array_equal(judged, stamp > stamp[-1] / PARTS)
    shares = [learned.mean() for learned, _ in parts]
    assert shares == pytest.approx([0.25, 0.5, 0.75], abs=HORIZON / 40.0 + 0.01)


def test_too_little_gives_no_part() -> None:
    assert not parts_of(np.arange(0.0, LEARNED_AT_LEAST + HORIZON, PERIOD), HORIZON)


def gains(*parts: float, scatter: float = 0.0, seconds: float = 10.0) -> tuple[np.ndarray, int, float]:
    each = round(seconds / PERIOD)
    noise = scatter * np.sign(np.sin(2.0 * math.pi * np.arange(each) * PERIOD / 2.0))
    return np.concatenate([part + noise for part in parts]), each, PERIOD


@pytest.mark.parametrize(
    ("gain", "better"),
    [
        (gains(1.0, 1.0, 1.0), True),
        (gains(-1.0, -1.0, 1.0), False),
        (gains(0.0, 0.0, 0.0), False),
        (gains(3.0, 3.0, -1.0), False),  # what held at first does not hold any more
        (gains(3.0, 3.0, -0.1, scatter=1.0), True),  # chance explains the last part
        (gains(3.0, 3.0, -2.0, scatter=1.0), False),
        (gains(3.0, 3.0, -0.1, scatter=1.0, seconds=2.0), False),  # too few seconds to tell chance
        (gains(math.nan, 1.0, 1.0), False),
    ],
)
def test_it_is_taken_where_it_is_better_and_not_lately_worse(gain: tuple[np.ndarray, int, float], better: bool) -> None:
    assert is_better(*gain) is better


@given(st.floats(-2.0, 2.0), st.floats(0.01, 1.0), st.integers(0, 99))
def test_what_is_worse_in_every_second_is_never_taken(offset: float, least: float, seed: int) -> None:
    gain = -least - np.random.default_rng(seed).random(600) * (2.0 + offset)
    assert not is_better(gain, 200, PERIOD)
