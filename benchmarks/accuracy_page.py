"""Writes the tables and plots of ``docs/accuracy.md`` from the results of ``accuracy.py``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("agg")

import matplotlib.pyplot as plt
import numpy as np

from ankle_predictor.performance.results_page import ResultsPage

DOCS = Path(__file__).resolve().parent.parent / "docs"
BASELINES = (
    "constant",
    "persistence",
    "last stride repeated",
    "ridge, raw channels",
    "ridge, raw channels and angle",
)
REFERENCE, ALONE, OURS = "the reference's network, causal", "Bi-LSTM alone", "ours, live"
WITH_ENCODER = "ours, live, with the encoder"
ROWS = (*BASELINES, REFERENCE, ALONE, OURS, WITH_ENCODER)
COLUMNS = {"h20": slice(0, 20), "h50": slice(0, 50), "step 20": slice(19, 20), "step 50": slice(49, 50)}
SLIPS = "LOG7"  # its encoder slips, so the means of the transfer are without it
SECONDS, LABELS = (10, 30, 60, 90), ("encoder", "imu")


def write_page(cells: Mapping[str, Any], names: Sequence[str]) -> None:
    """Write the tables into the page, and draw its plots."""
    rows = _rows(cells, names)
    text = "\n\n".join(
        [*_missing(cells, names), *_across(rows, names), _intervals(cells, names), *_transfer(cells, names)]
    )
    ResultsPage(DOCS / "accuracy.md", "accuracy").write(text)
    _draw_steps(rows, DOCS / "images" / "accuracy_steps.png")
    if all(f"scratch {name} {n}" in cells for name in names for n in SECONDS):
        _draw_transfer(cells, names, DOCS / "images" / "accuracy_transfer.png")


def _rows(cells: Mapping[str, Any], names: Sequence[str]) -> dict[str, list[dict[str, Any]]]:
    kinds = ("linear", "reference", "ours")
    everything = [{row: c for kind in kinds for row, c in cells.get(f"{kind} {name}", {}).items()} for name in names]
    return {row: [found[row] for found in everything] for row in ROWS if all(row in found for found in everything)}


def _missing(cells: Mapping[str, Any], names: Sequence[str]) -> list[str]:
    """Return a sentence that names the rows without results, if there are any."""
    rows = [kind for kind in ("reference",) if any(f"{kind} {name}" not in cells for name in names)]
    rows += [f"scratch, {n} s" for n in SECONDS if any(f"scratch {name} {n}" not in cells for name in names)]
    rows += [
        f"{labels}, {n} s"
        for labels in LABELS
        for n in SECONDS
        if any(f"transfer {name} {labels} {n}" not in cells for name in names)
    ]
    return [f"**Not measured yet** (start the command again to continue): {'; '.join(rows)}."] if rows else []


def _table(head: Sequence[str], body: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *body]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _values(values: Sequence[float]) -> list[str]:
    return [f"{value:.2f}" for value in [*values, float(np.mean(values))]]


def _across(rows: Mapping[str, list[dict[str, Any]]], names: Sequence[str]) -> list[str]:
    tables = []
    for column, steps in COLUMNS.items():
        body = [[row, *_values([float(np.mean(c["by_step"][steps])) for c in found])] for row, found in rows.items()]
        tables.append(_table([f"{column}, deg", *names, "mean"], body))
    return tables


def _intervals(cells: Mapping[str, Any], names: Sequence[str]) -> str:
    body = []
    for title, row in ((OURS, OURS), (WITH_ENCODER, WITH_ENCODER), ("the network's own", ALONE)):
        found = [cells[f"ours {name}"][row] for name in names]
        share = [f"{100 * c['coverage']:.1f} %" for c in found]
        body.append([f"{title}: truths inside", *share, f"{100 * np.mean([c['coverage'] for c in found]):.1f} %"])
        body.append([f"{title}: mean width, deg", *_values([c["width"] for c in found])])
        body.append([f"{title}: interval score, deg", *_values([c["interval_score"] for c in found])])
    return _table(["90 % interval", *names, "mean"], body)


def _late(cells: Mapping[str, Any], name: str, row: str) -> dict[str, Any]:
    if row.startswith("base"):
        cell: dict[str, Any] = cells[f"ours {name}"][row.replace("base", "base late")]
    else:
        key, _, column = row.partition("|")
        cell = cells[key][column or "cell"]
    return cell


def _transfer(cells: Mapping[str, Any], names: Sequence[str]) -> list[str]:
    tables = []
    for column in ("h20", "h50"):
        kinds = [("base", "base"), ("base, with the encoder", "base, with the encoder")]
        kinds += [(f"{labels}, {n} s", f"transfer {{}} {labels} {n}") for labels in LABELS for n in SECONDS]
        kinds += [(f"encoder, {n} s, with the encoder", f"transfer {{}} encoder {n}|with the encoder") for n in SECONDS]
        kinds += [(f"from scratch, {n} s", f"scratch {{}} {n}") for n in SECONDS]
        body = []
        for title, key in kinds:
            task = key.partition("|")[0]
            if not key.startswith("base") and any(task.format(name) not in cells for name in names):
                continue
            values = {n: float(np.mean(_late(cells, n, key.format(n))["by_step"][COLUMNS[column]])) for n in names}
            kept = {n for n in names if title[:3] in ("enc", "imu") and not cells[task.format(n)]["adapted"]}
            shown = [f"{values[n]:.2f}{' (base kept)' if n in kept else ''}" for n in names]
            body.append([title, *shown, f"{np.mean([v for n, v in values.items() if n != SLIPS]):.2f}"])
        errors = {n: cells[f"label {n}"]["label_error"] for n in names}
        mean = np.mean([v for n, v in errors.items() if n != SLIPS])
        body.append(["error of the imu label itself", *(f"{errors[n]:.2f}" for n in names), f"{mean:.2f}"])
        tables.append(_table([f"{column}, deg, from 120 s on", *names, f"mean without {SLIPS}"], body))
    return tables


def _draw_steps(rows: Mapping[str, list[dict[str, Any]]], path: Path) -> None:
    figure, axes = plt.subplots(figsize=(8.0, 4.5), layout="constrained")
    for row in (
        r
        for r in ("last stride repeated", "ridge, raw channels and angle", REFERENCE, ALONE, OURS, WITH_ENCODER)
        if r in rows
    ):
        mean = np.mean([cell["by_step"] for cell in rows[row]], axis=0)
        axes.plot(
            10 * np.arange(1, len(mean) + 1), mean, label=row, linewidth=2.5 if row in (OURS, WITH_ENCODER) else 1.2
        )
    axes.set(xlabel="ahead (ms)", ylabel="mean absolute error (deg)", xlim=(0, 500), ylim=(0, None))
    axes.set_title("A person whom the model was not trained on, mean of five walks")
    axes.grid(alpha=0.3)
    axes.legend()
    figure.savefig(path, dpi=120)
    plt.close(figure)


def _draw_transfer(cells: Mapping[str, Any], names: Sequence[str], path: Path) -> None:
    kept = [name for name in names if name != SLIPS]
    figure, axes = plt.subplots(figsize=(8.0, 4.5), layout="constrained")
    base = float(np.mean([np.mean(_late(cells, name, "base")["by_step"]) for name in kept]))
    axes.axhline(base, color="black", linestyle="--", label="not adapted")
    for title, key in (
        ("adapted, encoder labels", "transfer {} encoder {}"),
        ("adapted, no encoder", "transfer {} imu {}"),
        ("from scratch, encoder labels", "scratch {} {}"),
    ):
        means = [np.mean([np.mean(_late(cells, n, key.format(n, s))["by_step"]) for n in kept]) for s in SECONDS]
        axes.plot(SECONDS, means, "o-", label=title)
    axes.set(xlabel="seconds of the user's walking", ylabel="h50 from 120 s on (deg)", ylim=(0, None))
    axes.set_title(f"Adapted to a person, mean without {SLIPS}")
    axes.grid(alpha=0.3)
    axes.legend()
    figure.savefig(path, dpi=120)
    plt.close(figure)
