"""A thread for long work whose awaiting coroutine may never go on, because the executor has ended."""

from __future__ import annotations

import gc
from typing import Any

import pytest

from ankle_imu_driver.refusal import Refusal
from ankle_predictor.nodes.worker import Worker


class Executor:
    """Nothing runs on it any more."""

    def wake(self) -> None:
        """Be woken up."""


class Node:
    """What a worker needs of a node."""

    def __init__(self) -> None:
        self.executor = Executor()
        self.reported: list[tuple[str, Exception]] = []

    def report(self, where: str, error: Exception) -> str:
        self.reported.append((where, error))
        return str(error)


@pytest.fixture
def node() -> Any:
    return Node()


def raised(error: Exception) -> Any:
    def work() -> None:
        raise error

    return work


def test_a_refusal_that_nobody_awaits_any_more_is_not_printed(node: Any, capfd: pytest.CaptureFixture[str]) -> None:
    worker = Worker(node, "adapt")
    worker.run(raised(Refusal("predictor was deactivated")))
    worker.close()
    del worker
    gc.collect()
    assert capfd.readouterr().err == ""
    assert node.reported == []


def test_a_bug_that_nobody_awaits_any_more_is_reported(node: Any, capfd: pytest.CaptureFixture[str]) -> None:
    bug = ZeroDivisionError("division by zero")
    worker = Worker(node, "adapt")
    worker.run(raised(bug))
    worker.close()
    del worker
    gc.collect()
    assert capfd.readouterr().err == ""
    assert node.reported == [("adapt", bug)]
