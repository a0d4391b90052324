"""Scores the recording of a demo, draws it, and reports the figures."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from rich.console import Console

from ankle_predictor.demo.adapting import AFTER, LABELS, USER, WALKING
from ankle_predictor.demo.before_after import BeforeAfter, compare
from ankle_predictor.demo.live_run import Outcome, RunError
from ankle_predictor.demo.output_folder import OutputFolder
from ankle_predictor.demo.plan import Plan
from ankle_predictor.demo.plot import draw
from ankle_predictor.demo.recorded_run import RecordedRun, read_run
from ankle_predictor.demo.summary import Summary, summarise
from ankle_predictor.model.bundle import load_bundle, model_directories
from ankle_predictor.model.engine import load_engine
from ankle_predictor.model.manifest import Training


def report_results(plan: Plan, source: str, folder: OutputFolder, outcome: Outcome, console: Console) -> dict[str, Any]:
    """Score the recording, draw it, print the figures, and return them as JSON types.

    Args:
        plan: of the demo.
        source: name of the walk.
        folder: with the recording; takes the picture.
        outcome: of the run.
        console: to print on.

    Raises:
        RunError: the recording has no forecast.
        Refusal: the picture cannot be written.
    """
    run = read_run(folder.recording, outcome.seconds)
    if not len(run.forecast_stamp):
        raise RunError("no forecast was recorded")
    manifest = load_bundle(run.model, model_directories(folder.models)).manifest
    summary = summarise(run, manifest.features)
    compared = None
    if outcome.adapted:
        base = load_engine(load_bundle(plan.model, model_directories(folder.models)))
        compared = compare(run, folder.recording, base, USER, AFTER)
    trained_on = plan.log is not None and _is_among(plan.log, manifest.training)
    _draw(run, summary, compared, source, trained_on, folder.picture)
    console.print(summary.table())
    for name, how in outcome.mountings.items():
        console.print(f"{name}: {how}", soft_wrap=True)
    if compared is not None:
        console.print(compared.table())
    if outcome.message:
        console.print(f"adapting to the new user: {outcome.message}", soft_wrap=True)
    if trained_on:
        console.print(f"{run.model} was trained on {source}, so it does better here than on a new walk")
    for what, path in (
        ("picture", folder.picture),
        ("recording", folder.recording),
        ("the nodes' output", folder.nodes_log),
    ):
        console.print(f"{what}: {path}", soft_wrap=True)
    return {
        **summary.to_json(),
        "source": source,
        "trained_on_source": trained_on,
        "mountings": outcome.mountings,
        "output": str(folder.path),
        "adaptation": _adaptation(plan, outcome, compared),
    }


def _draw(  # noqa: PLR0917 - the arguments have nothing in common
    run: RecordedRun, summary: Summary, compared: BeforeAfter | None, source: str, trained_on: bool, path: Path
) -> None:
    caption = f"{source}, model {run.model}{', which was trained on this walk' if trained_on else ''}."
    caption += " Recorded live: every forecast was made from past samples only."
    if compared is None:
        draw(run, summary, caption, path)
    else:
        caption = f"After {WALKING:g} s of walking. {caption}"
        draw(compared.run, compared.after, caption, path, compared.before)


def _adaptation(plan: Plan, outcome: Outcome, compared: BeforeAfter | None) -> dict[str, Any] | None:
    if plan.log is not None:
        return None
    figures: dict[str, Any] = {"success": outcome.adapted, "message": outcome.message}
    if plan.adapts:
        figures |= {"user": USER, "labels": LABELS, "walking_s": WALKING}
    return figures if compared is None else figures | compared.to_json()


def _is_among(log: Path, training: Training) -> bool:
    return log.is_file() and hashlib.sha256(log.read_bytes()).hexdigest() in training.logs.values()
