"""Figures of a run: number of forecasts, rate, latency and error."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from rich.table import Table

from ankle_imu_driver.arrays import FloatArray
from ankle_predictor.demo.recorded_run import RecordedRun
from ankle_predictor.model.features import FeatureSpec, WindowGrid
from ankle_predictor.trust.scoring import due_times, score, truth_at


@dataclass(frozen=True, eq=False)
class Summary:
    """Figures of one run; NaN if unknown, as the error of the present angle is without an encoder.

    Attributes:
        model: name of the model.
        labels: what forecasts are scored against, ``encoder`` or ``IMUs``: their own later angle.
        forecasts: number of forecasts.
        expected: number of pairs at which the model's window was full.
        rate_hz: forecasts per second, from the first one to the last.
        sensor_rate_hz: samples per second of each sensor.
        mae_h20_deg: mean absolute error over steps 1 to 20, of the forecasts whose targets were all recorded.
        mae_h50_deg: the same over steps 1 to 50.
        mae_by_step_deg: (H,) the same at each step.
        coverage_90: share of the targets inside the 90 % interval.
        scored: number of forecasts in the errors.
        angle_mae_deg: mean absolute error of the present angle.
        latency_p50_ms: from a pair's stamp to the reception of its forecast, median.
        latency_p99_ms: 99th percentile of the same.
    """

    model: str
    labels: str
    forecasts: int
    expected: int
    rate_hz: float
    sensor_rate_hz: float
    mae_h20_deg: float
    mae_h50_deg: float
    mae_by_step_deg: FloatArray
    coverage_90: float
    scored: int
    angle_mae_deg: float
    latency_p50_ms: float
    latency_p99_ms: float

    def to_json(self) -> dict[str, object]:
        """Return the figures as JSON types; null if unknown."""
        return {
            "model": self.model,
            "labels": self.labels,
            "forecasts": self.forecasts,
            "expected": self.expected,
            "rate_hz": _or_null(self.rate_hz),
            "sensor_rate_hz": _or_null(self.sensor_rate_hz),
            "mae_h20_deg": _or_null(self.mae_h20_deg),
            "mae_h50_deg": _or_null(self.mae_h50_deg),
            "angle_mae_deg": _or_null(self.angle_mae_deg),
            "coverage_90": _or_null(self.coverage_90),
            "scored": self.scored,
            "latency_ms": {"p50": _or_null(self.latency_p50_ms), "p99": _or_null(self.latency_p99_ms)},
        }

    def table(self) -> Table:
        """Return the figures as a table for the terminal."""
        table = Table(title=f"model {self.model}", title_justify="left", title_style="bold", show_header=False)
        table.add_column(style="dim")
        table.add_column(justify="right", style="bold")
        share = f" ({100 * self.forecasts / self.expected:.1f} %)" if self.expected else ""
        table.add_row("forecasts of those possible", f"{self.forecasts} of {self.expected}{share}")
        table.add_row(
            "forecasts / samples a second", f"{_text(self.rate_hz, '.1f')} / {_text(self.sensor_rate_hz, '.1f')}"
        )
        table.add_row("from sample to forecast, median / 99 %", _pair(self.latency_p50_ms, self.latency_p99_ms, "ms"))
        table.add_row("error of the ankle angle now", _text(self.angle_mae_deg, ".2f", "°"))
        against = "" if self.labels == "encoder" else "against the IMUs' own later angle: "
        table.add_row(
            f"{against}error of the forecast, next 200 ms / 500 ms", _pair(self.mae_h20_deg, self.mae_h50_deg, "°")
        )
        table.add_row("truth inside the 90 % interval", _text(100 * self.coverage_90, ".0f", " %"))
        return table


def summarise(run: RecordedRun, spec: FeatureSpec) -> Summary:
    """Compute the figures of a run.

    Args:
        run: as recorded.
        spec: of the model's features, with the length of its window.
    """
    truth = truth_at(*run.truth, due_times(run.forecast_stamp, run.horizon, run.period))
    scores = score(run.forecast, run.lower, run.upper, truth)
    known = np.isfinite(run.lower).all(axis=1)  # the message with the interval may be lost
    intervals = score(run.forecast[known], run.lower[known], run.upper[known], truth[known])
    error = np.abs(run.angle - truth_at(run.encoder_stamp, run.encoder, run.angle_stamp))
    error = error[np.isfinite(error)]
    span = float(np.ptp(run.forecast_stamp)) if len(run.forecast_stamp) else 0.0
    p50, p99 = np.percentile(run.latency, (50, 99)) * 1e3 if len(run.latency) else (math.nan, math.nan)
    return Summary(
        model=run.model,
        labels=run.labels,
        forecasts=len(run.forecast_stamp),
        expected=expected_forecasts(run.pair_stamp, spec),
        rate_hz=(len(run.forecast_stamp) - 1) / span if span else math.nan,
        sensor_rate_hz=run.sensor_rate,
        mae_h20_deg=scores.mae_deg(20),
        mae_h50_deg=scores.mae_deg(50),
        mae_by_step_deg=np.degrees(scores.mae_by_step),
        coverage_90=intervals.coverage,
        scored=scores.windows,
        angle_mae_deg=math.degrees(float(np.mean(error))) if len(error) else math.nan,
        latency_p50_ms=float(p50),
        latency_p99_ms=float(p99),
    )


def expected_forecasts(stamp: FloatArray, spec: FeatureSpec) -> int:
    """Count the pairs, given by their (N,) stamps in s, at which the model's window is full."""
    grid = WindowGrid(spec)
    row = np.zeros(len(spec.names))
    return sum(grid.push(float(s), row) for s in stamp)


def _or_null(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _text(value: float, form: str, unit: str = "") -> str:
    return f"{value:{form}}{unit}" if math.isfinite(value) else "-"


def _pair(first: float, second: float, unit: str) -> str:
    decimals = ".1f" if unit == "ms" else ".2f"
    gap = " " if unit == "ms" else ""
    return f"{_text(first, decimals)} / {_text(second, decimals)}{gap}{unit}"
