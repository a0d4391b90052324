"""Baseline of the chain: the same processes, topics and messages in plain rclpy, with nothing computed.

It measures what three Python nodes over DDS cost; what the real chain costs beyond that is ours. In one process the
real nodes hand samples over without DDS; these nodes do not. The topic names are written out here, because an import of
our packages would add to the baseline's memory.
"""

from __future__ import annotations

import gc
import sys
from contextlib import suppress

import rclpy
from ankle_predictor_interfaces.msg import AnkleForecast
from rclpy.duration import Duration
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.node import Node
from sensor_msgs.msg import Imu, JointState
from trajectory_msgs.msg import JointTrajectory, JointTrajectoryPoint

PERIOD = 0.01  # s
HORIZON = 50
QUEUE = 50  # messages
SEGMENTS = ("shank", "foot")


class BareDriver(Node):  # type: ignore[misc,unused-ignore]
    """Publishes two empty samples by a timer, stamped with the time when they were due, as a played walk is."""

    def __init__(self) -> None:
        super().__init__("bare_driver")
        self._outputs = [self.create_publisher(Imu, f"{name}/imu/data_raw", QUEUE) for name in SEGMENTS]
        self._message = Imu()
        self._timer = self.create_timer(PERIOD, self._send)

    def _send(self) -> None:
        since_due = round(PERIOD * 1e9) - self._timer.time_until_next_call()
        self._message.header.stamp = (self.get_clock().now() - Duration(nanoseconds=since_due)).to_msg()
        for output in self._outputs:
            output.publish(self._message)


class BareFilter(Node):  # type: ignore[misc,unused-ignore]
    """Republishes each sample, and publishes a joint state with each sample of the foot."""

    def __init__(self) -> None:
        super().__init__("bare_filter")
        outputs = [self.create_publisher(Imu, f"{name}/imu/data", QUEUE) for name in SEGMENTS]
        self._joint_output = self.create_publisher(JointState, "joint_states", QUEUE)
        self._joint = JointState(name=["ankle"], position=[0.0], velocity=[0.0])
        self.create_subscription(Imu, "shank/imu/data_raw", outputs[0].publish, QUEUE)
        self.create_subscription(Imu, "foot/imu/data_raw", outputs[1].publish, QUEUE)
        self.create_subscription(Imu, "foot/imu/data_raw", self._on_foot, QUEUE)

    def _on_foot(self, message: Imu) -> None:
        self._joint.header.stamp = message.header.stamp
        self._joint_output.publish(self._joint)


class BarePredictor(Node):  # type: ignore[misc,unused-ignore]
    """Publishes the same trajectory after each joint state."""

    def __init__(self) -> None:
        super().__init__("bare_predictor")
        self._output = self.create_publisher(JointTrajectory, "forecast", 1)
        self._detail_output = self.create_publisher(AnkleForecast, "forecast_detail", QUEUE)
        self._message = JointTrajectory(joint_names=["ankle"])
        for k in range(1, HORIZON + 1):
            point = JointTrajectoryPoint(positions=[0.0])
            point.time_from_start.nanosec = k * round(PERIOD * 1e9)
            self._message.points.append(point)
        self._detail = AnkleForecast(angle=[0.0] * HORIZON, lower=[0.0] * HORIZON, upper=[0.0] * HORIZON)
        for name in SEGMENTS:
            self.create_subscription(Imu, f"{name}/imu/data", lambda _: None, QUEUE)
        self.create_subscription(JointState, "joint_states", self._on_joint, QUEUE)

    def _on_joint(self, message: JointState) -> None:
        stamp = self._message.header.stamp = self._detail.header.stamp = message.header.stamp
        self._output.publish(self._message)
        age = self.get_clock().now().nanoseconds - (stamp.sec * 1_000_000_000 + stamp.nanosec)
        self._detail.input_age = age / 1e9
        self._detail_output.publish(self._detail)


ROLES = {"driver": BareDriver, "filter": BareFilter, "predictor": BarePredictor}


def run(*roles: str) -> int:
    """Run some of the nodes in this process, on one executor."""
    rclpy.init()
    executor = SingleThreadedExecutor()
    for role in roles:
        executor.add_node(ROLES[role]())
    gc.freeze()  # as in the real nodes
    with suppress(KeyboardInterrupt, ExternalShutdownException):
        executor.spin()
    rclpy.try_shutdown()
    gc.unfreeze()  # as in the real nodes, so that the context is destroyed
    return 0


if __name__ == "__main__":
    sys.exit(run(*sys.argv[1].split(",")))
