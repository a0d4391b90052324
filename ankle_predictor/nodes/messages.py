"""Converts ROS messages to plain values and back. Messages of the 100 Hz path are made once and filled again."""

from __future__ import annotations

import dataclasses
import math
from array import array
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from ankle_predictor_interfaces.msg import AnkleForecast
from geometry_msgs.msg import TransformStamped
from sensor_msgs.msg import Imu, JointState

from ankle_imu_driver.arrays import FloatArray, Quaternion, Vector
from ankle_imu_driver.conventions import FOOT, SEGMENT_FRAMES, SHANK, JointConvention
from ankle_imu_driver.mounting import quaternion_of
from ankle_predictor.estimation.samples import SegmentSample
from ankle_predictor.nodes.stamps import set_stamp, stamp_of

if TYPE_CHECKING:
    from ankle_predictor.model.forecast import Forecast  # the filter does not load the model's modules

TILT_VARIANCE = math.radians(2.0) ** 2  # rad^2; the inclination error on the recorded walks is within this
UNCONFIRMED_VARIANCE = math.radians(15.0) ** 2  # rad^2; of a calibration file that nothing has confirmed yet
CONFIRMED_TILT_VARIANCE = math.radians(10.0) ** 2  # rad^2; nothing is forecast from less certain inclinations
LARGEST_TILT_VARIANCE = math.radians(20.0) ** 2  # rad^2; of less certain inclinations there is no ankle angle
HEADING_VARIANCE = 1e6  # rad^2; the heading is unknown


def raw_imu(message: Imu) -> tuple[Vector, Vector]:
    """Return specific force in m/s^2 and angular rate in rad/s."""
    a, g = message.linear_acceleration, message.angular_velocity
    return (a.x, a.y, a.z), (g.x, g.y, g.z)


def framed_imu(message: Imu) -> tuple[str, int, Vector, Vector]:
    """Return frame, stamp in ns, specific force in m/s^2 and angular rate in rad/s of a raw sample."""
    return message.header.frame_id, stamp_of(message), *raw_imu(message)


def segment_imu(message: Imu) -> tuple[int, Vector, Vector, Quaternion | None, bool]:
    """Read what ``SegmentMessage`` wrote.

    Returns:
        Stamp in ns, specific force, angular rate, the orientation or None, and whether its calibration is confirmed.
    """
    orientation = None
    roll, pitch = message.orientation_covariance[0], message.orientation_covariance[4]
    # REP-145: -1 means that there is no orientation. One that may be anything, or NaN, is none, either.
    if 0.0 <= roll <= LARGEST_TILT_VARIANCE and 0.0 <= pitch <= LARGEST_TILT_VARIANCE:
        q = message.orientation
        orientation = (q.x, q.y, q.z, q.w)
    is_confirmed = max(roll, pitch) <= CONFIRMED_TILT_VARIANCE
    return stamp_of(message), *raw_imu(message), orientation, is_confirmed


NO_ESTIMATE = -1.0
"""First element of a covariance in ``sensor_msgs/Imu``: the message has no estimate of that quantity."""


def is_measured(message: Imu) -> bool:
    """Return whether a message says that it has specific force and angular rate, as sensor_msgs/Imu.msg defines it."""
    return NO_ESTIMATE not in (message.linear_acceleration_covariance[0], message.angular_velocity_covariance[0])


