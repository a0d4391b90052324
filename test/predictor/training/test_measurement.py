"""Intervals cover people whose forecasts they were not made from."""

from __future__ import annotations

import numpy as np
import pytest

from ankle_predictor.model.forecast import Forecast
from ankle_predictor.training.measurement import ScoredForecasts, level_for_new_people, needed_stretch

LEVEL = 0.9
STEPS = 5


def person(scale: float, seed: int, count: int = 2000) -> ScoredForecasts:
    """Forecasts for a person, off by ``scale``, with an interval of 1 rad to both sides."""
    truth = np.random.default_rng(seed).normal(scale=scale, size=(count, STEPS))
    zero = np.zeros_like(truth)
    return ScoredForecasts(f"walk {seed}", 0.0, 1.0, Forecast(zero, zero - 1.0, zero + 1.0), truth)


def coverage(parts: list[ScoredForecasts], new_people: list[ScoredForecasts]) -> float:
    """Mean share of the new people's truths inside the intervals that the parts give."""
    level = level_for_new_people(parts, LEVEL)
    forecast = [part.forecast for part in parts]
    everything = Forecast(*(np.concatenate([getattr(f, n) for f in forecast]) for n in ("angle", "lower", "upper")))
    stretch = needed_stretch(everything, np.concatenate([part.truth for part in parts]), level)
    return float(np.mean([np.mean(np.abs(new.truth) <= stretch) for new in new_people]))


def test_people_who_are_alike_need_no_higher_level() -> None:
    parts = [person(1.0, k) for k in range(4)]
    assert level_for_new_people(parts, LEVEL) == pytest.approx(LEVEL, abs=0.01)


def test_the_more_people_differ_the_higher_the_level() -> None:
    levels = [
        level_for_new_people([person(spread**k, k + 2) for k in (-1, 0, 1)], LEVEL) for spread in (1.0, 1.3, 1.7, 2.5)
    ]
    assert levels == sorted(levels)
    assert LEVEL <= levels[0] < levels[-1] <= 1.0


def test_new_people_are_covered_as_asked_on_average() -> None:
    """Groups of five from a population whose errors lie up to a factor of two from the middle.

    Without the raised level, 89 % are covered.
    """
    scales = np.exp(np.random.default_rng(0).uniform(-0.7, 0.7, size=400))
    new_people = [person(scale, k, 100) for k, scale in enumerate(scales[:50])]
    groups = [[person(scale, 100 + k, 500) for k, scale in enumerate(group)] for group in scales.reshape(-1, 5)]
    assert 0.9 <= np.mean([coverage(group, new_people) for group in groups]) <= 0.915


def test_with_one_person_the_level_stays() -> None:
    assert level_for_new_people([person(1.0, 0)], LEVEL) == LEVEL
