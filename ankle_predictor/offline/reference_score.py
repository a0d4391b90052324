"""Scores models whose inputs only exist in recordings: those with the features of the reference."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ankle_imu_driver.recordings.recording import Recording
from ankle_predictor.model.engine import InferenceEngine
from ankle_predictor.offline.log_forecasts import EvaluationError, Span, forecast_log
from ankle_predictor.offline.log_score import BASELINE_STEPS, LogScore, Scored, score_moments
from ankle_predictor.offline.offline_reference import offline_table, truth_in_rows
from ankle_predictor.trust.scoring import due_times, truth_at


def score_reference(
    engine: InferenceEngine,
    recording: Recording,
    span: Span,
    sees_future: bool,
    on_progress: Callable[[float], None] = lambda _share: None,
) -> LogScore:
    """Score a model that cannot run live against the encoder; baselines, trust and the present angle stay unknown.

    Args:
        engine: of the model.
        recording: with an encoder.
        span: s from the recording's first sample.
        sees_future: whether to score as the reference's authors did, see ``offline_reference``.
        on_progress: called with the share that is done, 0 to 1.

    Raises:
        EvaluationError: there is no encoder, no forecast, or no sample of the encoder in the time that was forecast.
        OfflineReferenceError: the recording cannot be scored in the reference's way.
    """
    encoder, manifest = recording.encoder, engine.manifest
    if encoder is None:
        raise EvaluationError(
            f"{recording.name} has no encoder, and {engine.bundle.name} does not know the IMUs' angle"
        )
    table = offline_table(recording, manifest.features) if sees_future else None
    made = forecast_log(engine, recording, span, on_progress, table)
    if sees_future:
        truth = truth_in_rows(recording, made.stamp, manifest.horizon, span[1])
    else:
        truth = truth_at(
            encoder.stamp, encoder.angle, due_times(made.stamp, manifest.horizon, manifest.features.period)
        )
    unknown = np.full((len(made.stamp), min(BASELINE_STEPS, manifest.horizon)), np.nan)
    scored = Scored(made.stamp, made.forecast, truth, unknown, unknown, None, manifest.features.period)
    if not scored.known.any():
        raise EvaluationError(f"the encoder of {recording.name} has no sample in the time that was forecast")
    return score_moments(scored, "encoder", "score")
