"""Checks the raw samples of one sensor and converts them to calibrated values in the segment frame."""

from __future__ import annotations

import math

import numpy as np

from ankle_imu_driver.arrays import FloatArray, Vector
from ankle_imu_driver.calibration import SensorCalibration
from ankle_imu_driver.mounting import levelled, turned_about_up
from ankle_predictor.estimation.filter_config import FilterConfig
from ankle_predictor.estimation.segment_filter import GRAVITY

MOST_ACCEL = 1.1 * 16.0 * GRAVITY  # m/s^2 on an axis, beyond the MPU6050's largest range
MOST_GYRO = 1.1 * math.radians(2000.0)  # rad/s


class RawSampleConverter:
    """Rejects readings that are not measurements, and saturates, calibrates and rotates the others.

    Attributes:
        counts: number of samples by fault: ``not_finite``, ``all_zero`` and ``impossible`` samples are rejected,
            ``saturated`` ones are used.
    """

    def __init__(
        self,
        mounting: FloatArray,
        calibration: SensorCalibration | None,
        config: FilterConfig,
        documented: FloatArray | None = None,
    ) -> None:
        """Make a converter.

        Args:
            mounting: (3, 3) nominal rotation, sensor to segment.
            calibration: gyro bias and gravity of this sensor; None if it is not calibrated.
            config: gives the limits at which the axes saturate.
            documented: (3, 3) rotation of a sensor that sits as in the recordings, sensor to segment. Readings saturate
                in the axes of such a sensor, whatever the orientation of this one; None: in its own axes.

        Raises:
            MountingError: calibration and mounting contradict each other.
        """
        rotation = mounting if calibration is None else levelled(mounting, calibration)
        self._rotation, self._documented = rotation, documented
        self._rows = _rows(rotation)
        self._to_limit = self._from_limit = _rows(np.eye(3))
        self.turn(0.0)
        self._bias = (0.0, 0.0, 0.0) if calibration is None else calibration.gyro_bias
        self._scale = 1.0 if calibration is None else GRAVITY / math.hypot(*calibration.gravity)
        self._accel_limit = config.accel_limit
        self._gyro_limit = config.gyro_limit
        self.counts = {"not_finite": 0, "all_zero": 0, "impossible": 0, "saturated": 0}

    def turn(self, heading: float) -> None:
        """Saturate in the axes that fit a heading in rad, from this converter's x axis to forward about up."""
        if self._documented is not None:
            to_limit = self._documented.T @ turned_about_up(self._rotation, heading)
            self._to_limit, self._from_limit = _rows(to_limit), _rows(self._rotation @ to_limit.T)
        else:
            self._from_limit = self._rows

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

    def is_possible(self, accel: Vector, gyro: Vector) -> bool:
        """Return whether such a sensor can read this, and count it if it cannot: a glitch of a bus or of a driver."""
        if max(map(abs, accel)) <= MOST_ACCEL and max(map(abs, gyro)) <= MOST_GYRO:
            return True
        self.counts["impossible"] += 1
        return False

    def convert(self, accel: Vector, gyro: Vector) -> tuple[Vector, Vector]:
        """Return specific force (m/s^2) and angular rate (rad/s) in the segment frame.

        The gyro's calibrated bias is subtracted, and the specific force is scaled so that standing still reads 1 g.

        Args:
            accel: specific force in m/s^2, sensor frame.
            gyro: angular rate in rad/s, sensor frame.
        """
        (bx, by, bz), scale = _rotate(self._rows, self._bias), self._scale
        force, is_clipped = self._saturated(accel, self._accel_limit)
        rate, is_cut = self._saturated(gyro, self._gyro_limit)
        self.counts["saturated"] += is_clipped or is_cut
        return (
            (force[0] * scale, force[1] * scale, force[2] * scale),
            (rate[0] - bx, rate[1] - by, rate[2] - bz),
        )

    def _saturated(self, v: Vector, limit: float) -> tuple[Vector, bool]:
        """Return a reading, saturated and in the segment frame, and whether it was saturated."""
        if v[0] * v[0] + v[1] * v[1] + v[2] * v[2] < limit * limit:
            return _rotate(self._rows, v), False
        x, y, z = v if self._documented is None else _rotate(self._to_limit, v)
        clipped = min(max(x, -limit), limit), min(max(y, -limit), limit), min(max(z, -limit), limit)
        return _rotate(self._from_limit, clipped), max(abs(x), abs(y), abs(z)) >= limit


def _rows(rotation: FloatArray) -> list[Vector]:
    return [(float(a), float(b), float(c)) for a, b, c in rotation]


def _rotate(rows: list[Vector], v: Vector) -> Vector:
    (a, b, c), (d, e, f), (g, h, i) = rows
    x, y, z = v
    return (a * x + b * y + c * z, d * x + e * y + f * z, g * x + h * y + i * z)
