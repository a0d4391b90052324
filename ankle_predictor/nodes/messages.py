"""ROS messages to plain values and back, without a node. Messages that go out at 100 Hz are made once and refilled."""

from __future__ import annotations

import math
import struct
from array import array
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from ankle_predictor_interfaces.msg import AnkleForecast
from geometry_msgs.msg import TransformStamped
from rclpy.duration import Duration
from rclpy.qos import DurabilityPolicy, HistoryPolicy, QoSProfile, ReliabilityPolicy
from rclpy.serialization import serialize_message
from rclpy.utilities import get_rmw_implementation_identifier
from sensor_msgs.msg import Imu, JointState
from trajectory_msgs.msg import JointTrajectory, JointTrajectoryPoint

from ankle_imu_driver.arrays import FloatArray, Quaternion, Vector
from ankle_imu_driver.conventions import JointConvention
from ankle_imu_driver.mounting import quaternion_of
from ankle_predictor.estimation.samples import SegmentSample

if TYPE_CHECKING:
    from ankle_predictor.model.forecast import Forecast

Places = npt.NDArray[np.intp]

SECOND = 1_000_000_000  # ns

# Sensor data as REP-2003 has it, but half a second deep: a busy moment must not tear a hole into the window.
SENSOR_QOS = QoSProfile(
    history=HistoryPolicy.KEEP_LAST,
    depth=50,
    reliability=ReliabilityPolicy.BEST_EFFORT,
    durability=DurabilityPolicy.VOLATILE,
)
# What we send of every sample, deep enough that a busy listener who asks for all of it gets all of it.
SAMPLE_QOS = QoSProfile(
    history=HistoryPolicy.KEEP_LAST,
    depth=50,
    reliability=ReliabilityPolicy.RELIABLE,
    durability=DurabilityPolicy.VOLATILE,
)
FORECAST_QOS = QoSProfile(
    history=HistoryPolicy.KEEP_LAST,
    depth=1,
    reliability=ReliabilityPolicy.RELIABLE,
    durability=DurabilityPolicy.VOLATILE,
    lifespan=Duration(nanoseconds=50_000_000),
)

MARK = math.pi * 1e100  # no joint ever stands there
MARK_STAMP = 1_234_567_890_987_654_321  # ns

TILT_VARIANCE = math.radians(2.0) ** 2  # rad^2, the inclination's error over the recorded walks is within this
HEADING_VARIANCE = 1e6  # rad^2: nothing is known of the heading


def stamp_of(message: Any) -> int:
    """Return a stamped message's time in ns."""
    stamp = message.header.stamp
    return int(stamp.sec) * SECOND + int(stamp.nanosec)


def set_stamp(message: Any, nanoseconds: int) -> None:
    """Stamp a message."""
    message.header.stamp.sec, message.header.stamp.nanosec = divmod(nanoseconds, SECOND)


def raw_imu(message: Imu) -> tuple[Vector, Vector]:
    """Return specific force (m/s^2) and angular rate (rad/s)."""
    a, g = message.linear_acceleration, message.angular_velocity
    return (a.x, a.y, a.z), (g.x, g.y, g.z)


def framed_imu(message: Imu) -> tuple[str, int, Vector, Vector]:
    """Return frame, stamp in ns, specific force (m/s^2) and angular rate (rad/s) of a raw sample."""
    return message.header.frame_id, stamp_of(message), *raw_imu(message)


def segment_imu(message: Imu) -> tuple[int, Vector, Vector, Quaternion | None]:
    """Read what ``SegmentMessage`` wrote: stamp in ns, specific force, angular rate, and the orientation or None."""
    orientation = None
    if message.orientation_covariance[0] != -1.0:  # REP-145: no orientation
        q = message.orientation
        orientation = (q.x, q.y, q.z, q.w)
    return stamp_of(message), *raw_imu(message), orientation


class SegmentMessage:
    """The ``Imu`` message of one segment."""

    def __init__(self, frame: str) -> None:
        self._message = Imu()
        self._message.header.frame_id = frame

    def fill(self, nanoseconds: int, sample: SegmentSample) -> Imu:
        """Return the message, valid until the next call."""
        message = self._message
        set_stamp(message, nanoseconds)
        a, g, q = message.linear_acceleration, message.angular_velocity, message.orientation
        a.x, a.y, a.z = sample.accel
        g.x, g.y, g.z = sample.gyro
        q.x, q.y, q.z, q.w = sample.orientation or (0.0, 0.0, 0.0, 1.0)
        covariance = message.orientation_covariance
        if sample.orientation is None:
            covariance[0], covariance[4], covariance[8] = -1.0, 0.0, 0.0
        else:
            covariance[0], covariance[4], covariance[8] = TILT_VARIANCE, TILT_VARIANCE, HEADING_VARIANCE
        return message


class JointMessage:
    """The ``JointState`` message of the ankle now."""

    def __init__(self, joint: JointConvention) -> None:
        self._joint = joint
        self._message = JointState(name=[joint.name], position=[0.0], velocity=[0.0])

    def fill(self, nanoseconds: int, angle: float, rate: float) -> JointState:
        """Return the message, valid until the next call; rad and rad/s, dorsiflexion positive."""
        set_stamp(self._message, nanoseconds)
        self._message.position[0] = self._joint.published(angle)
        self._message.velocity[0] = self._joint.sign * rate
        return self._message


