"""What is learned while walking: regression, last stride, mixture, interval and blending, each by itself."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ankle_predictor.forecasting.blending import NEW, Blending
from ankle_predictor.forecasting.last_stride import LastStride
from ankle_predictor.forecasting.mixture import Mixture
from ankle_predictor.forecasting.online_interval import OnlineInterval
from ankle_predictor.forecasting.online_regression import OnlineRegression

PERIOD, HORIZON = 0.01, 50
STEPS = PERIOD * np.arange(1, HORIZON + 1)


def test_the_regression_learns_a_linear_law_and_follows_when_it_changes() -> None:
    random = np.random.default_rng(0)
    law, other = random.normal(size=(2, 6, HORIZON))
    made = OnlineRegression(6, HORIZON)
    np.testing.assert_array_equal(made.correction(np.ones(6)), 0.0)
    for k in range(6000):
        inputs = random.normal(size=6)
        made.learn(0.02, inputs, inputs @ (law if k < 1000 else other))
        if k == 999:
            np.testing.assert_allclose(made.correction(np.ones(6)), np.ones(6) @ law, atol=0.3)
    np.testing.assert_allclose(made.correction(np.ones(6)), np.ones(6) @ other, atol=0.3)


@pytest.mark.parametrize("stride", [0.7, 1.0, 1.46, 2.0])
@pytest.mark.parametrize("rate", [58.8, 100.0])
def test_the_last_stride_is_repeated_whatever_its_time(stride: float, rate: float) -> None:
    made = LastStride(PERIOD, HORIZON, 0.1)

    def angle(time: np.ndarray | float) -> np.ndarray:
        phase = 2 * np.pi * np.asarray(time) / stride
        return 0.2 * np.sin(phase) + 0.1 * np.sin(2 * phase + 1.0)

    assert made.change(0.0, 0.0) is None
    for k in range(round(6.0 * rate)):
        now = k / rate
        made.push(now, float(angle(now + 0.3)), float(angle(now + 0.1)), float(angle(now)))
    now += 1.0 / rate
    change = made.change(now, float(angle(now)))
    assert change is not None
    np.testing.assert_allclose(change, angle(now + STEPS) - angle(now), atol=0.03)
    for broken in (now + 0.2, now - 7200.0):  # a gap, and a clock that steps back
        made.push(broken, 0.0, 0.0, 0.0)
        assert made.change(broken + 0.01, 0.0) is None


def test_the_mixture_follows_the_best_and_keeps_weights_of_each_kind_of_movement() -> None:
    made = Mixture(np.full((2, 3), 0.05), HORIZON)
    np.testing.assert_allclose(made.weights(0), 1.0 / 3.0)
    for _ in range(1000):
        made.learn(0.02, 0, np.outer([0.02, 0.06, 0.06], np.ones(HORIZON)))
    assert made.weights(0)[0].min() > 0.99
    np.testing.assert_allclose(made.weights(1), 1.0 / 3.0)
    for _ in range(1000):
        made.learn(0.02, 0, np.outer([0.06, 0.06, 0.02], np.ones(HORIZON)))
    assert made.weights(0)[2].min() > 0.99


@given(st.lists(st.lists(st.floats(0.0, 1.0), min_size=3, max_size=3), min_size=1, max_size=20))
def test_weights_are_shares(errors: list[list[float]]) -> None:
    made = Mixture(np.full((1, 3), 0.05), 2)
    for error in errors:
        made.learn(0.02, 0, np.repeat(np.array(error)[:, np.newaxis], 2, axis=1))
    weights = made.weights(0)
    assert np.all(weights >= 0.0)
    np.testing.assert_allclose(weights.sum(axis=0), 1.0)


@settings(max_examples=10, deadline=None)
@given(scale=st.floats(0.1, 10.0), seed=st.integers(0, 99))
def test_the_interval_comes_to_hold_what_it_promises(scale: float, seed: int) -> None:
    """Whatever the size of the errors, from 20 s on, and also after it has changed threefold."""
    random, made, held = np.random.default_rng(seed), OnlineInterval(0.9, 1, HORIZON), []
    half = np.full((2, HORIZON), 0.02)
    for k in range(8000):
        error = random.normal(size=HORIZON) * 0.02 * scale * (3.0 if k > 4000 else 1.0)
        lower, upper = half * made.factors(0)
        missed = np.stack([error < -lower, error > upper])
        made.learn(0.02, 0, np.abs(error) / 0.02, missed)
        held.append(1.0 - missed.sum(axis=0).mean())
    for first, last in ((1000, 4000), (5000, 8000)):
        assert 0.87 < np.mean(held[first:last]) < 0.93


def test_blending_is_an_average_over_the_forecasts_of_one_moment() -> None:
    made = Blending(PERIOD, HORIZON)
    first = made.blend(0.0, np.zeros((1, HORIZON)))
    np.testing.assert_array_equal(first, 0.0)
    second = made.blend(PERIOD, np.ones((1, HORIZON)))
    np.testing.assert_allclose(second[0, :-1], NEW)
    assert second[0, -1] == 1.0, "no earlier forecast reaches so far"
    np.testing.assert_array_equal(made.blend(1.0, np.full((1, HORIZON), 2.0)), 2.0)


@pytest.mark.parametrize("start", [0.0, 1_795_825_773.63, 4_000_000_000.0])
def test_blending_reaches_as_far_whatever_clock_the_stamps_are_of(start: float) -> None:
    """A stamp of today is known to 240 ns only, so that equal distances differ by that much."""
    made = Blending(PERIOD, HORIZON)
    for k in range(100):
        stamp = (round(start * 1e9) + 10_000_000 * k) / 1e9
        blended = made.blend(stamp, np.full((1, HORIZON), float(k % 2)))
        if k:
            assert 0.0 < blended[0, HORIZON - 2] < 1.0, "all but the last step were forecast before"


@given(st.integers(0, 99))
def test_blending_forecasts_that_agree_changes_nothing(seed: int) -> None:
    made, random, stamp = Blending(PERIOD, HORIZON), np.random.default_rng(seed), 0.0
    for _ in range(50):
        stamp += float(random.uniform(0.004, 0.03))
        expected = 0.3 * (stamp + STEPS)
        np.testing.assert_allclose(made.blend(stamp, expected[np.newaxis].copy())[0], expected, atol=1e-12)
