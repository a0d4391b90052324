"""Measures all figures of ``docs/accuracy.md`` from the recorded walks, leaving one subject out.

Every row is scored at the same moments, causally: filters, scalers, weights and intervals are made from other people
only, and no window crosses people or gaps. Our models are those that ``train --folds`` keeps, each trained without a
person. Results are kept in the work folder, by recordings, model and code: an interrupted run continues where it
stopped, and what has changed is measured again.

    scripts/run train --log walks/*.TXT ... --output models/base --folds accuracy_work/models
    scripts/run python benchmarks/accuracy.py --log walks/*.TXT --work accuracy_work
"""

from __future__ import annotations

import argparse
import dataclasses
import math
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "1")  # the work is spread over processes
os.environ.setdefault("TF_NUM_INTEROP_THREADS", "1")
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np

from ankle_imu_driver.arrays import FloatArray
from ankle_imu_driver.recordings.read_recording import read_recording
from ankle_imu_driver.refusal import Refusal
from ankle_predictor.estimation.encoder_fusion import EncoderRole
from ankle_predictor.model.bundle import Bundle, load_bundle
from ankle_predictor.model.engine import InferenceEngine
from ankle_predictor.model.forecast import Forecast
from ankle_predictor.offline.baselines import PERIOD
from ankle_predictor.offline.log_forecasts import WHOLE, Span, forecast_log
from ankle_predictor.offline.pipeline import run_chain
from ankle_predictor.training.cluster import workers_for
from ankle_predictor.training.tasks import Workers
from ankle_predictor.trust.scoring import due_times, score, truth_at
from benchmarks import kept_results
from benchmarks.accuracy_page import write_page
from benchmarks.baselines import HORIZON, forecasts, scored_stamps, subject_of
from benchmarks.kept_results import LEARNING_CODE, LIVE_CODE, code_digest, key_of, run_cells

Cell = dict[str, Any]
Task = tuple[Callable[..., Cell], tuple[Any, ...]]
"""A function and its arguments, without the work folder, which comes last. The first one is a recording."""

OWN_CODE = ("benchmarks/accuracy.py", "benchmarks/baselines.py")
SECONDS = (30, 60, 10, 90)  # of a user's walking to adapt with
ADAPT_FROM, SCORE_FROM = 20.0, 120.0
REFERENCE_STRIDE, REFERENCE_EPOCHS = 20, 3  # its network takes twenty times as long as ours; more takes too long
SCRATCH_STRIDE, SCRATCH_EPOCHS = 3, 8


def cell_of(forecast: Forecast | FloatArray, truth: FloatArray) -> Cell:
    """Return the figures of (N, H) forecasts for the tables, in deg."""
    angle = forecast.angle if isinstance(forecast, Forecast) else forecast
    cell: Cell = {"by_step": np.degrees(np.mean(np.abs(angle - truth), axis=0)).tolist(), "windows": len(truth)}
    if isinstance(forecast, Forecast):
        result = score(forecast.angle, forecast.lower, forecast.upper, truth)
        cell |= {
            "coverage": result.coverage,
            "width": math.degrees(result.width),
            "interval_score": math.degrees(result.interval_score),
        }
    return cell


def scored(
    bundle: Bundle, log: Path, span: Span = WHOLE, encoder_role: EncoderRole = "score"
) -> tuple[Forecast, FloatArray]:
    """Return a model's live forecasts of a log at the scored moments, and the true angles."""
    recording = read_recording(log)
    table = run_chain(recording, bundle.manifest.features, encoder_role=encoder_role)
    made = forecast_log(InferenceEngine(bundle), recording, span, table=table)
    which = np.isin(made.stamp, scored_stamps(table, recording))
    assert recording.encoder is not None
    truth = truth_at(recording.encoder.stamp, recording.encoder.angle, due_times(made.stamp[which], HORIZON, PERIOD))
    return made.forecast.at(which), truth


def linear(held_out: Path, others: Sequence[Path], _work: Path) -> Cell:
    """Score the rows without a network."""
    subject, learned = (subject_of(read_recording(held_out)), [subject_of(read_recording(log)) for log in others])
    return {row: cell_of(angle, subject.truth) for row, angle in forecasts(subject, learned).items()}


