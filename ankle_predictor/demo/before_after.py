"""Compares the forecasts before and after an adaptation, and with what the base model would have forecast after it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from rich.table import Table

from ankle_imu_driver.recordings.read_recording import read_recording
from ankle_predictor.demo.recorded_run import RecordedRun
from ankle_predictor.demo.summary import Summary, summarise
from ankle_predictor.model.engine import InferenceEngine
from ankle_predictor.offline.log_forecasts import forecast_log

FIGURES = ("model", "forecasts", "mae_h20_deg", "mae_h50_deg", "coverage_90", "scored")  # of each span


@dataclass(frozen=True, eq=False)
class BeforeAfter:
    """Two spans of a run.

    Attributes:
        run: the second span.
        seconds: of each span.
        before: figures of the first.
        after: figures of the second.
        stayed: figures of the second, computed with the first model. This is the fair comparison with ``after``, as
            nobody walks the same twice.
    """

    run: RecordedRun
    seconds: float
    before: Summary
    after: Summary
    stayed: Summary

    def to_json(self) -> dict[str, Any]:
        """Return the figures as JSON types."""
        spans = {name: getattr(self, name).to_json() for name in ("before", "after", "stayed")}
        figures = {name: {key: span[key] for key in FIGURES} for name, span in spans.items()}
        return {"span_s": round(self.seconds, 2), **figures}

    def table(self) -> Table:
        """Return the figures as a table for the terminal."""
        table = Table(
            title=f"{self.seconds:.0f} s before the swap, and {self.seconds:.0f} s after it",
            title_justify="left",
            title_style="bold",
        )
        table.add_column("", style="dim")
        table.add_column(f"{self.before.model}, before", justify="right")
        table.add_column(f"{self.stayed.model}, had it stayed", justify="right")
        table.add_column(f"{self.after.model}, after", justify="right", style="bold")
        spans = self.before, self.stayed, self.after
        for label, name in (("next 200 ms", "mae_h20_deg"), ("next 500 ms", "mae_h50_deg")):
            cells = (f"{getattr(span, name):.2f}°" for span in spans)
            table.add_row(f"error of the forecast, {label}", *cells)
        shares = (f"{100 * span.coverage_90:.0f} %" for span in spans)
        table.add_row("truth inside the 90 % interval", *shares)
        return table


def compare(run: RecordedRun, bag: Path, base: InferenceEngine, model: str, longest: float) -> BeforeAfter | None:
    """Compare a run's forecasts before and after another model took over.

    Args:
        run: the whole run.
        bag: its recording, with the calibration beside it.
        base: the model before.
        model: name of the model after.
        longest: longest span in s.

    Returns:
        None if ``model`` made no forecast, or all of them.

    Raises:
        RecordingError, ChainError: the recording cannot be processed again.
    """
    by_model = [
        stamp for stamp, made_by in zip(run.forecast_stamp, run.forecast_model, strict=True) if made_by == model
    ]
    if not by_model or by_model[0] == run.forecast_stamp[0]:
        return None
    first, swap, last = float(run.forecast_stamp[0]), float(by_model[0]), float(run.forecast_stamp[-1])
    seconds = min(longest, last - swap, swap - first)
    before, after = run.made_between(swap - seconds, swap), run.made_between(swap, swap + seconds)
    spans = before, after, _recomputed(after, bag, base, (swap, swap + seconds))
    return BeforeAfter(after, seconds, *(summarise(span, base.manifest.features) for span in spans))


def _recomputed(run: RecordedRun, bag: Path, engine: InferenceEngine, span: tuple[float, float]) -> RecordedRun:
    """Return a span of the run with the forecasts of another model, each from past samples only."""
    recording = read_recording(bag)
    made = forecast_log(engine, recording)
    stamp = made.stamp - recording.start
    inside = (stamp >= span[0]) & (stamp < span[1])
    forecast, name = made.forecast.at(inside), engine.bundle.name
    return replace(
        run,
        forecast_stamp=stamp[inside],
        forecast_model=(name,) * int(inside.sum()),
        forecast=forecast.angle,
        lower=forecast.lower,
        upper=forecast.upper,
        latency=np.empty(0),  # unknown, as it did not run live
        model=name,
    )
