"""``evaluate``: scores a model on recordings; each forecast is made by the live code from past samples only."""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, get_args

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from ankle_imu_driver.recordings.recording import Recording
from ankle_imu_driver.refusal import Refusal
from ankle_predictor.command_line import add_leg, check_folder_of, progress_bar, run_command, seconds_since, write_json
from ankle_predictor.model.bundle import find_model, load_bundle
from ankle_predictor.model.engine import InferenceEngine, load_engine
from ankle_predictor.model.feature_family import family_of
from ankle_predictor.offline.catalogue import Entry, read_catalogue
from ankle_predictor.offline.catalogue_check import (
    Checked,
    Needs,
    check_catalogue,
    open_entry,
    refuse_if_empty,
    show_check,
)
from ankle_predictor.offline.leg_options import add_leg_options, leg_settings
from ankle_predictor.offline.live_run import LiveSettings, run_live
from ankle_predictor.offline.log_forecasts import WHOLE, EvaluationError, Span
from ankle_predictor.offline.log_score import Labels, LogScore, labels_for, score_run
from ankle_predictor.offline.offline_reference import OfflineReferenceError
from ankle_predictor.offline.reference_score import score_reference

NOT_LIVE = "not live: scored as the reference's authors did, with a filter that sees the future"


@dataclass(frozen=True)
class EvaluationSettings:
    """How logs are scored.

    Attributes:
        span: s from each log's first sample.
        labels: where the true angle comes from; None for the encoder where there is one, otherwise the IMUs.
        leg: what the nodes' parameters say about the leg.
        offline_reference: whether to score as the reference's authors did, with a filter that sees the future.
        namespace: of the leg in a rosbag2 with several legs; empty for the only one.
    """

    span: Span = WHOLE
    labels: Labels | None = None
    leg: LiveSettings = field(default_factory=LiveSettings)
    offline_reference: bool = False
    namespace: str = ""


@dataclass(frozen=True)
class Evaluation:
    """Scores of a model.

    Attributes:
        scores: by the logs' stems.
        failed: why a log could not be scored, by the logs' stems.
        notes: what the reader found, repaired or left out, one sentence each, by the logs' stems.
    """

    scores: dict[str, LogScore]
    failed: dict[str, str]
    notes: dict[str, list[str]] = field(default_factory=dict)


def evaluate(
    model: str,
    logs: Sequence[Path | Entry],
    models_dir: Path | None = None,
    settings: EvaluationSettings | None = None,
    on_progress: Callable[[str, float], None] = lambda _log, _share: None,
) -> Evaluation:
    """Score one model on several logs. A log that cannot be scored does not end the others.

    Args:
        model: a name in a model directory, or a bundle's path.
        logs: recordings, or entries of a catalogue.
        models_dir: the model directory that is searched first.
        settings: how they are scored.
        on_progress: called with the log's name and the share of it that is done, 0 to 1.

    Raises:
        EvaluationError: two logs have the same stem, or the encoder cannot be an input.
        OfflineReferenceError: the model cannot be scored in the reference's way.
        BundleError: the model cannot be used.
    """
    settings = settings or EvaluationSettings()
    encoder_is_input = settings.leg.encoder_role == "input"
    if encoder_is_input and settings.labels == "imu":
        raise EvaluationError(
            "with the encoder as an input there is no later angle of the IMUs alone; leave --labels out"
        )
    engine = load_engine(load_bundle(*find_model(model, models_dir)))
    if encoder_is_input and family_of(engine.manifest.features).not_live:
        raise EvaluationError(f"the inputs of {model} have no ankle angle for an encoder to give; use --encoder score")
    if settings.offline_reference and not family_of(engine.manifest.features).not_live:
        raise OfflineReferenceError(f"model {model} runs live and is scored so; leave --offline-reference out")
    entries = [log if isinstance(log, Entry) else _named(log) for log in logs]
    names = [entry.name for entry in entries]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise EvaluationError(f"two logs have the name {twice}; rename one")
    scores, failed, notes = {}, {}, {}
    for entry in entries:
        on_progress(entry.name, 0.0)
        try:
            recording = open_entry(entry, settings.leg.encoder, settings.namespace)
            notes[entry.name] = list(recording.notes)
            scores[entry.name] = _score(
                engine, recording, _settings_for(entry, settings), partial(on_progress, entry.name)
            )
        except Refusal as refusal:
            failed[entry.name] = str(refusal)
    return Evaluation(scores, failed, notes)


def _named(log: Path) -> Entry:
    name = log.stem if log.name != "metadata.yaml" else log.absolute().parent.name
    return Entry(log, name, name)


def _settings_for(entry: Entry, settings: EvaluationSettings) -> EvaluationSettings:
    leg = settings.leg.worn_on(entry.side) if entry.side else settings.leg
    return replace(settings, labels=entry.labels or settings.labels, leg=leg)