def not_trained_on(held_out: Path, work: Path) -> Bundle:
    """Return the model that was trained without a person: ``train --folds`` wrote it into the work folder."""
    return load_bundle(f"not_{held_out.stem}", [work / "models"])


def ours(held_out: Path, work: Path) -> Cell:
    """Score the model that was trained without the person."""
    bundle = not_trained_on(held_out, work)
    alone = dataclasses.replace(bundle, manifest=dataclasses.replace(bundle.manifest, memory=None))
    late = (SCORE_FROM, math.inf)
    return {
        "Bi-LSTM alone": cell_of(*scored(alone, held_out)),
        "ours, live": cell_of(*scored(bundle, held_out)),
        "ours, live, with the encoder": cell_of(*scored(bundle, held_out, encoder_role="input")),
        "base late": cell_of(*scored(bundle, held_out, late)),
        "base late, with the encoder": cell_of(*scored(bundle, held_out, late, "input")),
    }


def reference(held_out: Path, others: Sequence[Path], _work: Path) -> Cell:
    """Train the reference's network on its own 16 features, filtered in each window, and score it."""
    from ankle_predictor.training.reference_network import fitted_reference  # noqa: PLC0415 - imports tensorflow
    from ankle_predictor.training.settings import TrainSettings  # noqa: PLC0415
    from ankle_predictor.training.walk import walk_of  # noqa: PLC0415

    settings = TrainSettings(features="reference16", stride=REFERENCE_STRIDE, epochs=REFERENCE_EPOCHS)
    learned = [walk_of(read_recording(log), settings).examples for log in others]
    recording = read_recording(held_out)
    stamps = scored_stamps(run_chain(recording), recording)
    every = walk_of(recording, dataclasses.replace(settings, stride=1)).examples
    which = np.isin(every.stamp, stamps)
    angle = fitted_reference(learned, REFERENCE_EPOCHS)(every.window[which])
    return {"the reference's network, causal": cell_of(angle, every.target[which])}


def transfer(held_out: Path, seconds: int, labels: str, work: Path) -> Cell:
    """Adapt the model that was trained without the subject, and score from 120 s on."""
    from ankle_predictor.adaptation.finetune import finetune  # noqa: PLC0415 - imports tensorflow

    user = f"{held_out.stem}_{labels}_{seconds}"
    base = f"not_{held_out.stem}"
    report = finetune(base, held_out, (ADAPT_FROM, seconds), labels, user, work / "models")  # type: ignore[arg-type]
    bundle, late = load_bundle(report.model, [work / "models"]), (SCORE_FROM, math.inf)
    cell = cell_of(*scored(bundle, held_out, late))
    live = cell_of(*scored(bundle, held_out, late, "input")) if labels == "encoder" else None
    return {"cell": cell, "with the encoder": live, "adapted": report.adapted, "warnings": report.warnings}


def scratch(held_out: Path, seconds: int, _work: Path) -> Cell:
    """Train on the user's seconds alone, with the encoder's labels, and score from 120 s on."""
    from ankle_predictor.training.learning import learn  # noqa: PLC0415 - imports tensorflow
    from ankle_predictor.training.settings import TrainSettings  # noqa: PLC0415
    from ankle_predictor.training.walk import walk_of  # noqa: PLC0415

    settings = TrainSettings(stride=SCRATCH_STRIDE, epochs=SCRATCH_EPOCHS)
    walk = walk_of(read_recording(held_out), settings)
    last = walk.recording.start + ADAPT_FROM + seconds
    first = walk.recording.start + ADAPT_FROM
    stamp, spec = walk.examples.stamp, settings.spec
    inside = (stamp - (spec.window - 1) * spec.period >= first) & (stamp + settings.horizon * spec.period <= last)
    rows = (walk.table.stamp >= first) & (walk.table.stamp <= last)
    table = dataclasses.replace(
        walk.table, stamp=walk.table.stamp[rows], values=walk.table.values[rows], angle=walk.table.angle[rows]
    )
    fused = None if walk.fused is None else walk.fused[rows]
    part = dataclasses.replace(walk, table=table, fused=fused, chosen=walk.examples.select(inside))
    return {"cell": cell_of(*scored(learn([part], settings), held_out, (SCORE_FROM, math.inf)))}


