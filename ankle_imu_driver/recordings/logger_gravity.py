"""Finds the gravity that the logger subtracted, from where its accelerometers clipped.

The logger measures each accelerometer's mean at standing, g0, and logs ``raw - g0``. The raw value cannot leave +-2 g,
so samples that clipped pile up at exactly ``+-19.61 - g0``: a rail on which they pile gives g0 back. An axis that never
clipped only bounds it; there a value is assumed, and said to be.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ankle_imu_driver.arrays import FloatArray, IntArray

RANGE = 19.61  # m/s^2, +-2 g of the MPU6050 as configured by the logger
RESOLUTION = 0.01  # m/s^2, the logger prints two decimals
LARGEST_GRAVITY = 12.0  # m/s^2 on one axis: 1 g, 3 % scale error, and the datasheet's 80 mg of offset, with room
SPAN_TOLERANCE = 0.1  # m/s^2, by which the distance of two rails may differ from 2 * RANGE
MIN_PILE = 4  # visits; a value that is held over several samples counts once, or a frozen sensor would make a rail
PILE_RATIO = 4.0  # times the most frequent of the values next to it
NEIGHBOURS = 10  # values looked at next to a rail
MAX_CHANCE = 1e-5  # that a tail as thin as the one next to it puts so many samples on one value
STRAY_SHARE = 0.1  # of the pile: damaged lines that still parse may lie beyond a rail

AXES = ("x", "y", "z")


@dataclass(frozen=True)
class Placement:
    """What is known of one sensor before a log is read: spread of its gravity at standing over the recorded walks.

    Attributes:
        nominal: mean of each axis in m/s^2.
        spread: standard deviation of each axis in m/s^2.
        norm: mean norm in m/s^2; it is not 9.81 by the sensor's own scale and bias errors.
        norm_spread: standard deviation of the norm in m/s^2.
    """

    nominal: tuple[float, float, float]
    spread: tuple[float, float, float]
    norm: float
    norm_spread: float


# From the axes with a rail of the five published walks (LOG2, 7, 8, 10, 13); the same two sensors made all of them.
FOOT = Placement((-9.15, -0.64, -2.04), (0.06, 0.04, 0.23), 9.40, 0.03)
SHANK = Placement((3.78, -9.70, 0.74), (0.63, 0.20, 0.40), 10.35, 0.06)


@dataclass(frozen=True)
class PublishedAssumption:
    """The shank's x gravity of a published walk that never clipped on that axis, and how that walk is recognised."""

    walk: str
    shank_y: float
    shank_z: float
    foot_z: float
    shank_x: float


