"""When an angle has left what was forecast for it, without a model."""

from __future__ import annotations

import math

import numpy as np
import pytest

from ankle_predictor.model.forecast import Forecast
from ankle_predictor.trust.departure_watch import LASTS, LEAD, LEAST, WIDTHS, DepartureWatch

PERIOD, START = 0.01, 1.7e9
STEPS = PERIOD * np.arange(1, 51)


def swing(time: float) -> float:
    """The angle that is forecast, in rad."""
    return 0.3 * math.sin(5.0 * time)


def forecast(time: float, half_width: float = 0.02, offset: float = 0.0) -> Forecast:
    angle = np.array([swing(time + step) for step in STEPS]) + offset
    return Forecast(angle, angle - half_width, angle + half_width)


def walked(
    watch: DepartureWatch, seconds: float, error: float = 0.0, begin: float = math.inf, **made: float
) -> list[bool]:
    """What is said at each moment of a walk whose angle is off by ``error`` rad from ``begin`` s on."""
    said = []
    for k in range(round(seconds / PERIOD)):
        time = k * PERIOD
        angle = swing(time) + (error if time >= begin else 0.0)
        said.append(watch.push(START + time, angle))
        if not said[-1]:
            watch.remember(START + time, angle, forecast(time, **made))
    return said


@pytest.mark.parametrize("error", [1.05 * LEAST, -1.05 * LEAST])
def test_an_angle_that_leaves_the_forecast_is_told_at_once_and_for_a_while(error: float) -> None:
    said = walked(DepartureWatch(PERIOD), 3.0, error, begin=1.0)
    first = said.index(True)
    assert first == 100
    assert not any(said[:first])
    lasts = (LEAD + LASTS) / PERIOD  # all forecasts of before are contradicted
    assert sum(said) == pytest.approx(lasts, abs=2)
    assert not said[-1]


def test_what_is_within_the_interval_s_widths_or_small_is_not_told() -> None:
    assert not any(walked(DepartureWatch(PERIOD), 2.0, 0.95 * LEAST, begin=1.0))
    wide = 1.05 * LEAST / WIDTHS
    assert not any(walked(DepartureWatch(PERIOD), 2.0, LEAST, begin=1.0, half_width=wide))
    assert any(walked(DepartureWatch(PERIOD), 2.0, 1.2 * LEAST, begin=1.0, half_width=wide))


def test_an_interval_that_does_not_follow_what_it_held_says_nothing_of_the_angle() -> None:
    assert not any(walked(DepartureWatch(PERIOD, is_adaptive=False), 2.0, 2.0 * LEAST, begin=1.0))


def test_an_encoder_s_offset_in_the_forecast_is_none_of_the_angle() -> None:
    assert not any(walked(DepartureWatch(PERIOD), 2.0, offset=2.0 * LEAST))


def test_nothing_is_told_without_a_forecast_across_a_gap_or_after_a_jump_of_the_clock() -> None:
    watch = DepartureWatch(PERIOD)
    assert not watch.push(START, 0.0)
    watch.remember(START, 0.0, forecast(0.0))
    assert not watch.push(START + 0.5, 1.0)
    watch.remember(START + 0.5, 1.0, forecast(0.5))
    assert not watch.push(START - 3600.0, 0.0)
    assert not watch.push(START - 3600.0 + LEAD, 1.0)


def test_a_forecast_that_is_shorter_than_what_is_compared_is_ignored() -> None:
    watch = DepartureWatch(PERIOD)
    short = Forecast(*(np.zeros(10) for _ in range(3)))
    watch.remember(START, 0.0, short)
    assert not watch.push(START + LEAD, 1.0)


def test_nothing_of_before_a_restart_counts() -> None:
    watch = DepartureWatch(PERIOD)
    said = walked(watch, 1.1, 2.0 * LEAST, begin=1.0)
    assert said[-1]
    watch.clear()
    assert not watch.push(START + 1.1, 0.0)
