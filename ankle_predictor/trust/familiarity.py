"""Whether a window looks like the walks that a model was trained on.

A window is summed up by how much each feature moves in it: the logarithm of its standard deviation, in units of the
training's. Its mean says nothing, as a strap that sits otherwise shifts it. Two things make a window unfamiliar: the
features move in other proportions than in training (the Mahalanobis distance with a regularised covariance: Ledoit and
Wolf 2004; used so against unfamiliar inputs by Lee et al. 2018), or all of them more than they ever did there. The
latter is needed as walks that pause stretch the training's cloud along "everything moves less", and running lies on the
same line beyond the other end.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from ankle_imu_driver.arrays import FloatArray
from ankle_predictor.estimation.gait import RESTING_RATE
from ankle_predictor.model.features import SEGMENT_FEATURES
from ankle_predictor.model.manifest import Familiarity

Numbers = tuple[float, ...]

SHANK_RATE = SEGMENT_FEATURES.index("shank_gyro_y")
FLOOR = 0.05  # of the training's standard deviation: what moves less than this does not move
SHRINKAGE = 0.003  # share of the mean variance that is added to every direction
FAMILIAR_SHARE = 0.99  # of the windows of training walks that the distance was not fitted on
VIGOUR_SHARE = 0.999  # of all windows of training walks
LEAST_VARIANCE = 1e-6
METHOD_LOGS = "99 % of each training log's windows, by the distance fitted on the other logs"
METHOD_END = "99 % of the windows of the log's end, by the distance fitted on what came before"


def summaries(windows: npt.NDArray[np.floating], scale: Sequence[float] | FloatArray) -> FloatArray:
    """Return (..., F) how much each feature moves, of (..., W, F) unscaled windows; ``scale`` is the scaler's (F,)."""
    # As ``np.std``, in a third of its time: this runs every tick.
    off = windows - np.add.reduce(windows, axis=-2, keepdims=True, dtype=np.float64) / windows.shape[-2]
    spread = np.sqrt(np.einsum("...ij,...ij->...j", off, off) / windows.shape[-2])
    moved: FloatArray = np.log(spread / scale + FLOOR)
    return moved


def moving(windows: npt.NDArray[np.floating]) -> npt.NDArray[np.floating]:
    """Return those of (N, W, F) windows of ``SEGMENT_FEATURES`` in which the leg does not rest.

    A log may begin with standing. If that were learned, too, standing would be as familiar as walking.
    """
    walking: npt.NDArray[np.floating] = windows[np.std(windows[:, :, SHANK_RATE], axis=1) >= RESTING_RATE]
    return walking


class FamiliarityScore:
    """Scores windows; made once for a model."""

    def __init__(self, familiarity: Familiarity, scale: Sequence[float]) -> None:
        """Make it from a bundle's familiarity and its scaler's (F,) ``scale``."""
        self._scale = np.asarray(scale)
        self._middle = np.array(familiarity.middle)
        self._whitening = np.array(familiarity.whitening) / familiarity.distance_limit
        self._vigour_limit = familiarity.vigour_limit

    def of(self, window: FloatArray) -> float:
        """Return how unfamiliar a (W, F) window of unscaled features is; up to 1 it is as in training."""
        summary = summaries(window, self._scale)
        distance = float(_distance(summary, self._middle, self._whitening))
        # ``np.maximum``: unlike ``max`` it lets no NaN pass for familiar.
        return float(np.maximum(distance, _vigour(summary) / self._vigour_limit))


def fit_familiarity(
    learned: Sequence[npt.NDArray[np.floating]], kept: Sequence[npt.NDArray[np.floating]], scale: Sequence[float]
) -> Familiarity:
    """Learn what training walks look like.

    With several logs the limit is found on each in turn, by the others, so that it lets a new person's walk pass. With
    one it can only be found on what was kept of the same walk, and is too narrow for others.

    Args:
        learned: (N, W, F) unscaled windows of each log; only walking, see ``moving``.
        kept: likewise, of each log's end that was kept aside.
        scale: (F,) of the scaler.
    """
    parts, ends = ([summaries(windows, scale) for windows in group] for group in (learned, kept))
    if len(parts) > 1:
        method = METHOD_LOGS
        distances = [_distance(part, *_cloud(parts[:k] + parts[k + 1 :])) for k, part in enumerate(parts)]
    else:
        method = METHOD_END
        distances = [_distance(part, *_cloud(parts)) for part in ends]
    middle, whitening = _cloud(parts)
    return Familiarity(
        middle=tuple(middle.tolist()),
        whitening=tuple(map(tuple, whitening.tolist())),
        distance_limit=float(np.quantile(np.concatenate(distances), FAMILIAR_SHARE)),
        vigour_limit=float(np.quantile(_vigour(np.concatenate(parts + ends)), VIGOUR_SHARE)),
        method=method,
    )


def widened(
    familiarity: Familiarity | None, windows: npt.NDArray[np.floating], scale: Sequence[float]
) -> Familiarity | None:
    """Return limits that let 99 % of a user's own (N, W, F) walking windows pass; None stays None."""
    if familiarity is None or not len(windows):
        return familiarity
    summary = summaries(windows, scale)
    distance = _distance(summary, np.array(familiarity.middle), np.array(familiarity.whitening))
    return dataclasses.replace(
        familiarity,
        distance_limit=max(familiarity.distance_limit, float(np.quantile(distance, FAMILIAR_SHARE))),
        vigour_limit=max(familiarity.vigour_limit, float(np.quantile(_vigour(summary), FAMILIAR_SHARE))),
    )


def _cloud(parts: Sequence[FloatArray]) -> tuple[FloatArray, FloatArray]:
    """Return middle and whitening of (N, F) summaries."""
    summary = np.concatenate(parts)
    covariance = np.atleast_2d(np.cov(summary, rowvar=False))
    size = len(covariance)
    floor = SHRINKAGE * float(np.trace(covariance)) / size + LEAST_VARIANCE
    covariance = (1.0 - SHRINKAGE) * covariance + floor * np.eye(size)
    return summary.mean(axis=0), np.linalg.cholesky(np.linalg.inv(covariance))


def _distance(summary: FloatArray, middle: FloatArray, whitening: FloatArray) -> FloatArray:
    white = (summary - middle) @ whitening
    distance: FloatArray = np.sqrt(np.einsum("...j,...j->...", white, white))
    return distance


def _vigour(summary: FloatArray) -> FloatArray:
    vigour: FloatArray = np.exp(np.add.reduce(summary, axis=-1) / summary.shape[-1])
    return vigour