# Fixed with the data set's description, never tuned. Recognised by the rails: names do not survive copying.
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
        basis: "both rails", "upper rail", "lower rail", or "assumed" with where the assumption is from.
        upper: how often the signal was on the upper rail.
        lower: how often the signal was on the lower rail.
        least: smallest value that the log allows, m/s^2: no sample may have been beyond the range.
        most: largest value that the log allows, m/s^2.
    """

    value: float
    basis: str
    upper: int
    lower: int
    least: float
    most: float

    @property
    def assumed(self) -> bool:
        """Whether the log itself does not tell the value."""
        return not (self.upper or self.lower)

    def describe(self) -> str:
        """Return the value and what it rests on, for people."""
        if not self.assumed:
            return f"{self.value:.2f} m/s^2 from {self.basis} (reached {self.upper} times up, {self.lower} times down)"
        return (
            f"{self.value:.2f} m/s^2 {self.basis}: the axis reached no rail, the log allows "
            f"{self.least:.2f} to {self.most:.2f}"
        )


@dataclass(frozen=True)
class Gravity:
    """Gravity at standing of both sensors, axis by axis."""

    foot: tuple[AxisGravity, AxisGravity, AxisGravity]
    shank: tuple[AxisGravity, AxisGravity, AxisGravity]


def find_gravity(foot: FloatArray, shank: FloatArray) -> Gravity:
    """Estimate what the logger subtracted.

    Args:
        foot: (N, 3) logged foot acceleration in m/s^2, sensor frame.
        shank: (N, 3) logged shank acceleration in m/s^2, sensor frame.
    """
    foot_axes = [read_rails(foot[:, k]) for k in range(3)]
    shank_axes = [read_rails(shank[:, k]) for k in range(3)]
    if shank_axes[0].assumed:
        shank_axes[0] = _published(foot_axes, shank_axes)
    return Gravity(_complete(foot_axes, FOOT), _complete(shank_axes, SHANK))


def read_rails(logged: FloatArray) -> AxisGravity:
    """Find the rails of one axis; without one the value is NaN and the basis empty.

    Args:
        logged: (N,) logged acceleration in m/s^2.
    """
    counts = _histogram(logged)
    top, top_count = _rail(*counts)
    mirrored = (-counts[0][::-1], counts[1][::-1])
    bottom, bottom_count = _rail(*mirrored)
    bottom = -bottom
    if top_count and bottom_count and abs(top - bottom - 2 * RANGE) > SPAN_TOLERANCE:
        # Only one of them can be a rail: a clipped signal piles up far more than anything else.
        if top_count > bottom_count:
            bottom_count = 0
        else:
            top_count = 0
    upper, lower = round(RANGE - top, 2), round(-RANGE - bottom, 2)
    least, most = -RANGE - float(counts[0][0]), RANGE - float(counts[0][-1])
    if top_count and bottom_count:
        return AxisGravity(round((upper + lower) / 2, 3), "both rails", top_count, bottom_count, least, most)
    if top_count:
        return AxisGravity(upper, "upper rail", top_count, 0, least, most)
    if bottom_count:
        return AxisGravity(lower, "lower rail", 0, bottom_count, least, most)
    return AxisGravity(math.nan, "", 0, 0, least, most)


def _histogram(logged: FloatArray) -> tuple[FloatArray, IntArray]:
    steps = np.rint(logged / RESOLUTION)
    steps, count = np.unique(steps[np.diff(steps, prepend=np.nan) != 0], return_counts=True)
    return steps * RESOLUTION, count.astype(np.int64)


def _rail(value: FloatArray, count: IntArray) -> tuple[float, int]:
    """Return the upper rail and how often the signal was on it, or (0, 0)."""
    beyond = 0  # samples above the candidate, which a rail cannot have but for strays
    for k in range(len(value) - 1, 0, -1):
        pile = int(count[k])
        below = int(count[value < value[k] - 2 * RANGE - SPAN_TOLERANCE].sum())
        fits = abs(RANGE - value[k]) <= LARGEST_GRAVITY and beyond + below <= STRAY_SHARE * pile
        if fits and _piles_up(pile, value[:k], count[:k], float(value[k])):
            return float(value[k]), pile
        beyond += pile
        if beyond > STRAY_SHARE * count.max():
            break
    return 0.0, 0


def _piles_up(pile: int, value: FloatArray, count: IntArray, edge: float) -> bool:
    """Tell a rail from a tail: far more samples on the last value than the values next to it lead to expect."""
    near = count[-NEIGHBOURS:]
    if pile < MIN_PILE or pile < PILE_RATIO * near.max():
        return False
    density = near.sum() * RESOLUTION / max(edge - value[-len(near)], RESOLUTION)  # samples a value
    more = pile - 1  # one makes the extreme; that as many more share its value is Poisson's
    return bool(more * math.log(density) - density - math.lgamma(more + 1) < math.log(MAX_CHANCE))


def _published(foot: list[AxisGravity], shank: list[AxisGravity]) -> AxisGravity:
    axis = shank[0]
    for known in PUBLISHED:
        # The lateral axis changes its sign in a mirrored log.
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
    missing = [k for k in range(3) if math.isnan(axes[k].value)]
    for k in missing:
        value, basis = placement.nominal[k], "assumed (mean of the published walks)"
        if len(missing) == 1:
            # Of the two ways to fill in one axis, the one that is known better: its own mean, or the sensor's norm.
            rest = placement.norm**2 - sum(axes[i].value ** 2 for i in range(3) if i != k)
            from_norm = math.copysign(math.sqrt(max(rest, 0.0)), value)
            if placement.norm * placement.norm_spread < placement.spread[k] * abs(from_norm):
                value, basis = from_norm, "assumed (from the sensor's norm in the published walks)"
        if axes[k].least <= axes[k].most:
            value = min(max(value, axes[k].least), axes[k].most)
        axes[k] = AxisGravity(value, basis, 0, 0, axes[k].least, axes[k].most)
    return axes[0], axes[1], axes[2]
