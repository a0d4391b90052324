"""Makes MCAP files record by record (https://mcap.dev/spec), so that any part of them can be wrong."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable

import lz4.frame
from backports import zstd

MAGIC = b"\x89MCAP0\r\n"


def text(value: str) -> bytes:
    """A text with its length."""
    return struct.pack("<I", len(value.encode())) + value.encode()


def record(code: int, body: bytes) -> bytes:
    """A record of any kind."""
    return struct.pack("<BQ", code, len(body)) + body


def definitions(topics: dict[str, str], encoding: str = "cdr") -> bytes:
    """Schema and channel of each topic, numbered from 1."""
    parts = []
    for number, (topic, kind) in enumerate(topics.items(), 1):
        parts.append(record(3, struct.pack("<H", number) + text(kind) + text("ros2msg") + text("")))
        parts.append(record(4, struct.pack("<HH", number, number) + text(topic) + text(encoding) + text("")))
    return b"".join(parts)


def message(channel: int, data: bytes, time: int = 0) -> bytes:
    """A message with its time of reception in ns."""
    return record(5, struct.pack("<HIQQ", channel, 0, time, time) + data)


def chunk(
    records: bytes, method: str = "", *, data: bytes | None = None, size: int | None = None, crc: bool = True
) -> bytes:
    """A chunk; ``data`` and ``size`` replace what it holds and what it says."""
    packers: dict[str, Callable[[bytes], bytes]] = {"": bytes, "zstd": zstd.compress, "lz4": lz4.frame.compress}
    data = packers[method](records) if data is None else data
    head = struct.pack("<QQQI", 0, 0, len(records) if size is None else size, zlib.crc32(records) if crc else 0)
    return record(6, head + text(method) + struct.pack("<Q", len(data)) + data)


def mcap(*parts: bytes, topics: dict[str, str], whole: bool = True, encoding: str = "cdr") -> bytes:
    """An MCAP file of these records, with the definitions before them and, if whole, the footer."""
    begin = MAGIC + record(1, text("ros2") + text("")) + definitions(topics, encoding)
    end = record(15, b"\0" * 4) + record(2, b"\0" * 20) + MAGIC if whole else b""
    return begin + b"".join(parts) + end
