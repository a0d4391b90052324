"""Real nodes and one listener that communicate over DDS, in one process and on a separate domain."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar

import rclpy
from ankle_predictor_interfaces.msg import AnkleForecast
from diagnostic_msgs.msg import DiagnosticArray
from lifecycle_msgs.srv import GetState
from rclpy.clock import ClockType
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from rclpy.parameter import Parameter
from rclpy.qos import QoSProfile
from rclpy.time import Time
from sensor_msgs.msg import Imu, JointState
from trajectory_msgs.msg import JointTrajectory

from ankle_imu_driver.managed_node import ManagedNode

DOMAIN = 1 + os.getpid() % 60  # by process, so that two runs on one computer do not receive each other's messages
LOCAL = {"ROS_DOMAIN_ID": str(DOMAIN), "ROS_AUTOMATIC_DISCOVERY_RANGE": "LOCALHOST"}
if os.environ.get("ROS_DISTRO") == "humble":
    LOCAL["ROS_LOCALHOST_ONLY"] = "1"  # the name before Iron; Jazzy warns of it
DEEP = QoSProfile(depth=5000)
TRIES = 4  # to find a service
HEARD = {
    "shank/imu/data": Imu,
    "foot/imu/data": Imu,
    "joint_states": JointState,
    "forecast": JointTrajectory,
    "forecast_detail": AnkleForecast,
    "/diagnostics": DiagnosticArray,
}
FILTERED = ("shank/imu/data", "foot/imu/data", "joint_states")
NodeT = TypeVar("NodeT", bound=ManagedNode)


def stamp_of(message: Any) -> int:
    """A stamped message's time in ns."""
    return int(message.header.stamp.sec) * 10**9 + int(message.header.stamp.nanosec)


def imu(frame: str, stamp: int, accel: Any, gyro: Any) -> Imu:
    """A raw sample; ``stamp`` in ns."""
    message = Imu()
    message.header.frame_id = frame
    message.orientation_covariance[0] = -1.0
    return refilled(message, stamp, accel, gyro)


def refilled(message: Imu, stamp: int, accel: Any, gyro: Any) -> Imu:
    """The same message with other numbers."""
    message.header.stamp.sec, message.header.stamp.nanosec = divmod(stamp, 10**9)
    a, g = message.linear_acceleration, message.angular_velocity
    a.x, a.y, a.z = map(float, accel)
    g.x, g.y, g.z = map(float, gyro)
    return message


