"""A moment comes due with the angles that really followed, or is dropped."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ankle_predictor.estimation.filter_config import TIME_RESOLUTION
from ankle_predictor.forecasting.due_moments import DueMoments

PERIOD, HORIZON = 0.01, 50


def angle(time: float) -> float:
    return 0.3 * time


def test_a_moment_comes_with_what_followed_it() -> None:
    moments: DueMoments[str] = DueMoments(PERIOD, HORIZON)
    got = []
    for k in range(60):
        got += moments.push_angle(k * PERIOD, angle(k * PERIOD))
        if k == 3:
            moments.remember(k * PERIOD, "third")
        assert bool(got) == (k >= 3 + HORIZON)
    ((name, truth),) = got
    assert name == "third"
    np.testing.assert_allclose(truth, [angle((4 + k) * PERIOD) for k in range(HORIZON)], atol=1e-12)


@pytest.mark.parametrize("start", [0.0, 1_795_825_773.63, 4_000_000_000.0])
def test_a_moment_is_due_with_the_pair_of_that_time_whatever_clock_the_stamps_are_of(start: float) -> None:
    """A stamp of today is known to 240 ns only, so that equal distances differ by that much."""
    moments: DueMoments[int] = DueMoments(PERIOD, HORIZON)
    stamps = [(round(start * 1e9) + 10_000_000 * k) / 1e9 for k in range(300)]
    due = []
    for k, stamp in enumerate(stamps):
        due.append([(then, truth.tolist()) for then, truth in moments.push_angle(stamp, float(k))])
        moments.remember(stamp, k)
    assert [[then for then, _ in now] for now in due] == [[k - HORIZON] if k >= HORIZON else [] for k in range(300)]
    for now in due[HORIZON:]:
        for then, truth in now:
            np.testing.assert_allclose(truth, then + np.arange(1, HORIZON + 1), atol=0.01)


@pytest.mark.parametrize("after", [0.7, -5.0])
def test_nothing_comes_due_across_a_gap_or_a_clock_that_jumps_back(after: float) -> None:
    moments: DueMoments[int] = DueMoments(PERIOD, HORIZON)
    moments.push_angle(0.0, 0.0)
    moments.remember(0.0, 0)
    got = [due for k in range(60) for due in moments.push_angle(after + k * PERIOD, 0.0)]
    assert not got


@given(st.lists(st.floats(0.005, 0.03), min_size=100, max_size=200))
def test_a_truth_is_interpolated_whatever_the_jitter(steps: list[float]) -> None:
    moments: DueMoments[float] = DueMoments(PERIOD, HORIZON)
    for stamp in np.cumsum(steps).tolist():
        for then, truth in moments.push_angle(stamp, angle(stamp)):
            expected = angle(then) + 0.3 * PERIOD * np.arange(1, HORIZON + 1)
            np.testing.assert_allclose(truth, expected, atol=0.3 * TIME_RESOLUTION)
        moments.remember(stamp, stamp)
