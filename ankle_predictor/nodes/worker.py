"""Work that takes longer than a sample period, in a thread beside the executor's."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from rclpy.node import Node
from rclpy.task import Future


class Worker:
    """Does one piece of work after the other, while a coroutine of the node's awaits it and the samples go on."""

    def __init__(self, node: Node, name: str) -> None:
        """Make one; ``name`` is the thread's."""
        self._node = node
        self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix=name)

    def run(self, work: Callable[[], Any]) -> Future:
        """Return what can be awaited in the node's executor: the result of ``work``, or what it raises."""
        executor = self._node.executor
        future = Future(executor=executor)

        def call() -> None:
            try:
                future.set_result(work())
            except Exception as error:  # noqa: BLE001 - raised again where it is awaited
                future.set_exception(error)
            executor.wake()

        self._worker.submit(call)
        return future

    def close(self) -> None:
        """Wait for the work at hand, and take no more."""
        self._worker.shutdown()
