"""A thread for work that takes longer than a sample period."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from rclpy.task import Future

from ankle_imu_driver.managed_node import ManagedNode
from ankle_imu_driver.refusal import Refusal


class Worker:
    """Runs one task after the other, while a coroutine of the node awaits it and the executor continues."""

    def __init__(self, node: ManagedNode, name: str) -> None:
        """Make a worker; ``name`` is the prefix of the thread's name."""
        self._node, self._name = node, name
        self._newest: Future | None = None
        self._threads = ThreadPoolExecutor(max_workers=1, thread_name_prefix=name)

    def run(self, work: Callable[[], Any]) -> Future:
        """Start a task; return a future of the node's executor with its result or its exception."""
        executor = self._node.executor
        future = self._newest = Future(executor=executor)

        def call() -> None:
            try:
                future.set_result(work())
            except Exception as error:  # noqa: BLE001 - raised again where the future is awaited
                future.set_exception(error)
            executor.wake()

        self._threads.submit(call)
        return future

    def close(self) -> None:
        """Wait for the present task to end, and accept no more.

        Once the executor has ended nobody awaits what that task raised. That the node ends is said by the node.
        """
        self._threads.shutdown()
        error = None if self._newest is None else self._newest.exception()
        if error is not None and not isinstance(error, Refusal):
            self._node.report(self._name, error)
