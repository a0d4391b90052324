"""Measures a trained network: parity of its ONNX export, prediction intervals, and errors on data it never saw."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ankle_imu_driver.arrays import Float32Array, FloatArray, IntArray
from ankle_imu_driver.recordings.recording import EncoderSamples
from ankle_imu_driver.refusal import Refusal
from ankle_predictor.model.engine import InferenceEngine
from ankle_predictor.model.forecast import Forecast
from ankle_predictor.model.manifest import Intervals, Manifest, Metric
from ankle_predictor.offline.log_forecasts import WHOLE, Span, Timed, forecast_log
from ankle_predictor.offline.pipeline import FeatureTable
from ankle_predictor.trust.scoring import due_times, score, truth_at

PARITY = 1e-4  # rad, largest difference between Keras and ONNX
LEAST_WIDTH = 1e-4  # rad, smallest half width of an interval
LEVEL_HALVINGS = 12  # bisection steps in the search for a level, which is found to 1 / 40 000


class MeasurementError(Refusal):
    """A network that cannot be measured, or whose export is wrong; the message says why."""


def conformal_margins(residual: FloatArray, level: float) -> FloatArray:
    """Return for each step the distance from the forecast within which the truth lies in ``level`` of the cases.

    Split conformal prediction (Vovk et al. 2005): the ceil((n + 1) level)-th smallest absolute residual of examples
    that the network was not trained on. Neighbouring windows are alike, so the guarantee holds only approximately.

    Args:
        residual: (N, H) rad, truth less forecast.
        level: share of the truths that should lie inside.

    Returns:
        (H,) rad.
    """
    n = len(residual)
    rank = min(int(np.ceil((n + 1) * level)), n)
    margins: FloatArray = np.sort(np.abs(residual), axis=0)[rank - 1]
    return margins


def needed_stretch(forecast: Forecast, truth: FloatArray, level: float) -> FloatArray:
    """Return for each step the factor by which an interval must be widened to contain ``level`` of the truths.

    Split conformal prediction as in ``conformal_margins``, on the distance from the forecast in half widths.

    Args:
        forecast: (N, H).
        truth: (N, H) rad.
        level: share of the truths that should lie inside.

    Returns:
        (H,) factors.
    """
    return conformal_margins(in_half_widths(forecast, truth), level)


def in_half_widths(forecast: Forecast, truth: FloatArray) -> FloatArray:
    """Return the (N, H) distances of the truths from the forecast, in half widths of the interval on their side."""
    below = np.maximum(forecast.angle - forecast.lower, LEAST_WIDTH)
    above = np.maximum(forecast.upper - forecast.angle, LEAST_WIDTH)
    distance: FloatArray = np.maximum((forecast.angle - truth) / below, (truth - forecast.angle) / above)
    return distance


@dataclass(frozen=True, eq=False)
class ScoredForecasts:
    """Forecasts of data that the network was not trained on, with the truth.

    Attributes:
        log: the recording's name.
        start: s from the log's first sample, of the first forecast.
        end: s from the log's first sample, when the last step of the last forecast is due.
        forecast: (N, H), with the network's own interval.
        truth: (N, H) rad.
    """

    log: str
    start: float
    end: float
    forecast: Forecast
    truth: FloatArray


def network_forecasts(
    engine: InferenceEngine, truth: EncoderSamples, table: FeatureTable, recording: Timed, span: Span = WHOLE
) -> ScoredForecasts:
    """Forecast a span of a recording by the network alone, as for a wearer of whom nothing is known yet.

    Args:
        engine: of a network that was not trained on the span.
        truth: the angle that is forecast.
        table: the recording's features.
        recording: the walk.
        span: s from the log's first sample.

    Raises:
        EvaluationError: the span contains no forecast.
        MeasurementError: the truth is not known in the span.
    """
    manifest = dataclasses.replace(engine.manifest, memory=None)
    alone = InferenceEngine(dataclasses.replace(engine.bundle, manifest=manifest))
    return _scored(alone, truth, table, recording, span)


def live_metric(  # noqa: PLR0917 - each is another thing
    engine: InferenceEngine,
    truth: EncoderSamples,
    table: FeatureTable,
    recording: Timed,
    role: str,
    span: Span = WHOLE,
) -> Metric:
    """Score what the node forecasts in a span, with all that it learns of the wearer on the way.

    Args:
        engine: of a network that was not trained on the span.
        truth: the angle that is forecast.
        table: the recording's features.
        recording: the walk.
        role: what the span is to the training, for people.
        span: s from the log's first sample.

    Raises:
        EvaluationError: the span contains no forecast.
        MeasurementError: the truth is not known in the span.
    """
    part = _scored(engine, truth, table, recording, span)
    result = score(part.forecast.angle, part.forecast.lower, part.forecast.upper, part.truth)
    h50 = result.mae_deg(50)
    return Metric(
        log=part.log,
        start=part.start,
        end=part.end,
        role=role,
        windows=result.windows,
        mae_h20_deg=result.mae_deg(20),
        mae_h50_deg=h50 if math.isfinite(h50) else None,
        coverage_90=result.coverage,
    )


def _scored(
    engine: InferenceEngine, truth: EncoderSamples, table: FeatureTable, recording: Timed, span: Span
) -> ScoredForecasts:
    found = forecast_log(engine, recording, span, table=table)
    features, horizon = engine.manifest.features, engine.manifest.horizon
    later = truth_at(truth.stamp, truth.angle, due_times(found.stamp, horizon, features.period))
    known = np.all(np.isfinite(later), axis=1)
    if not known.any():
        raise MeasurementError(f"the true angle of {recording.name} is not known at the times that were forecast")
    stamp = found.stamp[known] - recording.start
    end = float(stamp[-1]) + horizon * features.period
    return ScoredForecasts(recording.name, float(stamp[0]), end, found.forecast.at(known), later[known])


def level_for_new_people(people: Sequence[FloatArray], level: float) -> float:
    """Return the level of intervals on known people that contains ``level`` of a new person's truths.

    People differ, and only a few are known, so intervals that contain 90 % of their truths contain less of a new
    person's. To find out how much less, each person is left out in turn. The level is raised until the left-out people
    are covered as asked, on average. With one person this is unknown, and the level stays as it is.

    Args:
        people: (N, H) distances of the truths from the forecasts for each person, in half widths of the interval.
        level: share of a new person's truths that should lie inside.
    """
    if len(people) < 2:
        return level
    owner = np.repeat(np.arange(len(people)), [len(rows) for rows in people])
    steps = [_LeaveOneOut(column, owner, len(people)) for column in np.concatenate(people).T]

    def coverage(tried: float) -> float:
        inside = np.sum([step.covered(tried) for step in steps], axis=0)
        return float(np.mean([share / rows.size for share, rows in zip(inside, people, strict=True)]))

    low, high = level, 1.0
    if coverage(low) >= level:
        return low
    for _ in range(LEVEL_HALVINGS):
        middle = (low + high) / 2.0
        low, high = (low, middle) if coverage(middle) >= level else (middle, high)
    return high


class _LeaveOneOut:
    """One step's distances of all people, sorted once, from which any person can be left out without sorting again."""

    def __init__(self, distance: FloatArray, owner: IntArray, people: int) -> None:
        """Sort (N,) distances, each of the person with the number ``owner``."""
        order = np.argsort(distance, kind="stable")
        self._sorted = distance[order]
        by_owner = np.argsort(owner[order], kind="stable")
        counts = np.bincount(owner, minlength=people)
        self._places = np.split(by_owner, np.cumsum(counts)[:-1])  # of each person's distances among all, rising

    def covered(self, level: float) -> IntArray:
        """Return for each person how many of their distances the margin at a level of all the others contains."""
        total = len(self._sorted)
        found = []
        for places in self._places:
            others = total - len(places)
            rank = min(math.ceil((others + 1) * level), others) - 1
            # Of the person's own distances, those come before the margin that have at most ``rank`` others before them.
            before = int(np.searchsorted(places - np.arange(len(places)), rank, side="right"))
            margin = self._sorted[rank + before]
            found.append(int(np.searchsorted(self._sorted[places], margin, side="right")))
        return np.array(found)


