"""How much forecasts change from tick to tick, and how rough a curve is."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ankle_predictor.trust.calmness import changes, roughness

PERIOD, HORIZON = 0.01, 50


def quadratic(time: np.ndarray) -> np.ndarray:
    return 0.3 * time - 0.8 * time**2


def due(stamp: np.ndarray) -> np.ndarray:
    return stamp[:, None] + PERIOD * np.arange(1, HORIZON + 1)


@given(st.lists(st.floats(0.003, 0.09), min_size=1, max_size=20), st.floats(-1, 1), st.floats(-2, 2))
def test_forecasts_that_agree_on_one_line_do_not_change(gaps: list[float], start: float, slope: float) -> None:
    stamp = np.cumsum([1.0, *gaps])
    np.testing.assert_allclose(changes(stamp, start + slope * due(stamp), PERIOD), 0.0, atol=1e-9)


@given(st.floats(0.0, 0.5), st.integers(1, 9))
def test_a_jump_is_seen_in_every_step_that_both_have(jump: float, apart: int) -> None:
    stamp = np.array([1.0, 1.0 + apart * PERIOD])
    angle = due(stamp) + np.array([[0.0], [jump]])
    found = changes(stamp, angle, PERIOD)
    assert len(found) == HORIZON - apart
    np.testing.assert_allclose(found, jump, atol=1e-9)


def test_across_a_gap_nothing_is_compared() -> None:
    stamp = np.array([1.0, 1.2, 1.21])
    assert len(changes(stamp, due(stamp), PERIOD)) == HORIZON - 1
    assert not len(changes(stamp[:1], due(stamp[:1]), PERIOD))


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**31))
def test_a_forecast_may_lie_anywhere_between_two_steps(seed: int) -> None:
    """At rates other than 100 Hz the steps of two forecasts fall between each other."""
    random = np.random.default_rng(seed)
    stamp = np.cumsum(random.uniform(0.002, 0.05, 6))
    angle = random.normal(size=(6, HORIZON))
    times = due(stamp)
    by_hand = [
        abs(value - np.interp(when, times[k], angle[k]))
        for k in range(5)
        for when, value in zip(times[k + 1], angle[k + 1], strict=True)
        if when <= times[k, -1] + 1e-9
    ]
    np.testing.assert_allclose(changes(stamp, angle, PERIOD), by_hand, atol=1e-6)


def test_roughness_by_hand() -> None:
    stamp = PERIOD * np.arange(100)
    assert roughness(stamp, quadratic(stamp)) == pytest.approx(1.6 * PERIOD**2)
    assert roughness(stamp, 5.0 + 3.0 * stamp) == pytest.approx(0.0, abs=1e-9)
    zigzag = np.where(np.arange(100) % 2, 0.1, -0.1)
    assert roughness(stamp, zigzag) == pytest.approx(0.4)


def test_gaps_and_missing_samples_do_not_make_a_curve_rough() -> None:
    stamp = np.array([0.0, 0.01, 0.02, 5.0, 5.01, 5.02])
    assert roughness(stamp, np.array([0.0, 0.0, 0.0, 9.0, 9.0, 9.0])) == 0.0
    assert roughness(stamp[:3], np.array([0.0, math.nan, 0.0])) != roughness(stamp[:3], np.zeros(3))
    assert math.isnan(roughness(stamp[:2], np.zeros(2)))
    assert math.isnan(roughness(stamp[:3], np.array([0.0, math.nan, 0.0])))
