"""The figures of one recording for ``people.py``: by row of the table, with what a mean over people needs."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ankle_imu_driver.recordings.recording import Recording
from ankle_predictor.offline.live_run import LiveRun
from ankle_predictor.offline.log_score import labels_for, score_moments, scored_run, true_curve
from benchmarks.people_rows import after_walking, minutes, parts_of

Cell = dict[str, Any]
PERIOD = 0.01
FEWEST = 20  # moments; a row of a recording with fewer is left out
STARTED = 20.0  # s of walking after which intervals should hold


def cells_of(log: Path, recording: Recording, run: LiveRun, learned: bool) -> list[Cell]:
    """Return a recording's figures, one cell for each row that it counts for."""
    labels = labels_for(recording, "encoder" if recording.encoder is not None else "imu")
    scored = scored_run(run, true_curve(recording, labels, run.stamp, run.angle), PERIOD)
    started = after_walking(run.stamp, run.walking, STARTED)[run.made]
    cells = []
    for part in parts_of(log, run, learned):
        moments = scored.at(part.chosen[run.made] & scored.known)
        if len(moments.stamp) < FEWEST:
            continue
        withheld = 1.0 - float(np.mean(run.published[part.chosen]))
        figures = score_moments(moments, labels, "score", withheld_share=withheld)
        late = moments.at(started[part.chosen[run.made] & scored.known])
        inside = (late.truth >= late.forecast.lower) & (late.truth <= late.forecast.upper)
        values = figures.to_json()
        cell = {key: value for key, value in values.items() if isinstance(value, float)}
        cell |= {
            "row": part.row,
            "person": part.person,
            "recording": recording.name,
            "windows": values["windows"],
            "by_step": [round(value, 4) for value in values["mae_by_step_deg"]],
            "minutes": [round(share, 4) for share in minutes(late.stamp, inside.mean(axis=1))],
        }
        cells.append(cell)
    return cells


def people_of(cells: Iterable[Mapping[str, Any]]) -> dict[str, dict[str, Cell]]:
    """Return the figures of each person in each row: the mean over the person's recordings, weighted by moments."""
    found: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for cell in cells:
        found.setdefault((cell["row"], cell["person"]), []).append(cell)
    rows: dict[str, dict[str, Cell]] = {}
    for (row, person), own in found.items():
        figures = {key for cell in own for key, value in cell.items() if isinstance(value, float)}
        pooled: Cell = {key: _weighted(own, key) for key in sorted(figures)}
        pooled["windows"] = sum(cell["windows"] for cell in own)
        pooled["minutes"] = [share for cell in own for share in cell["minutes"]]
        weights = [cell["windows"] for cell in own]
        pooled["by_step"] = np.average([cell["by_step"] for cell in own], axis=0, weights=weights).tolist()
        rows.setdefault(row, {})[person] = pooled
    return rows


def mean_over(people: Mapping[str, Mapping[str, Any]], key: str) -> float:
    """Return the mean of a figure over the people who have it; NaN if nobody has."""
    known = [person[key] for person in people.values() if key in person]
    return float(np.mean(known)) if known else math.nan


def worst_minute(people: Mapping[str, Mapping[str, Any]], share: float = 0.05) -> float:
    """Return the quantile of the coverage over all minutes of all people; NaN without any."""
    shares: Sequence[float] = [value for person in people.values() for value in person["minutes"]]
    return float(np.quantile(shares, share)) if shares else math.nan


def better_for(
    people: Mapping[str, Mapping[str, Any]], other: str, by_person: Mapping[str, float] | None = None
) -> int:
    """Return for how many people h50 is smaller than another figure: of the same cell, or given by person."""
    against = by_person or {name: person[other] for name, person in people.items() if other in person}
    return sum(person["mae_h50_deg"] < against[name] for name, person in people.items() if name in against)


def _weighted(cells: Sequence[Mapping[str, Any]], key: str) -> float:
    known = [(cell[key], cell["windows"]) for cell in cells if key in cell]
    values, weights = zip(*known, strict=True)
    return float(np.average(values, weights=weights))
