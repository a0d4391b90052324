"""Smooths the pieces of a leg's motion and returns the motion of shank and foot in blocks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ankle_imu_driver.arrays import BoolArray, FloatArray
from ankle_imu_driver.simulator.leg_kinematics import smooth
from ankle_imu_driver.simulator.leg_motion import ANKLE, FOOT, LEAN, POSITION, RATE, ROLL, TWIST, YAW, MotionPiece

# Kernel widths in ms. The foot on the ground stops and starts within a few hundredths of a second, as the foot gyros of
# the walks show at toe off and foot slap. The shank above the ankle moves more smoothly.
STEEP, SOFT = 27, 121
MARGIN = SOFT // 2 + 1  # one extra sample for the differentiation


@dataclass(frozen=True, eq=False)
class SegmentMotion:
    """A block of smooth motion at 1 kHz. Positions and angles have an extra sample at each end for differentiation.

    Attributes:
        ankle: (N + 2, 3) world position of the ankle in m.
        shank: (N + 2, 3) yaw, roll, pitch of the shank in rad.
        foot: (N + 2, 3) yaw, roll, pitch of the foot in rad.
        label: (N,) activity at each sample.
        impact: (N,) strength of an impact at each sample, 0 without an impact.
    """

    ankle: FloatArray
    shank: FloatArray
    foot: FloatArray
    label: npt.NDArray[np.int8]
    impact: FloatArray

    @property
    def at_rest(self) -> BoolArray:
        """(N,) whether the foot rests on the ground: the ankle's speed is below 1 um/s."""
        speed = np.abs(self.ankle[2:] - self.ankle[:-2]).max(axis=1) * RATE / 2
        rest: BoolArray = speed < 1e-6
        return rest


def segment_motion(pieces: Iterable[MotionPiece]) -> Iterator[SegmentMotion]:
    """Smooth consecutive pieces; the result does not depend on where the motion is cut into pieces."""
    for piece in _padded(pieces):
        rough = piece.channels
        steep = smooth(rough, STEEP, MARGIN - 1)
        soft = smooth(np.column_stack([rough[:, [TWIST, LEAN]], rough[:, FOOT] + rough[:, ANKLE]]), SOFT, MARGIN - 1)
        soft[:, :2] += steep[:, [YAW, ROLL]]
        core = slice(MARGIN, -MARGIN)
        yield SegmentMotion(
            steep[:, POSITION], soft, steep[:, [YAW, ROLL, FOOT]], piece.label[core], piece.impact[core]
        )


def _padded(pieces: Iterable[MotionPiece]) -> Iterator[MotionPiece]:
    """Add to each piece the margins that smoothing removes, from the neighbouring pieces or by extrapolation."""
    kept: MotionPiece | None = None
    for piece in pieces:
        block = _joined(_extrapolated(piece, -1) if kept is None else kept, piece)
        kept = block
        if len(block.label) > 4 * MARGIN:
            yield block
            kept = _cut(block, slice(-2 * MARGIN, None))
    if kept is not None:
        yield _joined(kept, _extrapolated(kept, 1))


def _extrapolated(piece: MotionPiece, direction: int) -> MotionPiece:
    """Return a margin after the end (``direction`` 1) or before the start (-1), at the speed there.

    A margin without motion would add a jerk.
    """
    rows = piece.channels if direction > 0 else piece.channels[::-1]
    steps = np.arange(1.0, MARGIN + 1)[:, np.newaxis]
    more = rows[-1] + steps * (rows[-1] - rows[-2:][0])  # no motion if the piece has a single row
    label = piece.label[-1 if direction > 0 else 0]
    return MotionPiece(more[::direction], np.repeat(label, MARGIN), np.zeros(MARGIN))


def _joined(first: MotionPiece, second: MotionPiece) -> MotionPiece:
    return MotionPiece(
        np.concatenate([first.channels, second.channels]),
        np.concatenate([first.label, second.label]),
        np.concatenate([first.impact, second.impact]),
    )


def _cut(piece: MotionPiece, rows: slice) -> MotionPiece:
    return MotionPiece(piece.channels[rows], piece.label[rows], piece.impact[rows])
