"""An executor that processes samples of this process first, and everything else of ROS after them."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from contextlib import suppress

from rclpy.context import Context
from rclpy.executors import ShutdownException, SingleThreadedExecutor, TimeoutException

PATIENCE = 0.01  # s, one sample period: longest time that the other callbacks of ROS wait while samples come
QUIET = 1.0  # s without a sample, after which the executor waits for all of ROS like any other
REST = 0.1  # s, the longest such wait


class SampleExecutor(SingleThreadedExecutor):  # type: ignore[misc,unused-ignore]
    """Waits for ``notify`` instead of for all of ROS, and runs the other callbacks after each complete sample.

    An executor of rclpy collects every timer, service and subscription of every node before it waits, and checks all of
    them afterwards. With three nodes on a small computer this takes a millisecond between a sample and its forecast.
    Here it is done after the forecast, when nothing waits for it.

    Before ``serve`` is called it works like any ``SingleThreadedExecutor``.
    """

    def __init__(self, *, context: Context | None = None) -> None:
        super().__init__(context=context)
        self._no_notice = threading.Lock()  # held until ``notify`` is called
        self._no_notice.acquire()
        self._process: Callable[[], bool] | None = None
        self._afterwards: Callable[[], None] = lambda: None
        self._last_turn = self._last_notice = 0.0

    def serve(self, process: Callable[[], bool], afterwards: Callable[[], None] = lambda: None) -> None:
        """From now on, process samples after each ``notify``. Both callbacks run in the executor's thread.

        Args:
            process: processes all pending samples; returns whether any was complete, so that ROS may take its turn.
            afterwards: work that may be done after the forecast.
        """
        self._process, self._afterwards = process, afterwards

    def notify(self) -> None:
        """Announce samples, from any thread. This ends the present wait, or the next one."""
        with suppress(RuntimeError):  # already notified
            self._no_notice.release()

    def _is_notified(self) -> bool:
        return not self._no_notice.locked()

    def spin_once(self, timeout_sec: float | None = None) -> None:
        """Process the samples announced within ``timeout_sec`` or 10 ms, and then usually all other ready callbacks."""
        if self._process is None:
            super().spin_once(timeout_sec)
            return
        limit = math.inf if timeout_sec is None or timeout_sec < 0 else timeout_sec
        notified = self._no_notice.acquire(timeout=min(limit, PATIENCE))
        is_complete = notified and self._process()
        now = time.monotonic()
        if notified:
            self._last_notice = now
            if now - self._last_turn < PATIENCE and (not is_complete or self._is_notified()):
                return
        self._afterwards()
        if now - self._last_notice < QUIET:
            self._run_ready_callbacks()
        else:
            super().spin_once(min(limit, REST))
        self._last_turn = time.monotonic()

    def _run_ready_callbacks(self) -> None:
        """Run ready callbacks, at least one, for at most 10 ms or until the next ``notify``."""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            try:
                handler, *_ = self.wait_for_ready_callbacks(timeout_sec=0)
            except (TimeoutException, ShutdownException):
                return  # nothing more is ready
            handler()
            if (exception := handler.exception()) is not None:
                raise exception
            if self._is_notified():
                return
