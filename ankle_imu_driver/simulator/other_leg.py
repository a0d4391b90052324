"""The other leg of a walking person: the same strides, each of them a share of a stride later."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from ankle_imu_driver.simulator.gait_scenario import Label
from ankle_imu_driver.simulator.leg_motion import MotionPiece

RESTING = (Label.STAND, Label.SWAY, Label.SIT)


def later(pieces: Iterable[MotionPiece], phase: float) -> Iterator[MotionPiece]:
    """Yield the pieces of a leg's motion, delayed by a share of the stride that begins or, before a rest, has ended.

    A stride of the other leg lasts from within one of the planned strides to the same place within the next one, so
    that the legs stay apart by this share when the person changes speed. A rest is longer or shorter by what the delay
    has changed. The motion is stretched in time, which leaves a resting foot at rest.

    Args:
        pieces: consecutive pieces of motion; each stride is one piece.
        phase: share of a stride, 0 to below 1; half a stride is 0.5.
    """
    waiting: MotionPiece | None = None
    delay = 0.0  # samples, at the start of the piece that waits
    for piece in pieces:
        if waiting is not None:
            until = _delay(waiting, piece, phase, delay)
            yield _stretched(waiting, until - delay)
            delay = until
        waiting = piece
    if waiting is not None:
        yield waiting


def _delay(before: MotionPiece, after: MotionPiece, phase: float, now: float) -> float:
    """Return the delay between two pieces, in whole samples."""
    if not _is_rest(after):
        return float(round(phase * len(after.label)))
    return now if _is_rest(before) else float(round(phase * len(before.label)))


def _is_rest(piece: MotionPiece) -> bool:
    return int(piece.label[0]) in RESTING


def _stretched(piece: MotionPiece, longer: float) -> MotionPiece:
    """Return a piece that lasts ``longer`` samples more, at least two in all."""
    size = len(piece.label)
    count = max(size + int(longer), 2)
    if count == size:
        return piece
    if piece.is_sketch:
        channels = np.broadcast_to(piece.channels[-1], (count, piece.channels.shape[1]))
        return MotionPiece(channels, np.full(count, piece.label[-1]), np.zeros(count), is_sketch=True)
    at = np.linspace(0.0, size - 1.0, count)
    channels = np.column_stack([np.interp(at, np.arange(size), channel) for channel in piece.channels.T])
    nearest = np.rint(at).astype(np.int64)
    impact = np.zeros(count)
    struck = np.flatnonzero(piece.impact)
    np.add.at(impact, np.rint(struck * (count - 1) / (size - 1)).astype(np.int64), piece.impact[struck])
    return MotionPiece(channels, piece.label[nearest], impact)
