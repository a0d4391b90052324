"""Ends a run of the network that takes too long, from another thread, while the one that waits for it cannot."""

from __future__ import annotations

import threading
import time
import weakref
from dataclasses import dataclass

import onnxruntime

LOOK = 0.05  # s between two looks at the runs
CPU_TIME = 0.1  # s of the calling thread for each window: ten times what a sample period leaves
LOOKS = 40  # while the thread waits for other threads: 2 s, not counting time in which this process was stopped


@dataclass(frozen=True, eq=False)
class _Run:
    clock: int  # CPU time of the thread that it runs in
    windows: int


class RunWatch:
    """Watches the runs of one network, one at a time. ONNX Runtime ends a run between two operators.

    CPU time is counted and not time, so that a busy or stopped computer ends no run.

    Attributes:
        options: for the runs.
        ended: whether a run was ended; the network cannot run again then.
    """

    def __init__(self) -> None:
        self.options = onnxruntime.RunOptions()
        self.ended = False
        self._run: _Run | None = None
        self._seen: tuple[_Run, float, int] | None = None  # of the look before: CPU time at the first look, and looks
        _watcher.add(self)

    def begin(self, windows: int) -> None:
        """Begin a run of some windows in this thread."""
        self._run = _Run(time.pthread_getcpuclockid(threading.get_ident()), windows)

    def end(self) -> None:
        """Say that the run has ended."""
        self._run = None

    def look(self) -> None:
        """End the run if it has taken too long; called by the watching thread."""
        run, seen = self._run, self._seen
        if run is None:
            self._seen = None
            return
        now = time.clock_gettime(run.clock)
        if seen is None or seen[0] is not run:
            self._seen = run, now, 0
            return
        _, since, looks = seen
        self._seen = run, since, looks + 1
        if now - since > CPU_TIME * run.windows or looks > LOOKS * run.windows:
            self.ended = True
            self.options.terminate = True


class _Watcher:
    """The thread that looks at all runs of this process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._watches: weakref.WeakSet[RunWatch] = weakref.WeakSet()
        self._thread: threading.Thread | None = None

    def add(self, watch: RunWatch) -> None:
        with self._lock:
            self._watches.add(watch)
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="run_watch", daemon=True)
                self._thread.start()

    def _work(self) -> None:
        while True:
            time.sleep(LOOK)
            with self._lock:
                watches = list(self._watches)
            for watch in watches:
                watch.look()


_watcher = _Watcher()
