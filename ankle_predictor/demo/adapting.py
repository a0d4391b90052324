"""The demo's second act: somebody whom no weights know walks, and the model in use is adapted to them meanwhile."""

from __future__ import annotations

import math
import time
from typing import Any

from ankle_predictor_interfaces.action import AdaptToUser
from rclpy.action import ActionClient

from ankle_predictor.demo.monitor_node import MonitorNode
from ankle_predictor.nodes.topics import FORECAST

PERSON, SEED = 2026, 2026  # of the simulator's: who walks and how the sensors sit, and the walk; no training draws them
USER = "stranger"
LABELS = "imu"  # the encoder only judges
WALKING = 30.0  # s that are learned from
BEFORE = 1.0  # s of forecasts before it begins
LEAST = 30.0  # s that are shown even where nothing comes of it
AFTER = 30.0  # s that show what it was worth
NEEDED = 80.0  # s: standing, the window, walking with stops, training beside it, and some seconds after that
LONGEST = 120.0
DEADLINE = 130.0  # s since the demo began, after which it sums up: all of it takes less than 2.5 minutes


class Adapting:
    """Calls ``predictor/adapt`` once forecasts come, and keeps what is said of it; looked at from the demo's thread.

    Attributes:
        result: what came of it, None until then.
        words: where it stands, for people.
    """

    def __init__(self, monitor: MonitorNode, to_the_end: bool, began: float) -> None:
        """Make one.

        Args:
            monitor: the node by which the action is called; its own thread hears the answers.
            to_the_end: whether the run goes on after all was shown, as somebody asked for so many seconds.
            began: when the demo did, in s on the monotonic clock.
        """
        self._deadline = began + DEADLINE
        self._monitor = monitor
        self._to_the_end = to_the_end
        self._client = ActionClient(monitor, AdaptToUser, "predictor/adapt")
        self._first_forecast: float | None = None
        self._called = False
        self._ended: float | None = None
        self.result: AdaptToUser.Result | None = None
        self.words = "waiting for forecasts"

    @property
    def enough(self) -> float:
        """At which second of the run everything will have been shown, as far as is known."""
        if self._to_the_end:
            return math.inf
        if time.monotonic() > self._deadline:
            return self._monitor.elapsed
        if self.result is None or self._ended is None:
            return math.inf
        return max(LEAST, self._ended + (AFTER if self.result.success else 0.0))

    def look(self) -> None:
        """Call the action when it is time."""
        monitor = self._monitor
        if monitor.counts[FORECAST] and self._first_forecast is None:
            self._first_forecast = monitor.elapsed
        if self._called or self._first_forecast is None or monitor.elapsed < self._first_forecast + BEFORE:
            return
        if self._client.server_is_ready():
            self._called = True
            goal = AdaptToUser.Goal(user=USER, duration=WALKING, labels=LABELS)
            self._client.send_goal_async(goal, self._take_feedback).add_done_callback(self._take_answer)

    def close(self) -> AdaptToUser.Result | None:
        """Call nothing more, and return what came of it so far."""
        self._client.destroy()
        return self.result

    def _take_feedback(self, message: Any) -> None:
        feedback = message.feedback
        self.words = f"adapting to the {USER}: {feedback.stage} {feedback.progress:.0%}"

    def _take_answer(self, sent: Any) -> None:
        goal = sent.result()
        if goal.accepted:
            goal.get_result_async().add_done_callback(lambda answer: self._end(answer.result().result))
        else:
            self._end(AdaptToUser.Result(message="the predictor rejected it; its output says why"))

    def _end(self, result: AdaptToUser.Result) -> None:
        self._ended = self._monitor.elapsed
        self.result = result
        self.words = f"adapted to the {USER}" if result.success else f"not adapted: {result.message}"