def label_error(held_out: Path, _work: Path) -> Cell:
    """Return the error in deg of the imu labels: the IMUs' later angle against the encoder, from 120 s on."""
    recording = read_recording(held_out)
    table = run_chain(recording)
    stamp = scored_stamps(table, recording)
    stamp = stamp[stamp >= recording.start + SCORE_FROM]
    due = due_times(stamp, HORIZON, PERIOD)
    assert recording.encoder is not None
    truth = truth_at(recording.encoder.stamp, recording.encoder.angle, due)
    later = truth_at(table.stamp, table.angle, due)
    known = np.isfinite(later) & np.isfinite(truth)
    return {"label_error": math.degrees(float(np.mean(np.abs(later - truth)[known])))}


def tasks(logs: Sequence[Path]) -> tuple[dict[str, Task], dict[str, Task]]:
    """Return the tasks by name: those that say most first."""
    training: dict[str, Task] = {}
    after: dict[str, Task] = {}
    others = {log: [other for other in logs if other != log] for log in logs}
    for log in logs:
        training[f"ours {log.stem}"] = (ours, (log,))
        after[f"linear {log.stem}"] = (linear, (log, others[log]))
        after[f"label {log.stem}"] = (label_error, (log,))
    for seconds in SECONDS:
        for log in logs:
            for labels in ("encoder", "imu"):
                after[f"transfer {log.stem} {labels} {seconds}"] = (transfer, (log, seconds, labels))
    for log in logs:
        after[f"reference {log.stem}"] = (reference, (log, others[log]))
        after |= {f"scratch {log.stem} {seconds}": (scratch, (log, seconds)) for seconds in SECONDS}
    return training, after


def cells_of(batch: Mapping[str, Task], work: Path) -> dict[str, kept_results.Cell]:
    """Return tasks with the files that keep their results: each depends on recordings, code, and maybe a model.

    Raises:
        BundleError: a model is missing in the work folder.
    """
    codes = {learns: code_digest((*(LEARNING_CODE if learns else LIVE_CODE), *OWN_CODE)) for learns in (True, False)}
    cells = {}
    for name, (function, arguments) in batch.items():
        others = arguments[1] if function in {linear, reference} else ()
        models = [not_trained_on(arguments[0], work)] if function in {ours, transfer} else []
        key = key_of(codes[function in {reference, scratch, transfer}], [arguments[0], *others], models)
        cells[name] = kept_results.Cell(work / "cells" / f"{name}.{key}.json", function, (*arguments, work))
    return cells


def run(logs: Sequence[Path], work: Path, workers: Workers | None) -> dict[str, Cell]:
    """Run the tasks that have no result yet; returns all results by name. Without workers, returns the present results.

    Raises:
        Refusal: a task was refused.
    """
    (work / "cells").mkdir(parents=True, exist_ok=True)
    found: dict[str, Cell] = {}
    for stage, batch in zip(("models", "all else"), tasks(logs), strict=True):
        done, refused = run_cells(cells_of(batch, work), workers, stage)
        if refused:
            name, why = next(iter(refused.items()))
            raise Refusal(f"{name}: {why}")
        found |= done
    return found


def main() -> int:
    """Run all tasks and write the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--log", type=Path, nargs="+", required=True, metavar="FILE", help="one for each subject")
    parser.add_argument("--work", type=Path, default=Path("accuracy_work"), metavar="DIR", help="keeps the results")
    parser.add_argument(
        "--jobs", type=int, default=os.cpu_count() or 1, help="number of processes; 0: only write the page"
    )
    parser.add_argument("--scheduler", metavar="ADDRESS", help="an existing Dask scheduler (docs/scale.md)")
    options = parser.parse_args()
    logs = sorted((log.absolute() for log in options.log), key=lambda log: (len(log.stem), log.stem))
    work = options.work.absolute()
    if options.jobs or options.scheduler:
        with workers_for(options.scheduler, options.jobs, [work]) as workers:
            cells = run(logs, work, workers)
    else:
        cells = run(logs, work, None)
    write_page(cells, [log.stem for log in logs])
    return 0


if __name__ == "__main__":
    sys.exit(main())