def check_parity(engine: InferenceEngine, expected: Float32Array, windows: FloatArray) -> None:
    """Compare the outputs of ONNX and Keras for the same windows.

    Args:
        engine: of the exported network.
        expected: (N, H, 3) rad, by Keras.
        windows: (N, W, F) unscaled.

    Raises:
        MeasurementError: they differ.
    """
    raw = engine.raw(windows)
    difference = float(np.max(np.abs(raw.reshape(expected.shape) - expected)))
    if not difference <= PARITY:
        raise MeasurementError(f"the exported network is {difference:.1e} rad off the trained one; nothing was written")


def with_intervals(
    manifest: Manifest, distances: Sequence[tuple[str, FloatArray]], level: float, method: str
) -> Manifest:
    """Return the manifest with intervals filled in.

    Args:
        manifest: of the new model.
        distances: the person of each log, and the (N, H) distances of the truths from forecasts by a network that was
            not trained on this person or time, in half widths of the interval.
        level: share of a new person's truths that the intervals should contain.
        method: how the intervals were computed, for people.
    """
    people: dict[str, list[FloatArray]] = {}
    for person, rows in distances:
        people.setdefault(person, []).append(rows)
    joined_rows = [np.concatenate(rows) for rows in people.values()]
    stretch = conformal_margins(np.concatenate(joined_rows), level_for_new_people(joined_rows, level))
    intervals = Intervals(level, (0.0,) * manifest.horizon, method, tuple(stretch.tolist()))
    return dataclasses.replace(manifest, intervals=intervals)
