"""An executor on which a sample from this very process is answered before anything else."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import suppress

from rclpy.context import Context
from rclpy.executors import ShutdownException, SingleThreadedExecutor, TimeoutException

PATIENCE = 0.01  # s, a sample period: the longest that the rest of ROS waits for its turn, samples or none


class PromptExecutor(SingleThreadedExecutor):  # type: ignore[misc,unused-ignore]
    """Waits for a ring instead of for ROS, and gives ROS its turn after each answer.

    To wait, rclpy's executors gather every timer, service and subscription of every node anew, and look through all of
    them afterwards. For three nodes that is a millisecond on a small computer, between a sample and its forecast, and
    again for each ring that brings no forecast. Here it comes after the forecast, when nobody waits for it.

    Nothing of this applies before ``serve`` is called.
    """

    def __init__(self, *, context: Context | None = None) -> None:
        super().__init__(context=context)
        self._bell = threading.Lock()  # taken: nobody rang
        self._bell.acquire()
        self._answer: Callable[[], bool] | None = None
        self._afterwards: Callable[[], None] = lambda: None
        self._rested = 0.0

    def serve(self, answer: Callable[[], bool], afterwards: Callable[[], None]) -> Callable[[], None]:
        """Call ``answer`` in this executor's thread after each call of what is returned, which any thread may call.

        Args:
            answer: returns whether what it was called for is complete, so that all else may have its turn.
            afterwards: what belongs to an answer and need not be done before it.
        """
        self._answer, self._afterwards = answer, afterwards
        return self._ring

    def spin_once(self, timeout_sec: float | None = None) -> None:
        """Answer one ring, or nothing within ``timeout_sec`` or 10 ms, and mostly everything else that is ready."""
        if self._answer is None:
            super().spin_once(timeout_sec)
            return
        wait = PATIENCE if timeout_sec is None or timeout_sec < 0 else min(timeout_sec, PATIENCE)
        if self._bell.acquire(timeout=wait) and not self._answer() and time.monotonic() - self._rested < PATIENCE:
            return
        self._afterwards()
        self._give_turn()
        self._rested = time.monotonic()

    def _ring(self) -> None:
        with suppress(RuntimeError):  # it still rings from the last time
            self._bell.release()

    def _give_turn(self) -> None:
        """Run what is ready, one at least, until somebody rings or 10 ms have passed."""
        done, end = set(), time.monotonic() + PATIENCE
        while time.monotonic() < end:
            try:
                handler, *_ = self.wait_for_ready_callbacks(timeout_sec=0)
            except (TimeoutException, ShutdownException):
                return
            if handler in done:  # a coroutine that waits for something is ready again and again
                return
            done.add(handler)
            handler()
            if (exception := handler.exception()) is not None:
                raise exception
            if not self._bell.locked():
                return
