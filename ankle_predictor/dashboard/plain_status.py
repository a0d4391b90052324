"""Says in plain words what state a leg is in, from the status bits and the nodes' diagnostics."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from ankle_imu_driver.conventions import OK
from ankle_predictor.trust.status import Status

Level = Literal["good", "wait", "caution", "problem"]


@dataclass(frozen=True)
class PlainStatus:
    """What a person reads first.

    Attributes:
        level: how bad it is; the page's colour.
        headline: a few words.
        advice: one sentence or two: what it means, and what to do.
    """

    level: Level
    headline: str
    advice: str


@dataclass(frozen=True)
class _Words:
    bits: Status  # all of them
    status: PlainStatus
    asks: tuple[str, ...] = ()  # the nodes whose diagnostics know more; the first one that complains is quoted


_FAILED = "The model failed", "The one before it runs now, or none. Choose another model."
# The first one whose bits are set is shown: what must be mended first comes first.
_WORDS = (
    _Words(
        Status.TWO_SOURCES,
        PlainStatus("problem", "Two programs send for this leg", "End the one that should not run."),
        ("predictor",),
    ),
    _Words(
        Status.NOT_CALIBRATED,
        PlainStatus("wait", "Not calibrated yet", "Let the wearer stand still and upright, then press Calibrate."),
        ("orientation_filter",),
    ),
    _Words(
        Status.STREAM_SILENT,
        PlainStatus("problem", "A sensor is silent", "Check its plug and cable, and that it has power."),
        ("orientation_filter",),
    ),
    _Words(
        Status.SENSOR_SUSPECT,
        PlainStatus("problem", "A sensor reads wrongly", "Check that both sensors sit tight and are plugged in well."),
        ("orientation_filter",),
    ),
    _Words(
        Status.CLOCK,
        PlainStatus("problem", "The clocks disagree", "Set the clocks of all computers to the same time."),
        ("predictor",),
    ),
    _Words(
        Status.STALE,
        PlainStatus(
            "problem",
            "No fresh samples",
            "They come late or not at all: a cable is loose, or a computer is too busy.",
        ),
        ("imu_driver", "orientation_filter", "predictor"),
    ),
    _Words(Status.MODEL_FAILED | Status.WARMING_UP, PlainStatus("problem", *_FAILED), ("predictor",)),
    _Words(
        Status.WARMING_UP,
        PlainStatus("wait", "Starting", "The forecast comes after two seconds without a gap."),
    ),
    _Words(
        Status.IMPLAUSIBLE,
        PlainStatus(
            "problem", "The angle cannot be right", "Check that no sensor has slipped, then calibrate while standing."
        ),
    ),
    _Words(Status.MODEL_FAILED, PlainStatus("caution", *_FAILED), ("predictor",)),
    _Words(
        Status.ENCODER_SUSPECT,
        PlainStatus("caution", "The encoder contradicts the sensors", "It is not used. Check that it sits tight."),
        ("predictor",),
    ),
    _Words(
        Status.OVERRUN,
        PlainStatus("caution", "The computer is too slow", "Some forecasts are left out. End other programs."),
    ),
    _Words(
        Status.UNFAMILIAR,
        PlainStatus(
            "caution",
            "Unusual movement",
            "This is unlike the walking that the model knows. Forecasts may be less exact.",
        ),
    ),
)
WORKING = PlainStatus("good", "Working", "The forecast runs.")
NOTHING_HEARD = PlainStatus("wait", "Waiting for the leg", "Nothing is heard of it yet.")
FELL_SILENT = PlainStatus("problem", "The leg is silent", "Its nodes have ended, or the connection to them is lost.")

Diagnostics = Mapping[str, tuple[int, str]]
"""Level and sentence by the name of the node, without its namespace."""


def plain_status(status: Status | None, silent: bool, diagnostics: Diagnostics) -> PlainStatus:
    """Return what to show.

    Args:
        status: of the newest ``forecast_detail``; None if there was none.
        silent: whether none has come for some time.
        diagnostics: of the leg's nodes; a node that complains replaces the general advice by its own sentence.
    """
    if silent or status is None:
        general = NOTHING_HEARD if status is None else FELL_SILENT
        complaint = next((text for level, text in diagnostics.values() if level != OK), "")
        return PlainStatus(
            "problem" if complaint else general.level, general.headline, _sentence(complaint) or general.advice
        )
    for words in _WORDS:
        if words.bits & status == words.bits:
            heard = (diagnostics.get(node, (OK, "")) for node in words.asks)
            complaint = next((text for level, text in heard if level != OK and text), "")
            advice = f"{words.status.advice} ({complaint})" if complaint else words.status.advice
            return PlainStatus(words.status.level, words.status.headline, advice)
    return WORKING


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}." if text else ""
