"""The status bits of a forecast: why it is withheld, or how far it can be trusted."""

from __future__ import annotations

from enum import IntFlag


class Status(IntFlag):
    """The bits of ``AnkleForecast.status``."""

    OK = 0
    WARMING_UP = 1
    NOT_CALIBRATED = 2
    STALE = 4
    STREAM_SILENT = 8
    SENSOR_SUSPECT = 16
    UNFAMILIAR = 32
    IMPLAUSIBLE = 64
    OVERRUN = 128
    CLOCK = 256
    TWO_SOURCES = 512
    ENCODER_SUSPECT = 1024
    MODEL_FAILED = 2048


WITHHELD = (
    Status.WARMING_UP
    | Status.NOT_CALIBRATED
    | Status.STALE
    | Status.STREAM_SILENT
    | Status.SENSOR_SUSPECT
    | Status.IMPLAUSIBLE
    | Status.CLOCK
    | Status.TWO_SOURCES
)
"""With any of these bits, no forecast is published."""


UNTRUSTED_INPUT = (
    Status.NOT_CALIBRATED
    | Status.STALE
    | Status.STREAM_SILENT
    | Status.SENSOR_SUSPECT
    | Status.CLOCK
    | Status.TWO_SOURCES
)
"""With any of these bits, nothing that is computed from the input is published: no present angle, no stride period."""


def names(status: Status) -> str:
    """Return the names of the bits that are set, as text for people."""
    return ", ".join(bit.name.lower().replace("_", " ") for bit in Status if bit & status and bit.name) or "ok"
