"""Estimates the gravity that the logger subtracted, from the values at which its accelerometers clipped.

The logger measures each accelerometer's mean at standing, g0, and logs ``raw - g0``. The raw value cannot leave +-2 g,
so clipped samples accumulate at exactly ``+-19.61 - g0``. Such a clipping limit gives g0. If an axis never clipped, the
log only bounds its g0; a value is then assumed, and the notes report this.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ankle_imu_driver.arrays import FloatArray, IntArray

RANGE = 19.61  # m/s^2, +-2 g of the MPU6050 as configured by the logger
RESOLUTION = 0.01  # m/s^2, the logger prints two decimals
LARGEST_GRAVITY = 12.0  # m/s^2 on one axis: 1 g, 3 % scale error, and the datasheet's 80 mg of offset, with a margin
SPAN_TOLERANCE = 0.1  # m/s^2; allowed difference between the distance of the two limits and 2 * RANGE
MIN_COUNT = 4  # at a limit; equal successive samples count once, because a frozen sensor repeats its value
COUNT_RATIO = 4.0  # count at a limit divided by the largest count at the values next to it
NEIGHBOURS = 10  # number of values next to a limit that are compared with it
MAX_PROBABILITY = 1e-5  # that so many samples have one value by chance, with the density of the values next to it
OUTLIER_SHARE = 0.1  # of the count at a limit; damaged lines that still parse may lie beyond it

AXES = ("x", "y", "z")


@dataclass(frozen=True)
class Placement:
    """Distribution of one sensor's gravity at standing over the recorded walks, known before a log is read.

    Attributes:
        nominal: mean of each axis in m/s^2.
        spread: standard deviation of each axis in m/s^2.
        norm: mean norm in m/s^2; it differs from 9.81 because of the sensor's scale and bias errors.
        norm_spread: standard deviation of the norm in m/s^2.
    """

    nominal: tuple[float, float, float]
    spread: tuple[float, float, float]
    norm: float
    norm_spread: float


# From the axes of the five published walks (LOG2, 7, 8, 10, 13) that clipped; all were recorded with the same sensors.
FOOT = Placement((-9.15, -0.64, -2.04), (0.06, 0.04, 0.23), 9.40, 0.03)
SHANK = Placement((3.78, -9.70, 0.74), (0.63, 0.20, 0.40), 10.35, 0.06)


@dataclass(frozen=True)
class PublishedAssumption:
    """The shank's x gravity of a published walk that never clipped on this axis, and how to recognise the walk.

    Attributes:
        walk: name of the walk.
        shank_y: gravity on the shank's y axis in m/s^2, by which the walk is recognised.
        shank_z: the same on the shank's z axis.
        foot_z: the same on the foot's z axis.
        shank_x: gravity on the shank's x axis in m/s^2.
    """

    walk: str
    shank_y: float
    shank_z: float
    foot_z: float
    shank_x: float


# Values from the data set's description, not tuned. The walks are recognised by gravity, because files get renamed.
PUBLISHED = (
    PublishedAssumption("LOG2", -9.82, 0.60, -2.03, 2.7),
    PublishedAssumption("LOG7", -9.95, 0.17, -2.39, 1.9),
)
SAME = 0.05  # m/s^2


@dataclass(frozen=True)
class AxisGravity:
    """Gravity at standing on one axis of one sensor.

    Attributes:
        value: m/s^2, to be added to the logged values.
        basis: "both clipping limits", "upper clipping limit", "lower clipping limit", or "assumed" with the source of
            the assumption.
        upper: how often the signal reached the upper limit.
        lower: how often the signal reached the lower limit.
        least: smallest value in m/s^2 with which no sample is beyond the range.
        most: largest value in m/s^2 with which no sample is beyond the range.
    """

    value: float
    basis: str
    upper: int
    lower: int
    least: float
    most: float

    @property
    def assumed(self) -> bool:
        """Whether the value is assumed, because the axis reached no limit."""
        return not (self.upper or self.lower)

    def describe(self) -> str:
        """Return the value and its basis as text."""
        if not self.assumed:
            reached = f"upper limit reached {self.upper} times, lower limit {self.lower} times"
            return f"{self.value:.2f} m/s^2 from {self.basis} ({reached})"
        return (
            f"{self.value:.2f} m/s^2 {self.basis}: the axis did not clip; the log allows "
            f"{self.least:.2f} to {self.most:.2f}"
        )


@dataclass(frozen=True)
class Gravity:
    """Gravity at standing of both sensors, axis by axis."""

    foot: tuple[AxisGravity, AxisGravity, AxisGravity]
    shank: tuple[AxisGravity, AxisGravity, AxisGravity]


def find_gravity(foot: FloatArray, shank: FloatArray) -> Gravity:
    """Estimate the gravity that the logger subtracted.

    Args:
        foot: (N, 3) logged foot acceleration in m/s^2, sensor frame.
        shank: (N, 3) logged shank acceleration in m/s^2, sensor frame.
    """
    foot_axes = [gravity_from_clipping(foot[:, k]) for k in range(3)]
    shank_axes = [gravity_from_clipping(shank[:, k]) for k in range(3)]
    if shank_axes[0].assumed:
        shank_axes[0] = _published(foot_axes, shank_axes)
    return Gravity(_complete(foot_axes, FOOT), _complete(shank_axes, SHANK))


def gravity_from_clipping(logged: FloatArray) -> AxisGravity:
    """Estimate one axis's gravity from its clipping limits.

    Args:
        logged: (N,) logged acceleration in m/s^2.

    Returns:
        The gravity; if the axis did not clip, the value is NaN and the basis empty.
    """
    counts = _histogram(logged)
    top, top_count = _upper_limit(*counts)
    mirrored = (-counts[0][::-1], counts[1][::-1])
    bottom, bottom_count = _upper_limit(*mirrored)
    bottom = -bottom
    if top_count and bottom_count and abs(top - bottom - 2 * RANGE) > SPAN_TOLERANCE:
        # Only one of them can be a clipping limit. A clipped signal has by far the larger count there.
        if top_count > bottom_count:
            bottom_count = 0
        else:
            top_count = 0
    upper, lower = round(RANGE - top, 2), round(-RANGE - bottom, 2)
    least, most = -RANGE - float(counts[0][0]), RANGE - float(counts[0][-1])
    if top_count and bottom_count:
        mean = round((upper + lower) / 2, 3)
        return AxisGravity(mean, "both clipping limits", top_count, bottom_count, least, most)
    if top_count:
        return AxisGravity(upper, "upper clipping limit", top_count, 0, least, most)
    if bottom_count:
        return AxisGravity(lower, "lower clipping limit", 0, bottom_count, least, most)
    return AxisGravity(math.nan, "", 0, 0, least, most)


def _histogram(logged: FloatArray) -> tuple[FloatArray, IntArray]:
    """Return the distinct values in increasing order and their counts; equal successive samples count once."""
    steps = np.rint(logged / RESOLUTION)
    steps, count = np.unique(steps[np.diff(steps, prepend=np.nan) != 0], return_counts=True)
    return steps * RESOLUTION, count.astype(np.int64)


def _upper_limit(value: FloatArray, count: IntArray) -> tuple[float, int]:
    """Return the upper clipping limit and its count; (0, 0) if the signal did not clip there."""
    beyond = 0  # samples above the candidate; only outliers may lie above a clipping limit
    for k in range(len(value) - 1, 0, -1):
        here = int(count[k])
        below = int(count[value < value[k] - 2 * RANGE - SPAN_TOLERANCE].sum())
        fits = abs(RANGE - value[k]) <= LARGEST_GRAVITY and beyond + below <= OUTLIER_SHARE * here
        if fits and _is_clipped(here, value[:k], count[:k], float(value[k])):
            return float(value[k]), here
        beyond += here
        if beyond > OUTLIER_SHARE * count.max():
            break
    return 0.0, 0


def _is_clipped(here: int, value: FloatArray, count: IntArray, edge: float) -> bool:
    """Return whether ``here`` samples at ``edge`` are far more than the values and counts below it predict."""
    near = count[-NEIGHBOURS:]
    if here < MIN_COUNT or here < COUNT_RATIO * near.max():
        return False
    density = near.sum() * RESOLUTION / max(edge - value[-len(near)], RESOLUTION)  # samples per value
    more = here - 1  # one sample is the extreme; the number of others with the same value is Poisson distributed
    return bool(more * math.log(density) - density - math.lgamma(more + 1) < math.log(MAX_PROBABILITY))


def _published(foot: list[AxisGravity], shank: list[AxisGravity]) -> AxisGravity:
    """Return the shank's x gravity, with the published value if the log is one of the published walks."""
    axis = shank[0]
    for known in PUBLISHED:
        # The lateral axis has the opposite sign in a mirrored log.
        pairs = (
            (shank[1].value, known.shank_y),
            (abs(shank[2].value), known.shank_z),
            (-abs(foot[2].value), known.foot_z),
        )
        if all(abs(found - value) <= SAME for found, value in pairs) and axis.least <= known.shank_x <= axis.most:
            basis = f"assumed (the published constant of {known.walk})"
            return AxisGravity(known.shank_x, basis, 0, 0, axis.least, axis.most)
    return axis


def _complete(axes: list[AxisGravity], placement: Placement) -> tuple[AxisGravity, AxisGravity, AxisGravity]:
    """Fill in the axes without a value."""
    missing = [k for k in range(3) if math.isnan(axes[k].value)]
    for k in missing:
        value, basis = placement.nominal[k], "assumed (mean of the published walks)"
        if len(missing) == 1:
            # A single missing axis can be filled in from its own mean or from the sensor's norm: use the more certain.
            rest = placement.norm**2 - sum(axes[i].value ** 2 for i in range(3) if i != k)
            from_norm = math.copysign(math.sqrt(max(rest, 0.0)), value)
            if placement.norm * placement.norm_spread < placement.spread[k] * abs(from_norm):
                value, basis = from_norm, "assumed (from the sensor's norm in the published walks)"
        if axes[k].least <= axes[k].most:
            value = min(max(value, axes[k].least), axes[k].most)
        axes[k] = AxisGravity(value, basis, 0, 0, axes[k].least, axes[k].most)
    return axes[0], axes[1], axes[2]
