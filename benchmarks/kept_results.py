"""Runs the tasks of a benchmark on Dask, each of which keeps its result in a file: a second start goes on.

A result is kept by its name and by all that it depends on: recordings, models and code. When one of them has changed,
the result is measured again, and the old one stays in the folder unused.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from ankle_imu_driver.refusal import Refusal
from ankle_predictor.model.bundle import Bundle
from ankle_predictor.offline.catalogue import digest_of
from ankle_predictor.training.tasks import Task, Workers

Result = dict[str, Any]
ROOT = Path(__file__).resolve().parent.parent
KEY = 16  # digits
_digest_of = cache(digest_of)
LIVE_CODE = ("ankle_imu_driver", "ankle_predictor/estimation", "ankle_predictor/model", "ankle_predictor/trust")
LIVE_CODE += ("ankle_predictor/forecasting", "ankle_predictor/offline")
LEARNING_CODE = (*LIVE_CODE, "ankle_predictor/training", "ankle_predictor/adaptation")


@dataclass(frozen=True)
class Cell:
    """A result and what it is computed by.

    Attributes:
        path: of its file, at the same path on every machine.
        call: returns the result, as JSON holds it.
        arguments: of the call.
    """

    path: Path
    call: Callable[..., Result]
    arguments: tuple[Any, ...]


def code_digest(parts: Iterable[str]) -> str:
    """Return the digest of code that results depend on.

    Args:
        parts: folders, with all that is in them, and patterns of files, all in the repository.
    """
    files = {path for part in parts for path in ROOT.glob(part if part.endswith(".py") else f"{part}/**/*.py")}
    digest = hashlib.sha256()
    for path in sorted(files):
        digest.update(str(path.relative_to(ROOT)).encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def key_of(code: str, recordings: Iterable[Path], models: Iterable[Bundle]) -> str:
    """Return the key of what a result depends on.

    Args:
        code: digest of the code.
        recordings: that the result is measured on, or learned from.
        models: that are used.
    """
    used = [[bundle.manifest.files, bundle.manifest.to_json()] for bundle in models]
    text = json.dumps([code, [_digest_of(path) for path in recordings], used], sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:KEY]


def kept(cell: Cell) -> Result | str:
    """Return the cell's result, from its file if it is there, or the sentence by which it was refused."""
    if cell.path.exists():
        return dict(json.loads(cell.path.read_text("utf-8")))
    try:
        result = cell.call(*cell.arguments)
    except Refusal as refusal:
        return str(refusal)
    scratch = cell.path.with_name(f".{cell.path.name}.{os.getpid()}")
    scratch.write_text(json.dumps(result), "utf-8")
    scratch.replace(cell.path)
    return result


def run_cells(
    cells: Mapping[str, Cell], workers: Workers | None, stage: str
) -> tuple[dict[str, Result], dict[str, str]]:
    """Return the results by name, and why tasks were refused by theirs.

    Args:
        cells: by name.
        workers: run what has no result yet; None to return only what there is.
        stage: for the progress.
    """
    there = {name for name, cell in cells.items() if cell.path.exists()}
    tasks = [Task(name, kept, (cell,)) for name, cell in cells.items() if name not in there]
    found = {name: kept(cells[name]) for name in cells if name in there}
    columns = (TextColumn("{task.description:48}"), BarColumn(), TextColumn("{task.percentage:3.0f} %"))
    if workers is not None and tasks:
        with Progress(*columns, TimeElapsedColumn(), console=Console(stderr=True)) as progress:
            bar = progress.add_task(stage, total=1.0)

            def report(description: str, share: float) -> None:
                done = (len(there) + share * len(tasks)) / len(cells)
                progress.update(bar, description=description, completed=done)

            results = workers.run(tasks, stage, report)
        found |= {task.name: result for task, result in zip(tasks, results, strict=True)}
    if unused := sum(len(set(cell.path.parent.glob(f"{name}.*.json")) - {cell.path}) for name, cell in cells.items()):
        print(f"{unused} kept results of other recordings, models or code are not used", file=sys.stderr)
    refused = {name: result for name, result in found.items() if isinstance(result, str)}
    return {name: found[name] for name in cells if isinstance(found.get(name), dict)}, refused  # type: ignore[misc]
