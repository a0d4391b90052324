"""Checks the raw samples of one sensor and converts them to calibrated values in the segment frame."""

from __future__ import annotations

import math

from ankle_imu_driver.arrays import FloatArray, Vector
from ankle_imu_driver.calibration import SensorCalibration
from ankle_imu_driver.mounting import levelled
from ankle_predictor.estimation.filter_config import FilterConfig
from ankle_predictor.estimation.segment_filter import GRAVITY


class RawSampleConverter:
    """Rejects readings that are not measurements, and saturates, calibrates and rotates the others.

    Attributes:
        counts: number of samples by fault: ``not_finite`` and ``all_zero`` samples are rejected, ``saturated`` ones are
            used.
    """

    def __init__(self, mounting: FloatArray, calibration: SensorCalibration | None, config: FilterConfig) -> None:
        """Make a converter.

        Args:
            mounting: (3, 3) nominal rotation, sensor to segment.
            calibration: gyro bias and gravity of this sensor; None if it is not calibrated.
            config: gives the limits at which the axes saturate.

        Raises:
            MountingError: calibration and mounting contradict each other.
        """
        rotation = mounting if calibration is None else levelled(mounting, calibration)
        self._rows = [tuple(float(v) for v in row) for row in rotation]
        self._bias = (0.0, 0.0, 0.0) if calibration is None else calibration.gyro_bias
        self._scale = 1.0 if calibration is None else GRAVITY / math.hypot(*calibration.gravity)
        self._accel_limit = config.accel_limit
        self._gyro_limit = config.gyro_limit
        self.counts = {"not_finite": 0, "all_zero": 0, "saturated": 0}

    def accepts(self, accel: Vector, gyro: Vector) -> bool:
        """Return whether a raw sample is a measurement, and count it if it is not.

        Args:
            accel: specific force in m/s^2, sensor frame.
            gyro: angular rate in rad/s, sensor frame.
        """
        if not all(map(math.isfinite, (*accel, *gyro))):
            self.counts["not_finite"] += 1
            return False
        if not any(accel) and not any(gyro):
            self.counts["all_zero"] += 1
            return False
        return True

    def convert(self, accel: Vector, gyro: Vector) -> tuple[Vector, Vector]:
        """Return specific force (m/s^2) and angular rate (rad/s) in the segment frame.

        The gyro's calibrated bias is subtracted, and the specific force is scaled so that standing still reads 1 g.

        Args:
            accel: specific force in m/s^2, sensor frame.
            gyro: angular rate in rad/s, sensor frame.
        """
        a = [min(max(v, -self._accel_limit), self._accel_limit) * self._scale for v in accel]
        g = [min(max(v, -self._gyro_limit), self._gyro_limit) - b for v, b in zip(gyro, self._bias, strict=True)]
        if max(map(abs, accel)) >= self._accel_limit or max(map(abs, gyro)) >= self._gyro_limit:
            self.counts["saturated"] += 1
        return self._rotate(a), self._rotate(g)

    def _rotate(self, v: list[float]) -> Vector:
        (a, b, c), (d, e, f), (g, h, i) = self._rows
        x, y, z = v
        return (a * x + b * y + c * z, d * x + e * y + f * z, g * x + h * y + i * z)
