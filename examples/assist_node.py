"""An example of a controller: an ankle torque from the forecast, weighted by how far the forecast can be trusted.

    scripts/run python examples/assist_node.py --ros-args -p stiffness:=8.0

It publishes ``assist_torque`` (``std_msgs/Float64MultiArray``, N m), zero when in doubt. This is the type that a
``forward_command_controller`` takes, but it receives the torque only if you remap the topic:

    --remap assist_torque:=/ankle_effort_controller/commands

All decisions are in ``assist_law.py``. This file passes it messages and times.
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
from assist_law import AssistConfig, AssistLaw, Curve, SettingsError
from rclpy.clock import Clock, ClockType
from rclpy.duration import Duration
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy
from rclpy.signals import SignalHandlerOptions
from std_msgs.msg import Float64MultiArray

NEWEST = QoSProfile(
    depth=1, reliability=ReliabilityPolicy.BEST_EFFORT
)  # a forecast that has to be sent again is too late
PERIOD = 0.005  # s between two torques
STOP_PATIENCE = 0.5  # s for the last torque to arrive


class AssistNode(Node):  # type: ignore[misc,unused-ignore]
    """Subscribes to ``forecast_detail`` and publishes ``assist_torque`` at 200 Hz, also when no forecast comes.

    The timer is the watchdog: it runs on the steady clock, and the law knows when the last forecast came.
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

        A message that is still on its way is lost if the process ends, so this waits until it has arrived.
        """
        self._message.data[0] = 0.0
        self._output.publish(self._message)
        if not self._output.wait_for_all_acked(Duration(seconds=STOP_PATIENCE)):
            self.get_logger().warning(
                f"the last torque, zero, was not acknowledged in {STOP_PATIENCE} s: the receiver needs a watchdog, too"
            )

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
            why_not = f"no torque: no good forecast ({self.law.dropped} dropped)"
            self.get_logger().info("follows the forecast" if following else why_not)


def main() -> int:
    """Run the node until Ctrl-C or SIGTERM."""
    # ROS's own handlers would shut the context down before the last message, which has to be zero.
    rclpy.init(signal_handler_options=SignalHandlerOptions.NO)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        node = AssistNode()
    except SettingsError as error:
        print(f"assist: {error}", file=sys.stderr)
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
