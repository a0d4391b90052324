"""Draws the picture of a run: a few strides as forecast and as measured, and the error by step."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from ankle_imu_driver.arrays import FloatArray
from ankle_imu_driver.refusal import Refusal
from ankle_predictor.demo.recorded_run import RecordedRun
from ankle_predictor.demo.summary import Summary
from ankle_predictor.trust.scoring import MAX_TRUTH_GAP, due_times, truth_at

SPAN = 4.0  # s shown: three or four strides
INK, GREY, NEAR, FAR = "#22303c", "#7b8794", "#0b84a5", "#e4632d"
AHEAD = ((20, NEAR), (50, FAR))  # steps of 10 ms whose forecasts are drawn, and their colours
LEFT = 0.075
STYLE: dict[Any, Any] = {
    "font.size": 13.0,
    "axes.edgecolor": GREY,
    "axes.labelcolor": INK,
    "text.color": INK,
    "xtick.color": GREY,
    "ytick.color": GREY,
}


def draw(run: RecordedRun, summary: Summary, caption: str, path: Path, before: Summary | None = None) -> None:
    """Write the picture of a run, 1920 x 1080 pixels.

    Args:
        run: with at least one forecast.
        summary: its figures.
        caption: text under the title.
        path: of the PNG file.
        before: figures before the model was adapted; None if it was not.

    Raises:
        Refusal: the file cannot be written.
    """
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(12.8, 7.2), dpi=150, facecolor="white")
        FigureCanvasAgg(figure)
        grid = figure.add_gridspec(
            2, 2, height_ratios=(1.75, 1), width_ratios=(1.9, 1), left=LEFT, right=0.975, top=0.845, bottom=0.085
        )
        grid.update(hspace=0.42, wspace=0.08)
        figure.text(LEFT, 0.945, "The ankle angle, forecast half a second ahead", fontsize=22, fontweight="bold")
        figure.text(LEFT, 0.902, caption, fontsize=13, color=GREY)
        _strides(figure.add_subplot(grid[0, :]), run)
        _errors(figure.add_subplot(grid[1, 0]), run, summary, before)
        _figures(figure.add_subplot(grid[1, 1]), summary, before)
        try:
            figure.savefig(path)
        except OSError as error:
            raise Refusal(f"picture {path} cannot be written: {error.strerror}") from error


def typical_span(run: RecordedRun, length: float = SPAN) -> float:
    """Return the start in s of the span whose error at the last step is the median over all spans of walking.

    A span counts as walking if its angle varies at least half as much as in the span with the largest variation. The
    median is neither the best nor the worst span.
    """
    due = run.forecast_stamp + run.horizon * run.period
    stamp, angle = run.truth
    error = np.abs(run.forecast[:, -1] - truth_at(stamp, angle, due))
    starts = np.arange(due[0], max(due[-1] - length, due[0]) + 1e-9, 0.25)
    spread, mean, complete = [], [], []
    for start in starts:
        inside = (due >= start) & (due < start + length)
        seen = (stamp >= start) & (stamp < start + length)
        spread.append(float(np.std(angle[seen])) if seen.any() else 0.0)
        known = error[inside][np.isfinite(error[inside])]
        mean.append(float(np.mean(known)) if len(known) else math.inf)
        complete.append(np.diff(due[inside]).max(initial=0.0) <= MAX_TRUTH_GAP)
    walking = np.flatnonzero(np.array(complete) & (np.array(spread) >= 0.5 * max(spread)) & np.isfinite(mean))
    if not len(walking):
        return float(starts[0])
    return float(starts[walking[np.argsort(np.array(mean)[walking], kind="stable")[len(walking) // 2]]])


def _strides(axes: Axes, run: RecordedRun) -> None:
    start = typical_span(run)
    stamp, angle = run.truth
    _clean(axes)
    shown = (stamp >= start) & (stamp <= start + SPAN)
    label = f"measured by the {run.labels}"
    axes.plot(stamp[shown] - start, np.degrees(angle[shown]), color=INK, linewidth=5, alpha=0.85, label=label)
    for step, colour in AHEAD:
        if step > run.horizon:
            continue
        due = run.forecast_stamp + step * run.period
        shown, k = (due >= start) & (due <= start + SPAN), step - 1
        label = f"forecast {round(1000 * step * run.period)} ms before"
        axes.plot(due[shown] - start, np.degrees(run.forecast[shown, k]), color=colour, linewidth=2.2, label=label)
    low, high = np.degrees(run.lower[shown, k]), np.degrees(run.upper[shown, k])
    axes.fill_between(due[shown] - start, low, high, color=colour, alpha=0.16, linewidth=0, label="its 90 % interval")
    axes.set_xlim(0, SPAN)
    axes.set_xlabel(f"s, from second {start:.1f} of the run: the span with the run's median error", loc="right")
    axes.set_ylabel("ankle angle, °\n← toes down    toes up →", fontsize=12)
    axes.legend(loc="lower left", bbox_to_anchor=(0.0, 1.0), ncol=4, frameon=False, borderaxespad=0, handlelength=1.6)


def _errors(axes: Axes, run: RecordedRun, summary: Summary, before: Summary | None) -> None:
    _clean(axes)
    ahead = 1000 * run.period * np.arange(1, run.horizon + 1)
    axes.set_xlim(0, ahead[-1])
    axes.set_xlabel("ms ahead", loc="right")
    axes.set_ylabel("mean error, °", fontsize=12)
    if not summary.scored:
        axes.text(0.5, 0.5, "nothing came due: error unknown", transform=axes.transAxes, ha="center", color=GREY)
        axes.set_yticks([])
        return
    ours, constant = summary.mae_by_step_deg, _error_of_constant(run)
    axes.plot(ahead, constant, color=GREY, linewidth=1.8, linestyle=(0, (4, 2)), label="if the angle stayed constant")
    axes.plot(ahead, ours, color=INK, linewidth=3.5, label="this forecast" if before is None else "adapted")
    if before is not None and before.scored:
        label = "before adapting"
        axes.plot(ahead, before.mae_by_step_deg, color=INK, linewidth=1.8, linestyle=(0, (1, 1)), label=label)
    for step, colour in AHEAD:
        if step <= run.horizon:
            axes.plot(ahead[step - 1], ours[step - 1], "o", color=colour, markersize=10, clip_on=False, zorder=5)
    axes.set_ylim(0, None)
    axes.legend(loc="lower left", bbox_to_anchor=(0.0, 1.0), ncol=3, frameon=False, borderaxespad=0, handlelength=2)


def _error_of_constant(run: RecordedRun) -> FloatArray:
    """Return (H,) mean error in deg of the present angle as a forecast, which any forecast must beat."""
    truth = truth_at(*run.truth, due_times(run.forecast_stamp, run.horizon, run.period))
    now = np.interp(run.forecast_stamp, run.angle_stamp, run.angle)
    known = np.isfinite(truth).all(axis=1)
    error: FloatArray = np.degrees(np.mean(np.abs(truth[known] - now[known, np.newaxis]), axis=0))
    return error


def _figures(axes: Axes, summary: Summary, before: Summary | None) -> None:
    axes.axis("off")
    near, far = "mean error over the next 200 ms", "mean error over the next 500 ms"
    if before is not None:
        near = f"next 200 ms, {before.mae_h20_deg:.2f}° before"
        far = f"next 500 ms, {before.mae_h50_deg:.2f}° before"
    # In a span that was cut out of a run, the number of possible forecasts is not known.
    of_possible = f"{summary.forecasts} forecasts" + (f" of {summary.expected} possible" if before is None else "")
    lines = [
        (summary.mae_h20_deg, "{:.2f}°", near, NEAR),
        (summary.mae_h50_deg, "{:.2f}°", far, FAR),
        (summary.rate_hz, "{:.0f} Hz", of_possible, INK),
        (summary.latency_p50_ms, "{:.1f} ms", "from sample to forecast, median", INK),
    ]
    known = [line for line in lines if math.isfinite(line[0])]
    for row, (value, form, label, colour) in enumerate(known):
        y = 0.93 - 0.29 * row
        axes.text(0.36, y, form.format(value), color=colour, fontsize=21, fontweight="bold", ha="right", va="center")
        axes.text(0.40, y, label, fontsize=11, va="center", color=INK)


def _clean(axes: Axes) -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", color=GREY, alpha=0.2)
    axes.set_axisbelow(True)
    axes.tick_params(length=0)
