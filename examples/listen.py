"""The shortest subscriber: prints twice a second where the ankle will be in 200 and in 500 ms.

Run: scripts/run python examples/listen.py
"""

from __future__ import annotations

import math
from contextlib import suppress

import rclpy
from rclpy.node import Node
from rclpy.signals import SignalHandlerOptions
from trajectory_msgs.msg import JointTrajectory


class Listener(Node):  # type: ignore[misc,unused-ignore]
    """Subscribes to ``forecast`` with depth 1: each forecast replaces the one before."""

    def __init__(self) -> None:
        super().__init__("listener")
        self.create_subscription(JointTrajectory, "forecast", self._on_forecast, 1)

    def _on_forecast(self, forecast: JointTrajectory) -> None:
        in_200_ms, in_500_ms = (math.degrees(forecast.points[k].positions[0]) for k in (19, 49))  # point k: (k+1) 10 ms
        self.get_logger().info(
            f"in 200 ms {in_200_ms:+.1f} deg, in 500 ms {in_500_ms:+.1f} deg", throttle_duration_sec=0.5
        )


if __name__ == "__main__":
    rclpy.init(signal_handler_options=SignalHandlerOptions.NO)  # Ctrl-C is a KeyboardInterrupt, as in any program
    listener = Listener()
    with suppress(KeyboardInterrupt):
        while True:
            rclpy.spin_once(listener, timeout_sec=0.5)
