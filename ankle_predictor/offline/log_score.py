"""Scores of a model on one log: its forecasts, its intervals, how calm it is, and what simple baselines would do.

The true angle is the encoder's, or the IMUs' own later angle: the causal angle at the time when a step is due, as the
live score takes it where there is no encoder.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from ankle_imu_driver.arrays import BoolArray, FloatArray
from ankle_imu_driver.recordings.recording import Recording
from ankle_predictor.estimation.filter_config import TIME_RESOLUTION
from ankle_predictor.model.forecast import Forecast
from ankle_predictor.model.manifest import Manifest
from ankle_predictor.offline.baselines import PERIOD, last_stride_repeated, persistence
from ankle_predictor.offline.live_run import LiveRun
from ankle_predictor.offline.log_forecasts import EvaluationError, Span, no_forecast
from ankle_predictor.trust.calmness import changes, roughness
from ankle_predictor.trust.scoring import Score, due_times, score, truth_at
from ankle_predictor.trust.status import Status

Labels = Literal["imu", "encoder"]
Curve = tuple[FloatArray, FloatArray]
"""(M,) stamps in s and (M,) angles in rad."""

ROUGHNESS_STEP = 20  # the step whose curve over time is judged: 200 ms ahead, where controllers look
BASELINE_STEPS = 50


@dataclass(frozen=True, eq=False)
class Scored:
    """Forecasts of one log and what came true, moment by moment.

    Attributes:
        stamp: (N,) s, of each forecast's newest pair.
        forecast: angle and interval, (N, H) each.
        truth: (N, H) rad, when each step was due; NaN where it is not known.
        persistence: (N, B) rad, the present angle kept; B is at most H and ``BASELINE_STEPS``.
        last_stride: (N, B) rad, the last stride repeated; NaN where it cannot be computed.
        unfamiliar: (N,) whether the predictor called the moment unfamiliar; None if it was not asked.
        period: s between two steps.
    """

    stamp: FloatArray
    forecast: Forecast
    truth: FloatArray
    persistence: FloatArray
    last_stride: FloatArray
    unfamiliar: BoolArray | None
    period: float

    def at(self, chosen: BoolArray | npt.NDArray[np.int64]) -> Scored:
        """Return the moments that a mask or an index selects."""
        return Scored(
            self.stamp[chosen],
            self.forecast.at(chosen),
            self.truth[chosen],
            self.persistence[chosen],
            self.last_stride[chosen],
            None if self.unfamiliar is None else self.unfamiliar[chosen],
            self.period,
        )

    @property
    def known(self) -> BoolArray:
        """(N,) whether the true angle of every step is known."""
        known: BoolArray = np.all(np.isfinite(self.truth), axis=1)
        return known


@dataclass(frozen=True, eq=False)
class LogScore:
    """Scores of a model on one log; NaN for what is not known.

    Attributes:
        label: where the true angle comes from.
        encoder_role: what the encoder was used for.
        forecasts: scores of the forecasts.
        persistence: scores of the present angle kept, without an interval.
        last_stride: scores of the last stride repeated, without an interval.
        angle_mae: rad, mean absolute error of the present ankle angle over all pairs of the span.
        unfamiliar_share: of the forecasts.
        withheld_share: share of the pairs for which no forecast was published.
        change: rad, mean change of the forecast for one and the same time from tick to tick.
        change_p99: rad, its 99th percentile.
        roughness: rad, root mean square of the second difference, tick by tick, of the forecast 200 ms ahead.
        roughness_truth: rad, the same of the true angle at the same times.
    """

    label: Labels
    encoder_role: str
    forecasts: Score
    persistence: Score
    last_stride: Score
    angle_mae: float = math.nan
    unfamiliar_share: float = math.nan
    withheld_share: float = math.nan
    change: float = math.nan
    change_p99: float = math.nan
    roughness: float = math.nan
    roughness_truth: float = math.nan

    def to_json(self) -> dict[str, Any]:
        """Return the figures; null for what is not known."""
        result = self.forecasts
        figures = {
            "mae_h20_deg": result.mae_deg(20),
            "mae_h50_deg": result.mae_deg(50),
            "angle_mae_deg": math.degrees(self.angle_mae),
            "coverage_90": result.coverage,
            "width_90_deg": math.degrees(result.width),
            "interval_score_deg": math.degrees(result.interval_score),
            "persistence_h20_deg": self.persistence.mae_deg(20),
            "persistence_h50_deg": self.persistence.mae_deg(50),
            "last_stride_h20_deg": self.last_stride.mae_deg(20),
            "last_stride_h50_deg": self.last_stride.mae_deg(50),
            "unfamiliar_share": self.unfamiliar_share,
            "withheld_share": self.withheld_share,
            "change_per_tick_deg": math.degrees(self.change),
            "change_p99_deg": math.degrees(self.change_p99),
            "roughness_200ms_deg": math.degrees(self.roughness),
            "roughness_200ms_truth_deg": math.degrees(self.roughness_truth),
        }
        return {
            "label": self.label,
            "encoder_role": self.encoder_role,
            **{name: value if math.isfinite(value) else None for name, value in figures.items()},
            "mae_by_step_deg": np.degrees(result.mae_by_step).tolist(),
            "windows": result.windows,
        }


def labels_for(recording: Recording, asked: Labels | None) -> Labels:
    """Return where the true angle comes from: as asked, otherwise the encoder if there is one.

    Raises:
        EvaluationError: the encoder is asked for, and the recording has none.
    """
    if asked == "encoder" and recording.encoder is None:
        raise EvaluationError(
            f"{recording.name} has no encoder, so there is nothing to score a forecast against; use --labels imu"
        )
    return asked or ("imu" if recording.encoder is None else "encoder")


def true_curve(recording: Recording, labels: Labels, stamp: FloatArray, angle: FloatArray) -> Curve:
    """Return the true angle over time.

    Args:
        recording: with an encoder, if that is the label.
        labels: where the true angle comes from.
        stamp: (M,) s, of the pairs.
        angle: (M,) rad, the IMUs' angle at each pair.
    """
    if labels == "imu":
        return stamp, angle
    assert recording.encoder is not None
    return recording.encoder.stamp, recording.encoder.angle


def scored_run(run: LiveRun, truth: Curve, period: float) -> Scored:
    """Put a run's forecasts beside what came true, and beside the baselines."""
    stamp, horizon = run.stamp[run.made], run.forecast.angle.shape[1]
    steps = min(BASELINE_STEPS, horizon)
    known = np.isfinite(run.angle)
    kept = persistence(run.angle[run.made], steps)
    repeated = np.full_like(kept, np.nan)
    if math.isclose(period, PERIOD):  # the last stride is repeated in steps of 10 ms only
        repeated = last_stride_repeated(stamp, run.stamp[known], run.pitch[known], run.angle[known], steps)
    return Scored(
        stamp,
        run.forecast,
        truth_at(*truth, due_times(stamp, horizon, period)),
        kept,
        repeated,
        (run.status[run.made] & Status.UNFAMILIAR) != 0,
        period,
    )


