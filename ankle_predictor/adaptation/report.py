"""What an adaptation achieved: its forecasts before and after, and their errors as text and as JSON."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from ankle_imu_driver.arrays import FloatArray
from ankle_predictor.adaptation.user_walk import Labels
from ankle_predictor.model.forecast import Forecast
from ankle_predictor.trust.scoring import Score, score

SHORT, LONG = 20, 50  # steps of 10 ms over which errors are averaged


@dataclass(frozen=True, eq=False)
class Report:
    """The result of an adaptation, for people.

    All scored forecasts are here twice: by the base, and by adaptations that had learned only from the time before
    them. If the adaptations did better, the new model has learned from all of the seconds.

    Attributes:
        user: name of the person's model.
        base: name of the model that was adapted.
        adapted: whether there is a new model; if not, the base stays in use.
        labels: "imu" or "encoder".
        log: the recording's name.
        seconds: length of the walk as asked for.
        strides: found in it.
        warnings: one sentence each.
        stamp: (N,) s from the log's first sample, when each scored forecast was made.
        truth: (N, H) rad by the labels.
        encoder: (N, H) rad by the encoder, NaN where it is missing; None without an encoder.
        base_forecast: (N, H) by the base.
        user_forecast: (N, H) by the adaptations.
    """

    user: str
    base: str
    adapted: bool
    labels: Labels
    log: str
    seconds: float
    strides: int
    warnings: tuple[str, ...]
    stamp: FloatArray
    truth: FloatArray
    encoder: FloatArray | None
    base_forecast: Forecast
    user_forecast: Forecast

    @property
    def model(self) -> str:
        """Name of the model to use now."""
        return self.user if self.adapted else self.base

    @property
    def horizon(self) -> int:
        """H, steps of each forecast."""
        return int(self.truth.shape[1])

    @property
    def scored_seconds(self) -> float:
        """Time in s from the first scored forecast to the last one."""
        return float(self.stamp[-1] - self.stamp[0])

    @property
    def label_error(self) -> float:
        """Mean absolute difference between labels and encoder in rad; NaN without an encoder."""
        if self.encoder is None:
            return math.nan
        return float(np.nanmean(np.abs(self.truth - self.encoder)))

    def scores(self, truth: FloatArray) -> tuple[Score, Score]:
        """Score the base and the adaptation against ``truth`` or ``encoder``."""
        before, after = (
            score(forecast.angle, forecast.lower, forecast.upper, truth)
            for forecast in (self.base_forecast, self.user_forecast)
        )
        return before, after


def verdict(report: Report) -> str:
    """Return one sentence: both errors, and the model to use."""
    before, after = (s.mae_deg(report.horizon) for s in report.scores(report.truth))
    if report.adapted:
        return f"adapted: {before:.2f} deg before, {after:.2f} deg after; use model {report.model}"
    if after < before:
        errors = f"{after:.2f} deg adapted against {before:.2f} deg, but worse in the last quarter"
    else:
        errors = f"{after:.2f} deg adapted is no better than {before:.2f} deg"
    return f"base kept: {errors}; use model {report.model}"


def as_text(report: Report) -> str:
    """Lay the report out as a page of text."""
    lines = [
        f"Adaptation of {report.base} to {report.user}",
        "",
        f"  {verdict(report)}",
        "",
        f"  recording  {report.log}, {report.seconds:g} s, {report.strides} strides",
        f"  labels     {'the encoder' if report.labels == 'encoder' else 'the later angle of the IMUs themselves'}",
        f"  scored on  forecasts of the last {report.scored_seconds:.1f} s, before these were learned from",
        "",
        "  mean absolute error, deg             before   after",
        *_rows("labels", *report.scores(report.truth)),
    ]
    if report.labels == "imu" and report.encoder is not None:
        lines += _rows("encoder", *report.scores(report.encoder))
        lines.append(f"    labels against the encoder         {math.degrees(report.label_error):6.2f}")
    lines += ["", *(f"  ! {warning}" for warning in report.warnings)]
    return "\n".join([*lines, "" if report.warnings else "  no warnings\n"])


def as_json(report: Report) -> dict[str, Any]:
    """Return the report's figures as a JSON document, errors in deg."""
    before, after = report.scores(report.truth)
    document: dict[str, Any] = {
        "model": report.model,
        "adapted": report.adapted,
        "user": report.user,
        "base": report.base,
        "labels": report.labels,
        "log": report.log,
        "seconds": report.seconds,
        "strides": report.strides,
        "kept_seconds": report.scored_seconds,
        "before": _figures(before),
        "after": _figures(after),
        "before_encoder": None,
        "after_encoder": None,
        "label_error_deg": _or_null(math.degrees(report.label_error)),
        "warnings": list(report.warnings),
    }
    if report.encoder is not None:
        document["before_encoder"], document["after_encoder"] = map(_figures, report.scores(report.encoder))
    return document


def _rows(reference: str, before: Score, after: Score) -> list[str]:
    """Return a line of the table for each horizon that the forecasts reach."""
    return [
        f"    against the {reference}, next {10 * steps} ms".ljust(37)
        + f"{before.mae_deg(steps):8.2f}{after.mae_deg(steps):8.2f}"
        for steps in (SHORT, LONG)
        if steps <= len(before.mae_by_step)
    ]


def _figures(result: Score) -> dict[str, float | int | None]:
    return {
        "mae_h20_deg": _or_null(result.mae_deg(SHORT)),
        "mae_h50_deg": _or_null(result.mae_deg(LONG)),
        "coverage_90": _or_null(result.coverage),
        "windows": result.windows,
    }


def _or_null(value: float) -> float | None:
    """Return a number, or None for NaN, which JSON does not know."""
    return value if math.isfinite(value) else None
