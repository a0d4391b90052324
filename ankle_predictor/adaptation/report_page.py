"""Writes an adaptation's report as files: a page with two plots (PNG), and its text."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from ankle_imu_driver.refusal import Refusal
from ankle_predictor.adaptation.report import Report, as_text

PERIOD = 0.01  # s between two steps of a forecast
GREY, ORANGE, GREEN = "#555555", "#d95f02", "#1b9e77"
A4 = (8.27, 11.69)  # inch


class ReportError(Refusal):
    """A report that cannot be written; the message says why."""


def write_page(report: Report, path: Path) -> None:
    """Draw the report as a page and write it as PNG, completely or not at all.

    Raises:
        ReportError: the file cannot be written.
    """
    import matplotlib as mpl  # noqa: PLC0415 - slow to import, and not needed for --help

    mpl.use("Agg")
    from matplotlib import pyplot as plt  # noqa: PLC0415

    wrapped = "\n".join(textwrap.fill(line, 95, subsequent_indent="    ") for line in as_text(report).splitlines())
    figure = plt.figure(figsize=A4)
    figure.text(0.06, 0.97, wrapped, family="monospace", fontsize=8.5, va="top")
    _plot_walk(figure.add_axes((0.1, 0.38, 0.85, 0.3)), report)
    _plot_steps(figure.add_axes((0.1, 0.06, 0.85, 0.24)), report)
    try:
        _write_whole(path, lambda scratch: figure.savefig(scratch, dpi=110, format="png"))
    finally:
        plt.close(figure)


def write_text(text: str, path: Path) -> None:
    """Write a text file, completely or not at all.

    Raises:
        ReportError: the file cannot be written.
    """
    _write_whole(path, lambda scratch: scratch.write_text(text, encoding="utf-8"))


def _plot_walk(axes: Any, report: Report) -> None:
    """Plot the last step of each scored forecast, and the labels, over the time at which that step is due."""
    due = report.stamp + PERIOD * report.horizon
    for values, color, label in (
        (report.truth, GREY, "label"),
        (report.base_forecast.angle, ORANGE, f"before ({report.base})"),
        (report.user_forecast.angle, GREEN, "adapted"),
    ):
        axes.plot(due, np.degrees(values[:, -1]), color=color, label=label, linewidth=1.3)
    milliseconds = 1000 * PERIOD * report.horizon
    axes.set_title(f"forecast {milliseconds:.0f} ms ahead, before these seconds were learned from", fontsize=10)
    axes.set_xlabel("time in the recording, s")
    axes.set_ylabel("ankle angle, deg")
    _finish(axes)


def _plot_steps(axes: Any, report: Report) -> None:
    """Plot the mean absolute error of each step, before and after."""
    ahead = 1000 * PERIOD * np.arange(1, report.horizon + 1)
    before, after = report.scores(report.truth)
    axes.plot(ahead, np.degrees(before.mae_by_step), color=ORANGE, label="before")
    axes.plot(ahead, np.degrees(after.mae_by_step), color=GREEN, label="adapted")
    axes.set_ylim(bottom=0.0)
    axes.set_xlabel("forecast ahead, ms")
    axes.set_ylabel("mean absolute error, deg")
    _finish(axes)


def _finish(axes: Any) -> None:
    axes.legend(fontsize=8)
    axes.spines[["top", "right"]].set_visible(False)


def _write_whole(path: Path, write: Callable[[Path], object]) -> None:
    """Write a file under another name first, so that ``path`` never holds half of it.

    Raises:
        ReportError: the file cannot be written.
    """
    scratch = path.with_name(f".{path.name}.part")
    try:
        write(scratch)
        scratch.replace(path)
    except OSError as error:
        raise ReportError(f"{path} cannot be written: {error.strerror}") from error
    finally:
        scratch.unlink(missing_ok=True)
