"""The correction learns the user's errors, and fades to their mean far from what the user did."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from ankle_predictor.adaptation.user_correction import CorrectionLearner, fit_correction
from ankle_predictor.model.forecast import Forecast


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**31), st.integers(5, 60), st.integers(1, 8))
def test_a_correction_helps_where_it_learned_and_fades_to_the_mean_error(seed: int, n: int, width: int) -> None:
    random = np.random.default_rng(seed)
    inputs, residual = random.normal(size=(n, width)), random.normal(size=(n, 3))
    correction = fit_correction(inputs, residual, period=0.03)
    left = residual - correction.of(inputs)
    assert np.sum(left**2) <= np.sum((residual - residual.mean(axis=0)) ** 2) + 1e-9
    far = np.full((1, width), 1e3)
    np.testing.assert_allclose(correction.of(far)[0], residual.mean(axis=0), atol=1e-9)
    none = fit_correction(inputs, np.zeros_like(residual), period=0.03)
    assert np.all(none.of(inputs) == 0.0)


def test_the_angle_and_the_offset_are_corrected_and_the_interval_moves_along() -> None:
    random = np.random.default_rng(0)
    inputs, zero = random.normal(size=(50, 4)), np.zeros((50, 3))
    target, offset = 0.3 + 0.1 * inputs[:, :3], 0.05 + 0.1 * inputs[:, 1:]
    learner = CorrectionLearner(inputs, 0.03, Forecast(zero, zero - 1.0, zero + 1.0), target, offset)
    first_half = np.arange(50) < 25
    forecast = learner.corrected(learner.learn(first_half))
    assert forecast.offset is not None
    for learned, truth in ((forecast.angle, target), (forecast.offset, offset)):
        by_mean_alone = np.abs(truth - truth[first_half].mean(axis=0))
        assert np.mean(np.abs(learned - truth)[first_half]) < 0.5 * np.mean(by_mean_alone[first_half])
    np.testing.assert_allclose(forecast.upper - forecast.angle, 1.0)
    np.testing.assert_allclose(forecast.angle - forecast.lower, 1.0)


def test_an_offset_that_is_not_learned_stays_the_bases() -> None:
    zero = np.zeros((10, 3))
    base = Forecast(zero, zero, zero, zero + 0.2)
    learner = CorrectionLearner(np.random.default_rng(0).normal(size=(10, 2)), 0.03, base, zero + 0.1, None)
    correction = learner.learn(np.ones(10, dtype=bool))
    assert correction.offset is None
    assert learner.corrected(correction).offset is base.offset
