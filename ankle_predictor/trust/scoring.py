"""Errors of forecasts against the true angle; all angles in rad unless a name says deg."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass

import numpy as np

from ankle_imu_driver.arrays import FloatArray
from ankle_predictor.estimation.filter_config import TIME_RESOLUTION
from ankle_predictor.model.row_buffer import RowBuffer

MAX_TRUTH_GAP = 0.1  # s: longer gaps of the truth are not interpolated
MISS = 2.0 / 0.1  # weight of a true value outside the 90 % interval (Gneiting and Raftery 2007, equation 43)


def due_times(stamp: FloatArray, horizon: int, period: float) -> FloatArray:
    """Return the (N, H) times in s at which the steps of forecasts made at (N,) stamps are due."""
    return stamp[:, np.newaxis] + period * np.arange(1, horizon + 1)


def truth_at(stamp: FloatArray, angle: FloatArray, due: FloatArray, max_gap: float = MAX_TRUTH_GAP) -> FloatArray:
    """Interpolate the true angle linearly.

    Args:
        stamp: (M,) increasing times of the samples in s.
        angle: (M,) rad; NaN marks a missing sample.
        due: times in s, of any shape.
        max_gap: longest gap in s that is interpolated.

    Returns:
        The angle at each time; NaN before the first sample, after the last one and in a gap longer than ``max_gap``.
    """
    known = np.isfinite(angle)
    if not known.all():
        stamp, angle = stamp[known], angle[known]
    if len(stamp) < 2:
        return np.full(due.shape, np.nan)
    after = np.minimum(np.maximum(np.searchsorted(stamp, due), 1), len(stamp) - 1)
    gap = stamp[after] - stamp[after - 1]
    seen = (due >= stamp[0]) & (due <= stamp[-1]) & (gap <= max_gap + TIME_RESOLUTION)
    return np.where(seen, np.interp(due, stamp, angle), np.nan)


@dataclass(frozen=True, eq=False)
class Score:
    """Accuracy of a number of forecasts.

    Attributes:
        mae_by_step: (H,) mean absolute error of each step, rad.
        coverage: share of the true angles inside their interval.
        windows: number of forecasts that were scored.
        width: mean width of the interval, rad.
        interval_score: mean interval score, rad: the width plus ``MISS`` times the distance of a true angle that lies
            outside. Smaller is better; it rewards intervals that are narrow and hold.
    """

    mae_by_step: FloatArray
    coverage: float
    windows: int
    width: float = math.nan
    interval_score: float = math.nan

    def mae_deg(self, steps: int) -> float:
        """Return the mean absolute error over steps 1 to ``steps`` in deg; NaN if the forecast is shorter."""
        if steps > len(self.mae_by_step):
            return math.nan
        return math.degrees(float(np.mean(self.mae_by_step[:steps])))


def score(angle: FloatArray, lower: FloatArray, upper: FloatArray, truth: FloatArray) -> Score:
    """Score (N, H) forecasts and the ends of their intervals against the (N, H) true angles.

    A forecast is left out if the true angle of any of its steps is unknown (NaN).
    """
    known = np.all(np.isfinite(truth), axis=1)
    angle, lower, upper, truth = angle[known], lower[known], upper[known], truth[known]
    if not len(angle):
        return Score(np.full(angle.shape[1], np.nan), math.nan, 0)
    inside = (truth >= lower) & (truth <= upper)
    width = float(np.mean(upper - lower))
    miss = float(np.mean(np.maximum(lower - truth, 0.0) + np.maximum(truth - upper, 0.0)))
    error = np.mean(np.abs(angle - truth), axis=0)
    return Score(error, float(np.mean(inside)), len(angle), width, width + MISS * miss)


class RecentError:
    """Error and coverage of all forecast steps that were due in the last seconds, updated with each true angle."""

    def __init__(self, period: float, span: float = 10.0, max_gap: float = MAX_TRUTH_GAP) -> None:
        """Create an empty score.

        Args:
            period: time in s between two steps of a forecast.
            span: length in s of the time that is averaged.
            max_gap: steps that are due inside a longer gap of the truth, in s, are not scored.
        """
        self._period = period
        self._span = span
        self._max_gap = max_gap
        self.reset()

    def reset(self) -> None:
        """Remove everything, for example after a jump of the clock."""
        # One row for each forecast: the times at which its steps are due, the angles, the ends of the interval.
        self._waiting: RowBuffer | None = None
        self._last = (math.nan, math.nan)
        self._scored: deque[tuple[float, FloatArray]] = (
            deque()
        )  # stamp and sums: errors, angles inside the interval, steps
        self._sums = np.zeros(3)  # total of _scored

    def push_forecast(self, stamp: float, angle: FloatArray, lower: FloatArray, upper: FloatArray) -> None:
        """Add a forecast of (H,) rad made at ``stamp`` s, with the ends of its interval."""
        horizon = len(angle)
        if self._waiting is None or self._waiting.rows.shape[1:] != (4, horizon):
            self._waiting = RowBuffer((4, horizon))
        waiting = self._waiting
        if len(waiting):  # bounds the memory if no true angle ever comes
            waiting.drop(int(np.searchsorted(waiting.rows[:, 0, -1], stamp - self._span, "right")))
        waiting.append(np.array((stamp + self._period * np.arange(1, horizon + 1), angle, lower, upper)))

    def push_truth(self, stamp: float, angle: float) -> None:
        """Add the true angle in rad at ``stamp`` s. NaN is ignored; a stamp that goes back removes everything first."""
        if not math.isfinite(angle):
            return
        before, before_angle = self._last
        if stamp <= before:
            self.reset()
            before = math.nan
        self._last = (stamp, angle)
        if self._waiting is not None:
            if stamp - before <= self._max_gap + TIME_RESOLUTION:
                self._score(self._waiting.rows, before, before_angle)
            self._waiting.drop(int(np.searchsorted(self._waiting.rows[:, 0, -1], stamp, "right")))
        while self._scored and self._scored[0][0] <= stamp - self._span:
            self._sums -= self._scored.popleft()[1]
        if not self._scored:
            self._sums[:] = 0.0  # removes rounding errors

    def _score(self, waiting: FloatArray, before: float, before_angle: float) -> None:
        """Score the steps that were due between the last two true angles."""
        stamp, angle = self._last
        due = waiting[:, 0]
        now = (due > before) & (due <= stamp)
        if not now.any():
            return
        due, forecast, lower, upper = waiting.transpose(1, 0, 2)[:, now]
        truth = before_angle + (angle - before_angle) * (due - before) / (stamp - before)
        inside = np.sum((truth >= lower) & (truth <= upper))
        sums = np.array([np.sum(np.abs(forecast - truth)), inside, len(truth)])
        self._scored.append((stamp, sums))
        self._sums += sums

    @property
    def pending(self) -> int:
        """Number of forecasts that wait for true angles."""
        return 0 if self._waiting is None else len(self._waiting)

    @property
    def value(self) -> float:
        """Mean absolute error in rad; NaN if no step was scored."""
        return float(self._sums[0] / self._sums[2]) if self._scored else math.nan

    @property
    def coverage(self) -> float:
        """Share of the true angles inside their interval; NaN if no step was scored."""
        return float(self._sums[1] / self._sums[2]) if self._scored else math.nan
