"""Messages are converted to plain values and back, and can be filled again."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rclpy.serialization import deserialize_message, serialize_message
from sensor_msgs.msg import Imu, JointState
from trajectory_msgs.msg import JointTrajectory, JointTrajectoryPoint

from ankle_imu_driver.conventions import JointConvention
from ankle_predictor.estimation.samples import SegmentSample
from ankle_predictor.model.forecast import Forecast
from ankle_predictor.nodes.messages import (
    DetailMessage,
    JointMessage,
    SegmentMessage,
    joint_of,
    segment_imu,
)
from ankle_predictor.nodes.source_covariance import SourceCovariance
from ankle_predictor.nodes.stamps import TimeOrigin, stamp_of
from ankle_predictor.nodes.trajectory_message import TrajectoryMessage, curve_rates

NUMBER = st.floats(-1e3, 1e3)
VECTOR = st.tuples(NUMBER, NUMBER, NUMBER)
STAMP = st.integers(0, 2**31 * 10**9 - 1)


@given(STAMP, VECTOR, VECTOR, st.none() | st.tuples(*[st.floats(-1, 1)] * 4), st.booleans())
def test_a_segment_survives_the_conversion(
    stamp: int, accel: tuple, gyro: tuple, orientation: tuple | None, is_confirmed: bool
) -> None:
    sample = SegmentSample(1.5, accel, gyro, orientation, is_confirmed)
    message = SegmentMessage("foot_link").fill(stamp, sample)
    assert segment_imu(message) == (stamp, accel, gyro, orientation, is_confirmed or orientation is None)


def test_a_segment_is_as_accurate_as_its_sensor() -> None:
    source = SourceCovariance()
    raw = Imu(linear_acceleration_covariance=np.diag([1.0, 4.0, 9.0]).ravel())
    raw.angular_velocity_covariance[:] = np.diag([0.1, 0.2, 0.3]).ravel()
    assert source.note(raw)
    assert not source.note(raw), "nothing new"
    turn = np.array([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])  # the sensor's y points backward
    message = SegmentMessage("foot_link")
    message.carry(*source.turned(turn))
    sample = SegmentSample(1.0, (1.0, 2.0, 3.0), (0.0, 0.0, 0.0), (0.0, 0.0, 0.0, 1.0))
    for _ in range(2):  # two senders, and one again
        mixed = message.fill(1, sample, from_one=False)
        assert mixed.linear_acceleration_covariance[0] == mixed.angular_velocity_covariance[0] == -1.0
        filled = message.fill(1, sample, from_one=True)
        np.testing.assert_allclose(filled.linear_acceleration_covariance, np.diag([4.0, 1.0, 9.0]).ravel())
        np.testing.assert_allclose(filled.angular_velocity_covariance, np.diag([0.2, 0.1, 0.3]).ravel())


def test_a_source_that_says_nothing_is_of_unknown_accuracy() -> None:
    accel, gyro = SourceCovariance().turned(np.eye(3))
    assert not accel.any()  # zeros: "unknown" in sensor_msgs/Imu
    assert not gyro.any()


@given(st.sampled_from([1.0, -1.0]), st.floats(-3, 3), st.floats(-2, 2), st.floats(-20, 20))
def test_a_joint_survives_the_conversion(sign: float, offset: float, angle: float, rate: float) -> None:
    joint = JointConvention("ankle", sign, offset)
    back = joint_of(JointMessage(joint).fill(5, angle, rate), joint)
    assert back == pytest.approx((5, angle, rate), abs=1e-12)


def test_a_joint_is_found_by_its_name() -> None:
    joint = JointConvention("ankle")
    assert joint_of(JointState(name=["knee"], position=[1.0]), joint) is None
    assert joint_of(JointState(name=["knee", "ankle"], position=[1.0]), joint) is None
    _, angle, rate = joint_of(JointState(name=["knee", "ankle"], position=[1.0, 2.0]), joint) or (0, 0.0, 0.0)
    assert angle == 2.0
    assert math.isnan(rate)


@pytest.mark.parametrize("arguments", [("",), ("ankle", 0.5), ("ankle", 1.0, math.nan)])
def test_an_invalid_convention_is_refused(arguments: tuple) -> None:
    with pytest.raises(ValueError, match="joint_"):
        JointConvention(*arguments)


def test_refilled_messages_keep_no_old_values() -> None:
    up, down = np.linspace(0.0, 0.5, 5), np.linspace(0.0, -0.5, 5)
    trajectory = TrajectoryMessage(JointConvention("ankle", -1.0, 0.1), 5, 0.01)
    trajectory.fill(1, Forecast(down, down, down))
    second = trajectory.fill(2_000_000_003, Forecast(up, up - 0.1, up + 0.1))
    assert stamp_of(second) == 2_000_000_003
    np.testing.assert_allclose([p.positions[0] for p in second.points], 0.1 - up)
    assert [p.time_from_start.nanosec for p in second.points] == [10_000_000 * k for k in range(1, 6)]
    detail = DetailMessage(JointConvention("ankle", -1.0, 0.1))
    detail.fill(1, 0, 0.2, Forecast(down, down, down))
    full = detail.fill(1, 0, 0.2, Forecast(up, up - 0.1, up + 0.1))
    assert full.current_angle == pytest.approx(-0.1)
    np.testing.assert_allclose(full.lower, 0.1 - up - 0.1)
    np.testing.assert_allclose(full.upper, 0.1 - up + 0.1)
    empty = detail.fill(2, 4, math.nan, None)
    assert (len(empty.angle), len(empty.lower), len(empty.upper), empty.status) == (0, 0, 0, 4)
    assert math.isnan(empty.stride_period)
    assert math.isnan(empty.recent_error)


@given(
    st.lists(st.tuples(STAMP, st.lists(NUMBER, min_size=60, max_size=60)), min_size=1, max_size=3),
    st.text(st.characters(codec="ascii", exclude_characters="\0"), min_size=1, max_size=9),
    st.integers(1, 60),
    st.booleans(),
)
def test_a_refilled_trajectory_equals_a_new_one(
    forecasts: list[tuple[int, list[float]]], name: str, horizon: int, velocities: bool
) -> None:
    trajectory = TrajectoryMessage(JointConvention(name), horizon, 0.01, velocities)
    for stamp, values in forecasts:
        curve = np.array(values[:horizon])
        wanted = JointTrajectory(joint_names=[name])
        wanted.header.stamp.sec, wanted.header.stamp.nanosec = divmod(stamp, 10**9)
        for k, (angle, rate) in enumerate(zip(curve, curve_rates(curve, 0.01), strict=True), 1):
            point = JointTrajectoryPoint(positions=[angle], velocities=[rate] if velocities else [])
            point.time_from_start.nanosec = 10_000_000 * k
            wanted.points.append(point)
        made = trajectory.fill(stamp, Forecast(curve, curve, curve))
        assert made == wanted
        assert deserialize_message(serialize_message(made), JointTrajectory) == wanted


@given(STAMP, st.lists(st.integers(-30 * 86400 * 10**9, 30 * 86400 * 10**9), min_size=1))
def test_stamps_are_exact_to_the_nanosecond(first: int, later: list[int]) -> None:
    origin = TimeOrigin()
    assert origin.seconds(first) == 0.0
    for shift in later:
        assert origin.nanoseconds(origin.seconds(first + shift)) == first + shift
