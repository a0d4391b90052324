"""Carries the covariances of a sensor's messages over to its segment's frame."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ankle_imu_driver.arrays import FloatArray

if TYPE_CHECKING:
    from sensor_msgs.msg import Imu


class SourceCovariance:
    """What the source of a stream says of its accuracy; zeros, which mean "unknown" (sensor_msgs/Imu), until it has."""

    def __init__(self) -> None:
        self._seen = b""
        self._accel = self._gyro = np.zeros((3, 3))

    def note(self, message: Imu) -> bool:
        """Read the covariances of a raw sample; return whether they differ from those of the last one."""
        accel, gyro = message.linear_acceleration_covariance, message.angular_velocity_covariance
        if (seen := accel.tobytes() + gyro.tobytes()) == self._seen:
            return False
        self._seen = seen
        self._accel, self._gyro = (np.array(values, dtype=np.float64).reshape(3, 3) for values in (accel, gyro))
        return True

    def turned(self, rotation: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return the covariances of specific force and angular rate in the segment's frame, (9,) each, row-major.

        Args:
            rotation: (3, 3), sensor to segment.
        """
        accel, gyro = ((rotation @ covariance @ rotation.T).ravel() for covariance in (self._accel, self._gyro))
        return accel, gyro
