"""An executor on which samples are answered before anything else."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from contextlib import suppress

from rclpy.context import Context
from rclpy.executors import ShutdownException, SingleThreadedExecutor, TimeoutException

PATIENCE = 0.01  # s, a sample period: the longest that the rest of ROS waits for its turn while samples come
QUIET = 1.0  # s without a sample, after which all of ROS is waited for, and samples
REST = 0.1  # s that such a wait takes at most


class Doorbell:
    """Wakes one thread from any other."""

    def __init__(self) -> None:
        self._silence = threading.Lock()  # held until somebody rings
        self._silence.acquire()

    def ring(self) -> None:
        """End the wait of now, or the next one."""
        with suppress(RuntimeError):  # it still rings from the last time
            self._silence.release()

    def wait(self, seconds: float) -> bool:
        """Return whether somebody rang within that time or since the last wait."""
        return self._silence.acquire(timeout=seconds)

    def is_ringing(self) -> bool:
        """Whether the next wait returns at once."""
        return not self._silence.locked()


class SampleExecutor(SingleThreadedExecutor):  # type: ignore[misc,unused-ignore]
    """Waits for samples instead of for all of ROS, and gives ROS its turn after each answer.

    To wait, rclpy's executors gather every timer, service and subscription of every node anew, and look through all of
    them afterwards. For three nodes that is a millisecond on a small computer, between a sample and its forecast, and
    again for each sample that makes no pair. Here it comes after the forecast, when nobody waits for it.

    Nothing of this applies before ``serve`` is called.
    """

    def __init__(self, *, context: Context | None = None) -> None:
        super().__init__(context=context)
        self._wait: Callable[[float], bool] | None = None
        self._last_turn = self._last_came = 0.0

    def serve(
        self,
        wait: Callable[[float], bool],
        answer: Callable[[], bool],
        afterwards: Callable[[], None] = lambda: None,
        is_urgent: Callable[[], bool] = lambda: False,
    ) -> None:
        """Answer what comes by ``wait`` from now on; all of these are called in the executor's thread.

        Args:
            wait: waits for so many seconds at most, and returns whether anything came.
            answer: returns whether what came was complete, so that all else may have its turn.
            afterwards: what belongs to an answer and need not be done before it.
            is_urgent: whether something waits that cannot wait for the end of that turn.
        """
        self._wait, self._answer, self._afterwards, self._is_urgent = wait, answer, afterwards, is_urgent

    def spin_once(self, timeout_sec: float | None = None) -> None:
        """Answer what comes within ``timeout_sec`` or 10 ms, and mostly run everything else that is ready."""
        if self._wait is None:
            super().spin_once(timeout_sec)
            return
        limit = math.inf if timeout_sec is None or timeout_sec < 0 else timeout_sec
        came = self._wait(min(limit, PATIENCE))
        is_whole = came and self._answer()
        now = time.monotonic()
        if came:
            self._last_came = now
            if now - self._last_turn < PATIENCE and (not is_whole or self._is_urgent()):
                return
        self._afterwards()
        if now - self._last_came < QUIET:
            self._give_turn()
        else:
            super().spin_once(min(limit, REST))
        self._last_turn = time.monotonic()

    def _give_turn(self) -> None:
        """Run what is ready, one at least, for 10 ms at most or until something is urgent."""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            try:
                handler, *_ = self.wait_for_ready_callbacks(timeout_sec=0)
            except (TimeoutException, ShutdownException):
                return  # that was all
            handler()
            if (exception := handler.exception()) is not None:
                raise exception
            if self._is_urgent():
                return
