"""Mirrors a walk: calculates what the sensors of the other leg would read, with the same mounting."""

from __future__ import annotations

from dataclasses import replace

from ankle_imu_driver.calibration import Calibration, SensorCalibration
from ankle_imu_driver.recordings.recording import ImuSamples, Recording

# Z is the lateral axis of both sensors as mounted in the recordings. Force along it changes its sign. A mirror image
# rotates in the opposite direction about every axis that lies in the mirror plane, so the rates about X and Y change
# their signs.
FORCE = (1.0, 1.0, -1.0)
RATE = (-1.0, -1.0, 1.0)


def mirrored(recording: Recording) -> Recording:
    """Return the mirror image of a walk. The encoder's angle is unchanged: dorsiflexion is the same on both sides."""
    calibration = recording.calibration
    if calibration is not None:
        shank, foot = _calibration(calibration.shank), _calibration(calibration.foot)
        calibration = Calibration(shank, foot, calibration.angle_zero, calibration.source)
    shank_samples, foot_samples = _samples(recording.shank), _samples(recording.foot)
    return replace(recording, shank=shank_samples, foot=foot_samples, calibration=calibration)


def _samples(samples: ImuSamples) -> ImuSamples:
    return ImuSamples(samples.stamp, samples.accel * FORCE, samples.gyro * RATE)


def _calibration(sensor: SensorCalibration) -> SensorCalibration:
    (bx, by, bz), (gx, gy, gz), forward = sensor.gyro_bias, sensor.gravity, sensor.forward
    mirrored_forward = None if forward is None else (forward[0], forward[1], -forward[2])
    return SensorCalibration((-bx, -by, bz), (gx, gy, -gz), mirrored_forward)
