"""Draws a run for people: a few strides as they were forecast and as they then came, and the error by step."""

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
from ankle_predictor.demo.recorded_run import RecordedRun
from ankle_predictor.demo.summary import Summary
from ankle_predictor.trust.scoring import MAX_TRUTH_GAP, due_times, truth_at

SPAN = 4.0  # s shown: three or four strides
INK, GREY, NEAR, FAR = "#22303c", "#7b8794", "#0b84a5", "#e4632d"
AHEAD = ((20, NEAR), (50, FAR))  # steps of 10 ms that are drawn as they came due, and their colours
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
        caption: goes under the title.
        path: of the PNG.
        before: figures of the time before the model was adapted, if it was.
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
        figure.savefig(path)


def typical_span(run: RecordedRun, length: float = SPAN) -> float:
    """Return the start of the stretch whose error at the last step is the median of all walking stretches.

    A stretch counts as walking when its angle varies at least half as much as that of the liveliest one. Showing the
    median keeps the picture from being the best one, or the worst.
    """
    due = run.forecast_stamp + run.horizon * run.period
    stamp, angle = _reference(run)
    error = np.abs(run.forecast[:, -1] - truth_at(stamp, angle, due))
    starts = np.arange(due[0], max(due[-1] - length, due[0]) + 1e-9, 0.25)
    spread, mean, full = [], [], []
    for start in starts:
        inside = (due >= start) & (due < start + length)
        seen = (stamp >= start) & (stamp < start + length)
        spread.append(float(np.std(angle[seen])) if seen.any() else 0.0)
        known = error[inside][np.isfinite(error[inside])]
        mean.append(float(np.mean(known)) if len(known) else math.inf)
        full.append(np.diff(due[inside]).max(initial=0.0) <= MAX_TRUTH_GAP)
    walking = np.flatnonzero(np.array(full) & (np.array(spread) >= 0.5 * max(spread)) & np.isfinite(mean))
    if not len(walking):
        return float(starts[0])
    return float(starts[walking[np.argsort(np.array(mean)[walking], kind="stable")[len(walking) // 2]]])


def _reference(run: RecordedRun) -> tuple[FloatArray, FloatArray]:
    return (run.encoder_stamp, run.encoder) if len(run.encoder) else (run.angle_stamp, run.angle)


def _strides(axes: Axes, run: RecordedRun) -> None:
    start = typical_span(run)
    stamp, angle = _reference(run)
    _clean(axes)
    shown = (stamp >= start) & (stamp <= start + SPAN)
    label = "measured by the encoder" if len(run.encoder) else "the IMUs' angle now (no encoder)"
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
    axes.set_xlabel(f"s, from second {start:.1f} of the run: the stretch whose error is the run's median", loc="right")
    axes.set_ylabel("ankle angle, °\n← toes down    toes up →", fontsize=12)
    axes.legend(loc="lower left", bbox_to_anchor=(0.0, 1.0), ncol=4, frameon=False, borderaxespad=0, handlelength=1.6)


def _errors(axes: Axes, run: RecordedRun, summary: Summary, before: Summary | None) -> None:
    _clean(axes)
    ahead = 1000 * run.period * np.arange(1, run.horizon + 1)
    axes.set_xlim(0, ahead[-1])
    axes.set_xlabel("ms ahead", loc="right")
    axes.set_ylabel("mean error, °", fontsize=12)
    if not summary.scored:
        axes.text(0.5, 0.5, "no encoder, so no error", transform=axes.transAxes, ha="center", color=GREY)
        axes.set_yticks([])
        return
    ours, held = summary.mae_by_step_deg, _error_of_holding(run)
    axes.plot(ahead, held, color=GREY, linewidth=1.8, linestyle=(0, (4, 2)), label="if the angle stayed as it is now")
    axes.plot(ahead, ours, color=INK, linewidth=3.5, label="this forecast" if before is None else "adapted")
    if before is not None and before.scored:
        label = "before it was adapted"
        axes.plot(ahead, before.mae_by_step_deg, color=INK, linewidth=1.8, linestyle=(0, (1, 1)), label=label)
    for step, colour in AHEAD:
        if step <= run.horizon:
            axes.plot(ahead[step - 1], ours[step - 1], "o", color=colour, markersize=10, clip_on=False, zorder=5)
    axes.set_ylim(0, None)
    axes.legend(loc="lower left", bbox_to_anchor=(0.0, 1.0), ncol=3, frameon=False, borderaxespad=0, handlelength=2)


def _error_of_holding(run: RecordedRun) -> FloatArray:
    """Return (H,) deg by which the angle now misses what comes, the least that a forecast must beat."""
    truth = truth_at(run.encoder_stamp, run.encoder, due_times(run.forecast_stamp, run.horizon, run.period))
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
    # A span that was cut out of a run does not know how many forecasts its first window could have made.
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
