"""Reads and writes the wire format of Protocol Buffers, in the one way in which a serializer writes it.

Source: https://protobuf.dev/programming-guides/encoding/. Most readers accept more than serializers write: numbers with
more bytes than they need, field numbers beyond 32 bits, fields given twice. Two readers may then see different things
in one file. Here all of that is refused.
"""

from __future__ import annotations

from collections.abc import Iterator

from ankle_imu_driver.refusal import Refusal

VARINT, FIXED32, BYTES = 0, 5, 2  # wire types; the others are not used by the messages that are read here
FIRST_NUMBERS = 2**11  # field numbers below this have tags of up to two bytes; the messages read here have none above
MAX_FIELDS = 30_000  # of one file, all messages together; a network of ours has some hundred
Value = int | bytes


class WireError(Refusal):
    """Bytes that are not a message as a serializer writes it; the message says why."""


class WireReader:
    """Reads the messages of one file, and counts their fields."""

    def __init__(self) -> None:
        self._fields = 0

    def fields(self, message: bytes) -> Iterator[tuple[int, int, Value]]:
        """Yield the number, the wire type and the value of each field; a FIXED32 is given as its 4 bytes.

        Raises:
            WireError: the bytes are not what a serializer writes, or the file has too many fields.
        """
        at = 0
        while at < len(message):
            self._fields += 1
            if self._fields > MAX_FIELDS:
                raise WireError(f"it has more than {MAX_FIELDS} parts")
            key, at = varint(message, at)
            number, kind = key >> 3, key & 7
            if not 1 <= number < FIRST_NUMBERS:
                raise WireError(f"it has a field number {number}")
            if kind == VARINT:
                value, at = varint(message, at)
                yield number, kind, value
                continue
            if kind == BYTES:
                size, at = varint(message, at)
            elif kind == FIXED32:
                size = 4
            else:
                raise WireError(f"it has a field of wire type {kind}")
            if size > len(message) - at:
                raise WireError("it ends too early")
            yield number, kind, message[at : at + size]
            at += size


def varint(data: bytes, at: int) -> tuple[int, int]:
    """Read an unsigned number of up to 64 bits; return it and where it ends.

    Raises:
        WireError: it has more bytes or bits than it may.
    """
    value = 0
    for shift in range(0, 70, 7):
        if at >= len(data):
            raise WireError("it ends too early")
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            if byte == 0 and shift:
                raise WireError("it has a number with more bytes than the number needs")
            if value >= 2**64:
                break
            return value, at
    raise WireError("it has a number of more than 64 bits")


def signed(value: int) -> int:
    """Return the int64 that a varint stands for."""
    return value - 2**64 if value >= 2**63 else value


def number_field(number: int, value: int) -> bytes:
    """Return a field with an int64."""
    return _varint(number << 3 | VARINT) + _varint(value & (2**64 - 1))


def float_field(number: int, value: bytes) -> bytes:
    """Return a field with the 4 bytes of a float."""
    return _varint(number << 3 | FIXED32) + value


def bytes_field(number: int, value: bytes) -> bytes:
    """Return a field with bytes, a text or a message."""
    return _varint(number << 3 | BYTES) + _varint(len(value)) + value


def _varint(value: int) -> bytes:
    written = bytearray()
    while value >= 0x80:
        written.append(value & 0x7F | 0x80)
        value >>= 7
    written.append(value)
    return bytes(written)
