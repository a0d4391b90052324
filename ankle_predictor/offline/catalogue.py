"""A catalogue: which recordings there are, who walks in them, and under which licence; from a folder or a list file."""

from __future__ import annotations

import csv
import hashlib
import io
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from ankle_imu_driver.document import DocumentError, build, parse_yaml, shown
from ankle_imu_driver.recordings.bag_files import METADATA, bag_name, is_bag
from ankle_imu_driver.refusal import Refusal
from ankle_imu_driver.regular_file import MIB, FileError, expanded, read_regular

Labels = Literal["encoder", "imu"]
Side = Literal["left", "right"]

MOST_BYTES = 64 * MIB  # of a list file, some 500 000 recordings
COLUMNS = ("path", "person", "side", "labels", "calibration", "licence", "leg")
TEXT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._ -]{0,63}")
"""What persons are called, and recordings: their names become those of folders and tables."""
BLOCK = MIB


class CatalogueError(Refusal):
    """A catalogue that cannot be used; the message names the line or recording and says what to do."""


@dataclass(frozen=True)
class Entry:
    """One recording of a catalogue.

    Attributes:
        path: of the recording.
        person: who walks; all recordings of one person are left out of training together.
        name: of the recording in reports and files, unique in the catalogue.
        side: the leg that was recorded; None for the command's.
        labels: what is learned from or scored against; None for the command's.
        calibration: a calibration file instead of the recording's own; None for that.
        licence: under which the recording may be used; empty if it is not known.
        leg: namespace of the leg in a rosbag2 with several legs; empty for the command's.
    """

    path: Path
    person: str
    name: str
    side: Side | None = None
    labels: Labels | None = None
    calibration: Path | None = None
    licence: str = ""
    leg: str = ""


@dataclass(frozen=True)
class _Row:
    """A row as it is written; paths are relative to the list file."""

    path: str
    person: str | None = None
    side: Side | None = None
    labels: Labels | None = None
    calibration: str | None = None
    licence: str | None = None
    leg: str | None = None


def entries_of(groups: Iterable[Sequence[Path]]) -> list[Entry]:
    """Return the entries of recordings that were named one by one.

    Args:
        groups: the recordings of each person, who is called as the first of them.
    """
    return [Entry(path, stem_of(group[0]), stem_of(path)) for group in groups for path in group]


def read_catalogue(path: Path) -> list[Entry]:
    """Read a catalogue.

    Args:
        path: a folder, in which every recording is of another person, but those of one subfolder are of one person who
            is called as the subfolder; or a list file, ``.csv`` with a header or ``.yaml`` with a list ``recordings``.
            ``COLUMNS`` are its columns; only ``path`` must be given.

    Raises:
        CatalogueError: it cannot be read, has an unknown column or value, or contains no recording.
    """
    try:
        path = expanded(path)
        entries = _of_folder(path) if path.is_dir() and not is_bag(path) else _of_list(path)
    except FileError as error:
        raise CatalogueError(str(error)) from error
    if not entries:
        raise CatalogueError(f"{path} has no recordings: give a folder with TXT files or rosbag2, or a list of them")
    return _with_unique_names(entries)


def stem_of(path: Path) -> str:
    """Return a recording's name: the stem of a file, the name of a bag's folder."""
    path = path.absolute()
    path = path.parent if path.name == METADATA else path
    return bag_name(path) if is_bag(path) else path.stem


def digest_of(recording: Path) -> str:
    """Return the SHA-256 of a recording: of the file, or of a bag's files in the order of their names.

    Raises:
        OSError: it is no file and no folder, or cannot be read.
    """
    recording = recording.parent if recording.name == METADATA else recording
    if not recording.is_dir() and not recording.is_file():  # a FIFO would never end
        raise FileNotFoundError(recording)
    digest = hashlib.sha256()
    for path in sorted(p for p in recording.rglob("*") if p.is_file()) if recording.is_dir() else [recording]:
        with path.open("rb") as file:
            while block := file.read(BLOCK):
                digest.update(block)
    return digest.hexdigest()


def _of_folder(folder: Path) -> list[Entry]:
    """Return the recordings below a folder, in the order of their paths."""
    bags = sorted(path.parent for path in folder.rglob(METADATA))
    texts = [p for p in folder.rglob("*") if p.suffix.lower() == ".txt" and not any(b in p.parents for b in bags)]
    entries = []
    for path in sorted([*bags, *texts]):
        below = path.relative_to(folder).parts
        entries.append(Entry(path, below[0] if len(below) > 1 else stem_of(path), stem_of(path)))
    return entries


def _of_list(path: Path) -> list[Entry]:
    if path.suffix.lower() not in (".csv", ".yaml", ".yml"):
        raise CatalogueError(f"{path} is no catalogue: give a folder, a .csv or a .yaml")
    data = read_regular(path, MOST_BYTES)
    try:
        rows = _csv_rows(data) if path.suffix.lower() == ".csv" else _yaml_rows(data)
        return [_entry(path.absolute().parent, row, place) for place, row in rows]
    except DocumentError as error:
        raise CatalogueError(f"{path}: {error}") from error


def _csv_rows(data: bytes) -> list[tuple[str, Mapping[str, Any]]]:
    try:
        reader = csv.DictReader(io.StringIO(data.decode("utf-8-sig"), newline=""), strict=True)
        rows = [(f"line {reader.line_num}", row) for row in reader]
    except (UnicodeDecodeError, csv.Error) as error:
        raise DocumentError(f"it is not a CSV file in UTF-8: {error}") from error
    for place, row in rows:
        if None in row or None in row.values():
            raise DocumentError(f"{place} has another number of columns than the header")
    return [(place, {key: value.strip() for key, value in row.items() if value.strip()}) for place, row in rows]


def _yaml_rows(data: bytes) -> list[tuple[str, Mapping[str, Any]]]:
    document = parse_yaml(data)
    if (
        not isinstance(document, dict)
        or set(document) != {"recordings"}
        or not isinstance(document["recordings"], list)
    ):
        raise DocumentError("it must have one list, 'recordings'")
    return [(f"recordings[{k}]", row) for k, row in enumerate(document["recordings"])]


def _entry(folder: Path, values: Mapping[str, Any], place: str) -> Entry:
    row = build(_Row, values, tuple(f"{place}.{name}" for name in COLUMNS[1:]), place=place)
    path = folder / expanded(Path(row.path))
    person = row.person or stem_of(path)
    if not TEXT.fullmatch(person):
        raise DocumentError(
            f"{place}: person must be 1 to 64 letters, digits, '.', '_', '-' and blanks, not {shown(person)}"
        )
    calibration = None if row.calibration is None else folder / expanded(Path(row.calibration))
    return Entry(path, person, stem_of(path), row.side, row.labels, calibration, row.licence or "", row.leg or "")


def _with_unique_names(entries: Sequence[Entry]) -> list[Entry]:
    """Return the entries, with the person in front of names that several recordings have, and a number where needed."""
    stems = Counter(entry.name for entry in entries)
    taken: Counter[str] = Counter()
    named = []
    for entry in entries:
        name = entry.name if stems[entry.name] == 1 else f"{entry.person}_{entry.name}"
        name = re.sub(r"[^A-Za-z0-9._-]", "_", name).lstrip("._-") or "recording"
        taken[name] += 1
        named.append(replace(entry, name=name if taken[name] == 1 else f"{name}_{taken[name]}"))
    if len({entry.name for entry in named}) != len(named):
        raise CatalogueError("two recordings have the same name even with a number behind it; rename one")
    return named
