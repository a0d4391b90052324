"""Recordings whose sensors are strapped in another orientation."""

from __future__ import annotations

import dataclasses

import numpy as np
from scipy.spatial.transform import Rotation

from ankle_imu_driver.arrays import FloatArray
from ankle_imu_driver.calibration import Calibration, SensorCalibration
from ankle_imu_driver.recordings.recording import ImuSamples, Recording


def about(axis: tuple[float, float, float], degrees: float) -> FloatArray:
    """The rotation about an axis in a sensor's frame."""
    unit = np.asarray(axis) / np.linalg.norm(axis)
    return Rotation.from_rotvec(np.radians(degrees) * unit).as_matrix()


def any_rotation(seed: int) -> FloatArray:
    """A random rotation, all of them equally likely."""
    return Rotation.random(random_state=seed).as_matrix()


def turned(recording: Recording, shank: FloatArray | None = None, foot: FloatArray | None = None) -> Recording:
    """The recording that sensors give which are turned, with the calibration that they would have."""
    shank, foot = (np.eye(3) if rotation is None else rotation for rotation in (shank, foot))
    calibration = recording.calibration
    if calibration is not None:
        calibration = Calibration(
            _calibration(calibration.shank, shank),
            _calibration(calibration.foot, foot),
            calibration.angle_zero,
            calibration.source,
        )
    return dataclasses.replace(
        recording,
        shank=_samples(recording.shank, shank),
        foot=_samples(recording.foot, foot),
        calibration=calibration,
    )


def _samples(samples: ImuSamples, rotation: FloatArray) -> ImuSamples:
    return ImuSamples(samples.stamp, samples.accel @ rotation.T, samples.gyro @ rotation.T)


def _calibration(sensor: SensorCalibration, rotation: FloatArray) -> SensorCalibration:
    (bx, by, bz), (gx, gy, gz) = (rotation @ sensor.gyro_bias).tolist(), (rotation @ sensor.gravity).tolist()
    return SensorCalibration((bx, by, bz), (gx, gy, gz))
