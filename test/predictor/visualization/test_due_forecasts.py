"""A forecast comes back at the time that it was made for."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ankle_predictor.visualization.due_forecasts import DueForecasts

PERIOD = 0.01
HORIZONS = (0.2, 0.5)


def fed(stamps: np.ndarray, curve: Callable[[np.ndarray], np.ndarray]) -> list[tuple[float, dict[float, float]]]:
    """Forecasts that know the future, asked at each stamp for what is due."""
    forecasts, found = DueForecasts(HORIZONS), []
    for stamp in stamps.tolist():
        found.append((stamp, forecasts.due(stamp)))
        forecasts.push(stamp, PERIOD, curve(stamp + PERIOD * np.arange(1, 51)).tolist())
    return found


def test_each_horizon_begins_when_its_first_forecast_is_due() -> None:
    found = fed(PERIOD * np.arange(100), np.sin)
    assert not any(due for stamp, due in found if stamp < 0.199)
    assert all(set(due) == {0.2} for stamp, due in found if 0.215 < stamp < 0.495)
    assert all(set(due) == set(HORIZONS) for stamp, due in found if stamp > 0.515)
    for stamp, due in found:
        assert all(value == pytest.approx(math.sin(stamp)) for value in due.values())


@given(st.integers(0, 2**32 - 1))
def test_uneven_stamps_are_interpolated(seed: int) -> None:
    steps = np.random.default_rng(seed).uniform(0.006, 0.014, 100)
    found = fed(np.cumsum(steps), lambda t: 3.0 * t - 1.0)
    assert len(found[-1][1]) == 2
    for stamp, due in found:
        assert all(value == pytest.approx(3.0 * stamp - 1.0) for value in due.values())


def test_different_horizons_are_not_mixed_up() -> None:
    forecasts = DueForecasts(HORIZONS)
    for k in range(60):
        forecasts.push(k * PERIOD, PERIOD, [float(step) for step in range(1, 51)])  # each step forecasts its number
    assert forecasts.due(0.555) == pytest.approx({0.2: 20.0, 0.5: 50.0})


def test_nothing_is_made_up_where_forecasts_were_withheld() -> None:
    forecasts = DueForecasts((0.2,))
    for k in [*range(10), *range(40, 50)]:
        forecasts.push(k * PERIOD, PERIOD, [1.0] * 50)
    assert forecasts.due(0.25) == {0.2: 1.0}
    assert forecasts.due(0.45) == {}
    assert forecasts.due(0.65) == {0.2: 1.0}
    assert forecasts.due(0.95) == {}


def test_a_short_forecast_has_no_far_horizon() -> None:
    forecasts = DueForecasts(HORIZONS)
    for k in range(3):
        forecasts.push(k * PERIOD, PERIOD, [1.0] * 20)
    assert forecasts.due(0.205) == {0.2: 1.0}
    assert forecasts.due(0.505) == {}


def test_a_clock_that_steps_back_starts_over() -> None:
    forecasts = DueForecasts((0.2,))
    for k in range(50):
        forecasts.push(100.0 + k * PERIOD, PERIOD, [1.0] * 50)
    for k in range(30):
        forecasts.push(5.0 + k * PERIOD, PERIOD, [2.0] * 50)
    assert forecasts.due(5.25) == {0.2: 2.0}
