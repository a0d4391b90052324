"""A model as one file: an uncompressed tar archive of a bundle's files and what belongs to its user.

Anybody may have made the file. It is read block by block, and every header is judged before what follows it is read:
only regular files, only the names and sizes below, each once, and nothing after the end. So there are no paths, no
links, nothing to unpack, and no more memory than a bundle needs. The headers are those of POSIX.1-1988 (ustar), which
every ``tar`` reads and writes; extended ones are refused.
"""

from __future__ import annotations

import io
import os
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from ankle_imu_driver.calibration import MOST_BYTES
from ankle_imu_driver.document import shown
from ankle_imu_driver.refusal import Refusal
from ankle_imu_driver.regular_file import MIB, open_regular
from ankle_predictor.command_line import check_folder_of
from ankle_predictor.model.bundle import KERAS, MANIFEST, MAX_BYTES, ONNX

SUFFIX = ".tar"
BUNDLE = (MANIFEST, ONNX, KERAS)
REPORT_PAGE, REPORT_TEXT, CALIBRATION = "report.png", "report.txt", "calibration.yaml"
EXTRAS = {REPORT_PAGE: 4 * MIB, REPORT_TEXT: MIB, CALIBRATION: MOST_BYTES}  # the largest report here has 0.2 MiB
LIMITS = {**MAX_BYTES, **EXTRAS}
BLOCK = tarfile.BLOCKSIZE
MOST_ARCHIVE = sum(LIMITS.values()) + MIB  # bytes, with headers and padding
LATEST = 2**33 - 1  # s since 1970 that a header holds in its 11 octal digits: the year 2242


class ArchiveError(Refusal):
    """A file that is not a model as ``models export`` writes it; the message begins with its path."""


@dataclass(frozen=True, eq=False)
class Archive:
    """A model as one file.

    Attributes:
        contents: of the files in it by name: those of the bundle, and those of the extras that there are.
        written: when the model was written, in s since 1970.
    """

    contents: Mapping[str, bytes]
    written: int


def write_archive(path: Path, archive: Archive, *, replace: bool = False) -> None:
    """Write a model as one file, completely or not at all; the same model gives the same bytes.

    Raises:
        Refusal: the file is already there, or cannot be written.
    """
    check_folder_of(path)
    buffer = io.BytesIO()
    with tarfile.TarFile(mode="w", fileobj=buffer, format=tarfile.USTAR_FORMAT) as file:
        for name in LIMITS:
            if name in archive.contents:
                member = tarfile.TarInfo(name)
                member.size, member.mtime = len(archive.contents[name]), min(max(archive.written, 0), LATEST)
                file.addfile(member, io.BytesIO(archive.contents[name]))
    scratch = path.with_name(f".{path.name}.part")
    try:
        if not replace and path.exists():
            raise ArchiveError(f"{path} is already there; name another folder, or give --replace")
        with scratch.open("wb") as output:
            output.write(buffer.getvalue())
            output.flush()
            os.fsync(output.fileno())
        scratch.replace(path)
    except OSError as error:
        raise ArchiveError(f"{path} cannot be written: {error.strerror}") from error
    finally:
        scratch.unlink(missing_ok=True)


def read_archive(path: Path) -> Archive:
    """Read a model that was written as one file. What the files contain is not checked here.

    Raises:
        ArchiveError: it is not such a file, or not a whole one.
        FileError: the file cannot be read, or is too large.
    """
    contents: dict[str, bytes] = {}
    written = 0
    with open_regular(path, MOST_ARCHIVE) as file:
        try:
            while (header := _next(file)) is not None:
                contents[header.name] = _content(file, header, contents)
                if header.name == MANIFEST:
                    written = int(header.mtime)
        except _UnreadableError as error:
            raise ArchiveError(f"{path} is not a model as 'models export' writes it: {error}") from error
        except OSError as error:
            raise ArchiveError(f"{path} cannot be read: {error.strerror}") from error
    missing = [name for name in BUNDLE if name not in contents]
    if missing:
        raise ArchiveError(f"{path} is not a whole model: it has no {' and no '.join(missing)}")
    return Archive(contents, written)


class _UnreadableError(Exception):
    """What is wrong with an archive."""


def _next(file: BinaryIO) -> tarfile.TarInfo | None:
    """Read the next header; None at the end, after which nothing but zeros may follow."""
    block = file.read(BLOCK)
    if len(block) == BLOCK and not any(block):
        if any(file.read(tarfile.RECORDSIZE)) or file.read(1):
            raise _UnreadableError("something follows its end")
        return None
    if len(block) < BLOCK:
        raise _UnreadableError("it ends early")
    try:
        header = tarfile.TarInfo.frombuf(block, "utf-8", "strict")
    except (tarfile.HeaderError, ValueError) as error:
        raise _UnreadableError("it is not an uncompressed tar archive, or is damaged") from error
    return header


def _content(file: BinaryIO, header: tarfile.TarInfo, before: Mapping[str, bytes]) -> bytes:
    """Read the file that a header announces."""
    if header.type not in (tarfile.REGTYPE, tarfile.AREGTYPE):  # today's plain file, and that of tar before POSIX
        raise _UnreadableError(f"{shown(header.name)} in it is not a plain file")
    if header.name not in LIMITS:
        raise _UnreadableError(f"it has {shown(header.name)}; allowed are {', '.join(LIMITS)}")
    if header.name in before:
        raise _UnreadableError(f"it has {header.name} twice")
    if not 0 <= header.size <= LIMITS[header.name]:
        raise _UnreadableError(f"{header.name} has {header.size} bytes, allowed are {LIMITS[header.name]}")
    if not 0 <= header.mtime <= LATEST:
        raise _UnreadableError(f"{header.name} has an impossible date")
    data = file.read(header.size)
    padding = file.read(-header.size % BLOCK)
    if len(data) < header.size or len(padding) < -header.size % BLOCK:
        raise _UnreadableError("it ends early")
    return data
