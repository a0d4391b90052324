"""Reads the messages of an MCAP file from its start to its end, or to where it was interrupted.

The format is that of https://mcap.dev/spec. ``rosbags`` reads only files with the index at their end, which a recorder
writes last, and decompresses whatever size a chunk unpacks to.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterator
from pathlib import Path
from struct import Struct, error
from typing import BinaryIO

import lz4.frame

from ankle_imu_driver.recordings.bag_storage import (
    CONVERT,
    LONGEST_NAME,
    MCAP_MAGIC,
    MOST_MESSAGE,
    MOST_UNPACKED,
    Budget,
    Message,
    Wanted,
    ZstdError,
    damaged,
    unpack,
    zstd_unpacker,
)
from ankle_imu_driver.recordings.recording import RecordingError
from ankle_imu_driver.regular_file import MIB

FOOTER, SCHEMA, CHANNEL, MESSAGE, CHUNK = 0x02, 0x03, 0x04, 0x05, 0x06
RECORD, MESSAGE_HEAD, CHUNK_HEAD = Struct("<BQ"), Struct("<HIQQ"), Struct("<QQQI")
LENGTH, SHORT, LONG = Struct("<I"), Struct("<H"), Struct("<Q")
MOST_DEFINITION = MIB  # of the record of a schema or channel
FOOTER_SIZE = 20
MOST_SUMMARY = 16 * MIB
MOST_EMPTY = 200_000  # records that hold nothing that is read, one after the other


class _Damage(Exception):  # noqa: N818 - it ends the reading, it is no error
    """The file cannot be read beyond this place."""


class McapScan:
    """One pass through a file.

    Attributes:
        notes: after the pass, what was left out.
    """

    def __init__(self, path: Path, file: BinaryIO, wanted: Wanted) -> None:
        """Prepare the pass.

        Args:
            path: the file's name in sentences.
            file: the file, at its start.
            wanted: whether a topic's messages are used; only these are read.
        """
        self.notes: list[str] = []
        self._path, self._file, self._wanted = path, file, wanted
        self._size = os.fstat(file.fileno()).st_size
        self._budget = Budget(path, self._size)
        self._schemas: dict[int, str] = {}
        self._channels: dict[int, tuple[str, str, str] | None] = {}
        self._found = self._bad_chunks = self._unknown = 0

    def messages(self) -> Iterator[Message]:
        """Yield the wanted messages in the order of the file.

        Raises:
            RecordingError: it is no MCAP, unpacks to too much, or is compressed by an unknown method.
            OSError: it cannot be read.
        """
        if self._file.read(len(MCAP_MAGIC)) != MCAP_MAGIC:
            raise RecordingError(f"{self._path} is not an MCAP file, whatever its name says")
        self._read_summary()
        try:
            yield from self._records()
        except _Damage:
            self.notes.append(damaged(self._path, self._file.tell(), self._found))
        if self._bad_chunks:
            self.notes.append(f"{self._path.name}: damaged chunks left out: {self._bad_chunks}")
        if self._unknown:
            self.notes.append(f"{self._path.name}: messages of an undefined channel left out: {self._unknown}")

    def _read_summary(self) -> None:
        """Read the definitions at the end, if there is one: those at the start may be in a damaged chunk."""
        end = self._size - RECORD.size - FOOTER_SIZE - len(MCAP_MAGIC)
        if end < len(MCAP_MAGIC):
            return
        self._file.seek(end)
        footer = self._file.read(RECORD.size + FOOTER_SIZE)
        if footer.startswith(RECORD.pack(FOOTER, FOOTER_SIZE)):
            (start,) = LONG.unpack_from(footer, RECORD.size)
            if len(MCAP_MAGIC) <= start < end and end - start <= MOST_SUMMARY:
                self._file.seek(start)
                for code, record in _split(memoryview(self._file.read(end - start))):
                    if code in (SCHEMA, CHANNEL):
                        self._define(code, bytes(record))
        self._file.seek(len(MCAP_MAGIC))

    def _records(self) -> Iterator[Message]:
        """Read the records of the file itself."""
        empty = 0
        while True:
            code, size = self._head()
            if code == FOOTER:
                return
            empty = empty + 1 if code not in (SCHEMA, CHANNEL, MESSAGE, CHUNK) else 0
            if empty > MOST_EMPTY:
                raise _Damage
            if code == MESSAGE and size <= MOST_MESSAGE:
                yield from self._message(self._file.read(size))
            elif code in (SCHEMA, CHANNEL):
                if size > MOST_DEFINITION:
                    raise _Damage
                self._define(code, self._file.read(size))
            elif code == CHUNK:
                yield from self._chunk(size)
            else:
                self._file.seek(size, os.SEEK_CUR)

    def _head(self) -> tuple[int, int]:
        """Read code and size of the next record; at damage, the file is left at the record's start."""
        start = self._file.tell()
        head = self._file.read(RECORD.size)
        code, size = RECORD.unpack(head) if len(head) == RECORD.size else (0, 0)
        if code == 0 or size > self._size - start - RECORD.size:  # 0 is no code: disks leave zeros behind
            self._file.seek(start)
            raise _Damage
        return code, size

    def _chunk(self, size: int) -> Iterator[Message]:
        end = self._file.tell() + size
        if size > MOST_UNPACKED + 2 * MIB:
            raise RecordingError(self._too_large(size))
        records = self._unpacked(self._file.read(size))
        self._file.seek(end)
        if records is None:
            self._bad_chunks += 1
            return
        read = 0
        for code, record in _split(memoryview(records)):
            if code == MESSAGE:
                yield from self._message(record)
            elif code in (SCHEMA, CHANNEL) and len(record) <= MOST_DEFINITION:
                self._define(code, bytes(record))
            read += RECORD.size + len(record)
        self._bad_chunks += read != len(records)  # what came before the damage is good

    def _unpacked(self, record: bytes) -> bytes | None:
        """Return the records in a chunk; None if it is damaged."""
        try:
            _, _, size, checksum = CHUNK_HEAD.unpack_from(record)
            method, place = _text(record, CHUNK_HEAD.size)
            (length,) = LONG.unpack_from(record, place)
        except (error, ValueError):
            return None
        data = record[place + LONG.size : place + LONG.size + length]
        if size > MOST_UNPACKED:
            raise RecordingError(self._too_large(size))
        self._budget.spend(size)
        try:
            if method == "zstd":
                data = unpack(zstd_unpacker(), data, size)
            elif method == "lz4":
                data = unpack(lz4.frame.LZ4FrameDecompressor(), data, size)
            elif method:
                raise RecordingError(
                    f"{self._path} is compressed by {method[:40]!r}; only zstd and lz4 are read: {CONVERT}"
                )
        except (ZstdError, RuntimeError, EOFError, MemoryError):
            return None
        return data if len(data) == size and checksum in (0, zlib.crc32(data)) else None

    def _too_large(self, size: int) -> str:
        return (
            f"{self._path} has a chunk of {size} bytes, at most {MOST_UNPACKED} are read; {CONVERT} to one with "
            "smaller chunks"
        )

    def _define(self, code: int, record: bytes) -> None:
        """Keep a type's name, or a channel's topic and type if it is wanted."""
        try:
            (number,) = SHORT.unpack_from(record)
            if code == SCHEMA:
                self._schemas[number] = _text(record, SHORT.size)[0]
                return
            (schema,) = SHORT.unpack_from(record, SHORT.size)
            topic, place = _text(record, 2 * SHORT.size)
            encoding, _ = _text(record, place)
        except (error, ValueError):
            return  # its messages are counted as those of an undefined channel
        kind = self._schemas.get(schema, "")
        self._channels[number] = (topic, kind, encoding) if self._wanted(topic, kind) else None

    def _message(self, record: bytes | memoryview) -> Iterator[Message]:
        if len(record) < MESSAGE_HEAD.size:
            self._unknown += 1
            return
        channel, _, time, _ = MESSAGE_HEAD.unpack_from(record)
        if channel not in self._channels:
            self._unknown += 1
            return
        self._found += 1
        if (known := self._channels[channel]) is not None and len(record) <= MOST_MESSAGE:
            yield Message(*known, time, bytes(record[MESSAGE_HEAD.size :]))


def _split(records: memoryview) -> Iterator[tuple[int, memoryview]]:
    """Yield code and content of consecutive records, up to damage."""
    place = 0
    while place + RECORD.size <= len(records):
        code, length = RECORD.unpack_from(records, place)
        place += RECORD.size
        if code == 0 or length > len(records) - place:
            return
        yield code, records[place : place + length]
        place += length


def _text(record: bytes, place: int) -> tuple[str, int]:
    """Return a short text and the place after it."""
    (length,) = LENGTH.unpack_from(record, place)
    end = place + LENGTH.size + length
    if length > LONGEST_NAME or end > len(record):
        raise ValueError("a name is too long")
    return record[place + LENGTH.size : end].decode("utf-8"), end
