"""The ``Imu`` message of raw samples, made once and refilled."""

from __future__ import annotations

import math

from sensor_msgs.msg import Imu

# Noise densities of PS-MPU-6000A rev. 3.4, tables 6.1 and 6.2, in the band that the low-pass leaves (register 26,
# DLPF_CFG 3). The datasheet reckons likewise: its 0.05 deg/s RMS in 100 Hz is density times the root of the bandwidth.
BANDWIDTH = 44.0  # Hz
GYRO_VARIANCE = math.radians(0.005) ** 2 * BANDWIDTH  # (rad/s)^2
ACCEL_VARIANCE = (400e-6 * 9.80665) ** 2 * BANDWIDTH  # (m/s^2)^2


def raw_imu_message(frame: str) -> Imu:
    """Make the message of a sensor whose frame is ``frame``, with all that stays the same from sample to sample."""
    message = Imu()
    message.header.frame_id = frame
    message.orientation_covariance[0] = -1.0  # REP-145: no orientation
    for k in (0, 4, 8):
        message.angular_velocity_covariance[k] = GYRO_VARIANCE
        message.linear_acceleration_covariance[k] = ACCEL_VARIANCE
    return message
