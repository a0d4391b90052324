"""The models on this computer, and what belongs to the user of each: report and calibration."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ankle_imu_driver.refusal import Refusal
from ankle_predictor.library.archive import EXTRAS
from ankle_predictor.model.bundle import MANIFEST, MAX_DEPTH, NAME, Bundle, load_bundle
from ankle_predictor.model.manifest import BundleError, Manifest, Metric


class LibraryError(Refusal):
    """Something that cannot be done with a model; the message says why and what to do."""


@dataclass(frozen=True)
class Entry:
    """A model on this computer.

    Attributes:
        name: by which ``load_weights`` finds it.
        path: its directory.
        bundle: its content, every byte checked; None if it is damaged.
        problem: why it cannot be used; empty if it can.
        written: when its ``bundle.json`` was written, in s since 1970; 0 if that cannot be told.
        extras: the files beside it that belong to its user, by their names in an archive.
    """

    name: str
    path: Path
    bundle: Bundle | None
    problem: str
    written: float
    extras: dict[str, Path]

    def without_weights(self) -> Entry:
        """Return the entry with what a table shows of it: of hundreds of users, 3 MB each, not all fit into memory."""
        return self if self.bundle is None else replace(self, bundle=replace(self.bundle, onnx=b"", keras=b""))


@dataclass(frozen=True)
class Figures:
    """Mean accuracy of a model over everything that its bundle was measured on, weighted by windows.

    Attributes:
        windows: that were scored.
        mae_h20_deg: mean absolute error over steps 1 to 20, in deg.
        mae_h50_deg: mean absolute error over steps 1 to 50, in deg; NaN if the horizon is shorter.
        coverage_90: share of the true angles inside the interval.
    """

    windows: int
    mae_h20_deg: float
    mae_h50_deg: float
    coverage_90: float


def extra_path(model: Path, extra: str) -> Path:
    """Return where a file that belongs to a model's user is: beside the model, as ``finetune`` writes its report."""
    return model.with_name(f"{model.name}_{extra}")


def find_entry(name: str, directories: Sequence[Path]) -> Entry:
    """Find one model; a damaged one is found, too.

    Raises:
        BundleError: NOT_FOUND.
    """
    bundle: Bundle | None = None
    problem = ""
    try:
        bundle = load_bundle(name, directories)
        path = bundle.path
    except BundleError as error:
        place = _directory_of(name, directories)
        if error.code == "NOT_FOUND" or place is None:
            raise
        path, problem = place, str(error)
    beside = {extra: extra_path(path, extra) for extra in EXTRAS}
    extras = {extra: file for extra, file in beside.items() if file.is_file() and not file.is_symlink()}
    return Entry(name if bundle is None else bundle.name, path, bundle, problem, _written(path), extras)


def entries(directories: Sequence[Path]) -> Iterator[Entry]:
    """Yield all models, sorted by name in each directory; of two with one name the one that ``load_weights`` takes."""
    seen: set[str] = set()
    for directory in directories:
        for name in _names(directory, ""):
            if name not in seen:
                seen.add(name)
                yield find_entry(name, [directory])


def model_names(directories: Sequence[Path]) -> list[str]:
    """Return the names of all models, each once, not read: whether one is sound is found when it is loaded."""
    return list(dict.fromkeys(name for directory in directories for name in _names(directory, "")))


def figures_of(manifest: Manifest) -> Figures | None:
    """Return the mean accuracy of a model; None if its bundle has no figures."""
    measured = [metric for metric in manifest.metrics if metric.windows > 0]
    windows = sum(metric.windows for metric in measured)
    if not windows:
        return None

    def mean(values: Sequence[float]) -> float:
        return sum(value * metric.windows for value, metric in zip(values, measured, strict=True)) / windows

    return Figures(
        windows,
        mean([metric.mae_h20_deg for metric in measured]),
        mean([_h50(metric) for metric in measured]),
        mean([metric.coverage_90 for metric in measured]),
    )


def _h50(metric: Metric) -> float:
    return math.nan if metric.mae_h50_deg is None else metric.mae_h50_deg


def _names(directory: Path, prefix: str) -> Iterator[str]:
    """Yield the names of the models below a directory; links are not followed, as ``load_bundle`` follows none."""
    try:
        with os.scandir(directory) as found:
            folders = sorted(e.name for e in found if NAME.fullmatch(e.name) and e.is_dir(follow_symlinks=False))
    except OSError:  # not there, or not to be read by this user: nothing can be loaded from it
        return
    for folder in folders:
        if os.path.lexists(directory / folder / MANIFEST):
            yield prefix + folder
        elif prefix.count("/") + 1 < MAX_DEPTH:
            yield from _names(directory / folder, f"{prefix}{folder}/")


def _directory_of(name: str, directories: Sequence[Path]) -> Path | None:
    """Return the directory of a model that ``load_bundle`` found and refused."""
    places = (directory.absolute() / name for directory in directories)
    return next((place for place in places if place.is_dir()), None)


def _written(path: Path) -> float:
    try:
        return (path / MANIFEST).lstat().st_mtime
    except OSError:
        return 0.0
