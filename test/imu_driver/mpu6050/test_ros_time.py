"""Stamps over steps of the ROS clock."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from ankle_imu_driver.mpu6050.ros_time import MAX_HOLD, RosTime, StampOrder

SECOND = 1_000_000_000
PERIOD = SECOND // 100


class Clocks:
    """A monotonic and a ROS clock; a reading of the ROS clock may be interrupted."""

    def __init__(self, offset=1_700_000_000 * SECOND):
        self.monotonic, self.offset, self.interrupted = 0, offset, []

    def ros_now(self):
        self.monotonic += self.interrupted.pop() if self.interrupted else 1_000
        return self.monotonic + self.offset

    def monotonic_now(self):
        self.monotonic += 200
        return self.monotonic


def follow(clocks, messages):
    return RosTime(clocks.ros_now, clocks.monotonic_now, messages.append)


@given(st.lists(st.integers(-9 * SECOND, 9 * SECOND), max_size=6))
def test_stamps_increase_over_any_steps_and_end_on_the_clock(steps):
    clocks, messages, order = Clocks(), [], StampOrder()
    ros_time = follow(clocks, messages)
    out = []
    total = sum(abs(step) for step in steps)
    for step in [0, *steps]:
        clocks.offset += step
        for _ in range(5):
            clocks.monotonic += PERIOD
            ros_time.check()
            stamp = ros_time.to_ros(clocks.monotonic)
            if order.admit(stamp):
                out.append(stamp)
    assert all(b > a for a, b in itertools.pairwise(out)) or order.restarts or total > MAX_HOLD
    assert abs(ros_time.to_ros(clocks.monotonic) - (clocks.monotonic + clocks.offset)) < 2_100_000
    assert len(messages) == ros_time.steps


def test_interrupted_measurements_are_not_steps():
    clocks, messages = Clocks(), []
    ros_time = follow(clocks, messages)
    for width in range(0, 50_000_000, 1_000_000):
        clocks.interrupted = [width] * 3 + [1_000] * (width // 1_000_000 % 3)
        clocks.monotonic += PERIOD
        ros_time.check()
    assert messages == []


def test_after_a_step_larger_than_max_hold_the_stream_restarts():
    order = StampOrder()
    assert order.admit(100 * SECOND)
    assert not order.admit(100 * SECOND - MAX_HOLD)
    assert order.admit(99 * SECOND), "the stream goes on at once, not when the clock has caught up"
    assert order.restarts == 1
    assert order.held == 1
    assert not order.admit(99 * SECOND), "no stamp twice"
