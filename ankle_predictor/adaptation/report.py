"""One page on an adaptation: as text, as a picture, as JSON."""

from __future__ import annotations

import math
import textwrap
from pathlib import Path
from typing import Any

import numpy as np

from ankle_imu_driver.refusal import Refusal
from ankle_predictor.adaptation.adapt import Report
from ankle_predictor.trust.scoring import Score

PERIOD = 0.01  # s between two steps of a forecast
GREY, OLD, NEW = "#555555", "#d95f02", "#1b9e77"


class ReportError(Refusal):
    """A report that cannot be written; the message says why."""


def verdict(report: Report) -> str:
    """Say in one sentence what came out."""
    before, after = (s.mae_deg(report.truth.shape[1]) for s in report.scores(report.truth))
    if report.adapted:
        return f"adapted: {before:.2f} deg before, {after:.2f} deg after; use model {report.model}"
    if after < before:
        found = f"{after:.2f} deg adapted against {before:.2f} deg, but worse in the last quarter"
    else:
        found = f"{after:.2f} deg adapted is no better than {before:.2f} deg"
    return f"base kept: {found}; use model {report.model}"


def as_text(report: Report) -> str:
    """Lay the report out as a page of text."""
    lines = [
        f"Adaptation of {report.base} to {report.user}",
        "",
        f"  {verdict(report)}",
        "",
        f"  recording  {report.log}, {report.seconds:g} s, {report.strides} strides",
        f"  labels     {'the encoder' if report.labels == 'encoder' else 'the later angle of the IMU itself'}",
        f"  judged     by forecasts of the last {_kept_seconds(report):.1f} s, made before these were learned from",
        "",
        "  mean absolute error, deg             before   after",
        *_rows("labels", *report.scores(report.truth)),
    ]
    if report.labels == "imu" and report.encoder is not None:
        lines += _rows("encoder", *report.scores(report.encoder))
        lines.append(f"    labels against the encoder         {math.degrees(report.label_error):6.2f}")
    lines += ["", *(f"  ! {warning}" for warning in report.warnings)]
    return "\n".join([*lines, "" if report.warnings else "  nothing odd was seen\n"])


def as_json(report: Report) -> dict[str, Any]:
    """Return the figures, in deg."""
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
        "kept_seconds": _kept_seconds(report),
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


def draw(report: Report, path: Path) -> None:
    """Draw the page as PNG.

    Raises:
        ReportError: the disk refuses.
    """
    import matplotlib as mpl  # noqa: PLC0415 - slow to import, and --help needs none of it

    mpl.use("Agg")
    from matplotlib import pyplot as plt  # noqa: PLC0415

    wrapped = "\n".join(textwrap.fill(line, 95, subsequent_indent="    ") for line in as_text(report).splitlines())
    figure = plt.figure(figsize=(8.27, 11.69))
    figure.text(0.06, 0.97, wrapped, family="monospace", fontsize=8.5, va="top")
    walk, steps = figure.add_axes((0.1, 0.38, 0.85, 0.3)), figure.add_axes((0.1, 0.06, 0.85, 0.24))
    horizon = report.truth.shape[1]
    due = report.stamp + PERIOD * horizon
    for values, color, label in (
        (report.truth, GREY, "label"),
        (report.base_forecast.angle, OLD, f"before ({report.base})"),
        (report.user_forecast.angle, NEW, "adapted"),
    ):
        walk.plot(due, np.degrees(values[:, -1]), color=color, label=label, linewidth=1.3)
    walk.set_title(f"forecast {1000 * PERIOD * horizon:.0f} ms ahead, before they were learned from", fontsize=10)
    walk.set_xlabel("time in the recording, s")
    walk.set_ylabel("ankle angle, deg")
    walk.legend(fontsize=8)
    ahead = 1000 * PERIOD * np.arange(1, horizon + 1)
    for result, color, label in zip(report.scores(report.truth), (OLD, NEW), ("before", "adapted"), strict=True):
        steps.plot(ahead, np.degrees(result.mae_by_step), color=color, label=label)
    steps.set_ylim(bottom=0.0)
    steps.set_xlabel("forecast ahead, ms")
    steps.set_ylabel("mean absolute error, deg")
    steps.legend(fontsize=8)
    for axes in (walk, steps):
        axes.spines[["top", "right"]].set_visible(False)
    scratch = path.with_name(f".{path.name}.part")
    try:
        figure.savefig(scratch, dpi=110, format="png")
        scratch.replace(path)
    except OSError as error:
        raise ReportError(f"{path} cannot be written: {error.strerror}") from error
    finally:
        plt.close(figure)
        scratch.unlink(missing_ok=True)


def write_text(text: str, path: Path) -> None:
    """Write a text whole or not at all.

    Raises:
        ReportError: the disk refuses.
    """
    scratch = path.with_name(f".{path.name}.part")
    try:
        scratch.write_text(text, encoding="utf-8")
        scratch.replace(path)
    except OSError as error:
        raise ReportError(f"{path} cannot be written: {error.strerror}") from error
    finally:
        scratch.unlink(missing_ok=True)


def _rows(what: str, before: Score, after: Score) -> list[str]:
    steps = [n for n in (20, 50) if n <= len(before.mae_by_step)]
    return [
        f"    against the {what}, next {10 * n} ms".ljust(37) + f"{before.mae_deg(n):8.2f}{after.mae_deg(n):8.2f}"
        for n in steps
    ]


def _figures(result: Score) -> dict[str, float | int | None]:
    return {
        "mae_h20_deg": _or_null(result.mae_deg(20)),
        "mae_h50_deg": _or_null(result.mae_deg(50)),
        "coverage_90": _or_null(result.coverage),
        "windows": result.windows,
    }


def _or_null(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _kept_seconds(report: Report) -> float:
    return float(report.stamp[-1] - report.stamp[0])
