"""Finds the storage files of a rosbag2 and reads their messages, whatever state the recorder left them in.

``metadata.yaml`` is written last, so an interrupted recording has none. It only tells the order of the files here; the
kind of each file is told by its first bytes.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePath
from typing import Any

from ankle_imu_driver.document import MOST_YAML, DocumentError, parse_yaml, shown
from ankle_imu_driver.recordings.bag_storage import (
    CONVERT,
    MCAP_MAGIC,
    MOST_BYTES,
    SQLITE_MAGIC,
    ZSTD_MAGIC,
    Message,
    Wanted,
    unpack_file,
)
from ankle_imu_driver.recordings.mcap_scan import McapScan
from ankle_imu_driver.recordings.recording import RecordingError
from ankle_imu_driver.recordings.sqlite_scan import SqliteScan
from ankle_imu_driver.regular_file import FileError, exists, open_regular, read_regular

METADATA = "metadata.yaml"
STORAGE = (".mcap", ".db3", ".mcap.zstd", ".db3.zstd")
MOST_FILES = 1000


def is_bag(path: Path) -> bool:
    """Return whether a path is a rosbag2: its directory, its metadata, or one of its storage files.

    Raises:
        FileError: it is a directory that must not be read.
    """
    if not path.is_dir():
        return path.name.endswith(STORAGE) or path.name == METADATA
    return exists(path / METADATA) or bool(_storage_files(path))


def bag_name(path: Path) -> str:
    """Return the name of a bag: its path's last part, without the suffix of a storage file."""
    return path.name.removesuffix(".zstd").removesuffix(".mcap").removesuffix(".db3")


@dataclass
class _Metadata:
    """What is used of ``metadata.yaml``."""

    files: list[str] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)
    note: str = ""


class BagFiles:
    """One pass through all storage files of a bag.

    Attributes:
        path: the bag's directory or its only file.
        counts: messages of each topic by ``metadata.yaml``, as far as it says so.
        notes: what was missing or left out; complete after the pass.
    """

    def __init__(self, path: Path) -> None:
        """Find the files.

        Args:
            path: the bag's directory, its ``metadata.yaml``, or one storage file.

        Raises:
            RecordingError: there is none, or they are compressed by an unknown method.
            FileError: the directory must not be read.
        """
        self.path = path.parent if path.name == METADATA else path
        self.counts: dict[str, int] = {}
        self.notes: list[str] = []
        self._files = self._find() if self.path.is_dir() else [self.path]

    def messages(self, wanted: Wanted) -> Iterator[Message]:
        """Yield the wanted messages, file by file.

        Raises:
            RecordingError: no file can be read; the sentence says why for the first one.
            FileError: a file is not regular, or too large.
            OSError: the disk has an error.
        """
        refusals: list[RecordingError] = []
        with tempfile.TemporaryDirectory(prefix="ankle_bag_") as scratch:
            for number, path in enumerate(self._files):
                folder = Path(scratch, str(number))
                folder.mkdir()
                try:
                    yield from self._read(path, wanted, folder)
                except RecordingError as refusal:
                    refusals.append(refusal)
        if len(refusals) == len(self._files):
            raise refusals[0]
        self.notes.extend(f"left out: {refusal}" for refusal in refusals)

    def _find(self) -> list[Path]:
        found = _storage_files(self.path)
        metadata = _read_metadata(self.path / METADATA)
        self.counts = metadata.counts
        if metadata.note:
            self.notes.append(f"{metadata.note}; the storage files are read in the order of their names")
        there = {path.name: path for path in found}
        missing = [name for name in metadata.files if name not in there]
        if missing and found:
            self.notes.append(f"files of the recording are missing: {', '.join(map(shown, missing[:5]))}")
        files = [there[name] for name in metadata.files if name in there] or found
        if not files:
            raise RecordingError(
                f"{self.path} has no storage file ({' or '.join(STORAGE)}); copy the whole directory of the recording"
            )
        if len(files) > MOST_FILES:
            raise RecordingError(f"{self.path} has {len(files)} storage files, at most {MOST_FILES} are read")
        return files

    def _read(self, path: Path, wanted: Wanted, scratch: Path) -> Iterator[Message]:
        magic, size = _begin_of(path)
        if magic.startswith(ZSTD_MAGIC):
            packed, path = path, scratch / path.name.removesuffix(".zstd")
            if not unpack_file(packed, path, size):
                self.notes.append(f"{packed.name} is cut off or damaged: read up to there")
            magic, size = _begin_of(path)
        if not size:
            raise RecordingError(f"{path} is empty")
        if magic.startswith(MCAP_MAGIC):
            with open_regular(path, MOST_BYTES) as file:
                mcap = McapScan(path, file, wanted)
                yield from mcap.messages()
                self.notes.extend(mcap.notes)
        elif magic.startswith(SQLITE_MAGIC):
            sqlite = SqliteScan(path, wanted, scratch)
            yield from sqlite.messages()
            self.notes.extend(sqlite.notes)
        else:
            raise RecordingError(f"{path} is damaged at its start, or neither MCAP nor sqlite3; {CONVERT}")


def _storage_files(folder: Path) -> list[Path]:
    """Return the storage files in a directory, ``bag_2`` before ``bag_10``."""
    try:
        found = [path for path in folder.iterdir() if path.name.endswith(STORAGE)]
    except OSError as error:
        raise FileError(f"{folder} cannot be read: {error.strerror}") from error
    return sorted(found, key=lambda path: [int(t) if t.isdecimal() else t for t in re.split(r"(\d+)", path.name)])


def _begin_of(path: Path) -> tuple[bytes, int]:
    """Return the first bytes of a file and its size."""
    with open_regular(path, MOST_BYTES) as file:
        begin = file.read(len(SQLITE_MAGIC))
        return begin, file.seek(0, 2)


def _read_metadata(path: Path) -> _Metadata:
    if not exists(path):
        return _Metadata(note=f"{METADATA} is missing, as when a recorder loses its power")
    try:
        document = parse_yaml(read_regular(path, MOST_YAML))
    except DocumentError as error:
        return _Metadata(note=f"{METADATA} cannot be read: {error}")
    information = _of(document, "rosbag2_bagfile_information", dict)
    files = [PurePath(name).name for name in _of(information, "relative_file_paths", list) if isinstance(name, str)]
    if not files:
        return _Metadata(note=f"{METADATA} names no file")
    method = _of(information, "compression_format", str)
    if method not in ("", "zstd", "none") and _of(information, "compression_mode", str).lower() not in ("", "none"):
        raise RecordingError(f"{path.parent} is compressed by {shown(method)}; only zstd is read: {CONVERT}")
    counts = {}
    for topic in _of(information, "topics_with_message_count", list):
        name, count = _of(_of(topic, "topic_metadata", dict), "name", str), _of(topic, "message_count", int)
        counts[name] = count
    return _Metadata(files, counts)


def _of(document: Any, key: str, kind: type[Any]) -> Any:
    """Return a value of a document if it has the type, otherwise an empty one."""
    value = document.get(key) if isinstance(document, dict) else None
    return value if isinstance(value, kind) else kind()
