"""What flows from sample to sample: raw readings, segments, the joint, the whole leg at one time."""

from __future__ import annotations

import math
from dataclasses import dataclass

from ankle_imu_driver.arrays import Quaternion, Vector


@dataclass(frozen=True)
class SegmentSample:
    """One sensor's sample in its segment frame (x forward, y left, z up).

    Attributes:
        stamp: s.
        accel: specific force in m/s^2, scaled so that standing still reads 9.81.
        gyro: angular rate in rad/s, bias removed.
        orientation: x, y, z, w of the rotation from segment to a level frame with free heading; None while the
            sensor is not calibrated.
    """

    stamp: float
    accel: Vector
    gyro: Vector
    orientation: Quaternion | None


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


@dataclass(frozen=True)
class JointSample:
    """The ankle now.

    Attributes:
        stamp: s, the later one of the pair's two stamps.
        angle: rad, dorsiflexion positive, ``Calibration.angle_zero`` at the stance of the calibration.
        rate: rad/s.
    """

    stamp: float
    angle: float
    rate: float


@dataclass(frozen=True)
class PairSample:
    """One pair as everything after the filter sees it: both segments and the joint."""

    shank: SegmentSample
    foot: SegmentSample
    joint: JointSample


Raw = tuple[float, Vector, Vector]  # stamp in s, specific force in m/s^2, angular rate in rad/s; sensor frame


@dataclass(frozen=True)
class LegSample:
    """What is known at one time.

    Attributes:
        shank: the shank's segment; None where its stream had no sample near the foot's.
        foot: likewise.
        joint: the ankle; None for a segment alone, and while the leg is not calibrated.
    """

    shank: SegmentSample | None
    foot: SegmentSample | None
    joint: JointSample | None
