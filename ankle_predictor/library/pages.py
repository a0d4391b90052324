"""What ``models`` prints and writes as JSON: the table of all models, and the page of one."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Sequence
from typing import Any

from ankle_predictor.library.archive import CALIBRATION, REPORT_PAGE, REPORT_TEXT
from ankle_predictor.library.catalogue import Entry, figures_of
from ankle_predictor.model.bundle import KERAS, ONNX, Bundle
from ankle_predictor.model.manifest import Metric

HEADINGS = ("model", "parent", "written", "leg", "h20 deg", "h50 deg", "with it")
MIB = 2**20
WORDS = {REPORT_PAGE: "report", REPORT_TEXT: "report", CALIBRATION: "calibration"}


def table(entries: Iterable[Entry]) -> str:
    """Return a line for each model, below the headings."""
    rows = [HEADINGS, *(_row(entry) for entry in entries)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEADINGS))]
    lines = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows)
    return "\n".join([*lines, ""])


def page(entry: Entry) -> str:
    """Return all that is known of one model."""
    lines = [entry.name, f"  folder       {entry.path}", f"  written      {_date(entry.written)}"]
    if entry.bundle is None:
        lines.append(f"  damaged      {entry.problem}")
    else:
        lines += _about(entry.bundle)
    lines += [f"  {WORDS[name].ljust(12)} {path}" for name, path in entry.extras.items()]
    if entry.bundle is not None:
        lines += ["", "  measured on                            windows  h20 deg  h50 deg  in the 90 % interval"]
        lines += [line for metric in entry.bundle.manifest.metrics for line in _measured(metric)]
    return "".join(f"{_printable(line)}\n" for line in lines)


def document(entry: Entry) -> dict[str, Any]:
    """Return a model as JSON: errors in deg, None for what is not known."""
    known: dict[str, Any] = {
        "model": entry.name,
        "path": str(entry.path),
        "problem": entry.problem or None,
        "written": _date(entry.written),
        "extras": {name: str(path) for name, path in entry.extras.items()},
        "parent": None,
        "side": None,
        "mae_h20_deg": None,
        "mae_h50_deg": None,
        "coverage_90": None,
        "windows": 0,
        "sha256": None,
    }
    if entry.bundle is None:
        return known
    manifest, figures = entry.bundle.manifest, figures_of(entry.bundle.manifest)
    known |= {"parent": manifest.parent, "side": manifest.side, "sha256": manifest.files[ONNX]}
    if figures is not None:
        known |= {
            "mae_h20_deg": figures.mae_h20_deg,
            "mae_h50_deg": figures.mae_h50_deg if math.isfinite(figures.mae_h50_deg) else None,
            "coverage_90": figures.coverage_90,
            "windows": figures.windows,
        }
    return known


def _row(entry: Entry) -> Sequence[str]:
    with_it = ", ".join(dict.fromkeys(WORDS[name] for name in entry.extras))
    if entry.bundle is None:
        return (entry.name, "-", _date(entry.written), "-", "-", "-", _printable(f"DAMAGED: {entry.problem}"))
    manifest, figures = entry.bundle.manifest, figures_of(entry.bundle.manifest)
    errors = ("-", "-") if figures is None else (_deg(figures.mae_h20_deg), _deg(figures.mae_h50_deg))
    return (entry.name, _printable(manifest.parent or "-"), _date(entry.written), manifest.side, *errors, with_it)


def _about(bundle: Bundle) -> list[str]:
    manifest = bundle.manifest
    spec = manifest.features
    seconds, ahead = spec.window * spec.period, 1000 * manifest.horizon * spec.period
    software = ", ".join(f"{name} {version}" for name, version in manifest.training.software.items())
    return [
        f"  made as      {manifest.name}, adapted from {manifest.parent}"
        if manifest.parent
        else "  made as      base weights",
        f"  leg          {manifest.side}; the other one is mirrored",
        f"  input        {len(spec.names)} features, {seconds:g} s at {1.0 / spec.period:g} Hz",
        f"  forecast     {ahead:g} ms, {manifest.horizon} steps",
        f"  files        {ONNX} {_size(bundle.onnx)}, {KERAS} {_size(bundle.keras)}; every byte as it was written",
        f"  learned from {', '.join(manifest.training.logs) or '-'}",
        f"  software     {software or '-'}",
    ]


def _measured(metric: Metric) -> Iterable[str]:
    place = f"{metric.log}, {metric.start:.1f} to {metric.end:.1f} s"
    figures = f"{_deg(metric.mae_h20_deg):>9}{_deg(math.nan if metric.mae_h50_deg is None else metric.mae_h50_deg):>9}"
    yield f"    {place.ljust(36)} {metric.windows:>6} {figures} {100.0 * metric.coverage_90:>8.0f} %"
    yield f"      {metric.role}"


def _deg(value: float) -> str:
    return f"{value:.2f}" if math.isfinite(value) else "-"


def _size(data: bytes) -> str:
    return f"{len(data) / MIB:.1f} MiB"


def _date(seconds: float) -> str:
    """Return a time as UTC, to the minute: the clocks of robots are not better."""
    return time.strftime("%Y-%m-%d %H:%MZ", time.gmtime(min(max(seconds, 0.0), 2**33)))


def _printable(text: str) -> str:
    """Return a text from a bundle with what would steer a terminal written out."""
    return "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in text)
