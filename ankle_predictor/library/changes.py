"""Exports, imports and removes models with what belongs to their users."""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from ankle_imu_driver.calibration import CalibrationError, load_calibration
from ankle_imu_driver.regular_file import read_regular
from ankle_predictor.library.archive import (
    BUNDLE,
    CALIBRATION,
    EXTRAS,
    LIMITS,
    SUFFIX,
    Archive,
    read_archive,
    write_archive,
)
from ankle_predictor.library.catalogue import Entry, LibraryError, extra_path, find_entry
from ankle_predictor.model.bundle import (
    MANIFEST,
    SCRATCH,
    Bundle,
    bundle_path,
    check_writable,
    load_bundle,
    place_bundle,
    sweep_bundles,
)
from ankle_predictor.model.engine import ModelFailure, load_engine
from ankle_predictor.model.feature_family import family_of
from ankle_predictor.model.manifest import BundleError
from ankle_predictor.model.scratch_folder import scratch_folder
from ankle_predictor.trust.model_trial import ModelTrial


@dataclass(frozen=True)
class Imported:
    """A model that was imported.

    Attributes:
        path: its directory.
        tried: the figures of its trial, as text for people.
        extras: names of what came with it.
    """

    path: Path
    tried: str
    extras: tuple[str, ...]


def export_model(name: str, directories: Sequence[Path], folder: Path, *, replace: bool = False) -> Path:
    """Write a model and what belongs to its user as one file; return the file.

    Args:
        name: of the model.
        directories: the model directories.
        folder: where the file is written, as ``NAME.tar``; of ``users/anna``, ``anna.tar``.
        replace: whether a file that is there is replaced.

    Raises:
        Refusal: the model is not found or damaged, what belongs to it cannot be read, or the file cannot be written.
    """
    entry = find_entry(name, directories)
    if entry.bundle is None:
        raise LibraryError(entry.problem)
    path = folder / f"{entry.path.name}{SUFFIX}"
    files = {file: entry.path / file for file in BUNDLE} | entry.extras
    contents = {file: read_regular(place, LIMITS[file]) for file, place in files.items()}
    write_archive(path, Archive(contents, int(entry.written)), replace=replace)
    return path


def import_model(file: Path, name: str, directory: Path, *, replace: bool = False) -> Imported:
    """Check a model that was written as one file, try it, and put it into a model directory, completely or not at all.

    Args:
        file: as ``export_model`` wrote it, or somebody else.
        name: of the model from now on.
        directory: the model directory.
        replace: whether a model of that name is replaced, with its report and, if the file has one, its calibration.

    Raises:
        Refusal: the file is not a model, the model cannot be used, or the name is not allowed or taken.
    """
    path = bundle_path(directory, name)
    check_writable(path, replace=replace)
    archive = read_archive(file)
    extras = {extra: data for extra, data in archive.contents.items() if extra in EXTRAS}
    taken = [extra_path(path, extra) for extra in extras if os.path.lexists(extra_path(path, extra))]
    if taken and not replace:
        raise LibraryError(f"{taken[0]} is already there; give another --name, or --replace")
    bundle_files = {part: archive.contents[part] for part in BUNDLE}
    try:
        directory.mkdir(parents=True, exist_ok=True)
        sweep_bundles(directory)
        with scratch_folder(directory, SCRATCH) as scratch:
            tried = _tried(_unpacked(scratch / name, archive, file))
            place_bundle(path, bundle_files, replace=replace)
            os.utime(path / MANIFEST, (archive.written, archive.written))
            _place_extras(path, scratch / name, extras)
    except OSError as error:
        raise LibraryError(f"model {path} cannot be written: {error.strerror}") from error
    return Imported(path, tried, tuple(extras))


def remove_model(entry: Entry, directory: Path) -> list[Path]:
    """Remove a model and what belongs to its user; return what was removed. A predictor that runs it goes on with it.

    Args:
        entry: the model.
        directory: the user's own model directory; others are left alone.

    Raises:
        LibraryError: it is in another directory, or cannot be removed.
    """
    if not entry.path.is_relative_to(directory.absolute()):
        raise LibraryError(f"{entry.name} is in {entry.path.parent}; only models in {directory} are removed")
    removed = [entry.path, *entry.extras.values()]
    try:
        with scratch_folder(entry.path.parent, SCRATCH) as scratch:
            gone = scratch / "removed"
            gone.mkdir()
            for path in removed:  # the model first: it is there, or gone, at any moment
                path.rename(gone / path.name)
    except OSError as error:
        raise LibraryError(f"{entry.path} cannot be removed: {error.strerror}") from error
    return removed


def _unpacked(folder: Path, archive: Archive, file: Path) -> Bundle:
    """Write the files of an archive to a scratch folder, and check all of them without running the network."""
    folder.mkdir()
    for part, data in archive.contents.items():
        (folder / part).write_bytes(data)
    try:
        bundle = load_bundle(folder.name, [folder.parent])
        if CALIBRATION in archive.contents:
            load_calibration(folder / CALIBRATION)
    except BundleError as error:
        raise BundleError(error.code, f"{file} is not imported: {error}") from error
    except CalibrationError as error:
        raise LibraryError(f"{file} is not imported: {error}") from error
    return bundle


def _tried(bundle: Bundle) -> str:
    """Try a model as ``load_weights`` does, and return the figures; one that never runs live runs its canary window."""
    if reason := family_of(bundle.manifest.features).not_live:
        try:
            load_engine(bundle)
        except ModelFailure as failure:
            raise BundleError("REJECTED", f"model {bundle.name} is not used: {failure}") from failure
        return f"not tried on a walk, as it cannot run live: {reason}"
    return ModelTrial().run(bundle).sentence()


def _place_extras(path: Path, unpacked: Path, extras: Collection[str]) -> None:
    """Move what belongs to the user beside the model; the report of a model that it replaces goes."""
    for extra in EXTRAS:
        if extra in extras:
            (unpacked / extra).replace(extra_path(path, extra))
        elif extra != CALIBRATION:
            extra_path(path, extra).unlink(missing_ok=True)
