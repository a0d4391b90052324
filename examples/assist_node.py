"""An example of a controller that listens: an ankle torque from the forecast, weighed by how far it can be trusted.

    scripts/run python examples/assist_node.py --ros-args -p stiffness:=8.0

It publishes ``assist_torque`` (``std_msgs/Float64MultiArray``, N m), zero whenever in doubt. That is what a
``forward_command_controller`` takes; it reaches one only if you remap it there:

    --remap assist_torque:=/ankle_effort_controller/commands

All that decides something is in ``assist_law.py``. This file hands it messages and times.
"""

from __future__ import annotations

import signal
import sys
import time
from contextlib import suppress
from dataclasses import fields
from typing import Any

import rclpy
from ankle_predictor_interfaces.msg import AnkleForecast
from assist_law import AssistConfig, AssistLaw, Curve
from rclpy.clock import Clock, ClockType
from rclpy.duration import Duration
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy
from rclpy.signals import SignalHandlerOptions
from std_msgs.msg import Float64MultiArray

NEWEST = QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT)  # a forecast that must be sent again is late
PERIOD = 0.005  # s between two torques
LAST_WORD = 0.5  # s that the last torque may take to arrive


class AssistNode(Node):  # type: ignore[misc,unused-ignore]
    """Hears ``forecast_detail`` and publishes ``assist_torque`` at 200 Hz, whatever it hears.

    The watchdog is the timer: it runs on the steady clock and asks the law, which knows when a forecast last came.
    """

    def __init__(self, **node_arguments: Any) -> None:
        super().__init__("assist", **node_arguments)
        values = {f.name: float(self.declare_parameter(f.name, f.default).value) for f in fields(AssistConfig)}
        self.law = AssistLaw(AssistConfig(**values))
        self._message = Float64MultiArray(data=[0.0])
        self._following = False
        self._output = self.create_publisher(Float64MultiArray, "assist_torque", 1)
        self.create_subscription(AnkleForecast, "forecast_detail", self._on_forecast, NEWEST)
        self.create_timer(PERIOD, self._command, clock=Clock(clock_type=ClockType.STEADY_TIME))

    def stop(self) -> None:
        """Leave the device with zero torque, not with the last one.

        A process that ends at once takes a message along that is still on its way, so this waits until it has arrived.
        """
        self._message.data[0] = 0.0
        self._output.publish(self._message)
        if not self._output.wait_for_all_acked(Duration(seconds=LAST_WORD)):
            told = f"nobody acknowledged the last torque, zero, within {LAST_WORD} s: watch for silence there too"
            self.get_logger().warning(told)

    def _on_forecast(self, message: AnkleForecast) -> None:
        stamp = message.header.stamp.sec * 1_000_000_000 + message.header.stamp.nanosec
        age = (self.get_clock().now().nanoseconds - stamp) / 1e9
        curve = Curve(
            current=message.current_angle,
            angle=message.angle,
            lower=message.lower,
            upper=message.upper,
            period=message.sample_period,
            age=age,
            unfamiliar=bool(message.status & AnkleForecast.UNFAMILIAR),
        )
        self.law.receive(curve, time.monotonic())

    def _command(self) -> None:
        now = time.monotonic()
        self._message.data[0] = self.law.torque(now)
        self._output.publish(self._message)
        following = self.law.freshness(now) > 0.0
        if following != self._following:
            self._following = following
            told = "follows the forecast" if following else f"no torque: no good forecast ({self.law.dropped} dropped)"
            self.get_logger().info(told)


def main() -> int:
    """Run the node until Ctrl-C or SIGTERM."""
    # ROS's own handlers would take the context away before the last message, which has to be zero.
    rclpy.init(signal_handler_options=SignalHandlerOptions.NO)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        node = AssistNode()
    except ValueError as refusal:
        print(f"assist: {refusal}", file=sys.stderr)
        return 1
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    with suppress(KeyboardInterrupt):
        executor.spin()
    node.stop()
    rclpy.try_shutdown()
    return 0


if __name__ == "__main__":
    sys.exit(main())
