"""Splits a walk into parts such that each part is forecast by a model that has learned only from the time before it."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from ankle_imu_driver.arrays import BoolArray, FloatArray
from ankle_predictor.estimation.filter_config import TIME_RESOLUTION

PARTS = 4  # of equal length; all but the first are scored
LEARNED_AT_LEAST = 1.0  # s of forecasts to learn from before a part is scored


def shortest_walk(window: int, horizon: int, period: float) -> float:
    """Return how many seconds of walking are needed at least.

    Args:
        window: rows of the model's window.
        horizon: steps that the model forecasts.
        period: s between two rows, and between two steps.
    """
    return window * period + PARTS * (horizon * period + LEARNED_AT_LEAST) + horizon * period


def rolling_parts(stamp: FloatArray, horizon: float) -> list[tuple[BoolArray, BoolArray]]:
    """Choose for each part which forecasts are scored, and which ones may be learned from before that.

    This evaluates a model that learns as it goes, on most of the data: a rolling origin (Tashman 2000). A forecast may
    be learned from once its last step is due. Every forecast is scored at most once.

    Args:
        stamp: (N,) s, rising, when each forecast is made.
        horizon: s from a forecast to its last step.

    Returns:
        For each part two (N,) masks: the forecasts to learn from, and the forecasts to score. A part that has too few
        of either is left out.
    """
    cuts = np.linspace(stamp[0], stamp[-1], PARTS + 1)[1:]
    parts = []
    for start, end in pairwise(cuts):
        learned, scored = stamp + horizon <= start, (stamp > start) & (stamp <= end)
        if scored.any() and learned.any() and stamp[learned][-1] - stamp[0] >= LEARNED_AT_LEAST - TIME_RESOLUTION:
            parts.append((learned, scored))
    return parts
