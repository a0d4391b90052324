"""Intervals for people who were not there when they were made."""

from __future__ import annotations

import numpy as np
import pytest

from ankle_predictor.model.forecast import Forecast
from ankle_predictor.training.measurement import Judged, level_for_strangers, needed_stretch

LEVEL = 0.9
STEPS = 5


def person(scale: float, seed: int, count: int = 2000) -> Judged:
    """Someone whose forecasts, with an interval of 1 rad to both sides, are off by ``scale``."""
    truth = np.random.default_rng(seed).normal(scale=scale, size=(count, STEPS))
    zero = np.zeros_like(truth)
    return Judged(f"walk {seed}", 0.0, 1.0, Forecast(zero, zero - 1.0, zero + 1.0), truth)


def held(parts: list[Judged], strangers: list[Judged]) -> float:
    """Mean share of the strangers' truths inside the intervals that the parts make."""
    level = level_for_strangers(parts, LEVEL)
    forecast = [part.forecast for part in parts]
    everything = Forecast(*(np.concatenate([getattr(f, n) for f in forecast]) for n in ("angle", "lower", "upper")))
    stretch = needed_stretch(everything, np.concatenate([part.truth for part in parts]), level)
    return float(np.mean([np.mean(np.abs(stranger.truth) <= stretch) for stranger in strangers]))


def test_people_who_are_alike_need_no_more_than_is_asked() -> None:
    parts = [person(1.0, k) for k in range(4)]
    assert level_for_strangers(parts, LEVEL) == pytest.approx(LEVEL, abs=0.01)


def test_the_more_people_differ_the_higher_the_level() -> None:
    levels = [
        level_for_strangers([person(spread**k, k + 2) for k in (-1, 0, 1)], LEVEL) for spread in (1.0, 1.3, 1.7, 2.5)
    ]
    assert levels == sorted(levels)
    assert LEVEL <= levels[0] < levels[-1] <= 1.0


def test_strangers_are_held_as_asked_in_the_mean() -> None:
    """Groups of five from a population whose errors lie up to a factor of two from the middle; 89 % without."""
    scales = np.exp(np.random.default_rng(0).uniform(-0.7, 0.7, size=400))
    strangers = [person(scale, k, 100) for k, scale in enumerate(scales[:50])]
    groups = [[person(scale, 100 + k, 500) for k, scale in enumerate(group)] for group in scales.reshape(-1, 5)]
    assert 0.9 <= np.mean([held(group, strangers) for group in groups]) <= 0.915


def test_one_person_tells_nothing_of_others() -> None:
    assert level_for_strangers([person(1.0, 0)], LEVEL) == LEVEL
