"""Whether an adaptation is worth having: every part of the user's seconds is forecast before it is learned from."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np

from ankle_imu_driver.arrays import BoolArray, FloatArray
from ankle_predictor.estimation.filter_config import TIME_RESOLUTION

PARTS = 4  # equal ones of the seconds; all but the first are judged
LEARNED_AT_LEAST = 1.0  # s of forecasts that are learned from before a part is judged
ENOUGH_SECONDS = 4  # in the last part, to tell its scatter
BEYOND_CHANCE = 1.645  # standard errors; 5 % of what is only chance lies beyond


def parts_of(stamp: FloatArray, horizon: float) -> list[tuple[BoolArray, BoolArray]]:
    """Tell which forecasts judge, part by part, and which were due before each part: in all, every second is told once.

    So a forecaster is judged that learns as it goes, on most of the data (rolling origin, Tashman 2000).

    Args:
        stamp: (N,) s, rising.
        horizon: s from a forecast to when its last step is due.

    Returns:
        For each part (N,) what is learned from and (N,) what is judged by; without parts that have nothing of either.
    """
    cuts = np.linspace(stamp[0], stamp[-1], PARTS + 1)[1:]
    found = []
    for start, end in pairwise(cuts):
        learned, judged = stamp + horizon <= start, (stamp > start) & (stamp <= end)
        if judged.any() and learned.any() and stamp[learned][-1] - stamp[0] >= LEARNED_AT_LEAST - TIME_RESOLUTION:
            found.append((learned, judged))
    return found


def is_better(gain: FloatArray, last: int, period: float) -> bool:
    """Tell whether an adaptation is worth having.

    It has to be better in all, and in the last part not worse than its scatter from second to second explains: what
    held for most of the seconds may not hold for what comes.

    Args:
        gain: (N,) rad by which the base's mean error is above the adaptation's, in each forecast that judges.
        last: how many of them are the last part.
        period: s between two of them.
    """
    if not float(np.mean(gain)) > 0.0:
        return False
    seconds = np.array_split(gain[-last:], max(1, round(last * period)))
    means = np.array([float(np.mean(second)) for second in seconds])
    scatter = float(np.std(means, ddof=1)) / math.sqrt(len(means)) if len(means) >= ENOUGH_SECONDS else 0.0
    return float(np.mean(means)) > -BEYOND_CHANCE * scatter
