"""Announced samples are processed first, from whatever thread they come, and ROS gets its turn all the same."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

import pytest
import rclpy.node
from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.task import Future
from rigs.node_bench import Bench, bench
from std_srvs.srv import Trigger

from ankle_imu_driver.managed_node import ManagedNode
from ankle_predictor.nodes import sample_executor
from ankle_predictor.nodes.sample_executor import PATIENCE, SampleExecutor


@pytest.fixture
def table() -> Iterator[Bench]:
    with bench(SampleExecutor) as made:
        yield made


class Answers:
    """Answers rings and keeps what it did, in order."""

    def __init__(self, executor: SampleExecutor, complete: Callable[[], bool] = lambda: True) -> None:
        self.done: list[str] = []
        self.threads: set[int] = set()
        self._complete = complete
        self.ring = executor.ring
        executor.serve(self._answer, lambda: self.done.append("afterwards"))

    def _answer(self) -> bool:
        self.done.append("answer")
        self.threads.add(threading.get_ident())
        return self._complete()


class Timed(ManagedNode):
    """Counts the turns of a timer that is always ready."""

    def __init__(self, **node_arguments: Any) -> None:
        super().__init__("timed", **node_arguments)
        self.turns = 0
        self.create_steady_timer(0.0, self._count)

    def _count(self) -> None:
        self.turns += 1


class Waiting(ManagedNode):
    """Answers a service once it is released."""

    def __init__(self, **node_arguments: Any) -> None:
        super().__init__("waiting", **node_arguments)
        self.future: Future | None = None
        self.create_service(Trigger, "~/wait", self._wait, callback_group=ReentrantCallbackGroup())

    async def _wait(self, request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        self.future = Future(executor=self.executor)
        response.success = await self.future
        return response


def test_a_ring_of_another_thread_is_answered_in_the_executors(table: Bench) -> None:
    answers = Answers(table.executor)
    table.executor.spin_once(timeout_sec=0)
    answers.done.clear()
    sender = threading.Timer(0.05, answers.ring)
    sender.start()
    table.until(lambda: "answer" in answers.done)
    sender.join()
    assert answers.done.count("answer") == 1
    assert answers.threads == {threading.get_ident()}


def test_rings_before_an_answer_are_one(table: Bench) -> None:
    answers = Answers(table.executor)
    for _ in range(5):
        answers.ring()
    table.spin(0.1)
    assert answers.done.count("answer") == 1


def test_what_comes_afterwards_waits_for_a_whole_answer(table: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = [False, True]
    answers = Answers(table.executor, lambda: whole.pop(0))
    table.executor.spin_once(timeout_sec=0)
    answers.done.clear()
    monkeypatch.setattr(sample_executor, "PATIENCE", 60.0)
    for _ in whole.copy():
        answers.ring()
        table.executor.spin_once()
    assert answers.done == ["answer", "answer", "afterwards"]


def test_but_not_for_ever(table: Bench) -> None:
    answers = Answers(table.executor, lambda: False)
    end = time.monotonic() + 1.0
    while time.monotonic() < end:
        answers.ring()
        table.executor.spin_once()
    assert answers.done.count("answer") > answers.done.count("afterwards") > 0.2 / PATIENCE


def test_ros_has_its_turn_without_rings(table: Bench) -> None:
    answers = Answers(table.executor)
    node = table.start(Timed)
    before = node.turns
    table.until(lambda: node.turns > before + 10)
    assert "answer" not in answers.done


def test_ros_has_its_turn_even_if_it_rings_without_end(table: Bench) -> None:
    node = table.make(Timed)
    table.executor.add_node(node)
    answers = Answers(table.executor, lambda: answers.ring() or True)
    answers.ring()
    table.spin(1.0)
    assert answers.done.count("answer") > node.turns > 0.2 / PATIENCE


def test_a_ring_cuts_the_turn_of_ros_short(table: Bench) -> None:
    answers = Answers(table.executor)
    node = table.make(Timed)
    table.executor.add_node(node)

    def ringing() -> None:
        answers.done.append("ringing")
        answers.ring()

    node.create_steady_timer(0.0, ringing)
    node.create_steady_timer(0.0, lambda: answers.done.append("other"))
    table.until(lambda: answers.done.count("other") > 5)
    assert ("ringing", "answer") in pairwise(answers.done)
    assert ("ringing", "other") not in pairwise(answers.done)


def test_a_service_that_awaits_something_holds_nobody_up(table: Bench) -> None:
    answers = Answers(table.executor)
    node = table.start(Waiting)
    client = table.listener.create_client(Trigger, "waiting/wait")
    table.until(client.service_is_ready)
    response = client.call_async(Trigger.Request())
    table.until(lambda: node.future is not None)
    answers.done.clear()
    for _ in range(5):
        answers.ring()
        table.executor.spin_once()
    assert answers.done.count("answer") == 5
    assert not response.done()
    node.future.set_result(True)
    table.until(response.done)
    assert response.result().success


def test_after_a_while_without_samples_it_sleeps_until_ros_has_something(
    table: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sample_executor, "QUIET", 0.05)
    answers = Answers(table.executor)
    table.spin(0.1)
    wait, found = table.executor.wait_for_ready_callbacks, []

    def counted(*arguments: Any, **more: Any) -> Any:
        found.append(work := wait(*arguments, **more))
        return work

    monkeypatch.setattr(table.executor, "wait_for_ready_callbacks", counted)
    started, turns = time.monotonic(), 0
    while time.monotonic() - started < 1.0:
        table.executor.spin_once()
        turns += 1
    assert turns - len(found) <= 1.0 / sample_executor.REST  # ROS's own work may well wake it
    answers.done.clear()
    answers.ring()
    table.executor.spin_once()
    assert answers.done[0] == "answer"


def test_a_bug_of_the_executor_is_not_swallowed(table: Bench) -> None:
    Answers(table.executor)
    node = table.start(Timed)

    def broken() -> None:
        raise ZeroDivisionError

    rclpy.node.Node.create_timer(node, 0.0, broken)  # past the guard of ``ManagedNode``
    with pytest.raises(ZeroDivisionError):
        table.spin(1.0)


def test_before_anyone_answers_it_waits_as_any_other(table: Bench) -> None:
    node = table.start(Timed)
    before = node.turns
    table.spin(0.05)
    assert node.turns > before
