"""How calm a sequence of forecasts is: what a motor that follows them would feel. Angles are in rad."""

from __future__ import annotations

import math

import numpy as np

from ankle_imu_driver.arrays import FloatArray
from ankle_predictor.trust.scoring import MAX_TRUTH_GAP


def changes(stamp: FloatArray, angle: FloatArray, period: float, max_gap: float = MAX_TRUTH_GAP) -> FloatArray:
    """Return by how much the forecast for one and the same time changes from each forecast to the next.

    The earlier forecast is interpolated linearly at the times at which the steps of the later one are due. Steps that
    only the later one has are left out.

    Args:
        stamp: (N,) increasing times of the forecasts in s.
        angle: (N, H) rad.
        period: s between two steps.
        max_gap: two forecasts that are further apart, in s, are not compared.

    Returns:
        (K,) absolute changes in rad, all steps of all pairs of neighbours.
    """
    horizon = angle.shape[1]
    apart = np.diff(stamp)
    neighbours = np.flatnonzero(apart <= max_gap)
    # The step of the earlier forecast that is due with each step of the later one.
    step = np.arange(horizon) + (apart[neighbours] / period)[:, np.newaxis]
    below = np.minimum(step.astype(np.int64), horizon - 2)
    both = step <= horizon - 1 + 1e-6
    earlier = angle[neighbours]
    low, high = np.take_along_axis(earlier, below, axis=1), np.take_along_axis(earlier, below + 1, axis=1)
    change: FloatArray = np.abs(angle[neighbours + 1] - (low + (high - low) * (step - below)))[both]
    return change


def roughness(stamp: FloatArray, angle: FloatArray, max_gap: float = MAX_TRUTH_GAP) -> float:
    """Return the root mean square of a curve's second difference, sample by sample, in rad; NaN without three samples.

    Args:
        stamp: (N,) increasing times of the samples in s.
        angle: (N,) rad; a sample that is NaN is left out with its neighbours.
        max_gap: differences across a longer gap, in s, are left out.
    """
    second = np.diff(angle, 2)
    apart = np.diff(stamp)
    close = (apart[1:] <= max_gap) & (apart[:-1] <= max_gap) & np.isfinite(second)
    return float(np.sqrt(np.mean(second[close] ** 2))) if close.any() else math.nan
