"""Writes the tables and plots of ``docs/people.md`` from the results of ``people.py``."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("agg")

import matplotlib.pyplot as plt
import numpy as np

from ankle_predictor.performance.results_page import ResultsPage
from benchmarks.people_cells import better_for, mean_over, people_of, worst_minute
from benchmarks.people_rows import ROWS

DOCS = Path(__file__).resolve().parent.parent / "docs"
BEFORE = Path(__file__).resolve().parent / "people_before.json"
"""The cells of commit 1366880, with the base and the forecaster that it had."""
STRIDE, KEPT = "last_stride_h50_deg", "persistence_h50_deg"
HELD = (0.87, 0.93)  # share of true angles inside a 90 % interval that counts as 90 %

People = Mapping[str, Mapping[str, Any]]
Rows = Mapping[str, People]


def write_page(results: Sequence[Mapping[str, Any]], failed: Mapping[str, str], missing: int) -> None:
    """Write the tables into the page, and draw its plots.

    Args:
        results: of all tasks that are done.
        failed: why a task could not be done, by its name.
        missing: number of tasks that are not done yet.
    """
    rows = people_of(cell for result in results for cell in result.get("cells", ()))
    before = people_of(json.loads(BEFORE.read_text("utf-8")))
    text = (
        [f"**Not measured yet with the present code: {missing} parts.** Start the command again to continue."]
        if missing
        else []
    )
    text += [f"- {name} was not scored: {why}" for name, why in sorted(failed.items())]
    text += [errors_table(rows, before), trust_table(rows, before), calm_table(rows, before)]
    text += [nonsense_table([result for result in results if "kind" in result])]
    ResultsPage(DOCS / "people.md", "people").write("\n\n".join(part for part in text if part))
    _draw_errors(rows, before, DOCS / "images" / "people_errors.png")
    _draw_coverage(rows, before, DOCS / "images" / "people_coverage.png")


def errors_table(rows: Rows, before: Rows) -> str:
    """Return errors in deg, means over people, and for how many people they are smaller."""
    head = ["error, deg", "people", "h20", "h50", "before: h20", "h50", "last stride: h20", "h50", "unchanged: h50"]
    body = []
    for row in _present(rows, before):
        now, then = rows.get(row, {}), before.get(row, {})
        known = now or then
        body.append([
            row, str(len(known)),
            *(_number(mean_over(now, key)) for key in ("mae_h20_deg", "mae_h50_deg")),
            *(_number(mean_over(then, key)) for key in ("mae_h20_deg", "mae_h50_deg")),
            *(_number(mean_over(known, key)) for key in ("last_stride_h20_deg", STRIDE, KEPT)),
            *_better(now, then),
        ])  # fmt: skip
    return _table([*head, "better than last stride", "than unchanged", "than before"], body)


def _better(now: People, then: People) -> list[str]:
    """Return for how many people h50 is smaller than each of three others."""
    if not now:
        return ["-"] * 3
    shown = [f"{better_for(now, key)} of {len(now)}" for key in (STRIDE, KEPT)]
    older = {name: person["mae_h50_deg"] for name, person in then.items()}
    return [*shown, f"{better_for(now, '', older)} of {len(now)}" if older else "-"]


def trust_table(rows: Rows, before: Rows) -> str:
    """Return how intervals hold, and what is called unfamiliar or withheld; what it was before in brackets."""
    body = []
    for row in _present(rows, before):
        both = rows.get(row, {}), before.get(row, {})
        cells = [_pair([mean_over(people, "coverage_90") for people in both], "{:.0%}")]
        cells.append(_pair([worst_minute(people) for people in both], "{:.0%}"))
        cells += [
            _pair([mean_over(people, key) for people in both], "{:.1f}")
            for key in ("width_90_deg", "interval_score_deg")
        ]
        cells += [
            _pair([mean_over(people, key) for people in both], "{:.0%}")
            for key in ("unfamiliar_share", "withheld_share")
        ]
        body.append([row, *cells])
    head = ["now (before)", "inside the 90 % interval", "in 95 % of minutes at least", "width, deg"]
    return _table([*head, "interval score, deg", "called unfamiliar", "withheld"], body)


def calm_table(rows: Rows, before: Rows) -> str:
    """Return how calm the forecast is; what it was before in brackets."""
    keys = ("change_per_tick_deg", "change_p99_deg", "roughness_200ms_deg", "roughness_200ms_truth_deg")
    body = [
        [row, *(_pair([mean_over(side.get(row, {}), key) for side in (rows, before)], "{:.2f}") for key in keys)]
        for row in _present(rows, before)
    ]
    head = [
        "now (before), deg",
        "change per tick",
        "99th percentile",
        "roughness of the curve at 200 ms",
        "of the truth",
    ]
    return _table(head, body)


def nonsense_table(found: Sequence[Mapping[str, Any]]) -> str:
    """Return how much of each nonsense is noticed; empty without results."""
    if not found:
        return ""
    kinds = list(dict.fromkeys(result["kind"] for result in found))
    body = []
    for kind in kinds:
        own = [result for result in found if result["kind"] == kind]
        shares = [float(np.mean([result[key] for result in own])) for key in ("before", "unfamiliar", "flagged")]
        body.append([kind, str(len(own)), *(f"{share:.0%}" for share in shares)])
    head = ["from 2 s after it began", "walks", "flagged before it", "called unfamiliar", "flagged or withheld"]
    return _table(head, body)


def _present(*tables: Rows) -> list[str]:
    return [row for row in ROWS if any(row in table for table in tables)]


def _number(value: float) -> str:
    return f"{value:.2f}" if math.isfinite(value) else "-"


def _pair(values: Sequence[float], form: str) -> str:
    """Return the present figure with the earlier one in brackets."""
    now, then = (form.format(value) if math.isfinite(value) else "-" for value in values)
    return f"{now} ({then})"


def _table(head: Sequence[str], body: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *body]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _draw_errors(rows: Rows, before: Rows, path: Path) -> None:
    names = _present(rows, before)
    known = {row: rows.get(row) or before[row] for row in names}
    series = {
        "now": ("tab:blue", [mean_over(rows.get(row, {}), "mae_h50_deg") for row in names]),
        "before": ("lightsteelblue", [mean_over(before.get(row, {}), "mae_h50_deg") for row in names]),
        "last stride repeated": ("tab:orange", [mean_over(known[row], STRIDE) for row in names]),
        "unchanged": ("lightgray", [mean_over(known[row], KEPT) for row in names]),
    }
    figure, axes = plt.subplots(figsize=(8.0, 0.55 * len(names) + 1.5), layout="constrained")
    place, height = np.arange(len(names)), 0.2
    for k, (title, (color, values)) in enumerate(series.items()):
        axes.barh(place + (k - 1.5) * height, values, height, label=title, color=color)
    axes.set(yticks=place, yticklabels=names, xlabel="mean error over the next 500 ms (deg), mean over people")
    axes.invert_yaxis()
    axes.grid(axis="x", alpha=0.3)
    axes.legend()
    figure.savefig(path, dpi=110)
    plt.close(figure)


def _draw_coverage(rows: Rows, before: Rows, path: Path) -> None:
    names = _present(rows, before)
    figure, axes = plt.subplots(figsize=(8.0, 0.35 * len(names) + 1.5), layout="constrained")
    place = np.arange(len(names))
    axes.axvspan(*(100 * share for share in HELD), color="tab:green", alpha=0.15, label="87 to 93 %")
    for title, table, color, shift in (("now", rows, "tab:blue", -0.12), ("before", before, "tab:gray", 0.12)):
        mean = [100 * mean_over(table.get(row, {}), "coverage_90") for row in names]
        worst = [100 * worst_minute(table.get(row, {})) for row in names]
        axes.plot(mean, place + shift, "o", color=color, label=f"{title}: all moments")
        axes.plot(worst, place + shift, "|", color=color, markersize=10, label=f"{title}: 95 % of minutes at least")
    axes.set(yticks=place, yticklabels=names, xlabel="true angles inside the 90 % interval (%)", xlim=(0, 100))
    axes.invert_yaxis()
    axes.grid(axis="x", alpha=0.3)
    axes.legend(loc="lower left", fontsize="small")
    figure.savefig(path, dpi=110)
    plt.close(figure)
