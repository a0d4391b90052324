"""How far forecasts are from what then happened; angles in rad in, rad out unless a name says deg."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass

import numpy as np

from ankle_imu_driver.arrays import FloatArray
from ankle_predictor.estimation.filter_config import TIME_RESOLUTION
from ankle_predictor.model.row_buffer import RowBuffer

MAX_TRUTH_GAP = 0.1  # s: over a longer gap the truth between its two ends is not known


def due_times(stamp: FloatArray, horizon: int, period: float) -> FloatArray:
    """Return (N, H) times in s at which the steps of forecasts made at (N,) stamps are due."""
    return stamp[:, np.newaxis] + period * np.arange(1, horizon + 1)


def truth_at(stamp: FloatArray, angle: FloatArray, due: FloatArray, max_gap: float = MAX_TRUTH_GAP) -> FloatArray:
    """Interpolate the truth linearly.

    Args:
        stamp: (M,) rising, s.
        angle: (M,) rad; a NaN is a sample that is missing.
        due: times asked for, any shape, s.
        max_gap: s.

    Returns:
        The angle at each time, NaN before the first sample, after the last one and in a gap longer than ``max_gap``.
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
    """How well a number of forecasts did.

    Attributes:
        mae_by_step: (H,) mean absolute error of each step, rad.
        coverage: share of the truths inside their interval.
        windows: how many forecasts were scored.
    """

    mae_by_step: FloatArray
    coverage: float
    windows: int

    def mae_deg(self, steps: int) -> float:
        """Return the mean absolute error over steps 1 to ``steps`` in deg; NaN when the forecast is shorter."""
        if steps > len(self.mae_by_step):
            return math.nan
        return math.degrees(float(np.mean(self.mae_by_step[:steps])))


def score(angle: FloatArray, lower: FloatArray, upper: FloatArray, truth: FloatArray) -> Score:
    """Score (N, H) forecasts, with the ends of their intervals, against the (N, H) truth.

    Forecasts of which any step's truth is not known (NaN) are left out.
    """
    known = np.all(np.isfinite(truth), axis=1)
    angle, lower, upper, truth = angle[known], lower[known], upper[known], truth[known]
    if not len(angle):
        return Score(np.full(angle.shape[1], np.nan), math.nan, 0)
    inside = (truth >= lower) & (truth <= upper)
    return Score(np.mean(np.abs(angle - truth), axis=0), float(np.mean(inside)), len(angle))


class RecentError:
    """Error and coverage of every forecast step that came due in the last seconds, as the truth comes in."""

    def __init__(self, period: float, span: float = 10.0, max_gap: float = MAX_TRUTH_GAP) -> None:
        """Start with nothing known.

        Args:
            period: s between two steps of a forecast.
            span: s that are looked back on.
            max_gap: s; what came due inside a longer gap of the truth is not scored.
        """
        self._period = period
        self._span = span
        self._max_gap = max_gap
        self.reset()

    def reset(self) -> None:
        """Forget everything, as after a jump of the clock."""
        # A row is a forecast: when each of its steps is due, the angle, the ends of its interval.
        self._waiting: RowBuffer | None = None
        self._last = (math.nan, math.nan)
        self._scored: deque[tuple[float, FloatArray]] = deque()  # stamp and sums: errors, truths inside, how many
        self._sums = np.zeros(3)  # over all of _scored

    def push_forecast(self, stamp: float, angle: FloatArray, lower: FloatArray, upper: FloatArray) -> None:
        """Take a forecast of (H,) rad made at ``stamp``, with the ends of its interval."""
        horizon = len(angle)
        if self._waiting is None or self._waiting.rows.shape[1:] != (4, horizon):
            self._waiting = RowBuffer((4, horizon))
        waiting = self._waiting
        if len(waiting):  # without truth they would pile up
            waiting.drop(int(np.searchsorted(waiting.rows[:, 0, -1], stamp - self._span, "right")))
        waiting.append(np.array((stamp + self._period * np.arange(1, horizon + 1), angle, lower, upper)))

    def push_truth(self, stamp: float, angle: float) -> None:
        """Take the true angle (rad) at ``stamp``; a stamp that goes back starts over, a NaN is no truth."""
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
            self._sums[:] = 0.0  # nothing of the rounding stays

    def _score(self, waiting: FloatArray, before: float, before_angle: float) -> None:
        """Score what came due between the last two truths."""
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
    def value(self) -> float:
        """Mean absolute error in rad, NaN while nothing came due."""
        return float(self._sums[0] / self._sums[2]) if self._scored else math.nan

    @property
    def coverage(self) -> float:
        """Share of the truths inside their interval, NaN while nothing came due."""
        return float(self._sums[1] / self._sums[2]) if self._scored else math.nan
