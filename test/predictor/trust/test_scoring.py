"""Errors of forecasts: of a whole recording, and of each step when it is due."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ankle_predictor.trust.scoring import RecentError, due_times, score, truth_at


def test_the_truth_is_interpolated_between_samples_and_unknown_elsewhere() -> None:
    stamp, angle = np.array([0.0, 0.1, 0.4, 0.5, 0.55]), np.array([0.0, 1.0, 2.0, np.nan, 3.0])
    due = np.array([[-0.01, 0.0, 0.05, 0.1], [0.2, 0.4, 0.45, 0.56]])
    expected = [[np.nan, 0.0, 0.5, 1.0], [np.nan, np.nan, np.nan, np.nan]]
    np.testing.assert_allclose(truth_at(stamp, angle, due, max_gap=0.1), expected)
    assert np.isnan(truth_at(stamp[:1], angle[:1], due)).all()


def test_step_k_is_due_k_plus_one_periods_later() -> None:
    np.testing.assert_allclose(due_times(np.array([1.0, 2.0]), 3, 0.01), [[1.01, 1.02, 1.03], [2.01, 2.02, 2.03]])


def test_a_score_by_hand() -> None:
    truth = np.array([[0.0, 1.0], [0.0, 3.0], [np.nan, 0.0]])
    angle = np.array([[1.0, 1.0], [0.0, 1.0], [9.0, 9.0]])
    result = score(angle, angle - 0.5, angle + 1.0, truth)
    np.testing.assert_allclose(result.mae_by_step, [0.5, 1.0])
    assert (result.coverage, result.windows) == (0.5, 2)
    assert result.width == pytest.approx(1.5)
    # Below by 0.5 once, above by 1 once: of four values that is 0.375 on average.
    assert result.interval_score == pytest.approx(1.5 + 20.0 * 0.375)
    assert result.mae_deg(1) == pytest.approx(math.degrees(0.5))
    assert result.mae_deg(2) == pytest.approx(math.degrees(0.75))
    assert math.isnan(result.mae_deg(3))


def test_a_score_without_truth_is_nan() -> None:
    result = score(*[np.zeros((2, 3))] * 3, np.full((2, 3), np.nan))
    assert result.windows == 0
    assert math.isnan(result.coverage)
    assert math.isnan(result.mae_deg(3))


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 12), st.floats(0.2, 3.0))
def test_the_live_score_equals_the_score_of_the_whole(seed: int, horizon: int, span: float) -> None:
    rng = np.random.default_rng(seed)
    stamp = np.cumsum(rng.choice([0.009, 0.01, 0.011, 0.03, 0.15], 400, p=[0.3, 0.3, 0.3, 0.08, 0.02]))
    truth, angle = rng.normal(size=400), rng.normal(size=(400, horizon))
    recent = RecentError(0.01, span)
    for t, forecast, true in zip(stamp, angle, truth, strict=True):
        recent.push_truth(t, true)
        recent.push_forecast(t, forecast, forecast - 0.5, forecast + 1.0)
    due = due_times(stamp, horizon, 0.01)
    true = truth_at(stamp, truth, due)
    error = np.abs(angle - true)
    inside = (true >= angle - 0.5) & (true <= angle + 1.0)
    scored_at = stamp[np.minimum(np.searchsorted(stamp, due), 399)]
    looked_at = np.isfinite(error) & (due <= stamp[-1]) & (scored_at > stamp[-1] - span)
    assert recent.value == pytest.approx(float(np.mean(error[looked_at])))
    assert recent.coverage == pytest.approx(float(np.mean(inside[looked_at])))


def test_recent_error_is_nan_at_first_and_forgets_old_steps() -> None:
    recent = RecentError(0.01, span=1.0)
    assert math.isnan(recent.value)
    recent.push_truth(0.0, 0.0)
    recent.push_forecast(0.0, *[np.array([0.25])] * 3)
    recent.push_truth(0.005, 0.0)
    assert math.isnan(recent.value)
    recent.push_truth(0.012, math.nan)
    recent.push_truth(0.015, 0.0)
    assert recent.value == pytest.approx(0.25)
    recent.push_truth(1.1, 0.0)
    assert math.isnan(recent.value)


def test_a_clock_that_jumps_back_resets_and_memory_is_bounded_without_truth() -> None:
    recent = RecentError(0.01, span=1.0)
    for k in range(2000):
        recent.push_forecast(k / 100, *[np.zeros(50)] * 3)
    assert 0 < recent.pending < 260
    recent.push_truth(20.0, 0.0)
    recent.push_truth(20.05, 0.5)
    assert math.isfinite(recent.value)
    recent.push_truth(1.0, 0.0)
    assert math.isnan(recent.value)
