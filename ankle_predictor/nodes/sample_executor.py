"""An executor that processes samples of this process first, and everything else of ROS after them."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from contextlib import suppress

from rclpy.context import Context
from rclpy.executors import ShutdownException, SingleThreadedExecutor, TimeoutException

PATIENCE = 0.01  # s, one sample period: the longest time that the rest of ROS waits for its turn while samples come
QUIET = 1.0  # s without a sample, after which the executor waits like any other
REST = 0.1  # s, the longest such wait


class SampleExecutor(SingleThreadedExecutor):  # type: ignore[misc,unused-ignore]
    """Waits for a ring instead of for all of ROS, and gives ROS its turn after each complete sample.

    While it waits, an executor of rclpy collects every timer, service and subscription of every node, and looks through
    all of them afterwards. With three nodes on a small computer that takes a millisecond between a sample and its
    forecast. Here it happens after the forecast, when nobody waits for it.

    Before ``serve`` is called it is an ordinary ``SingleThreadedExecutor``.
    """

    def __init__(self, *, context: Context | None = None) -> None:
        super().__init__(context=context)
        self._silence = threading.Lock()  # held until somebody rings
        self._silence.acquire()
        self._process: Callable[[], bool] | None = None
        self._afterwards: Callable[[], None] = lambda: None
        self._last_turn = self._last_ring = 0.0

    def serve(self, process: Callable[[], bool], afterwards: Callable[[], None] = lambda: None) -> None:
        """From now on, process samples when somebody rings. Both are called in the executor's thread.

        Args:
            process: processes what is pending; returns whether it was complete, so that ROS may have its turn.
            afterwards: work of a sample that may be done after its forecast.
        """
        self._process, self._afterwards = process, afterwards

    def ring(self) -> None:
        """Announce samples, from any thread: ends the present wait, or the next one."""
        with suppress(RuntimeError):  # it still rings from the last time
            self._silence.release()

    def _is_ringing(self) -> bool:
        return not self._silence.locked()

    def spin_once(self, timeout_sec: float | None = None) -> None:
        """Process what is announced within ``timeout_sec`` or 10 ms, and usually run everything else that is ready."""
        if self._process is None:
            super().spin_once(timeout_sec)
            return
        limit = math.inf if timeout_sec is None or timeout_sec < 0 else timeout_sec
        has_rung = self._silence.acquire(timeout=min(limit, PATIENCE))
        is_complete = has_rung and self._process()
        now = time.monotonic()
        if has_rung:
            self._last_ring = now
            if now - self._last_turn < PATIENCE and (not is_complete or self._is_ringing()):
                return
        self._afterwards()
        if now - self._last_ring < QUIET:
            self._run_what_is_ready()
        else:
            super().spin_once(min(limit, REST))
        self._last_turn = time.monotonic()

    def _run_what_is_ready(self) -> None:
        """Run at least one ready callback, for at most 10 ms or until somebody rings."""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            try:
                handler, *_ = self.wait_for_ready_callbacks(timeout_sec=0)
            except (TimeoutException, ShutdownException):
                return  # nothing more is ready
            handler()
            if (exception := handler.exception()) is not None:
                raise exception
            if self._is_ringing():
                return
