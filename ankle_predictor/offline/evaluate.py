"""``evaluate``: scores a model on recordings; each forecast is made by the live code from past samples only."""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from ankle_imu_driver.recordings.read_recording import read_recording
from ankle_predictor.command_line import progress_bar, run_command, seconds_since, write_json
from ankle_predictor.model.bundle import find_model, load_bundle
from ankle_predictor.model.engine import load_engine
from ankle_predictor.offline.log_forecasts import WHOLE, EvaluationError, Span, forecast_log
from ankle_predictor.offline.log_score import LogScore, encoder_of, score_log
from ankle_predictor.offline.offline_reference import offline_table, truth_in_rows

NOT_LIVE = "not live: scored as the reference's authors did, with a filter that sees the future"


def evaluate(  # noqa: PLR0917 - the arguments have nothing in common
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
        models_dir: the model directory that is searched first.
        span: s from each log's first sample.
        on_progress: called with the log's name and the share of it that is done, 0 to 1.
        offline_reference: whether to score as the reference's authors did, with a filter that sees the future.

    Raises:
        EvaluationError: two logs have the same stem, or one cannot be scored.
        Refusal: the model or a log cannot be used.
    """
    engine = load_engine(load_bundle(*find_model(model, models_dir)))
    scores: dict[str, LogScore] = {}
    for log in logs:
        recording = read_recording(log)
        if recording.name in scores:
            raise EvaluationError(f"two logs have the name {recording.name}; rename one")
        encoder_of(recording)  # refused here, before minutes are spent on forecasts
        report = lambda share, name=recording.name: on_progress(name, share)  # noqa: E731
        table = offline_table(recording, engine.manifest.features) if offline_reference else None
        forecasts = forecast_log(engine, recording, span, report, table)
        horizon = engine.manifest.horizon
        truth = truth_in_rows(recording, forecasts.stamp, horizon, span[1]) if offline_reference else None
        scores[recording.name] = score_log(engine, recording, forecasts, truth)
    return scores


def show(model: str, scores: dict[str, LogScore], console: Console, offline_reference: bool = False) -> None:
    """Print the scores as a table, errors in deg."""
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


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="evaluate", description="Score a model on recordings with an encoder.")
    parser.add_argument("--model", required=True, metavar="NAME", help="name in a model directory, or a bundle's path")
    parser.add_argument("--log", type=Path, nargs="+", required=True, metavar="FILE", help="logger TXT or rosbag2")
    parser.add_argument("--start", type=seconds_since, default=0.0, metavar="S", help="from the log's first sample")
    parser.add_argument("--end", type=seconds_since, default=math.inf, metavar="S", help="from the log's first sample")
    parser.add_argument("--models-dir", type=Path, metavar="DIR", help="model directory to search first")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there")
    parser.add_argument(
        "--offline-reference",
        action="store_true",
        help="score as the reference's authors did: its filter sees the future",
    )
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    """Run ``evaluate``; returns the exit status."""
    args = _arguments(argv)
    return run_command(lambda: _evaluate(args))


def _evaluate(args: argparse.Namespace) -> None:
    with progress_bar(Console(stderr=True)) as progress:
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
        document: dict[str, Any] = {"logs": {name: log_score.to_json() for name, log_score in scores.items()}}
        if args.offline_reference:
            document["not_live"] = NOT_LIVE
        write_json(args.json, document)
    show(args.model, scores, Console(), args.offline_reference)


if __name__ == "__main__":
    sys.exit(main())
