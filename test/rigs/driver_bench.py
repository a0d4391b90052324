"""The node imu_driver and a listener over DDS, in one process and on the loopback device."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import rclpy
from diagnostic_msgs.msg import DiagnosticArray
from lifecycle_msgs.srv import GetState
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from rclpy.parameter import Parameter
from rclpy.qos import QoSProfile
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import Imu, JointState

from ankle_imu_driver.conventions import ENCODER_TOPIC, FOOT, RAW_TOPICS, SHANK
from ankle_imu_driver.driver_node import ImuDriverNode

DOMAIN = 71 + os.getpid() % 20  # its own, so that two test runs on one computer do not hear each other
LOCAL = {"ROS_DOMAIN_ID": str(DOMAIN), "ROS_AUTOMATIC_DISCOVERY_RANGE": "LOCALHOST"}
if os.environ.get("ROS_DISTRO") == "humble":
    LOCAL["ROS_LOCALHOST_ONLY"] = "1"  # the name before Iron; Jazzy warns of it
DEEP = QoSProfile(depth=5000)
SHANK_TOPIC, FOOT_TOPIC = RAW_TOPICS[SHANK], RAW_TOPICS[FOOT]
HEARD = {
    SHANK_TOPIC: Imu,
    FOOT_TOPIC: Imu,
    ENCODER_TOPIC: JointState,
    "/clock": Clock,
    "/diagnostics": DiagnosticArray,
}


class DriverBench:
    """The node under test and a listener, on one executor.

    Attributes:
        listener: a plain node.
        got: received messages, by topic.
        node: the node under test, after ``start``.
    """

    def __init__(self, context: Context) -> None:
        self._context = context
        self._executor = SingleThreadedExecutor(context=context)
        self.listener = rclpy.create_node("listener", context=context)
        self._executor.add_node(self.listener)
        self.got: dict[str, list[Any]] = {topic: [] for topic in HEARD}
        for topic, kind in HEARD.items():
            self.listener.create_subscription(kind, topic, self.got[topic].append, DEEP)
        self.node: ImuDriverNode | None = None

    def start(self, **parameters: Any) -> ImuDriverNode:
        """Make the node; in the names of its parameters ``__`` stands for a dot."""
        overrides = [Parameter(k.replace("__", "."), value=v) for k, v in parameters.items()]
        self.node = ImuDriverNode(context=self._context, parameter_overrides=overrides)
        self._executor.add_node(self.node)
        return self.node

    def until(self, condition: Callable[[], object], timeout: float = 15.0) -> None:
        """Spin until a condition holds."""
        end = time.monotonic() + timeout
        while not condition():
            assert time.monotonic() < end, "timeout"
            self._executor.spin_once(timeout_sec=0.05)

    def spin(self, seconds: float) -> None:
        """Spin for a time in s."""
        end = time.monotonic() + seconds
        self.until(lambda: time.monotonic() > end, timeout=seconds + 15.0)

    def wait_for_connection(self) -> None:
        """Wait until the listener receives the topics of the configured node."""
        node = self.node
        assert node is not None
        topics = RAW_TOPICS.values()
        self.until(lambda: all(node.count_subscribers(t) and self.listener.count_publishers(t) for t in topics))
        self.spin(0.3)

    def state(self) -> int:
        """Ask the node for its lifecycle state."""
        client = self.listener.create_client(GetState, "imu_driver/get_state")
        self.until(client.service_is_ready)
        future = client.call_async(GetState.Request())
        self.until(future.done)
        self.listener.destroy_client(client)
        return int(future.result().current_state.id)

    def close(self) -> None:
        """End everything."""
        if self.node is not None:
            self.node.close()
            self.node.destroy_node()
        self.listener.destroy_node()
        self._executor.shutdown()

    def times(self, topic: str) -> list[int]:
        """Return the stamps of the messages received on a topic, in ns."""
        return [m.header.stamp.sec * 10**9 + m.header.stamp.nanosec for m in self.got[topic]]

    def has(self, count: int, *more: str) -> bool:
        """Return whether ``count`` messages were received on each topic of samples and on ``more`` topics."""
        return all(len(self.got[topic]) == count for topic in (SHANK_TOPIC, FOOT_TOPIC, ENCODER_TOPIC, *more))

    def statuses(self) -> list[Any]:
        """Return all statuses received from diagnostics."""
        return [status for array in self.got["/diagnostics"] for status in array.status]

    def sentences(self) -> list[str]:
        """Return the sentences of all statuses received from diagnostics."""
        return [status.message for status in self.statuses()]


@contextmanager
def driver_bench() -> Iterator[DriverBench]:
    """Make a bench on a domain of its own."""
    os.environ.update(LOCAL)
    context = Context()
    rclpy.init(context=context, domain_id=DOMAIN)
    made = DriverBench(context)
    try:
        yield made
    finally:
        made.close()
        rclpy.shutdown(context=context)
