"""Announced samples are processed first, from any thread, and the other callbacks of ROS still get their turn."""

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


class Samples:
    """Processes announced samples and records its calls in order."""

    def __init__(self, executor: SampleExecutor, complete: Callable[[], bool] = lambda: True) -> None:
        self.done: list[str] = []
        self.threads: set[int] = set()
        self._complete = complete
        self.notify = executor.notify
        executor.serve(self._process, lambda: self.done.append("afterwards"))

    def _process(self) -> bool:
        self.done.append("process")
        self.threads.add(threading.get_ident())
        return self._complete()


class TimerNode(ManagedNode):
    """Counts the turns of a timer that is always ready."""

    def __init__(self, **node_arguments: Any) -> None:
        super().__init__("timed", **node_arguments)
        self.turns = 0
        self.create_steady_timer(0.0, self._count)

    def _count(self) -> None:
        self.turns += 1


class WaitingNode(ManagedNode):
    """Answers a service when its future is done."""

    def __init__(self, **node_arguments: Any) -> None:
        super().__init__("waiting", **node_arguments)
        self.future: Future | None = None
        self.create_service(Trigger, "~/wait", self._wait, callback_group=ReentrantCallbackGroup())

    async def _wait(self, request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        self.future = Future(executor=self.executor)
        response.success = await self.future
        return response


def test_samples_of_another_thread_are_processed_in_the_executors_thread(table: Bench) -> None:
    samples = Samples(table.executor)
    table.executor.spin_once(timeout_sec=0)
    samples.done.clear()
    sender = threading.Timer(0.05, samples.notify)
    sender.start()
    table.until(lambda: "process" in samples.done)
    sender.join()
    assert samples.done.count("process") == 1
    assert samples.threads == {threading.get_ident()}


def test_notices_before_the_processing_count_as_one(table: Bench) -> None:
    samples = Samples(table.executor)
    for _ in range(5):
        samples.notify()
    table.spin(0.1)
    assert samples.done.count("process") == 1


def test_the_work_afterwards_waits_for_a_complete_sample(table: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    complete = [False, True]
    samples = Samples(table.executor, lambda: complete.pop(0))
    table.executor.spin_once(timeout_sec=0)
    samples.done.clear()
    monkeypatch.setattr(sample_executor, "PATIENCE", 60.0)
    for _ in complete.copy():
        samples.notify()
        table.executor.spin_once()
    assert samples.done == ["process", "process", "afterwards"]


def test_the_work_afterwards_waits_for_a_limited_time_only(table: Bench) -> None:
    samples = Samples(table.executor, lambda: False)
    end = time.monotonic() + 1.0
    while time.monotonic() < end:
        samples.notify()
        table.executor.spin_once()
    assert samples.done.count("process") > samples.done.count("afterwards") > 0.2 / PATIENCE


def test_ros_gets_its_turn_without_samples(table: Bench) -> None:
    samples = Samples(table.executor)
    node = table.start(TimerNode)
    before = node.turns
    table.until(lambda: node.turns > before + 10)
    assert "process" not in samples.done


def test_ros_gets_its_turn_even_if_samples_come_without_end(table: Bench) -> None:
    node = table.make(TimerNode)
    table.executor.add_node(node)
    samples = Samples(table.executor, lambda: samples.notify() or True)
    samples.notify()
    table.spin(1.0)
    assert samples.done.count("process") > node.turns > 0.2 / PATIENCE


def test_a_sample_ends_the_turn_of_ros(table: Bench) -> None:
    samples = Samples(table.executor)
    node = table.make(TimerNode)
    table.executor.add_node(node)

    def notify() -> None:
        samples.done.append("notify")
        samples.notify()

    node.create_steady_timer(0.0, notify)
    node.create_steady_timer(0.0, lambda: samples.done.append("other"))
    table.until(lambda: samples.done.count("other") > 5)
    assert ("notify", "process") in pairwise(samples.done)
    assert ("notify", "other") not in pairwise(samples.done)


def test_a_service_that_awaits_something_does_not_block_samples(table: Bench) -> None:
    samples = Samples(table.executor)
    node = table.start(WaitingNode)
    client = table.listener.create_client(Trigger, "waiting/wait")
    table.until(client.service_is_ready)
    response = client.call_async(Trigger.Request())
    table.until(lambda: node.future is not None)
    samples.done.clear()
    for _ in range(5):
        samples.notify()
        table.executor.spin_once()
    assert samples.done.count("process") == 5
    assert not response.done()
    node.future.set_result(True)
    table.until(response.done)
    assert response.result().success


def test_after_a_while_without_samples_it_sleeps_until_ros_has_work(
    table: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sample_executor, "QUIET", 0.05)
    samples = Samples(table.executor)
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
    assert turns - len(found) <= 1.0 / sample_executor.REST  # internal work of ROS may wake it
    samples.done.clear()
    samples.notify()
    table.executor.spin_once()
    assert samples.done[0] == "process"


def test_a_bug_of_the_executor_is_not_swallowed(table: Bench) -> None:
    Samples(table.executor)
    node = table.start(TimerNode)

    def broken() -> None:
        raise ZeroDivisionError

    rclpy.node.Node.create_timer(node, 0.0, broken)  # past the guard of ``ManagedNode``
    with pytest.raises(ZeroDivisionError):
        table.spin(1.0)


def test_before_serve_it_works_like_any_executor(table: Bench) -> None:
    node = table.start(TimerNode)
    before = node.turns
    table.spin(0.05)
    assert node.turns > before
