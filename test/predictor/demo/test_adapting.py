"""The demo's adaptation: when the action is called, and when the demo may end."""

from __future__ import annotations

import math
import time
from concurrent.futures import Future
from types import SimpleNamespace
from typing import Any

import pytest
from ankle_predictor_interfaces.action import AdaptToUser

from ankle_predictor.demo.adapting import Adapting


class FakeClient:
    """Stands in for the action client: keeps the goals, and lets a test answer."""

    def __init__(self) -> None:
        self.goals: list[AdaptToUser.Goal] = []

    def server_is_ready(self) -> bool:
        return True

    def destroy(self) -> None:
        """Nothing to do."""

    def send_goal_async(self, goal: AdaptToUser.Goal, feedback: Any) -> Future[Any]:
        self.goals.append(goal)
        self.feedback, self.sent = feedback, Future[Any]()
        return self.sent

    def accept(self) -> Future[Any]:
        answer = Future[Any]()
        self.sent.set_result(SimpleNamespace(accepted=True, get_result_async=lambda: answer))
        return answer


@pytest.mark.parametrize("success", [True, False])
def test_the_action_is_called_once_and_then_the_run_shows_the_result(success: bool) -> None:
    client = FakeClient()
    monitor = SimpleNamespace(counts={"forecast": 0}, elapsed=4.0)
    run, fixed_length, late = (
        Adapting(monitor, client, time.monotonic() - ago, fixed_length)
        for fixed_length, ago in ((False, 0.0), (True, 1000.0), (False, 1000.0))
    )
    assert late.end == 4.0
    run.update()
    monitor.counts["forecast"] = 1
    run.update()
    assert client.goals == []
    for monitor.elapsed in (5.5, 6.0):
        run.update()
    (goal,) = client.goals
    assert (goal.duration, goal.labels) == (30.0, "imu")
    answer = client.accept()
    client.feedback(SimpleNamespace(feedback=AdaptToUser.Feedback(stage="collecting", progress=0.4)))
    assert run.progress == "adapting to the new user: collecting 40%"
    assert (run.end, fixed_length.end) == (math.inf, math.inf)
    monitor.elapsed = 50.0
    answer.set_result(SimpleNamespace(result=AdaptToUser.Result(success=success, message="why not")))
    assert run.end == (80.0 if success else 50.0)
    assert run.progress == ("adapted to the new user" if success else "not adapted: why not")
    result = run.close()
    assert result is not None
    assert result.success == success
