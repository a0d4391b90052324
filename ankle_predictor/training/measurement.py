"""What a freshly trained network can do: its parity with ONNX, its intervals, its errors on what was kept aside."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ankle_imu_driver.arrays import Float32Array, FloatArray
from ankle_imu_driver.recordings.recording import Recording
from ankle_imu_driver.refusal import Refusal
from ankle_predictor.model.engine import InferenceEngine
from ankle_predictor.model.forecast import Forecast, joined
from ankle_predictor.model.manifest import Intervals, Manifest, Metric
from ankle_predictor.offline.log_forecasts import WHOLE, Span, forecast_log
from ankle_predictor.offline.pipeline import FeatureTable
from ankle_predictor.trust.scoring import due_times, score, truth_at

PARITY = 1e-4  # rad, largest difference between Keras and ONNX
LEAST_WIDTH = 1e-4  # rad, of half an interval
LEVEL_HALVINGS = 12  # of the search for a level: it is found to 1 / 40 000


class MeasurementError(Refusal):
    """A network that is not what it should be; the message says why."""


def conformal_margins(residual: FloatArray, level: float) -> FloatArray:
    """Return per step how far the truth lies from the forecast in ``level`` of the cases.

    Split conformal prediction (Vovk et al. 2005): the ceil((n + 1) level)-th smallest absolute residual of examples
    that the weights never saw. Neighbouring windows are alike, so that the guarantee is a rule of thumb here.

    Args:
        residual: (N, H) truth less forecast.
        level: share of the truths that should lie inside.
    """
    n = len(residual)
    rank = min(int(np.ceil((n + 1) * level)), n)
    margins: FloatArray = np.sort(np.abs(residual), axis=0)[rank - 1]
    return margins


def needed_stretch(forecast: Forecast, truth: FloatArray, level: float) -> FloatArray:
    """Return per step by what an interval's half widths are to be multiplied to hold ``level`` of the truths.

    Split conformal prediction as above, of the distance from the forecast in half widths.

    Args:
        forecast: (N, H).
        truth: (N, H) rad.
        level: share of the truths that should lie inside.
    """
    return conformal_margins(_in_half_widths(forecast, truth), level)


def _in_half_widths(forecast: Forecast, truth: FloatArray) -> FloatArray:
    """Return (N, H) how far the truths lie from the forecast, in half widths of the interval on their side."""
    below = np.maximum(forecast.angle - forecast.lower, LEAST_WIDTH)
    above = np.maximum(forecast.upper - forecast.angle, LEAST_WIDTH)
    distance: FloatArray = np.maximum((forecast.angle - truth) / below, (truth - forecast.angle) / above)
    return distance


@dataclass(frozen=True, eq=False)
class Judged:
    """Forecasts of a span that the network never saw.

    Attributes:
        log: the recording's name.
        start: s from its first sample, of the first forecast.
        end: s from its first sample, when the last step of the last forecast is due.
        forecast: (N, H), with the network's own interval.
        truth: (N, H) rad.
    """

    log: str
    start: float
    end: float
    forecast: Forecast
    truth: FloatArray


def judged(engine: InferenceEngine, recording: Recording, table: FeatureTable, span: Span = WHOLE) -> Judged:
    """Let the live code forecast a span of a recording, memory and all.

    Raises:
        EvaluationError: no forecast lies in the span.
        MeasurementError: there is no encoder in it.
    """
    found = forecast_log(engine, recording, span, table=table)
    features, horizon = engine.manifest.features, engine.manifest.horizon
    encoder = recording.encoder
    if encoder is None:
        raise MeasurementError(f"{recording.name} has no encoder, so nothing is measured on it")
    truth = truth_at(encoder.stamp, encoder.angle, due_times(found.stamp, horizon, features.period))
    known = np.all(np.isfinite(truth), axis=1)
    if not known.any():
        raise MeasurementError(f"the encoder of {recording.name} says nothing of what was forecast")
    stamp = found.stamp[known] - recording.start
    end = float(stamp[-1]) + horizon * features.period
    return Judged(recording.name, float(stamp[0]), end, found.forecast.at(known), truth[known])


def level_for_strangers(parts: Sequence[Judged], level: float) -> float:
    """Return the level at which intervals have to be made of some people to hold ``level`` of another's truths.

    People differ more than the moments of one do, and there are few, so that what holds 90 % of theirs holds less of a
    stranger's. By how much is seen by leaving each of them out in turn; the level is raised until the mean over those
    who were left out is as asked. With one person there is no telling.
    """
    if len(parts) < 2:
        return level
    distances = [_in_half_widths(part.forecast, part.truth) for part in parts]
    others = [np.sort(np.concatenate(distances[:k] + distances[k + 1 :]), axis=0) for k in range(len(parts))]

    def held(tried: float) -> float:
        margins = (rows[min(math.ceil((len(rows) + 1) * tried), len(rows)) - 1] for rows in others)
        return float(np.mean([np.mean(own <= margin) for own, margin in zip(distances, margins, strict=True)]))

    low, high = level, 1.0
    if held(low) >= level:
        return low
    for _ in range(LEVEL_HALVINGS):
        middle = (low + high) / 2.0
        low, high = (low, middle) if held(middle) >= level else (middle, high)
    return high


def check_parity(engine: InferenceEngine, said: Float32Array, windows: FloatArray) -> None:
    """Compare what ONNX says with what Keras said of the same windows.

    Args:
        engine: on the exported network.
        said: (N, H, 3) rad, by Keras.
        windows: (N, W, F) unscaled.

    Raises:
        MeasurementError: they differ.
    """
    raw = engine.raw(windows)
    off = float(np.max(np.abs(raw.reshape(said.shape) - said)))
    if not off <= PARITY:
        raise MeasurementError(f"the exported network is {off:.1e} rad off the trained one; nothing was written")


def measured(manifest: Manifest, parts: Sequence[Judged], level: float, method: str, role: str) -> Manifest:
    """Fill the manifest's intervals and metrics in.

    Args:
        manifest: of the new model.
        parts: forecasts of people or times that the networks behind them never saw.
        level: that the intervals are to have for somebody unknown.
        method: how the intervals come about, for people.
        role: what the forecasts were, for people.
    """
    everything = joined([part.forecast for part in parts])
    truth = np.concatenate([part.truth for part in parts])
    stretch = needed_stretch(everything, truth, level_for_strangers(parts, level))
    metrics = []
    for part in parts:
        angle = part.forecast.angle
        lower = angle - (angle - part.forecast.lower) * stretch
        upper = angle + (part.forecast.upper - angle) * stretch
        result = score(angle, lower, upper, part.truth)
        h50 = result.mae_deg(50)
        metrics.append(
            Metric(
                log=part.log,
                start=part.start,
                end=part.end,
                role=role,
                windows=result.windows,
                mae_h20_deg=result.mae_deg(20),
                mae_h50_deg=h50 if math.isfinite(h50) else None,
                coverage_90=result.coverage,
            )
        )
    intervals = Intervals(level, (0.0,) * manifest.horizon, method, tuple(stretch.tolist()))
    return dataclasses.replace(manifest, intervals=intervals, metrics=tuple(metrics))
