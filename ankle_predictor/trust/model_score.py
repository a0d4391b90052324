"""How well a model forecasts a walk, beside persistence and beside the model in use, and when that is too bad."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from ankle_imu_driver.arrays import FloatArray, IntArray
from ankle_predictor.model.engine import PLAUSIBLE_ANGLE, InferenceEngine
from ankle_predictor.model.features import FeatureSpec, full_windows, interpolated
from ankle_predictor.model.forecast import Forecast, joined
from ankle_predictor.trust.reference_walk import Walk
from ankle_predictor.trust.scoring import due_times, truth_at

WINDOWS = 60  # windows of a walk that are judged, spread evenly over it
FEWEST = 20  # with fewer the walk is not judged
BATCH = 16
MOVING = math.radians(3.0)  # rad, standard deviation of the coming angle; standing says nothing about a gait
FACTOR, MARGIN = 1.25, 0.5  # clearly worse than another model: its error in deg times FACTOR plus MARGIN, or than
# persistence: its error plus MARGIN
FEWEST_COVERED = 0.1  # share of the angles inside an interval that claims 0.9; strangers' walks have 0.4 and more
LEAST_WIDTH = math.radians(0.1)  # rad, mean width of the interval at a step: less than the sensors' own noise


class WalkError(NamedTuple):
    """Errors of forecasts of one walk, mean absolute over all steps, in deg.

    Attributes:
        model: of the model that is tried.
        persistence: of the angle now as the forecast.
        in_use: of the model in use; NaN without one.
        coverage: share of the angles inside the interval of the model that is tried.
        seconds: length of the walk in s.
    """

    model: float
    persistence: float
    in_use: float
    coverage: float
    seconds: float


@dataclass(frozen=True)
class ModelScore:
    """What the trial of a model found.

    Attributes:
        reference: on the reference walk.
        wearer: on the wearer's last minute; None if there was too little walking in it.
    """

    reference: WalkError
    wearer: WalkError | None

    def problem(self) -> str:
        """Return why the model is not to be used, empty if it may be."""
        for where, error in self._walks():
            if error.model > FACTOR * error.in_use + MARGIN:
                return f"it is clearly worse than the model in use: {_sentence(where, error)}"
            is_better = error.model < error.in_use  # a model that does better than the one in use is no step back
            if error.model > error.persistence + MARGIN and not is_better:
                return f"it is clearly worse than no change at all: {_sentence(where, error)}"
        if self.reference.coverage < FEWEST_COVERED:
            return f"only {self.reference.coverage:.0%} of the angles of the reference walk are inside its intervals"
        return ""

    def sentence(self) -> str:
        """Return the figures as text for people."""
        return "; ".join(_sentence(where, error) for where, error in self._walks())

    def _walks(self) -> list[tuple[str, WalkError]]:
        walks = [("the reference walk", self.reference)]
        if self.wearer is not None:
            walks.insert(0, (f"the wearer's last {self.wearer.seconds:.0f} s", self.wearer))
        return walks


class UnusableForecastError(Exception):
    """A forecast that no ankle can follow; the message says how it is."""


def walk_error(engine: InferenceEngine, in_use: InferenceEngine | None, walk: Walk) -> WalkError | None:
    """Score a model on a walk; None if the walk has too little walking for the model's window.

    Raises:
        UnusableForecastError: a forecast is not finite, beyond an ankle's range, or outside its own interval.
    """
    spec, horizon = engine.manifest.features, engine.manifest.horizon
    if in_use is not None and not math.isclose(in_use.manifest.features.period, spec.period):
        in_use = None  # its steps are due at other times
    specs = [spec] if in_use is None else [spec, in_use.manifest.features]
    picked = _picked(walk, specs, horizon)
    if len(picked) < FEWEST:
        return None if in_use is None else walk_error(engine, None, walk)
    forecast = _forecast(engine, walk, picked)
    _check(forecast)
    other = None if in_use is None else _forecast(in_use, walk, picked)
    steps = horizon if in_use is None else min(horizon, in_use.manifest.horizon)
    truth = truth_at(walk.stamp, walk.angle, due_times(walk.stamp[picked], horizon, spec.period))
    inside = (truth >= forecast.lower) & (truth <= forecast.upper)
    return WalkError(
        _mean_deg(forecast.angle[:, :steps] - truth[:, :steps]),
        _mean_deg(walk.angle[picked, np.newaxis] - truth[:, :steps]),
        math.nan if other is None else _mean_deg(other.angle[:, :steps] - truth[:, :steps]),
        float(np.mean(inside)),
        float(walk.stamp[-1] - walk.stamp[0]),
    )


def _picked(walk: Walk, specs: list[FeatureSpec], horizon: int) -> IntArray:
    """Return the indices of the pairs whose forecasts are judged: full windows before the leg moved, evenly spread."""
    whole = full_windows(walk.stamp, max(specs, key=lambda spec: spec.window * spec.period))
    due = due_times(walk.stamp[whole], horizon, specs[0].period)
    truth = truth_at(walk.stamp, walk.angle, due)
    known = np.all(np.isfinite(truth), axis=1)
    moving: IntArray = whole[known][np.std(truth[known], axis=1) > MOVING]
    return moving[np.unique(np.linspace(0, len(moving) - 1, WINDOWS).round().astype(int))] if len(moving) else moving


def _forecast(engine: InferenceEngine, walk: Walk, picked: IntArray) -> Forecast:
    spec, rows = engine.manifest.features, walk.rows_for(engine.manifest.side)
    offsets = spec.period * np.arange(1 - spec.window, 1)
    batches = (picked[first : first + BATCH] for first in range(0, len(picked), BATCH))
    return joined(
        [engine.forecast_batch(interpolated(walk.stamp, rows, walk.stamp[b, np.newaxis] + offsets)) for b in batches]
    )


def _check(forecast: Forecast) -> None:
    """Refuse forecasts that no ankle can follow.

    Raises:
        UnusableForecastError: one is not finite, beyond an ankle's range or outside its interval, or has no interval.
    """
    ends = np.stack([forecast.lower, forecast.angle, forecast.upper])
    if not np.all(np.isfinite(ends)):
        raise UnusableForecastError("it forecasts angles that are not finite")
    if np.max(np.abs(ends)) > PLAUSIBLE_ANGLE:
        raise UnusableForecastError(
            f"it forecasts {math.degrees(np.max(np.abs(ends))):.0f} deg, which no ankle reaches"
        )
    if np.any(np.diff(ends, axis=0) < 0.0):
        raise UnusableForecastError("it forecasts angles outside their own interval")
    widths = np.mean(forecast.upper - forecast.lower, axis=0)
    if np.min(widths) < LEAST_WIDTH:
        raise UnusableForecastError(
            f"its interval is {math.degrees(np.min(widths)):.2f} deg wide, less than sensors' noise"
        )


def _mean_deg(off: FloatArray) -> float:
    return math.degrees(float(np.mean(np.abs(off))))


def _sentence(where: str, error: WalkError) -> str:
    in_use = "" if math.isnan(error.in_use) else f", the model in use {error.in_use:.1f}"
    return f"on {where} it is {error.model:.1f} deg off{in_use}, persistence {error.persistence:.1f}"
