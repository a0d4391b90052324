"""How the two sensors of a leg are mounted: set by axes, or found from standing and walking."""

from __future__ import annotations

import math
from dataclasses import replace

from ankle_imu_driver.arrays import FloatArray, Vector
from ankle_imu_driver.calibration import Calibration, SensorCalibration
from ankle_imu_driver.conventions import FOOT, SENSORS, SHANK
from ankle_imu_driver.mounting import (
    FOOT_MOUNTING,
    LARGEST_TILT,
    SHANK_MOUNTING,
    axes_of,
    described,
    found_mounting,
    is_auto,
    levelled,
    tilt_of,
    turned_about_up,
    usual_mounting,
)
from ankle_predictor.estimation.heading_tracker import HeadingTracker, KnownHeading
from ankle_predictor.estimation.standing_calibration import StandingCalibrator

SAME_POSTURE = math.radians(5.0)  # turn of gravity, above which a new standing replaces one that is not in use yet
SAME_STRAP = math.radians(30.0)  # turn of gravity between two standings, above which the strap was taken off
FORWARD = ", forward from "  # in the source of a calibration, before the number of strides

Pair = tuple[FloatArray, FloatArray]


class LegMounting:
    """The mountings of shank and foot.

    Attributes:
        is_auto: of shank and foot, whether the mounting is found.
        axes: (3, 3) rotations, sensor to segment, before anything is known.
        documented: (3, 3) rotations of sensors with the usual tilt; None where the mounting is set.
    """

    def __init__(self, texts: tuple[str, str], tilts: tuple[tuple[float, float], tuple[float, float]]) -> None:
        """Read the mountings.

        Args:
            texts: mounting of shank and foot, axes or ``auto``.
            tilts: usual (roll, pitch) of shank and foot in rad.

        Raises:
            MountingError: a mounting is invalid.
        """
        self._tilts = tilts
        self.is_auto = is_auto(texts[SHANK]), is_auto(texts[FOOT])
        self.axes: Pair = axes_of(texts[SHANK], SHANK_MOUNTING), axes_of(texts[FOOT], FOOT_MOUNTING)
        self.documented = (
            usual_mounting(self.axes[SHANK], *tilts[SHANK]) if self.is_auto[SHANK] else None,
            usual_mounting(self.axes[FOOT], *tilts[FOOT]) if self.is_auto[FOOT] else None,
        )

    def make_standing(self) -> StandingCalibrator:
        """Return a calibrator without samples."""
        return StandingCalibrator(*self.axes, *self._tilts, any_tilt=self.is_auto)

    def levelled(self, calibration: Calibration) -> Pair:
        """Return the rotations of both sensors to levelled frames, as far as the calibration knows them.

        Raises:
            MountingError: the calibration contradicts a mounting that is set.
        """
        shank, foot = (
            (found_mounting if auto else levelled)(axes, sensor)
            for auto, axes, sensor in zip(self.is_auto, self.axes, _sensors(calibration), strict=True)
        )
        return shank, foot

    def known(self, calibration: Calibration, standing: StandingCalibrator | None) -> KnownHeading:
        """Judge what a calibration says about the headings.

        Without ``forward`` the documented mounting is assumed where gravity fits it. From a file this means that it was
        made with that mounting; from standing, that the sensors sit as documented but for a turn about the vertical.

        Args:
            calibration: as given or made.
            standing: what made it; None for a calibration that was given.
        """
        sensors = _sensors(calibration)
        found = all(s.forward is not None for s, auto in zip(sensors, self.is_auto, strict=True) if auto)
        if standing is not None:
            usual = standing.is_usual(calibration)
        else:
            usual = all(tilt_of(axes, sensor) <= LARGEST_TILT for axes, sensor in zip(self.axes, sensors, strict=True))
        return KnownHeading(self.is_auto, is_assumed=usual, is_found=found)

    def with_found(self, calibration: Calibration, levelled: Pair, heading: HeadingTracker) -> Calibration:
        """Return a calibration with what walking has shown.

        Args:
            calibration: in use.
            levelled: rotations of both sensors to the frames that the headings are in.
            heading: what walking has shown.
        """
        found = heading.found
        if found is None:
            return calibration
        shank, foot = (
            replace(sensor, forward=(float(r[0][0]), float(r[0][1]), float(r[0][2]))) if auto else sensor
            for sensor, r, auto in zip(
                _sensors(calibration), to_segments(levelled, heading.headings), self.is_auto, strict=True
            )
        )
        source = f"{calibration.source.split(FORWARD)[0]}{FORWARD}{found.strides} strides"
        return replace(calibration, shank=shank, foot=foot, source=source)

    def described(self, rotations: Pair, certain: bool) -> dict[str, str]:
        """Return the mounting of each sensor as text for people, by the parameter's name.

        Args:
            rotations: (3, 3), sensor to segment.
            certain: whether the headings were found.
        """
        texts = {}
        for name, rotation, auto in zip(SENSORS, rotations, self.is_auto, strict=True):
            texts[f"{name}.mounting"] = f"{described(rotation)}, {'set' if not auto else _HOW[certain]}"
        return texts


_HOW = {True: "found", False: "assumed"}


def to_segments(levelled: Pair, headings: tuple[float, float]) -> Pair:
    """Return the rotations of both sensors to their segments.

    Args:
        levelled: (3, 3) rotations of both sensors to the levelled frames that the headings are in.
        headings: of shank and foot, rad about up from the levelled frame's x axis to forward.
    """
    shank, foot = (turned_about_up(m, h) for m, h in zip(levelled, headings, strict=True))
    return shank, foot


def kept_forward(fresh: Calibration, old: Calibration | None) -> Calibration:
    """Take over what earlier walking has shown, for sensors that still sit as they did then."""
    if old is None:
        return fresh
    shank, foot = (
        replace(new, forward=was.forward) if angle_between(new.gravity, was.gravity) < SAME_STRAP else new
        for new, was in zip(_sensors(fresh), _sensors(old), strict=True)
    )
    return replace(fresh, shank=shank, foot=foot)


def same_posture(new: Calibration, old: Calibration) -> bool:
    """Return whether gravity has the same direction in both, for both sensors."""
    pairs = zip(_sensors(new), _sensors(old), strict=True)
    return all(angle_between(n.gravity, o.gravity) <= SAME_POSTURE for n, o in pairs)


def angle_between(a: Vector, b: Vector) -> float:
    """Return the angle in rad between two vectors."""
    cosine = sum(x * y for x, y in zip(a, b, strict=True)) / (math.hypot(*a) * math.hypot(*b))
    return math.acos(min(1.0, max(-1.0, cosine)))


def _sensors(calibration: Calibration) -> tuple[SensorCalibration, SensorCalibration]:
    return calibration.shank, calibration.foot
