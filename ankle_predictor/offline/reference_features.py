"""The 16 inputs of the reference's published networks, to run those weights; our models use ``features``.

Source: Zare Banadkouki et al., ICROM 2025, repository ``Omidzarexz/AnkleBiLSTMJointPrediction``. The reference computes
"roll" and "pitch" from accelerations from which its logger has already subtracted standing gravity, so they are not
orientations. Its weights were trained with this flaw, so it is reproduced here; it is used nowhere else.
"""

from __future__ import annotations

import math

import numpy as np

from ankle_imu_driver.arrays import FloatArray
from ankle_imu_driver.calibration import SensorCalibration
from ankle_imu_driver.recordings.recording import Recording
from ankle_imu_driver.refusal import Refusal
from ankle_predictor.model.features import REFERENCE_SENSOR_FEATURES

GYRO_WEIGHT = 0.98  # of the integrated gyro, per sample, whatever the time between samples
LOW_PASS = {"N": 2, "Wn": 5.0, "fs": 100.0}  # order, cut-off in Hz, rate in Hz (the mean rate of the rows)
ACCEL_DECIMALS = 2  # the logger prints m/s^2 with two decimals
GYRO_DECIMALS = 1  # and deg/s with one


class ReferenceFeatureError(Refusal):
    """A recording from which the reference's inputs cannot be made; the message says why."""


def low_pass(rows: FloatArray) -> FloatArray:
    """Filter (..., N, F) rows forward and backward, as the reference filters whole logs.

    Applied to a log, every row depends on future rows. Applied to a window, rows depend on this window only, so that a
    forecast from the window's newest row is causal.
    """
    # Imported here, so that nodes with our own weights do not load scipy.
    from scipy.signal import butter, filtfilt  # noqa: PLC0415

    filtered: FloatArray = filtfilt(*butter(**LOW_PASS), rows, axis=-2)
    return filtered


class SensorOrientation:
    """The reference's roll and pitch of one sensor, sample by sample."""

    def __init__(self) -> None:
        self._stamp = math.nan
        self.roll = 0.0
        self.pitch = 0.0

    def step(self, stamp: float, accel: FloatArray, gyro: FloatArray) -> FloatArray:
        """Process one sample and return this sensor's eight inputs.

        Args:
            stamp: s.
            accel: (3,) m/s^2 as the logger prints it, standing gravity subtracted.
            gyro: (3,) deg/s, standing bias subtracted.

        Returns:
            (8,) in the order of ``REFERENCE_SENSOR_FEATURES``; roll and pitch in deg, both 0 at the first sample.
        """
        ax, ay, az = (float(v) for v in accel)
        if not math.isnan(self._stamp):
            dt = stamp - self._stamp
            tilt_roll = math.degrees(math.atan2(ay, az))
            tilt_pitch = math.degrees(math.atan2(-ax, math.hypot(ay, az)))
            self.roll = GYRO_WEIGHT * (self.roll + float(gyro[0]) * dt) + (1 - GYRO_WEIGHT) * tilt_roll
            self.pitch = GYRO_WEIGHT * (self.pitch + float(gyro[1]) * dt) + (1 - GYRO_WEIGHT) * tilt_pitch
        self._stamp = stamp
        return np.array([ax, ay, az, *gyro, self.roll, self.pitch])


def sensor_features(stamp: FloatArray, accel: FloatArray, gyro: FloatArray) -> FloatArray:
    """Run ``SensorOrientation`` over (N,) stamps, (N, 3) accelerations and (N, 3) rates; returns (N, 8)."""
    orientation = SensorOrientation()
    rows = [orientation.step(float(t), a, g) for t, a, g in zip(stamp, accel, gyro, strict=True)]
    return np.array(rows).reshape(-1, len(REFERENCE_SENSOR_FEATURES))


def logged_accel(accel: FloatArray, calibration: SensorCalibration) -> FloatArray:
    """Convert specific force to the values that the reference's logger prints.

    Rounding as the logger does also removes the floating-point noise of subtracting gravity, which around zero would
    let ``atan2`` jump by half a turn.

    Args:
        accel: (..., 3) m/s^2, sensor frame, gravity included.
        calibration: of that sensor.

    Returns:
        (..., 3) m/s^2, standing gravity subtracted.
    """
    printed: FloatArray = np.round(accel - np.array(calibration.gravity), ACCEL_DECIMALS)
    return printed


def logged_gyro(gyro: FloatArray, calibration: SensorCalibration) -> FloatArray:
    """Convert (..., 3) rad/s to the deg/s that the reference's logger prints."""
    printed: FloatArray = np.round(np.degrees(gyro - np.array(calibration.gyro_bias)), GYRO_DECIMALS)
    return printed


def recording_features(recording: Recording) -> FloatArray:
    """Make the reference's inputs of a whole recording of its logger.

    Returns:
        (N, 16) in the order of ``REFERENCE_FEATURES``.

    Raises:
        ReferenceFeatureError: no calibration, or the two sensors were not sampled together.
    """
    if recording.calibration is None:
        raise ReferenceFeatureError(
            f"{recording.name} has no calibration, which is needed to compute the logger's gravity-free values"
        )
    if not np.array_equal(recording.foot.stamp, recording.shank.stamp):
        raise ReferenceFeatureError(
            f"{recording.name} has sensors sampled at different times, but the reference's inputs need one row for both"
        )
    sensors = (
        (recording.foot, recording.calibration.foot),
        (recording.shank, recording.calibration.shank),
    )
    return np.hstack(
        [
            sensor_features(s.stamp, logged_accel(s.accel, calibration), logged_gyro(s.gyro, calibration))
            for s, calibration in sensors
        ]
    )