def joint_of(message: JointState, joint: JointConvention) -> tuple[int, float, float] | None:
    """Return stamp (ns), angle (rad) and rate (rad/s), dorsiflexion positive; None if the joint is not in it.

    The rate is NaN where the message has none.
    """
    try:
        k = list(message.name).index(joint.name)
        angle = joint.received(message.position[k])
    except (ValueError, IndexError):
        return None
    return stamp_of(message), angle, joint.sign * message.velocity[k] if k < len(message.velocity) else math.nan


def static_transforms(prefix: str, rotations: Sequence[FloatArray], stamp: Any) -> list[TransformStamped]:
    """Return how the sensors of shank and foot sit in their segments.

    Args:
        prefix: goes before the frame names.
        rotations: (3, 3) each, sensor to segment.
        stamp: ``builtin_interfaces`` time.
    """
    transforms = []
    for name, rotation in zip(("shank", "foot"), rotations, strict=True):
        transform = TransformStamped(child_frame_id=f"{prefix}{name}_imu_link")
        transform.header.frame_id, transform.header.stamp = f"{prefix}{name}_link", stamp
        q = transform.transform.rotation
        q.x, q.y, q.z, q.w = quaternion_of(rotation)
        transforms.append(transform)
    return transforms


class TrajectoryMessage:
    """The ``JointTrajectory`` of a forecast, serialised; point k is due (k+1) periods after the stamp.

    For an object rclpy would turn every point into C, one by one, at every sample. Serialised once, only the numbers in
    it change. Where they stand is seen from a message with numbers that nothing else in it looks like.
    """

    def __init__(self, joint: JointConvention, horizon: int, period: float, velocities: bool = False) -> None:
        """Make the message.

        Args:
            joint: how others count the angle.
            horizon: number of points.
            period: s between two points.
            velocities: whether points say how fast the joint moves, too; see ``curve_rates``.

        Raises:
            ValueError: the middleware serialises otherwise than ROS's own.
        """
        self._joint = joint
        self._period = period
        marks = MARK * np.arange(1.0, horizon * (1 + velocities) + 1).reshape(horizon, -1)
        message = JointTrajectory(joint_names=[joint.name])
        set_stamp(message, MARK_STAMP)
        step = round(period * SECOND)
        for k, mark in enumerate(marks.tolist(), 1):
            point = JointTrajectoryPoint(positions=mark[:1], velocities=mark[1:])
            point.time_from_start.sec, point.time_from_start.nanosec = divmod(k * step, SECOND)
            message.points.append(point)
        looks = [_time(MARK_STAMP), *(mark.tobytes() for mark in marks.ravel()), _time(horizon * step)]
        data = serialize_message(message)
        places = _places(data, looks)
        # Behind the last point's time comes what was in that memory before.
        self._data = np.frombuffer(bytearray(data[: places[-1, -1] + 1]), np.uint8)
        self._stamp, points = places[0], places[1:-1].reshape(horizon, -1, 8)
        self._positions = points[:, 0]
        self._velocities = points[:, 1] if velocities else None

    def fill(self, nanoseconds: int, forecast: Forecast) -> bytes:
        """Return the message for ``publish``."""
        self._data[self._stamp] = np.frombuffer(_time(nanoseconds), np.uint8)
        self._put(self._positions, self._joint.published(forecast.angle))
        if self._velocities is not None:
            self._put(self._velocities, self._joint.sign * curve_rates(forecast.angle, self._period))
        return self._data.tobytes()

    def _put(self, places: Places, values: FloatArray) -> None:
        self._data[places] = np.ascontiguousarray(values, np.float64).view(np.uint8).reshape(places.shape)


def _time(nanoseconds: int) -> bytes:
    """Return a time or a duration as it stands in a serialised message."""
    return struct.pack("=iI", *divmod(nanoseconds, SECOND))


def _places(data: bytes, looks: Sequence[bytes]) -> Places:
    """Return (N, 8) where the bytes of each of N values stand, which come one after the other.

    Raises:
        ValueError: they do not stand there.
    """
    at, starts = 0, []
    for look in looks:
        at = data.find(look, at)
        if at < 0:
            raise ValueError(
                f"{get_rmw_implementation_identifier()} does not serialise a JointTrajectory as ROS's own do; "
                "choose another one by RMW_IMPLEMENTATION"
            )
        starts.append(at)
        at += len(look)
    return np.array(starts)[:, np.newaxis] + np.arange(8)


def curve_rates(angle: FloatArray, period: float) -> FloatArray:
    """Return the slope of a forecast at each of its points, in rad/s.

    Central differences, one-sided at the first point. The last point's is zero whatever the curve does: a trajectory
    controller takes none that ends in motion, and holds the last point if no other trajectory comes.

    Args:
        angle: (H,) rad.
        period: s between two points.
    """
    rates = np.zeros(len(angle))
    if len(angle) > 1:
        rates[0] = (angle[1] - angle[0]) / period
        rates[1:-1] = (angle[2:] - angle[:-2]) / (2.0 * period)
    return rates


class DetailMessage:
    """The ``AnkleForecast`` that says how far to trust the forecast, or why there is none."""

    def __init__(self, joint: JointConvention, frame: str = "") -> None:
        self._joint = joint
        nan = math.nan
        self.message = AnkleForecast(joint_name=joint.name, input_age=nan, recent_error=nan, stride_period=nan)
        self.message.header.frame_id = frame

    def fill(self, nanoseconds: int, status: int, current_angle: float, forecast: Forecast | None) -> AnkleForecast:
        """Return the message, valid until the next call; the angle in rad, dorsiflexion positive.

        What it does not take (model, sample period, ages, errors) is set on ``message`` directly.
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
