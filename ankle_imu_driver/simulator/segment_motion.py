"""From rough pieces of leg motion to the smooth motion of shank and foot, block after block."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ankle_imu_driver.arrays import BoolArray, FloatArray
from ankle_imu_driver.simulator.leg_kinematics import smooth
from ankle_imu_driver.simulator.leg_motion import ANKLE, FOOT, LEAN, POSITION, RATE, ROLL, TWIST, YAW, MotionPiece

# Kernel widths in ms. What meets the ground stops and starts within a few hundredths of a second, as the walks' foot
# gyros show at toe off and foot slap; the shank above the ankle moves more softly.
STEEP, SOFT = 27, 121
MARGIN = SOFT // 2 + 1  # the sample more is for differentiating


@dataclass(frozen=True, eq=False)
class SegmentMotion:
    """Some time of smooth motion at 1 kHz.

    Attributes:
        ankle: (N + 2, 3) world position of the ankle in m, with one sample more at each end to differentiate over.
        shank: (N + 2, 3) yaw, roll, pitch of the shank in rad, likewise.
        foot: (N + 2, 3) yaw, roll, pitch of the foot in rad, likewise.
        label: (N,) the activity.
        impact: (N,) strength of an impact at that sample, 0 elsewhere.
    """

    ankle: FloatArray
    shank: FloatArray
    foot: FloatArray
    label: npt.NDArray[np.int8]
    impact: FloatArray

    @property
    def at_rest(self) -> BoolArray:
        """(N,) whether the foot rests on the ground: the ankle moves slower than 1 um/s."""
        speed = np.abs(self.ankle[2:] - self.ankle[:-2]).max(axis=1) * RATE / 2
        rest: BoolArray = speed < 1e-6
        return rest


def segment_motion(pieces: Iterable[MotionPiece]) -> Iterator[SegmentMotion]:
    """Smooth pieces that follow each other; how they are cut changes nothing."""
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
    """Add to each piece the margins that smoothing consumes, from its neighbours; beyond the ends motion goes on."""
    kept: MotionPiece | None = None
    for piece in pieces:
        block = _joined(_beyond(piece, -1) if kept is None else kept, piece)
        kept = block
        if len(block.label) > 4 * MARGIN:
            yield block
            kept = _cut(block, slice(-2 * MARGIN, None))
    if kept is not None:
        yield _joined(kept, _beyond(kept, 1))


def _beyond(piece: MotionPiece, direction: int) -> MotionPiece:
    """Go on at the speed of a piece's end, 1, or come at that of its beginning, -1; stopping there would be a jerk."""
    rows = piece.channels if direction > 0 else piece.channels[::-1]
    steps = np.arange(1.0, MARGIN + 1)[:, np.newaxis]
    more = rows[-1] + steps * (rows[-1] - rows[-2:][0])  # a single row stands still
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
