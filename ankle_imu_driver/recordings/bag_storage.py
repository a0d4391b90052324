"""What the readers of a rosbag2's storage files have in common: their messages, their limits, and what was left out.

A bag may come from anywhere, and from a recorder that lost its power. So nothing in it is believed: neither the index
nor a count nor a size. Each file is read once from its start to where it ends or is damaged.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from backports import zstd

from ankle_imu_driver.recordings.recording import RecordingError
from ankle_imu_driver.regular_file import GIB, KIB, MIB

MOST_BYTES = 8 * GIB  # of a storage file
MOST_UNPACKED = 64 * MIB  # of one chunk; rosbag2 writes less than 5
MOST_MESSAGE = 64 * KIB  # of a message that is used; an Imu has 330 bytes
LONGEST_NAME = KIB  # characters of a topic or type
# Everything that a file unpacks to: more than zeros compressed by a recorder, far less than a bomb.
UNPACKED_ALWAYS, UNPACKED_TIMES = 16 * MIB, 100
ZSTD_MAGIC, MCAP_MAGIC, SQLITE_MAGIC = b"\x28\xb5\x2f\xfd", b"\x89MCAP0\r\n", b"SQLite format 3\0"
LARGEST_WINDOW: Mapping[int, int] = {zstd.DecompressionParameter.window_log_max: 26}  # 64 MiB
ZstdError = zstd.ZstdError
CONVERT = "convert it with 'ros2 bag convert'"


class Message(NamedTuple):
    """One message as it is stored.

    Attributes:
        topic: with its leading slash.
        kind: type, such as ``sensor_msgs/msg/Imu``.
        encoding: of ``data``, ``cdr`` in every ordinary bag.
        time: of reception, in ns.
        data: the encoded message.
    """

    topic: str
    kind: str
    encoding: str
    time: int
    data: bytes


class Wanted(Protocol):
    """Says whether the messages of a topic are used, by its name and type."""

    def __call__(self, topic: str, kind: str) -> bool:
        """Return whether."""


class Budget:
    """Bounds what a file may unpack to, while it is unpacked."""

    def __init__(self, path: Path, size: int) -> None:
        self._path = path
        self._left = self._most = UNPACKED_ALWAYS + UNPACKED_TIMES * size

    def spend(self, size: int) -> None:
        """Count ``size`` unpacked bytes.

        Raises:
            RecordingError: it is too much.
        """
        self._left -= size
        if self._left < 0:
            raise RecordingError(
                f"{self._path} unpacks to more than {self._most // MIB} MiB, {UNPACKED_TIMES} times its size, which no "
                f"recording does; {CONVERT} to an uncompressed one if it is one"
            )


class Unpacker(Protocol):
    """A decompressor of ``lz4.frame`` or ``zstd``, which stops at a length."""

    eof: bool

    def decompress(self, data: bytes, max_length: int = ...) -> bytes:
        """Return up to ``max_length`` bytes more."""


def unpack(unpacker: Unpacker, data: bytes, most: int) -> bytes:
    """Decompress one frame of at most ``most`` bytes.

    Raises:
        EOFError: the frame is cut off, or larger.
        Exception: the library's own, for damaged data.
    """
    unpacked = unpacker.decompress(data, max_length=most + 1)
    if len(unpacked) > most or not unpacker.eof:
        raise EOFError
    return unpacked


def zstd_unpacker() -> Any:
    """Return a decompressor of zstd with bounded memory."""
    return zstd.ZstdDecompressor(options=LARGEST_WINDOW)


def unpack_message(data: bytes) -> bytes:
    """Return a message, which rosbag2 may have compressed by itself (``compression_mode: message``).

    Raises:
        EOFError: it is cut off, or larger than a message.
        ValueError: it is damaged.
    """
    if not data.startswith(ZSTD_MAGIC):  # CDR begins with a zero
        return data
    try:
        return unpack(zstd_unpacker(), data, MOST_MESSAGE)
    except ZstdError as error:
        raise ValueError("a message is damaged") from error


def unpack_file(path: Path, target: Path, size: int) -> bool:
    """Decompress a zstd file (``compression_mode: file``) as far as it goes; return whether it is whole.

    Raises:
        RecordingError: it unpacks to too much.
        OSError: it cannot be read, or the target cannot be written.
    """
    budget, unpacker = Budget(path, size), zstd_unpacker()
    with path.open("rb") as packed, target.open("wb") as file:
        data = b""
        while not unpacker.eof:
            if unpacker.needs_input and not (data := packed.read(MIB)):
                return False
            try:
                unpacked = unpacker.decompress(data, max_length=MIB)
            except ZstdError:
                return False
            data = b""
            budget.spend(len(unpacked))
            file.write(unpacked)
    return True


def damaged(path: Path, place: int, read: int) -> str:
    """Return the note on a file that is read up to a place in bytes."""
    return (
        f"{path.name} ends or is damaged at byte {place}, as when a recorder loses its power: read up to there, "
        f"{read} messages"
    )
