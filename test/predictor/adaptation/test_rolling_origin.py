"""The parts of a walk: nothing is learned from before it is due, and no forecast is scored twice."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ankle_predictor.adaptation.rolling_origin import LEARNED_AT_LEAST, PARTS, rolling_parts, shortest_walk

HORIZON = 0.5
PERIOD = 0.03


@given(st.floats(1.0, 200.0), st.lists(st.tuples(st.floats(0.0, 1.0), st.floats(0.0, 5.0)), max_size=3))
def test_every_scored_forecast_is_made_after_all_that_is_learned_from_has_come_due(
    seconds: float, gaps: list[tuple[float, float]]
) -> None:
    stamp = np.arange(2.0, 2.0 + seconds, PERIOD)
    for share, length in gaps:
        start = 2.0 + share * seconds
        stamp = stamp[(stamp < start) | (stamp > start + length)]
    if len(stamp) < 2:
        return
    scored_times = np.zeros(len(stamp), dtype=int)
    for learned, scored in rolling_parts(stamp, HORIZON):
        assert stamp[learned].max() + HORIZON <= stamp[scored].min()
        assert stamp[learned].max() - stamp[0] >= LEARNED_AT_LEAST - 1e-6
        scored_times += scored
    assert scored_times.max(initial=0) <= 1


def test_a_walk_without_gaps_is_scored_from_its_first_quarter_on() -> None:
    stamp = np.arange(0.0, 40.0, PERIOD)
    parts = rolling_parts(stamp, HORIZON)
    assert len(parts) == PARTS - 1
    scored = np.logical_or.reduce([scored for _, scored in parts])
    np.testing.assert_array_equal(scored, stamp > stamp[-1] / PARTS)
    shares = [learned.mean() for learned, _ in parts]
    assert shares == pytest.approx([0.25, 0.5, 0.75], abs=HORIZON / 40.0 + 0.01)


def test_too_little_gives_no_part() -> None:
    assert not rolling_parts(np.arange(0.0, LEARNED_AT_LEAST + HORIZON, PERIOD), HORIZON)


def test_the_shortest_walk_gives_all_parts() -> None:
    seconds = shortest_walk(200, 50, 0.01)
    for more, parts in ((PARTS * PERIOD, PARTS - 1), (-0.5, PARTS - 2)):
        # From the first full window to the last forecast whose truth is known.
        stamp = np.arange(2.0, seconds + more - HORIZON, PERIOD)
        assert len(rolling_parts(stamp, HORIZON)) == parts
