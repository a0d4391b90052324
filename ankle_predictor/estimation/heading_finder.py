"""Finds from a few strides in which direction each sensor's forward axis lies, about the vertical.

The foot's lateral axis is the main axis of its turning (Seel, Raisch and Schauer 2014 find a hinge's axis from both
gyros in the same spirit). The shank's is the main axis of its turning while the foot is on the ground: then the shank
turns about the ankle. An axis has two directions. Three signs of walking forward decide between them: the foot's path
from rest to rest, the shank's swing, which is faster than its turn back (Aminian et al. 2002), and the lean of the
shank, which on average is forward of its standing position. The shank's and the foot's directions agree: in all gaits
both turn the same way for most of a stride.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ankle_imu_driver.arrays import FloatArray
from ankle_imu_driver.refusal import Refusal
from ankle_predictor.estimation.stride_evidence import StrideEvidence

STRIDES = 3  # least number of strides
SURE_STEP = 0.3  # m, a longer path of the foot counts no more than this
SURE_SKEW = 1.0  # skewness of the shank's pitch rate in level walking
SURE_LEAN = math.radians(10.0)  # mean lean of the shank in level walking
SURE = 0.5  # least sum of the three signs, each of them -1 to 1
LARGEST_RATIO = 0.5  # of the turning across the main axis to the turning about it (power)
LEAST_LIKENESS = 0.2  # correlation of the rates of shank and foot about their axes


class HeadingError(Refusal):
    """The strides do not show where forward is; the message says why and what to do."""


@dataclass(frozen=True)
class Headings:
    """Where forward is, in the levelled frames.

    Attributes:
        shank, foot: rad about up, from the frame's x axis to forward.
        strides: number of strides that this rests on.
    """

    shank: float
    foot: float
    strides: int


def find_headings(strides: Sequence[StrideEvidence]) -> Headings:
    """Find where forward is.

    Args:
        strides: of walking or running forward, on level ground, stairs or slopes.

    Raises:
        HeadingError: too few strides, or they do not agree.
    """
    if len(strides) < STRIDES:
        raise HeadingError(f"{len(strides)} of {STRIDES} strides seen; walk a few steps straight ahead")
    return provisional_headings(strides)


def provisional_headings(strides: Sequence[StrideEvidence]) -> Headings:
    """Find where forward seems to be, from any number of strides; the same as ``find_headings`` otherwise."""
    foot = _main_axis("foot", _sum(strides, "foot_turn"))
    shank = _main_axis("shank", _sum(strides, "shank_turn"))
    spread = _sum(strides, "shank_spread")
    foot_power = float(_power(_sum(strides, "foot_turn"), foot))
    likeness = float(shank @ _sum(strides, "shank_foot").reshape(2, 2) @ foot)
    likeness /= math.sqrt(float(_power(spread, shank)) * foot_power)
    if abs(likeness) < LEAST_LIKENESS:
        raise HeadingError("the shank and the foot do not turn alike; walk a few steps straight ahead")
    shank = math.copysign(1.0, likeness) * shank
    sign = _sign_of(strides, shank, foot)
    return Headings(_heading(sign * shank), _heading(sign * foot), len(strides))


def _sum(strides: Sequence[StrideEvidence], name: str) -> FloatArray:
    total: FloatArray = np.sum([getattr(stride, name) for stride in strides], axis=0)
    return total


def _main_axis(name: str, moments: FloatArray) -> FloatArray:
    """Return the unit vector of the largest second moment."""
    xx, xy, yy = moments.tolist()
    middle, radius = 0.5 * (xx + yy), math.hypot(0.5 * (xx - yy), xy)
    if middle - radius > LARGEST_RATIO * (middle + radius):
        raise HeadingError(f"the {name} turns about no main axis; walk a few steps straight ahead")
    angle = 0.5 * math.atan2(2.0 * xy, xx - yy)
    return np.array([math.cos(angle), math.sin(angle)])


def _power(moments: FloatArray, axis: FloatArray) -> float:
    xx, xy, yy = moments.tolist()
    x, y = axis.tolist()
    return float(xx * x * x + 2.0 * xy * x * y + yy * y * y)


def _sign_of(strides: Sequence[StrideEvidence], shank: FloatArray, foot: FloatArray) -> float:
    """Return 1 if these axes point left, -1 if they point right."""
    duration = sum(stride.duration for stride in strides)
    steps = [float(_forward(foot) @ stride.step) / SURE_STEP for stride in strides]
    step = sum(_clipped(value) for value in steps) / len(steps)
    xxx, xxy, xyy, yyy = _sum(strides, "shank_skew").tolist()
    x, y = shank.tolist()
    cube = xxx * x**3 + 3.0 * (xxy * x * x * y + xyy * x * y * y) + yyy * y**3
    skew = cube / duration / (_power(_sum(strides, "shank_spread"), shank) / duration) ** 1.5
    force = np.sum([stride.duration * np.array(stride.shank_force) for stride in strides], axis=0)
    lean = math.atan2(-float(_forward(shank) @ force[:2]), float(force[2]))
    signs = step, _clipped(-skew / SURE_SKEW), _clipped(lean / SURE_LEAN)
    total = sum(signs)
    if abs(total) < SURE:
        raise HeadingError("the strides do not agree on where forward is; walk a few steps straight ahead")
    return math.copysign(1.0, total)


def _forward(left: FloatArray) -> FloatArray:
    return np.array([left[1], -left[0]])


def _heading(left: FloatArray) -> float:
    return math.atan2(-float(left[0]), float(left[1]))


def _clipped(value: float) -> float:
    return min(max(value, -1.0), 1.0)
