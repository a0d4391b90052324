"""The samples that are passed from step to step: raw readings, segments, the joint, and the whole leg."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import IntEnum

from ankle_imu_driver.arrays import Quaternion, Vector


@dataclass(frozen=True)
class SegmentSample:
    """One sensor's sample in its segment frame (x forward, y left, z up).

    Attributes:
        stamp: s.
        accel: specific force in m/s^2, scaled so that standing still reads 9.81.
        gyro: angular rate in rad/s, bias removed.
        orientation: x, y, z, w of the rotation from the segment frame to a level frame of arbitrary heading; None while
            the sensor is not calibrated.
        is_confirmed: whether the calibration that it rests on was made, or confirmed, by standing or walking since the
            start. Nothing that rests on another one is passed on as right.
    """

    stamp: float
    accel: Vector
    gyro: Vector
    orientation: Quaternion | None
    is_confirmed: bool = True


def pitch_of(orientation: Quaternion) -> float:
    """Return the sagittal inclination in rad, positive when the segment's top leans forward (about +y)."""
    x, y, z, w = orientation
    return math.atan2(2.0 * (w * y - x * z), 1.0 - 2.0 * (x * x + y * y))


@dataclass(frozen=True)
class RawPair:
    """One raw sample of each sensor, in the sensors' own frames.

    Attributes:
        shank_stamp, foot_stamp: s.
        shank_accel, foot_accel: specific force in m/s^2.
        shank_gyro, foot_gyro: angular rate in rad/s.
    """

    shank_stamp: float
    shank_accel: Vector
    shank_gyro: Vector
    foot_stamp: float
    foot_accel: Vector
    foot_gyro: Vector


class AngleSource(IntEnum):
    """What an ankle angle rests on; the values are those of ``AnkleForecast.angle_source``."""

    IMU = 0
    ENCODER = 1


@dataclass(frozen=True)
class JointSample:
    """The ankle joint at one time.

    Attributes:
        stamp: s, the later stamp of the pair.
        angle: rad, dorsiflexion positive, ``Calibration.angle_zero`` in the posture of the calibration.
        rate: rad/s, dorsiflexion positive.
        source: what the angle rests on.
    """

    stamp: float
    angle: float
    rate: float
    source: AngleSource = AngleSource.IMU


@dataclass(frozen=True)
class PairSample:
    """One pair as all code after the filter receives it: both segments and the joint."""

    shank: SegmentSample
    foot: SegmentSample
    joint: JointSample

    @property
    def is_confirmed(self) -> bool:
        """Whether the calibration of both segments is confirmed."""
        return self.shank.is_confirmed and self.foot.is_confirmed


Raw = tuple[float, Vector, Vector]  # stamp in s, specific force in m/s^2, angular rate in rad/s; sensor frame


@dataclass(frozen=True)
class LegSample:
    """The estimate of the leg at one time.

    Attributes:
        shank: None where the shank's stream had no sample near the foot's.
        foot: None where the foot's stream had no sample near the shank's.
        joint: None for an unpaired segment, and while the leg is not calibrated.
    """

    shank: SegmentSample | None
    foot: SegmentSample | None
    joint: JointSample | None
