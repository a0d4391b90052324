"""Measures all figures of ``docs/people.md``: recordings of other people, and the five walks, through the live code.

Every pair of samples goes through ``LivePredictor`` in order, as on a robot. Results are kept in the work folder, by
recording, model and code: an interrupted run continues where it stopped, and what has changed is measured again.

    scripts/run python benchmarks/people.py --data ../shared/data --work people_work
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")  # the work is spread over processes
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from ankle_imu_driver.recordings.read_recording import read_recording
from ankle_predictor.model.bundle import Bundle, find_model, load_bundle
from ankle_predictor.offline.live_run import LiveSettings, run_live
from ankle_predictor.training.cluster import workers_for
from benchmarks.kept_results import LIVE_CODE, Cell, code_digest, key_of, run_cells
from benchmarks.people_cells import cells_of
from benchmarks.people_nonsense import KINDS, LASTS, WALKED, noticed, with_nonsense
from benchmarks.people_page import write_page
from benchmarks.people_rows import QMT_WALKS, person_of, recordings_in, side_of

CODE = (*LIVE_CODE, "benchmarks/people*.py")
NONSENSE_LOGS = ("hugw_01_00_r", "hugw_07_00_l", "qmt_right", "LOG2", "LOG13")
"""Walks that are long enough and begin early; one person each."""

Result = dict[str, Any]
Task = tuple[Callable[..., Result], tuple[Any, ...]]


def scored(log: Path, model: str, models: Path | None, learned: bool) -> Result:
    """Run and score one recording."""
    recording, bundle = read_recording(log), _bundle(model, models)
    run = run_live(bundle, recording, LiveSettings().worn_on(side_of(log)))
    return {"cells": cells_of(log, recording, run, learned)}


def nonsense(log: Path, model: str, models: Path | None, kind: str) -> Result:
    """Run one recording with some seconds of nonsense."""
    recording, bundle = read_recording(log), _bundle(model, models)
    begin = WALKED + (QMT_WALKS if log.stem.startswith("qmt") else 0.0)
    changed = with_nonsense(recording, kind, begin, seed=len(log.stem))
    run = run_live(bundle, changed, LiveSettings().worn_on(side_of(log)), begin + LASTS)
    return {"kind": kind, **asdict(noticed(run, recording.start, begin))}


def _bundle(model: str, models: Path | None) -> Bundle:
    return load_bundle(*find_model(model, models))


def tasks(logs: Sequence[Path], model: str, left_out: Path | None) -> dict[str, Task]:
    """Return all tasks by name, the longest first.

    Args:
        logs: all recordings.
        model: for everybody who has no model in ``left_out``.
        left_out: folder with models ``not_NAME`` that have not learned from the person of the recording NAME.
    """
    folds = {path.name: path for path in left_out.glob("not_*")} if left_out is not None else {}
    others = {person_of(name.removeprefix("not_")): name for name in folds}
    learned = {person_of(name) for name in _bundle(model, None).manifest.training.logs}
    found: dict[str, Task] = {}
    for log in sorted(logs, key=lambda log: -sum(p.stat().st_size for p in [log, *log.glob("*.mcap")])):
        person = person_of(log.stem)
        without = f"not_{log.stem}" if f"not_{log.stem}" in folds else others.get(person)
        if without is not None:
            found[log.stem] = (scored, (log, without, left_out, False))
        else:
            found[log.stem] = (scored, (log, model, None, person in learned))
    for log in logs:
        if log.stem in NONSENSE_LOGS:
            found |= {f"{log.stem}, {kind}": (nonsense, (log, model, None, kind)) for kind in KINDS}
    return found


def cells(all_tasks: dict[str, Task], work: Path) -> dict[str, Cell]:
    """Return the tasks with the files that keep their results."""
    work.mkdir(parents=True, exist_ok=True)
    code = code_digest(CODE)
    return {
        name: Cell(work / f"{name}.{key_of(code, arguments[:1], [_bundle(*arguments[1:3])])}.json", function, arguments)
        for name, (function, arguments) in all_tasks.items()
    }


def main() -> int:
    """Run all tasks and write the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, metavar="DIR", help="has the folders public and walks")
    parser.add_argument("--model", default="base", metavar="NAME", help="name in a model directory, or a bundle's path")
    parser.add_argument(
        "--left-out", type=Path, metavar="DIR", help="models not_NAME that have not learned from a person"
    )
    parser.add_argument("--work", type=Path, default=Path("people_work"), metavar="DIR", help="keeps the results")
    parser.add_argument("--jobs", type=int, default=2, help="number of processes; 0: only write the page")
    parser.add_argument("--scheduler", metavar="ADDRESS", help="an existing Dask scheduler (docs/scale.md)")
    options = parser.parse_args()
    logs = recordings_in(options.data / "public", options.data / "walks")
    if not logs:
        parser.error(f"{options.data} has no recordings in public/ and walks/")
    found = tasks([log.absolute() for log in logs], options.model, options.left_out and options.left_out.absolute())
    work = options.work.absolute()
    if options.jobs or options.scheduler:
        with workers_for(options.scheduler, options.jobs, [work]) as workers:
            results, failed = run_cells(cells(found, work), workers, "people")
    else:
        results, failed = run_cells(cells(found, work), None, "people")
    write_page(list(results.values()), failed, missing=len(found) - len(results) - len(failed))
    return 0


if __name__ == "__main__":
    sys.exit(main())
