"""Adapts the model to the simulated person while they walk, as a user would with the action ``predictor/adapt``."""

from __future__ import annotations

import math
import time
from typing import Any

from ankle_predictor_interfaces.action import AdaptToUser

from ankle_predictor.demo.monitor_node import MonitorNode
from ankle_predictor.nodes.topics import FORECAST_TOPIC

USER = "new_user"
LABELS = "imu"  # the encoder only scores the result
WALKING = 30.0  # s of walking to learn from
BEFORE = 1.0  # s of forecasts before the adaptation starts
LEAST = 30.0  # s of the demo, even if the adaptation fails
AFTER = 30.0  # s that show the adapted model
NEEDED = 80.0  # s for standing, filling the window, walking with stops, training, and some seconds after it
LONGEST = 120.0
DEADLINE = 130.0  # s of wall time after which the demo ends: it must take less than 2.5 minutes in all


class Adapting:
    """Calls the action once forecasts come, and keeps its progress and result. ``update`` is called again and again.

    Attributes:
        result: of the action, None until it has ended.
        progress: as text for people.
    """

    def __init__(self, monitor: MonitorNode, client: Any, began: float, fixed_length: bool) -> None:
        """Wait for forecasts.

        Args:
            monitor: receives the forecasts.
            client: of the action, ``rclpy.action.ActionClient``; its callbacks run in the monitor's thread.
            began: start of the demo in s on the monotonic clock.
            fixed_length: whether the user asked for a number of seconds; otherwise the demo ends once all is shown.
        """
        self._monitor = monitor
        self._client = client
        self._deadline = began + DEADLINE
        self._fixed_length = fixed_length
        self._first_forecast: float | None = None
        self._called = False
        self._ended: float | None = None
        self.result: AdaptToUser.Result | None = None
        self.progress = "waiting for forecasts"

    @property
    def end(self) -> float:
        """Time in s of the walk at which the demo may end; infinity while that is unknown."""
        if self._fixed_length:
            return math.inf
        if time.monotonic() > self._deadline:
            return self._monitor.elapsed
        if self.result is None or self._ended is None:
            return math.inf
        return max(LEAST, self._ended + (AFTER if self.result.success else 0.0))

    def update(self) -> None:
        """Call the action when it is time."""
        monitor = self._monitor
        if monitor.counts[FORECAST_TOPIC] and self._first_forecast is None:
            self._first_forecast = monitor.elapsed
        if self._called or self._first_forecast is None or monitor.elapsed < self._first_forecast + BEFORE:
            return
        if self._client.server_is_ready():
            self._called = True
            goal = AdaptToUser.Goal(user=USER, duration=WALKING, labels=LABELS)
            self._client.send_goal_async(goal, self._on_feedback).add_done_callback(self._on_goal_response)

    def close(self) -> AdaptToUser.Result | None:
        """Destroy the client, and return the result if there is one."""
        self._client.destroy()
        return self.result

    def _on_feedback(self, message: Any) -> None:
        feedback = message.feedback
        self.progress = f"adapting to the new user: {feedback.stage} {feedback.progress:.0%}"

    def _on_goal_response(self, response: Any) -> None:
        goal = response.result()
        if goal.accepted:
            goal.get_result_async().add_done_callback(lambda response: self._on_result(response.result().result))
        else:
            self._on_result(AdaptToUser.Result(message="the predictor rejected the goal; its output gives the reason"))

    def _on_result(self, result: AdaptToUser.Result) -> None:
        self._ended = self._monitor.elapsed
        self.result = result
        self.progress = "adapted to the new user" if result.success else f"not adapted: {result.message}"
