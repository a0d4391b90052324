"""``evaluate``: how well a model forecasts a log, through the live code and with the past only."""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from ankle_imu_driver.arrays import FloatArray
from ankle_imu_driver.recordings.read_recording import read_recording
from ankle_imu_driver.recordings.recording import Recording
from ankle_imu_driver.refusal import Refusal
from ankle_predictor.command_line import seconds_since
from ankle_predictor.model.bundle import find_model, load_bundle
from ankle_predictor.model.engine import InferenceEngine, load_engine
from ankle_predictor.offline.log_forecasts import WHOLE, EvaluationError, LogForecasts, Span, forecast_log
from ankle_predictor.offline.offline_reference import offline_table, truth_in_rows
from ankle_predictor.trust.scoring import Score, due_times, score, truth_at

NOT_LIVE = "not live: scored as the reference's authors did, with a filter that sees the future"


@dataclass(frozen=True, eq=False)
class LogScore:
    """How well a model did on one log.

    Attributes:
        forecasts: steps, interval and count.
        angle_mae: rad, mean absolute error of the ankle angle now over all pairs of the span; NaN if not known.
    """

    forecasts: Score
    angle_mae: float

    def to_json(self) -> dict[str, Any]:
        """Return the figures in deg; null where a forecast is too short for one."""
        result = self.forecasts
        return {
            "mae_h20_deg": _or_null(result.mae_deg(20)),
            "mae_h50_deg": _or_null(result.mae_deg(50)),
            "mae_by_step_deg": np.degrees(result.mae_by_step).tolist(),
            "angle_mae_deg": _or_null(math.degrees(self.angle_mae)),
            "coverage_90": result.coverage,
            "windows": result.windows,
        }


def score_log(
    engine: InferenceEngine, recording: Recording, forecasts: LogForecasts, truth: FloatArray | None = None
) -> LogScore:
    """Score forecasts, and the angle they start from, against the encoder.

    Args:
        engine: that made them.
        recording: with encoder.
        forecasts: of the recording.
        truth: (N, H) rad where it is not the encoder's angle at the time when each step is due.

    Raises:
        EvaluationError: there is no encoder, or it saw none of what was forecast.
    """
    encoder = recording.encoder
    if encoder is None:
        raise EvaluationError(f"{recording.name} has no encoder, so there is nothing to score a forecast against")
    if truth is None:
        due = due_times(forecasts.stamp, engine.manifest.horizon, engine.manifest.features.period)
        truth = truth_at(encoder.stamp, encoder.angle, due)
    forecast = forecasts.forecast
    result = score(forecast.angle, forecast.lower, forecast.upper, truth)
    if not result.windows:
        raise EvaluationError(f"{recording.name}: its encoder gave nothing in the time that was forecast")
    now = truth_at(encoder.stamp, encoder.angle, forecasts.pair_stamp)
    off = np.abs(forecasts.pair_angle - now)
    return LogScore(result, float(np.mean(off[np.isfinite(off)])) if np.isfinite(off).any() else math.nan)


def evaluate(  # noqa: PLR0917 - each is another thing
    model: str,
    logs: Sequence[Path],
    models_dir: Path | None = None,
    span: Span = WHOLE,
    on_progress: Callable[[str, float], None] = lambda _log, _share: None,
    offline_reference: bool = False,
) -> dict[str, LogScore]:
    """Score one model on several logs; returns the scores by the logs' stems.

    Args:
        model: a name in a model directory, or a bundle's path.
        logs: recordings with an encoder.
        models_dir: where to look first.
        span: s from each log's first sample.
        on_progress: told the log and which share of it is done.
        offline_reference: whether to score as the reference's authors did, with a filter that sees the future.

    Raises:
        EvaluationError: two logs share a stem, or one cannot be scored.
        Refusal: the model or a log cannot be used.
    """
    engine = load_engine(load_bundle(*find_model(model, models_dir)))
    scores: dict[str, LogScore] = {}
    for log in logs:
        recording = read_recording(log)
        if recording.name in scores:
            raise EvaluationError(f"two logs have the name {recording.name}; rename one")
        if recording.encoder is None:
            raise EvaluationError(f"{log} has no encoder, so there is nothing to score a forecast against")
        report = lambda share, name=recording.name: on_progress(name, share)  # noqa: E731
        table = offline_table(recording, engine.manifest.features) if offline_reference else None
        forecasts = forecast_log(engine, recording, span, report, table)
        horizon = engine.manifest.horizon
        truth = truth_in_rows(recording, forecasts.stamp, horizon, span[1]) if offline_reference else None
        scores[recording.name] = score_log(engine, recording, forecasts, truth)
    return scores