def _score(
    engine: InferenceEngine, recording: Recording, settings: EvaluationSettings, on_progress: Callable[[float], None]
) -> LogScore:
    labels = labels_for(recording, settings.labels)
    if family_of(engine.manifest.features).not_live:
        return score_reference(engine, recording, settings.span, settings.offline_reference, on_progress)
    run = run_live(engine.bundle, recording, settings.leg, settings.span[1], on_progress)
    return score_run(engine.manifest, recording, run, labels, settings.span)


def show(model: str, evaluation: Evaluation, console: Console, offline_reference: bool = False) -> None:
    """Print the scores as a table, errors in deg, and why logs could not be scored."""
    narrow: dict[str, Any] = {"box": SIMPLE_HEAD, "pad_edge": False, "padding": (0, 1, 0, 0)}  # for 80 columns
    table = Table(title=f"{model}: mean absolute error, deg", caption_style="bold", **narrow)
    if offline_reference:
        table.caption = NOT_LIVE
    table.add_column("log", overflow="fold")
    for heading in ("label", "now", "h20", "h50", "stride h50", "in 90 %", "unfamiliar", "windows"):
        table.add_column(heading, justify="right", min_width=max(map(len, heading.split())))
    for name, found in evaluation.scores.items():
        result = found.forecasts
        errors = [math.degrees(found.angle_mae), result.mae_deg(20), result.mae_deg(50), found.last_stride.mae_deg(50)]
        shares = [_shown(share, ".1%") for share in (result.coverage, found.unfamiliar_share)]
        table.add_row(name, found.label, *(_shown(value, ".2f") for value in errors), *shares, str(result.windows))
    if evaluation.scores:
        console.print(table)
    for name, notes in evaluation.notes.items():
        for note in notes:
            print(f"{name}: {note}", file=sys.stderr)
    for name, why in evaluation.failed.items():
        print(f"{name} was not scored: {why}", file=sys.stderr)


def _shown(value: float, form: str) -> str:
    return f"{value:{form}}" if math.isfinite(value) else "-"


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="evaluate", description="Score a model on recordings, as it would run live.")
    parser.add_argument("--model", required=True, metavar="NAME", help="name in a model directory, or a bundle's path")
    recordings = parser.add_mutually_exclusive_group(required=True)
    recordings.add_argument("--log", type=Path, nargs="+", metavar="FILE", help="logger TXT or rosbag2")
    recordings.add_argument(
        "--catalogue", type=Path, metavar="PATH", help="a folder of recordings, or a list of them as .csv or .yaml"
    )
    parser.add_argument(
        "--labels",
        choices=get_args(Labels),
        help="what forecasts are scored against: the encoder, or the IMUs' own later angle (default: the encoder of a "
        "recording that has one, otherwise the IMUs)",
    )
    parser.add_argument(
        "--encoder", choices=("input", "score"), default="score", help="input: the forecasts may use it (%(default)s)"
    )
    add_leg_options(parser)
    add_leg(parser)
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
    """Run ``evaluate``; returns the exit status: 1 if no log could be scored."""
    args = _arguments(argv)
    return run_command(lambda: _evaluate(args))


def _evaluate(args: argparse.Namespace) -> None:
    check_folder_of(args.json)
    leg = replace(leg_settings(args.side, args.params_file, args.namespace), encoder_role=args.encoder)
    settings = EvaluationSettings((args.start, args.end), args.labels, leg, args.offline_reference, args.leg)
    checked: Checked | None = None
    with progress_bar(Console(stderr=True)) as progress:
        task = progress.add_task("starting", total=1.0)

        def report(name: str, share: float) -> None:
            progress.update(task, description=name, completed=share)

        if args.catalogue is not None:
            needs = Needs(args.labels, encoder_joint=leg.encoder, leg=args.leg)
            checked = check_catalogue(read_catalogue(args.catalogue), needs, report)
            show_check(checked, progress.console)
            refuse_if_empty(checked)
        logs = args.log if checked is None else checked.usable
        evaluation = evaluate(args.model, logs, args.models_dir, settings, report)
    if checked is not None:
        left_out = {entry.name: why for entry, why in checked.left_out}
        evaluation = replace(evaluation, failed=left_out | evaluation.failed)
    if args.json:
        scores = {name: found.to_json() for name, found in evaluation.scores.items()}
        document: dict[str, Any] = {"logs": scores, "failed": evaluation.failed, "notes": evaluation.notes}
        if checked is not None:
            document["persons"] = checked.persons
        if args.offline_reference:
            document["not_live"] = NOT_LIVE
        write_json(args.json, document)
    if not evaluation.scores and len(evaluation.failed) == 1:
        raise EvaluationError(*evaluation.failed.values())
    show(args.model, evaluation, Console(), args.offline_reference)
    if not evaluation.scores:
        raise EvaluationError("no log could be scored")


if __name__ == "__main__":
    sys.exit(main())
