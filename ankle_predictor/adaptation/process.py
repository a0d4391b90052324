"""Adapts a model in a process of its own, of low priority: the only one that imports tensorflow.

What goes in and what comes out lies in a temporary folder that is removed whatever happens, so that a process that
was cancelled, crashed or killed leaves nothing behind.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from ankle_imu_driver.refusal import Refusal
from ankle_predictor.adaptation.walk_collector import WalkedSeconds
from ankle_predictor.model.bundle import Bundle, load_bundle, write_bundle
from ankle_predictor.model.manifest import BundleError

TASK, WALK, START, MADE, ERRORS = "task.json", "walk.npz", "start", "made", "errors.txt"  # in the folder
# Only what the nodes leave: unlike a high nice value, SCHED_IDLE gives way at once to whatever else wakes up. Where
# Linux groups the processes of a session (sched(7), autogroup), a policy counts within the group only, so that this one
# is lowered as a whole. Both come before the imports, which take seconds themselves.
CHILD = """
import os, sys
os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
if os.path.exists("/proc/self/autogroup"):
    try:
        with open("/proc/self/autogroup", "w") as group:
            group.write("19")
    except OSError as error:
        print(f"the adaptation may slow the forecasts: {error}", file=sys.stderr)
from ankle_predictor.adaptation.child import main
sys.exit(main(sys.argv[1]))
"""
ONE_THREAD = dict.fromkeys(
    ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"),
    "1",
)
GO = b"\n"  # on its standard input: the walk is there
LONGEST_REASON = 300  # characters of what a process said last


class AdaptationEnded(Refusal):
    """An adaptation that gave nothing; the message says why."""


@dataclass(frozen=True)
class Task:
    """What is asked for.

    Attributes:
        base: the model to start from.
        user: name of the new model.
        labels: "imu" or "encoder".
        name: of the walk, for people.
    """

    base: Bundle
    user: str
    labels: str
    name: str


@dataclass(frozen=True)
class Outcome:
    """What came of it.

    Attributes:
        bundle: the user's; None where the base stays.
        message: a sentence, and one more for each thing that was odd.
        before: mean absolute error of the base in the forecasts that judged, in rad.
        after: likewise of the adaptation.
    """

    bundle: Bundle | None
    message: str
    before: float
    after: float


class AdaptationProcess:
    """One adaptation: ``run`` blocks in a thread of the caller's, ``give`` and ``stop`` are called from any other one.

    The process is started before the walking is there, so that its imports, which take long, are over by then.
    """

    def __init__(self, on_progress: Callable[[str, float], None]) -> None:
        """Make one.

        Args:
            on_progress: told what is being done and which share of all is done; called in the thread of ``run``.
        """
        self._on_progress = on_progress
        self._lock = threading.Lock()
        self._child: subprocess.Popen[bytes] | None = None
        self._stopped = ""
        self._given: SimpleQueue[Callable[[], WalkedSeconds] | None] = SimpleQueue()

    @property
    def has_died(self) -> bool:
        """Whether the process was started and runs no more."""
        with self._lock:
            return self._child is not None and self._child.poll() is not None

    @property
    def pid(self) -> int | None:
        """The process's id; None while it does not run."""
        with self._lock:
            return None if self._child is None else self._child.pid

    def give(self, walked: Callable[[], WalkedSeconds]) -> None:
        """Hand over what to learn from; it is called in the thread of ``run``."""
        self._given.put(walked)

    def stop(self, reason: str) -> None:
        """End it now, or as soon as it begins; ``run`` raises with the reason."""
        with self._lock:
            self._stopped = self._stopped or reason
            if self._child is not None:
                self._child.kill()
        self._given.put(None)

    def run(self, task: Task) -> Outcome:
        """Wait for what is given, adapt, and return what came of it.

        Raises:
            AdaptationEnded: it was refused, stopped, or the process or the disk failed.
        """
        try:
            with tempfile.TemporaryDirectory(prefix="ankle_adapt_", ignore_cleanup_errors=True) as scratch:
                return self._run_in(Path(scratch), task)
        except (OSError, BundleError) as error:
            raise AdaptationEnded(f"the adaptation's temporary folder cannot be used: {_sentence(error)}") from error

    def _run_in(self, folder: Path, task: Task) -> Outcome:
        base = task.base
        write_bundle(folder / START / base.name, base.manifest, base.onnx, base.keras)
        words = {"base": base.name, "user": task.user, "labels": task.labels, "name": task.name}
        (folder / TASK).write_text(json.dumps(words), "utf-8")
        said = self._watch(folder)
        outcome = said.get("outcome")
        if outcome is None:
            raise AdaptationEnded(said["refusal"])
        bundle = load_bundle(task.user, [folder / MADE]) if outcome["adapted"] else None
        return Outcome(bundle, outcome["message"], outcome["before"], outcome["after"])

    def _watch(self, folder: Path) -> dict[str, Any]:
        """Start the process, let it work on what is given, and return its last line."""
        last: dict[str, Any] = {}
        with (folder / ERRORS).open("wb") as errors:
            child = self._start(folder, errors.fileno())
        with child:
            walked = self._given.get()
            if walked is not None:
                walked().save(folder / WALK)
            assert child.stdin is not None
            assert child.stdout is not None
            with suppress(BrokenPipeError):  # it has ended already, and did or did not say why
                os.write(child.stdin.fileno(), GO)  # a buffer would try again as it closes
            for line in child.stdout:
                last = json.loads(line)
                if "stage" not in last:
                    child.kill()  # it has said all, and tensorflow takes seconds to exit
                    break
                self._on_progress(last["stage"], last["share"])
            else:
                child.wait()  # before its standard input closes, which would end it too early
        with self._lock:
            self._child = None
            if self._stopped:
                raise AdaptationEnded(self._stopped)
        if not last.keys() & {"outcome", "refusal"}:
            raise AdaptationEnded(_obituary(child.returncode, folder / ERRORS))
        return last

    def _start(self, folder: Path, errors: int) -> subprocess.Popen[bytes]:
        environment = os.environ | ONE_THREAD | {"TMPDIR": str(folder), "PYTHONPATH": os.pathsep.join(sys.path)}
        with self._lock:
            if self._stopped:
                raise AdaptationEnded(self._stopped)
            self._child = subprocess.Popen(
                [sys.executable, "-c", CHILD, str(folder)],
                cwd=folder,
                env=environment,
                stdin=subprocess.PIPE,  # its end tells the child that this process has ended
                stdout=subprocess.PIPE,
                stderr=errors,
                start_new_session=True,  # Ctrl-C is the node's, which then ends the child
            )
            return self._child


def _obituary(status: int, errors: Path) -> str:
    if status == -signal.SIGKILL:
        return "the adaptation was killed; this computer may be short of memory"
    if status < 0:
        return f"the adaptation was ended by {signal.Signals(-status).name}"
    lines = errors.read_text("utf-8", "replace").split("\n")
    reason = next((line.strip() for line in reversed(lines) if line.strip()), "it did not say why")
    return f"the adaptation failed: {reason[:LONGEST_REASON]}"


def _sentence(error: Exception) -> str:
    return (error.strerror or str(error)) if isinstance(error, OSError) else str(error)