class SegmentMessage:
    """The ``Imu`` message of one segment."""

    def __init__(self, frame: str) -> None:
        self._message = Imu()
        self._message.header.frame_id = frame
        self._first = (0.0, 0.0)  # first elements of the covariances of specific force and angular rate

    def carry(self, accel: FloatArray, gyro: FloatArray) -> None:
        """Say from now on how accurate the sensor is.

        Args:
            accel: (9,) covariance of the specific force in (m/s^2)^2, row-major, segment frame; zeros if unknown.
            gyro: (9,) covariance of the angular rate in (rad/s)^2, the same way.
        """
        self._message.linear_acceleration_covariance[:] = accel
        self._message.angular_velocity_covariance[:] = gyro
        self._first = (float(accel[0]), float(gyro[0]))

    def fill(self, nanoseconds: int, sample: SegmentSample, from_one: bool = True) -> Imu:
        """Return the message of a sample; it is valid until the next call.

        Args:
            nanoseconds: the stamp.
            sample: the sample.
            from_one: False if its stream has several senders. The message then says that it has no estimate of
                anything.
        """
        message = self._message
        if not from_one:
            sample = dataclasses.replace(sample, orientation=None)
        accel, gyro = self._first if from_one else (NO_ESTIMATE, NO_ESTIMATE)
        message.linear_acceleration_covariance[0], message.angular_velocity_covariance[0] = accel, gyro
        set_stamp(message, nanoseconds)
        a, g, q = message.linear_acceleration, message.angular_velocity, message.orientation
        a.x, a.y, a.z = sample.accel
        g.x, g.y, g.z = sample.gyro
        q.x, q.y, q.z, q.w = sample.orientation or (0.0, 0.0, 0.0, 1.0)
        covariance = message.orientation_covariance
        if sample.orientation is None:
            covariance[0], covariance[4], covariance[8] = NO_ESTIMATE, 0.0, 0.0
        else:
            tilt = TILT_VARIANCE if sample.is_confirmed else UNCONFIRMED_VARIANCE
            covariance[0], covariance[4], covariance[8] = tilt, tilt, HEADING_VARIANCE
        return message


class JointMessage:
    """The ``JointState`` message of the present ankle angle."""

    def __init__(self, joint: JointConvention) -> None:
        self._joint = joint
        self._message = JointState(name=[joint.name], position=[0.0], velocity=[0.0])

    def fill(self, nanoseconds: int, angle: float, rate: float) -> JointState:
        """Return the message, valid until the next call; angle in rad and rate in rad/s, dorsiflexion positive."""
        set_stamp(self._message, nanoseconds)
        self._message.position[0] = self._joint.published(angle)
        self._message.velocity[0] = self._joint.sign * rate
        return self._message


def joint_of(message: JointState, joint: JointConvention) -> tuple[int, float, float] | None:
    """Return stamp in ns, angle in rad and rate in rad/s of a joint, dorsiflexion positive.

    The joint is found by its name. Returns None if the message has no position for it. The rate is NaN if the message
    has no velocity for it.
    """
    values = joint.read(message.name, message.position, message.velocity)
    return None if values is None else (stamp_of(message), *values)


def static_transforms(
    prefix: str, sensors: Mapping[int, str], rotations: Sequence[FloatArray], stamp: Any
) -> list[TransformStamped]:
    """Return the transforms from each segment's frame to its sensor's frame.

    Args:
        prefix: of the segments' frames.
        sensors: frame of each sensor, by stream.
        rotations: (3, 3) of shank and foot, sensor to segment.
        stamp: ``builtin_interfaces`` time.
    """
    transforms = []
    for stream, rotation in zip((SHANK, FOOT), rotations, strict=True):
        transform = TransformStamped(child_frame_id=sensors[stream])
        transform.header.frame_id, transform.header.stamp = f"{prefix}{SEGMENT_FRAMES[stream]}", stamp
        q = transform.transform.rotation
        q.x, q.y, q.z, q.w = quaternion_of(rotation)
        transforms.append(transform)
    return transforms


class DetailMessage:
    """The ``AnkleForecast`` message: how much to trust the forecast, or why there is none."""

    def __init__(self, joint: JointConvention, frame: str = "") -> None:
        self._joint = joint
        nan = math.nan
        self.message = AnkleForecast(joint_name=joint.name, input_age=nan, recent_error=nan, stride_period=nan)
        self.message.header.frame_id = frame

    def fill(self, nanoseconds: int, status: int, current_angle: float, forecast: Forecast | None) -> AnkleForecast:
        """Return the message, valid until the next call; the angle in rad, dorsiflexion positive.

        The other fields (model, sample period, ages, errors) are set on ``message`` directly.
        """
        message, joint = self.message, self._joint
        set_stamp(message, nanoseconds)
        message.status = int(status)
        message.current_angle = joint.published(current_angle)
        if forecast is None:
            message.angle = message.lower = message.upper = array("d")
            return message
        ends = (forecast.lower, forecast.upper) if joint.sign > 0 else (forecast.upper, forecast.lower)
        if len(message.angle) != len(forecast.angle):
            for name in ("angle", "lower", "upper"):
                setattr(message, name, array("d", bytes(8 * len(forecast.angle))))
        for curve, values in zip((message.angle, message.lower, message.upper), (forecast.angle, *ends), strict=True):
            np.frombuffer(curve)[:] = joint.published(values)
        return message
