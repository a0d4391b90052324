"""Opens files that come from anywhere: only regular ones, and only up to a size that is known before they are read."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import BinaryIO

from ankle_imu_driver.refusal import Refusal

KIB, MIB, GIB = 2**10, 2**20, 2**30
KINDS = (
    (stat.S_ISDIR, "a directory"),
    (stat.S_ISFIFO, "a FIFO"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


class FileError(Refusal):
    """A file that is not read. The message is one sentence that begins with the path."""


def open_regular(path: Path, most: int) -> BinaryIO:
    """Open a regular file for reading.

    Reading a FIFO or a device would wait for ever, have an effect or never end. So the kind is judged before opening,
    and again on the opened file, in case the path was exchanged in between.

    Args:
        path: the file; links are followed.
        most: largest size in bytes. A file that grows later, or that does not tell its size (as below /proc), can still
            yield more: read with a limit.

    Raises:
        FileError: there is no such file, it must not be read, it is not a regular file, or it is too large.
    """
    try:
        _check(path, _stat(path), most)
        file = os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY), "rb")
    except OSError as error:
        raise FileError(f"{path} cannot be read: {error.strerror}") from error
    try:
        _check(path, os.fstat(file.fileno()), most)
    except BaseException:
        file.close()
        raise
    return file


def read_regular(path: Path, most: int) -> bytes:
    """Return the content of a regular file of at most ``most`` bytes.

    Raises:
        FileError: as by ``open_regular``.
    """
    with open_regular(path, most) as file:
        try:
            data = file.read(most + 1)
        except OSError as error:
            raise FileError(f"{path} cannot be read: {error.strerror}") from error
    if len(data) > most:
        raise _too_large(path, most)
    return data


def exists(path: Path) -> bool:
    """Return whether there is anything at a path. Unlike ``Path.exists``, refuse what cannot be known.

    Raises:
        FileError: a folder on the way must not be searched, or the path cannot be one.
    """
    try:
        _stat(path)
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError as error:
        raise FileError(f"{path} cannot be read: {error.strerror}") from error
    return True


def expanded(path: Path) -> Path:
    """Return a path with the home directory in place of ``~``.

    Raises:
        FileError: there is no such user.
    """
    try:
        return path.expanduser()
    except RuntimeError as error:
        raise FileError(f"{path} cannot be read: this computer knows no home directory for it") from error


def _stat(path: Path) -> os.stat_result:
    try:
        return path.stat()
    except ValueError as error:  # a NUL, or a character that the file system cannot encode
        raise FileError(f"{str(path)!r} is no path of a file") from error


def _check(path: Path, status: os.stat_result, most: int) -> None:
    for is_kind, name in KINDS:
        if is_kind(status.st_mode):
            raise FileError(f"{path} cannot be read: it is {name}, not a file")
    if status.st_size > most:
        raise _too_large(path, most)


def _too_large(path: Path, most: int) -> FileError:
    unit, name = next(pair for pair in ((GIB, "GiB"), (MIB, "MiB"), (KIB, "KiB"), (1, "bytes")) if most >= pair[0])
    return FileError(f"{path} is too large: at most {most / unit:g} {name} are read")