def score_run(manifest: Manifest, recording: Recording, run: LiveRun, labels: Labels, span: Span) -> LogScore:
    """Score what the predictor did with a recording.

    Args:
        manifest: of the model.
        recording: with an encoder, if that is the label.
        run: of the recording.
        labels: where the true angle comes from.
        span: s from the recording's first sample: start of the first forecast, end of the last forecast's last step.

    Raises:
        EvaluationError: the span has no forecast, or nothing is known of what came true.
    """
    period = manifest.features.period
    truth = true_curve(recording, labels, run.stamp, run.angle)
    since = run.stamp - recording.start
    inside = (since >= span[0]) & (since + manifest.horizon * period <= span[1] + TIME_RESOLUTION)
    scored = scored_run(run, truth, period).at(inside[run.made])
    if not len(scored.stamp):
        raise EvaluationError(no_forecast(manifest, recording, span))
    if not scored.known.any():
        whose = "the encoder" if labels == "encoder" else "the IMUs' angle"
        raise EvaluationError(f"{whose} of {recording.name} has no sample in the time that was forecast")
    pairs = (since >= span[0]) & (since <= span[1])
    return score_moments(
        scored,
        labels,
        run.encoder_role,
        angle_mae=angle_error(run.stamp[pairs], run.angle[pairs], truth) if labels == "encoder" else math.nan,
        withheld_share=1.0 - float(np.mean(run.published[inside])),
    )


def score_moments(
    scored: Scored, labels: Labels, encoder_role: str, angle_mae: float = math.nan, withheld_share: float = math.nan
) -> LogScore:
    """Score forecasts and baselines at the moments at which the true angle of every step is known."""
    chosen = scored.at(scored.known)
    forecast, truth = chosen.forecast, chosen.truth
    change = changes(scored.stamp, scored.forecast.angle, scored.period)
    curve = [math.nan, math.nan]
    if truth.shape[1] >= ROUGHNESS_STEP:
        curve = [roughness(chosen.stamp, values[:, ROUGHNESS_STEP - 1]) for values in (forecast.angle, truth)]
    return LogScore(
        labels,
        encoder_role,
        score(forecast.angle, forecast.lower, forecast.upper, truth),
        _point_score(chosen.persistence, truth),
        _point_score(chosen.last_stride, truth),
        angle_mae=angle_mae,
        unfamiliar_share=_mean(chosen.unfamiliar),
        withheld_share=withheld_share,
        change=_mean(change),
        change_p99=float(np.quantile(change, 0.99)) if len(change) else math.nan,
        roughness=curve[0],
        roughness_truth=curve[1],
    )


def angle_error(stamp: FloatArray, angle: FloatArray, truth: Curve) -> float:
    """Return the mean absolute error in rad of the (M,) present angles at the pairs' stamps; NaN if unknown."""
    error = np.abs(angle - truth_at(*truth, stamp))
    return _mean(error[np.isfinite(error)])


def _point_score(angle: FloatArray, truth: FloatArray) -> Score:
    """Score (N, B) forecasts without an interval against the first B steps of the truth."""
    return score(angle, angle, angle, truth[:, : angle.shape[1]])


def _mean(values: FloatArray | BoolArray | None) -> float:
    return math.nan if values is None or not len(values) else float(np.mean(values))
