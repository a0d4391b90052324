"""Measures whether a movement is one that the model forecasts as well as it promises.

While nothing is known of the wearer, this is judged by how similar the input window is to the walks that the model was
trained on. As forecasts come due, it is judged by their errors instead: what the model forecasts well is familiar, no
matter how it looks, and what it does not is unfamiliar, even if it looks like walking.

The summary of a window is the logarithm of each feature's standard deviation, relative to that in training. The mean of
a feature is not used, because the position of a strap shifts it. A window is unfamiliar for one of two reasons. Either
its features move in other proportions than in training: this is the Mahalanobis distance with a regularised covariance
(Ledoit and Wolf 2004), used for unfamiliar inputs as in Lee et al. 2018. Or the movement intensity, the geometric mean
over all features, is higher than it ever was in training. The second test is necessary because walks with pauses
stretch the distribution of the training along the direction "everything moves less", and running lies in the opposite
direction on the same line.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ankle_imu_driver.arrays import FloatArray
from ankle_predictor.estimation.gait import RESTING_RATE
from ankle_predictor.model.features import SEGMENT_FEATURES
from ankle_predictor.model.manifest import Familiarity

SHANK_RATE = SEGMENT_FEATURES.index("shank_gyro_y")
FOOT_RATE = SEGMENT_FEATURES.index("foot_gyro_y")
TURNING = 0.7  # rad/s, standard deviation of a segment's rate from which on it moves
LEAST_TOGETHER = 0.25  # correlation of both rates; 99 % of stairs down, the least of all gaits, have over 0.28
KNOWN_AFTER = 3.0  # s of forecasts that came due, after which only their errors count
MOST_SURPRISE = 1.1  # half widths, largest error of familiar movement; level walking has 0.2 to 0.5, stairs up to 1
FLOOR = 0.05  # share of the training's standard deviation that counts as no movement
SHRINKAGE = 0.003  # weight of the mean variance in the regularised covariance
FAMILIAR_SHARE = 0.99  # of the training windows that the distance was not fitted on
INTENSITY_SHARE = 0.999  # of all training windows
MIN_VARIANCE = 1e-6
METHOD_LOGS = "99 % of each person's windows, by the distance fitted on the other people"
METHOD_END = "99 % of the windows of the log's end, by the distance fitted on what came before"


def summaries(windows: npt.NDArray[np.floating], scale: Sequence[float] | FloatArray) -> FloatArray:
    """Return (..., F) summaries of (..., W, F) unscaled windows; ``scale`` is the (F,) scale of the scaler."""
    return _summary(spreads(windows), scale)


def spreads(windows: npt.NDArray[np.floating]) -> FloatArray:
    """Return the (..., F) standard deviations of each feature over (..., W, F) unscaled windows."""
    # The same as ``np.std`` in a third of the time: this runs for every sample.
    off = windows - np.add.reduce(windows, axis=-2, keepdims=True, dtype=np.float64) / windows.shape[-2]
    spread: FloatArray = np.sqrt(np.einsum("...ij,...ij->...j", off, off) / windows.shape[-2])
    return spread


def _summary(spread: FloatArray, scale: Sequence[float] | FloatArray) -> FloatArray:
    moved: FloatArray = np.log(spread / scale + FLOOR)
    return moved


def moving(windows: npt.NDArray[np.floating]) -> npt.NDArray[np.floating]:
    """Return the (N, W, F) windows of ``SEGMENT_FEATURES`` in which the leg moves.

    A log may begin with standing. If it were learned, standing would be as familiar as walking.
    """
    walking: npt.NDArray[np.floating] = windows[np.std(windows[:, :, SHANK_RATE], axis=1) >= RESTING_RATE]
    return walking


def apartness(window: FloatArray) -> float:
    """Return how little shank and foot turn together in a (W, F) window of ``SEGMENT_FEATURES``; up to 1 it is gait.

    It is 0 while neither of them moves.
    """
    off = window[:, (SHANK_RATE, FOOT_RATE)] - window[:, (SHANK_RATE, FOOT_RATE)].mean(axis=0)
    (shank, both), (_, foot) = off.T @ off / len(off)
    if max(shank, foot) < TURNING**2:
        return 0.0
    together = float(both / np.sqrt(shank * foot)) if min(shank, foot) > 0.0 else 0.0
    return (1.0 - together) / (1.0 - LEAST_TOGETHER)


def unfamiliarity(window: float, apart: float, surprise: float, experience: float) -> float:
    """Return how unfamiliar a movement is; up to 1 it is familiar.

    Args:
        window: how unfamiliar the window is, as ``FamiliarityScore`` says.
        apart: how little both segments turn together, as ``apartness`` says.
        surprise: error of the forecasts that came due lately, in half widths of the interval that the model promises to
            a new person; NaN before the first.
        experience: s of forecasts that came due.
    """
    unknown = max(0.0, 1.0 - experience / KNOWN_AFTER)
    score = max(window * unknown, apart)
    return score if np.isnan(surprise) else max(score, surprise / MOST_SURPRISE)


class FamiliarityScore:
    """Scores windows for one model."""

    def __init__(self, familiarity: Familiarity, scale: Sequence[float]) -> None:
        """Create the score from a bundle's familiarity and the (F,) ``scale`` of its scaler."""
        self._scale = np.asarray(scale)
        self._middle = np.array(familiarity.middle)
        self._whitening = np.array(familiarity.whitening) / familiarity.distance_limit
        self._intensity_limit = familiarity.vigour_limit

    def of(self, window: FloatArray) -> float:
        """Return how unfamiliar a (W, F) window of unscaled features is; up to 1 it is similar to the training."""
        summary = summaries(window, self._scale)
        distance = float(_distance(summary, self._middle, self._whitening))
        # Unlike ``max``, ``np.maximum`` returns NaN if one of them is NaN.
        return float(np.maximum(distance, _intensity(summary) / self._intensity_limit))