def show(model: str, scores: dict[str, LogScore], console: Console, offline_reference: bool = False) -> None:
    """Print a table, in deg."""
    table = Table(title=f"{model}: mean absolute error against the encoder, deg", caption_style="bold")
    if offline_reference:
        table.caption = NOT_LIVE
    table.add_column("log")
    for title in ("angle now", "h20", "h50", "step 20", "step 50", "in 90 % interval", "windows"):
        table.add_column(title, justify="right")
    for name, log_score in scores.items():
        result = log_score.forecasts
        steps = np.degrees(result.mae_by_step)
        table.add_row(
            name,
            *(_shown(value) for value in (math.degrees(log_score.angle_mae), result.mae_deg(20), result.mae_deg(50))),
            *(f"{steps[n - 1]:.2f}" if len(steps) >= n else "-" for n in (20, 50)),
            f"{result.coverage:.1%}",
            str(result.windows),
        )
    console.print(table)


def _shown(value: float) -> str:
    return f"{value:.2f}" if math.isfinite(value) else "-"


def _or_null(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="evaluate", description="Score a model on recordings with an encoder.")
    parser.add_argument("--model", required=True, metavar="NAME", help="name in a model directory, or a bundle's path")
    parser.add_argument("--log", type=Path, nargs="+", required=True, metavar="FILE", help="logger TXT or rosbag2")
    parser.add_argument("--start", type=seconds_since, default=0.0, metavar="S", help="from the log's first sample")
    parser.add_argument("--end", type=seconds_since, default=math.inf, metavar="S", help="from the log's first sample")
    parser.add_argument("--models-dir", type=Path, metavar="DIR", help="where to look first")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there")
    parser.add_argument(
        "--offline-reference", action="store_true", help="as the reference's authors scored; sees the future"
    )
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    """Run ``evaluate``; returns the exit status."""
    args = _arguments(argv)
    console = Console(stderr=True)
    columns = (TextColumn("{task.description:24}"), BarColumn(), TextColumn("{task.percentage:3.0f} %"))
    try:
        quiet = not console.is_terminal
        with Progress(*columns, TimeRemainingColumn(), console=console, transient=True, disable=quiet) as progress:
            task = progress.add_task("starting", total=1.0)
            scores = evaluate(
                args.model,
                args.log,
                args.models_dir,
                (args.start, args.end),
                lambda name, share: progress.update(task, description=name, completed=share),
                args.offline_reference,
            )
        if args.json:
            _write_json(args.json, scores, args.offline_reference)
    except Refusal as refusal:
        print(refusal, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    show(args.model, scores, Console(), args.offline_reference)
    return 0


def _write_json(path: Path, scores: dict[str, LogScore], offline_reference: bool) -> None:
    document: dict[str, Any] = {"logs": {name: log_score.to_json() for name, log_score in scores.items()}}
    if offline_reference:
        document["not_live"] = NOT_LIVE
    try:
        path.write_text(json.dumps(document, indent=2, allow_nan=False) + "\n", encoding="utf-8")
    except OSError as error:
        raise EvaluationError(f"{path} cannot be written: {error.strerror}") from error


if __name__ == "__main__":
    sys.exit(main())
