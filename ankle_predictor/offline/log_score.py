"""Scores of a log's forecasts, and of the angle they start from, against the encoder."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from ankle_imu_driver.arrays import FloatArray
from ankle_imu_driver.recordings.recording import EncoderSamples, Recording
from ankle_predictor.model.engine import InferenceEngine
from ankle_predictor.offline.log_forecasts import EvaluationError, LogForecasts
from ankle_predictor.trust.scoring import Score, due_times, score, truth_at


@dataclass(frozen=True, eq=False)
class LogScore:
    """Scores of a model on one log.

    Attributes:
        forecasts: scores of the forecasts.
        angle_mae: rad, mean absolute error of the present ankle angle over all pairs of the span; NaN if unknown.
    """

    forecasts: Score
    angle_mae: float

    def to_json(self) -> dict[str, Any]:
        """Return the figures in deg; null where the forecast is too short for a figure."""
        result = self.forecasts
        return {
            "mae_h20_deg": _or_null(result.mae_deg(20)),
            "mae_h50_deg": _or_null(result.mae_deg(50)),
            "mae_by_step_deg": np.degrees(result.mae_by_step).tolist(),
            "angle_mae_deg": _or_null(math.degrees(self.angle_mae)),
            "coverage_90": result.coverage,
            "windows": result.windows,
        }


def encoder_of(recording: Recording) -> EncoderSamples:
    """Return a recording's encoder samples.

    Raises:
        EvaluationError: it has none.
    """
    if recording.encoder is None:
        raise EvaluationError(f"{recording.name} has no encoder, so there is nothing to score a forecast against")
    return recording.encoder


def score_log(
    engine: InferenceEngine, recording: Recording, forecasts: LogForecasts, truth: FloatArray | None = None
) -> LogScore:
    """Score forecasts and the present angle against the encoder.

    Args:
        engine: the model that made the forecasts.
        recording: with an encoder.
        forecasts: of the recording.
        truth: (N, H) rad; None for the encoder's angle at the time when each step is due.

    Raises:
        EvaluationError: the recording has no encoder, or no encoder sample in the time that was forecast.
    """
    encoder = encoder_of(recording)
    if truth is None:
        due = due_times(forecasts.stamp, engine.manifest.horizon, engine.manifest.features.period)
        truth = truth_at(encoder.stamp, encoder.angle, due)
    forecast = forecasts.forecast
    result = score(forecast.angle, forecast.lower, forecast.upper, truth)
    if not result.windows:
        raise EvaluationError(f"the encoder of {recording.name} has no sample in the time that was forecast")
    error = np.abs(forecasts.pair_angle - truth_at(encoder.stamp, encoder.angle, forecasts.pair_stamp))
    known = error[np.isfinite(error)]
    return LogScore(result, float(np.mean(known)) if len(known) else math.nan)


def _or_null(value: float) -> float | None:
    return value if math.isfinite(value) else None
