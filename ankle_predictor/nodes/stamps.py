"""Stamps of ROS messages: whole nanoseconds in a message, seconds everywhere else."""

from __future__ import annotations

import struct
from typing import Any

SECOND = 1_000_000_000  # ns


def stamp_of(message: Any) -> int:
    """Return the header stamp of a message in ns."""
    stamp = message.header.stamp
    return int(stamp.sec) * SECOND + int(stamp.nanosec)


def set_stamp(message: Any, nanoseconds: int) -> None:
    """Set the header stamp of a message."""
    message.header.stamp.sec, message.header.stamp.nanosec = divmod(nanoseconds, SECOND)


def serialized_stamp(message: bytes | memoryview) -> int:
    """Return the stamp in ns of a serialized message that begins with a ``std_msgs/Header``."""
    sec, nanosec = struct.unpack_from("<iI" if message[1] else ">iI", message, 4)
    return int(sec) * SECOND + int(nanosec)


class TimeOrigin:
    """Converts stamps to seconds since the first stamp, and back.

    As a float, seconds since 1970 are only accurate to 0.2 microseconds. Seconds from a recent origin are exact in both
    directions for 48 days. After that, and across a clock that jumps by years, the error is below a microsecond.
    """

    def __init__(self) -> None:
        self._origin: int | None = None

    def seconds(self, nanoseconds: int) -> float:
        """Return a stamp in s."""
        if self._origin is None:
            self._origin = nanoseconds
        return (nanoseconds - self._origin) / 1e9

    def nanoseconds(self, seconds: float) -> int:
        """Return the stamp in ns that ``seconds`` was made from."""
        return (self._origin or 0) + round(seconds * 1e9)
