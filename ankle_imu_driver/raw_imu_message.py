"""Fills the ROS messages of raw samples. Each message is made once and reused."""

from __future__ import annotations

import math
from collections.abc import Mapping

from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import Imu, JointState

from ankle_imu_driver.conventions import ENCODER, JointConvention
from ankle_imu_driver.recordings.timeline import Sample

# Noise densities from PS-MPU-6000A rev. 3.4, tables 6.1 and 6.2, times the bandwidth of the low-pass (register 26,
# DLPF_CFG 3). The datasheet calculates the same way: its 0.05 deg/s RMS in 100 Hz is density times root of bandwidth.
BANDWIDTH = 44.0  # Hz
GYRO_VARIANCE = math.radians(0.005) ** 2 * BANDWIDTH  # (rad/s)^2
ACCEL_VARIANCE = (400e-6 * 9.80665) ** 2 * BANDWIDTH  # (m/s^2)^2
SECOND = 1_000_000_000  # ns


class RawMessages:
    """The messages of one leg's raw samples.

    Attributes:
        frames: frame of each sensor, by stream.
    """

    def __init__(self, frames: Mapping[int, str], encoder: JointConvention) -> None:
        """Make the messages in these frames; the encoder's angle is published by the convention ``encoder``."""
        self.frames = frames
        self._convention = encoder
        self._imu = {stream: raw_imu_message(frame) for stream, frame in self.frames.items()}
        self._joint = JointState(name=[encoder.name], position=[0.0])
        self._clock = Clock()

    def fill(self, sample: Sample, stamp: int) -> Imu | JointState:
        """Return the message of a sample with its stamp in ns; valid until the next call for the same stream."""
        if sample.stream == ENCODER:
            message = self._joint
            message.position = [self._convention.published(sample.values[0])]
        else:
            message = self._imu[sample.stream]
            accel, gyro = message.linear_acceleration, message.angular_velocity
            accel.x, accel.y, accel.z, gyro.x, gyro.y, gyro.z = sample.values
        message.header.stamp.sec, message.header.stamp.nanosec = divmod(stamp, SECOND)
        return message

    def clock(self, stamp: int) -> Clock:
        """Return the ``/clock`` message of a time in ns; valid until the next call."""
        self._clock.clock.sec, self._clock.clock.nanosec = divmod(stamp, SECOND)
        return self._clock


def raw_imu_message(frame: str) -> Imu:
    """Make a sensor's message with its frame, its covariances, and everything else that never changes."""
    message = Imu()
    message.header.frame_id = frame
    message.orientation_covariance[0] = -1.0  # REP-145: no orientation
    for k in (0, 4, 8):
        message.angular_velocity_covariance[k] = GYRO_VARIANCE
        message.linear_acceleration_covariance[k] = ACCEL_VARIANCE
    return message