class Bench:
    """Nodes under test and a listener.

    Attributes:
        got: the received messages by topic.
    """

    def __init__(self, context: Context, executor: SingleThreadedExecutor) -> None:
        self._context = context
        self.executor = executor
        self.listener = rclpy.create_node("listener", context=context)
        self.executor.add_node(self.listener)
        self._nodes: list[ManagedNode] = []
        self._publishers: dict[str, Any] = {}
        self._senders: dict[str, Any] = {}
        self.got: dict[str, list[Any]] = {topic: [] for topic in HEARD}
        for topic, kind in HEARD.items():
            self.listener.create_subscription(kind, topic, self.got[topic].append, DEEP)

    def make(self, kind: Callable[..., NodeT], parameters: Mapping[str, Any] | None = None) -> NodeT:
        """Make a node that is not yet in the executor."""
        overrides = [Parameter(name, value=value) for name, value in (parameters or {}).items()]
        node = kind(context=self._context, parameter_overrides=overrides)
        # ``health`` requests diagnostics. A periodic report just before it would reset the counts.
        node.diagnostic_timer.cancel()
        self._nodes.append(node)
        return node

    def start(self, kind: Callable[..., NodeT], parameters: Mapping[str, Any] | None = None) -> NodeT:
        """Make a node and wait until it is active, or has refused with a reason."""
        node = self.make(kind, parameters)
        self.executor.add_node(node)
        self.until(lambda: node.is_active or node.refusal)
        return node

    def advertise(self, *kinds_and_topics: tuple[Any, str]) -> None:
        """Make publishers, and wait until each has a subscriber."""
        for kind, topic in kinds_and_topics:
            self._publishers[topic] = self.listener.create_publisher(kind, topic, DEEP)
        for _, topic in kinds_and_topics:
            self.until(self._publishers[topic].get_subscription_count)
        self.spin(0.1)

    def sender(self, name: str, *kinds_and_topics: tuple[Any, str]) -> dict[str, Any]:
        """Make another node with publishers, by topic, and wait until they have their subscribers."""
        node = self._senders[name] = rclpy.create_node(name, context=self._context)
        made = {topic: node.create_publisher(kind, topic, DEEP) for kind, topic in kinds_and_topics}
        for publisher in made.values():
            self.until(publisher.get_subscription_count)
        self.spin(0.1)
        return made

    def destroy_sender(self, name: str) -> None:
        """End what ``sender`` made."""
        self._senders.pop(name).destroy_node()

    def publish(self, topic: str, message: Any) -> None:
        """Publish a message on an advertised topic; simulated time is what its stamp says."""
        if hasattr(message, "header"):
            self.simulated_time(stamp_of(message))
        self._publishers[topic].publish(message)

    def simulated_time(self, nanoseconds: int) -> None:
        """Set the clock of all nodes that use simulated time."""
        for node in self._nodes:
            if node.get_parameter("use_sim_time").value:
                node.get_clock().set_ros_time_override(Time(nanoseconds=nanoseconds, clock_type=ClockType.ROS_TIME))

    def call(self, kind: Any, service: str, **request: Any) -> Any:
        """Call a service and return its response."""
        client = self._client(kind, service)
        future = client.call_async(kind.Request(**request))
        self.until(future.done)
        self.listener.destroy_client(client)
        return future.result()

    def _client(self, kind: Any, service: str) -> Any:
        """A client whose service is there. On a busy computer Fast DDS sometimes never matches one of them."""
        for _ in range(TRIES):
            client = self.listener.create_client(kind, service)
            end = time.monotonic() + 15.0
            while time.monotonic() < end:
                if client.service_is_ready():
                    return client
                self.executor.spin_once(timeout_sec=0.02)
            self.listener.destroy_client(client)
        raise AssertionError(f"{service} was not there in {TRIES} tries of 15 s")

    def health(self, node: ManagedNode) -> tuple[int, str, dict[str, str]]:
        """A node's diagnostics: level, sentence and values."""
        heard, name = self.got["/diagnostics"], node.get_name()
        heard.clear()
        node.publish_diagnostics()
        self.until(lambda: any(m.status[0].name == name for m in heard))
        status = next(m.status[0] for m in heard if m.status[0].name == name)
        return status.level[0], status.message, {value.key: value.value for value in status.values}

    def state_of(self, node: ManagedNode) -> int:
        """A node's lifecycle state, a constant of ``lifecycle_msgs/State``."""
        return int(self.call(GetState, f"{node.get_name()}/get_state").current_state.id)

    def hold_up(self, node: ManagedNode) -> None:
        """Stop a node's callbacks until ``release``, as on a busy computer."""
        self.executor.remove_node(node)

    def release(self, node: ManagedNode) -> None:
        """Let the callbacks of a node run again."""
        self.executor.add_node(node)

    def destroy(self, node: ManagedNode) -> None:
        """Destroy a node before the end of the test."""
        self.executor.remove_node(node)
        self._nodes.remove(node)
        node.close()
        node.destroy_node()

    def spin(self, seconds: float) -> None:
        """Spin for a time in s."""
        end = time.monotonic() + seconds
        self.until(lambda: time.monotonic() > end)

    def turns(self, count: int) -> None:
        """Run some pending callbacks, so that the listener does not fall behind."""
        for _ in range(count):
            self.executor.spin_once(timeout_sec=0)

    def settle(self, quiet: float = 0.05) -> None:
        """Spin until no new message of the filter arrives for ``quiet`` s."""
        heard = -1
        while heard != (now := sum(len(self.got[topic]) for topic in FILTERED)):
            heard = now
            self.spin(quiet)

    def until(self, condition: Callable[[], object], timeout: float = 60.0) -> None:
        """Spin until a condition is true; fail after ``timeout`` s."""
        end = time.monotonic() + timeout
        while not condition():
            assert time.monotonic() < end, "the condition was not true in time"
            self.executor.spin_once(timeout_sec=0.02)

    def close(self) -> None:
        """Destroy all nodes."""
        for node in self._nodes:
            node.close()
            node.destroy_node()
        for sender in self._senders.values():
            sender.destroy_node()
        self.listener.destroy_node()
        self.executor.shutdown()


@contextmanager
def bench(make_executor: Callable[..., SingleThreadedExecutor] = SingleThreadedExecutor) -> Iterator[Bench]:
    """Make a bench that uses only the loopback device."""
    os.environ.update(LOCAL)
    context = Context()
    rclpy.init(context=context, domain_id=DOMAIN)
    made = Bench(context, make_executor(context=context))
    try:
        yield made
    finally:
        made.close()
        rclpy.shutdown(context=context)