def familiarity_of(
    learned: Iterable[tuple[str, FloatArray]], kept: Sequence[FloatArray], scale: Sequence[float]
) -> Familiarity:
    """Fit the statistics of the training walks.

    With several people, the distance of each person's windows is computed with a fit on the other people: the limit
    then accepts the walk of a new person. With one person, the distance can only be computed on the held-out end of the
    same walks, and the limit is too narrow for other people. The fit on the others is the fit on all less the person's
    part (Chan, Golub and LeVeque 1979), so the cost grows with the walks and not with their square.

    Args:
        learned: the person of each log, and (N, F) ``spreads`` of its windows; only walking, see ``moving``. It is
            iterated over twice, and one log at a time is in memory.
        kept: (N, F) ``spreads`` of the held-out end of each log; only walking.
        scale: (F,) scale of the scaler.
    """
    people: dict[str, _Moments] = {}
    for person, spread in learned:
        own = _Moments.of(_summary(spread, scale))
        people[person] = people[person].plus(own) if person in people else own
    whole = functools.reduce(_Moments.plus, people.values())
    ends = [_summary(spread, scale) for spread in kept]
    several, distances, intensities = len(people) > 1, [], []
    fits = {person: whole.minus(own).distribution() for person, own in people.items()} if several else {}
    middle, whitening = whole.distribution()
    for person, spread in learned:
        summary = _summary(spread, scale)
        intensities.append(_intensity(summary))
        if several:
            distances.append(_distance(summary, *fits[person]))
    if not several:
        distances = [_distance(summary, middle, whitening) for summary in ends]
    return Familiarity(
        middle=tuple(middle.tolist()),
        whitening=tuple(map(tuple, whitening.tolist())),
        distance_limit=float(np.quantile(np.concatenate(distances), FAMILIAR_SHARE)),
        vigour_limit=float(np.quantile(np.concatenate([*intensities, *map(_intensity, ends)]), INTENSITY_SHARE)),
        method=METHOD_LOGS if several else METHOD_END,
    )


def widened(
    familiarity: Familiarity | None, windows: npt.NDArray[np.floating], scale: Sequence[float]
) -> Familiarity | None:
    """Return limits that accept 99 % of a user's own (N, W, F) walking windows; None stays None."""
    if familiarity is None or not len(windows):
        return familiarity
    summary = summaries(windows, scale)
    distance = _distance(summary, np.array(familiarity.middle), np.array(familiarity.whitening))
    return dataclasses.replace(
        familiarity,
        distance_limit=max(familiarity.distance_limit, float(np.quantile(distance, FAMILIAR_SHARE))),
        vigour_limit=max(familiarity.vigour_limit, float(np.quantile(_intensity(summary), FAMILIAR_SHARE))),
    )


@dataclass(frozen=True, eq=False)
class _Moments:
    """Number, (F,) mean and (F, F) scatter about it of summaries; can be joined and taken apart again."""

    count: int
    mean: FloatArray
    scatter: FloatArray

    @classmethod
    def of(cls, summary: FloatArray) -> _Moments:
        """Return those of (N, F) summaries; N may be 0."""
        mean = summary.mean(axis=0) if len(summary) else np.zeros(summary.shape[1])
        off = summary - mean
        return cls(len(summary), mean, off.T @ off)

    def plus(self, other: _Moments) -> _Moments:
        count = self.count + other.count
        if not self.count or not other.count:
            return self if self.count else other
        off = other.mean - self.mean
        mean = self.mean + off * (other.count / count)
        scatter = self.scatter + other.scatter + np.outer(off, off) * (self.count * other.count / count)
        return _Moments(count, mean, scatter)

    def minus(self, part: _Moments) -> _Moments:
        """Return those of the summaries without a part of them."""
        count = self.count - part.count
        if not count:
            return _Moments(0, np.zeros_like(self.mean), np.zeros_like(self.scatter))
        mean = self.mean + (self.mean - part.mean) * (part.count / count)
        off = part.mean - mean
        scatter = self.scatter - part.scatter - np.outer(off, off) * (part.count * count / self.count)
        return _Moments(count, mean, scatter)

    def distribution(self) -> tuple[FloatArray, FloatArray]:
        """Return the (F,) mean and the (F, F) whitening matrix."""
        covariance = self.scatter / max(self.count - 1, 1)
        size = len(covariance)
        floor = SHRINKAGE * float(np.trace(covariance)) / size + MIN_VARIANCE
        covariance = (1.0 - SHRINKAGE) * covariance + floor * np.eye(size)
        return self.mean, np.linalg.cholesky(np.linalg.inv(covariance))


def _distance(summary: FloatArray, middle: FloatArray, whitening: FloatArray) -> FloatArray:
    white = (summary - middle) @ whitening
    distance: FloatArray = np.sqrt(np.einsum("...j,...j->...", white, white))
    return distance


def _intensity(summary: FloatArray) -> FloatArray:
    intensity: FloatArray = np.exp(np.add.reduce(summary, axis=-1) / summary.shape[-1])
    return intensity
