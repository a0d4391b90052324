"""Adapts a model in a child process of low priority, the only process that imports TensorFlow.

Input and output are files in a temporary folder. The folder is always removed, so that a process that was cancelled,
crashed or killed leaves nothing behind; what a killed node has left is removed by the next one, see ``sweep_scratch``.
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
from ankle_predictor.model.scratch_folder import scratch_folder, sweep

SCRATCH = "ankle_adapt_"
TASK, WALK, START, MADE, ERRORS = "task.json", "walk.npz", "start", "made", "errors.txt"  # in the folder
# The child may only use CPU time that the nodes leave: unlike a high nice value, SCHED_IDLE yields at once to any other
# process that wakes up. Where Linux groups the processes of a session (sched(7), autogroup), a policy counts only
# within the group, so the group's priority is lowered, too. Both come before the imports, which take seconds.
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
WALK_IS_THERE = b"\n"  # on the child's standard input
LONGEST_REASON = 300  # characters of the child's last line on stderr


class AdaptationEnded(Refusal):
    """An adaptation without a result; the message says why."""


@dataclass(frozen=True)
class Task:
    """The input of an adaptation, apart from the walk.

    Attributes:
        base: the model to adapt.
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
    """The result of an adaptation.

    Attributes:
        bundle: the user's; None if the base stays in use.
        message: one sentence on the result, and one for each warning.
        before: mean absolute error of the base over the scored forecasts, in rad.
        after: mean absolute error of the adaptation over the same forecasts, in rad.
    """

    bundle: Bundle | None
    message: str
    before: float
    after: float


class AdaptationProcess:
    """One adaptation: ``run`` blocks in one thread of the caller, ``give`` and ``stop`` are called from any other.

    The child is started while the walk is still being collected, as its imports take seconds.
    """

    def __init__(self, on_progress: Callable[[str, float], None]) -> None:
        """Create an adaptation without starting it.

        Args:
            on_progress: called with the current stage and the share that is done, in the thread of ``run``.
        """
        self._on_progress = on_progress
        self._lock = threading.Lock()
        self._child: subprocess.Popen[bytes] | None = None
        self._stopped = ""
        self._walks: SimpleQueue[Callable[[], WalkedSeconds] | None] = SimpleQueue()  # None: stopped

    @property
    def has_died(self) -> bool:
        """Whether the child was started and has ended."""
        with self._lock:
            return self._child is not None and self._child.poll() is not None

    @property
    def pid(self) -> int | None:
        """The process's id; None while it does not run."""
        with self._lock:
            return None if self._child is None else self._child.pid

    def give(self, walked: Callable[[], WalkedSeconds]) -> None:
        """Hand over the walk to learn from, as a function that is called in the thread of ``run``."""
        self._walks.put(walked)

    def stop(self, reason: str) -> None:
        """End the adaptation now, or as soon as it begins; ``run`` raises the reason."""
        with self._lock:
            self._stopped = self._stopped or reason
            if self._child is not None:
                self._child.kill()
        self._walks.put(None)

    def run(self, task: Task) -> Outcome:
        """Start the child, wait for the walk, adapt, and return the result.

        Raises:
            AdaptationEnded: the adaptation was refused or stopped, or the child or the disk failed.
        """
        try:
            with scratch_folder(Path(tempfile.gettempdir()), SCRATCH) as scratch:
                return self._run_in(scratch, task)
        except (OSError, BundleError) as error:
            raise AdaptationEnded(f"the adaptation's temporary folder cannot be used: {_sentence(error)}") from error

    def _run_in(self, folder: Path, task: Task) -> Outcome:
        base = task.base
        write_bundle(folder / START / base.name, base.manifest, base.onnx, base.keras)
        document = {"base": base.name, "user": task.user, "labels": task.labels, "name": task.name}
        (folder / TASK).write_text(json.dumps(document), "utf-8")
        last = self._watch(folder)
        outcome = last.get("outcome")
        if outcome is None:
            raise AdaptationEnded(last["refusal"])
        bundle = load_bundle(task.user, [folder / MADE]) if outcome["adapted"] else None
        return Outcome(bundle, outcome["message"], outcome["before"], outcome["after"])

    def _watch(self, folder: Path) -> dict[str, Any]:
        """Start the child, give it the walk, pass its progress on, and return its last line."""
        last: dict[str, Any] = {}
        with (folder / ERRORS).open("wb") as errors:
            child = self._start(folder, errors.fileno())
        with child:
            walked = self._walks.get()
            if walked is not None:
                walked().save(folder / WALK)
            assert child.stdin is not None
            assert child.stdout is not None
            with suppress(BrokenPipeError):  # the child has ended already; the reason is found below
                os.write(child.stdin.fileno(), WALK_IS_THERE)  # unbuffered: a buffer would write again on close
            for line in child.stdout:
                last = json.loads(line)
                if "stage" not in last:
                    child.kill()  # this line is the last one, and TensorFlow takes seconds to exit
                    break
                self._on_progress(last["stage"], last["share"])
            else:
                child.wait()  # before its standard input closes, which would end the child too early
        with self._lock:
            self._child = None
            if self._stopped:
                raise AdaptationEnded(self._stopped)
        if not last.keys() & {"outcome", "refusal"}:
            raise AdaptationEnded(_failure(child.returncode, folder / ERRORS))
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
                stdin=subprocess.PIPE,  # closes when this process ends, which ends the child
                stdout=subprocess.PIPE,
                stderr=errors,
                start_new_session=True,  # Ctrl-C reaches the node only, which then ends the child
            )
            return self._child


def sweep_scratch() -> None:
    """Remove the temporary folders that killed nodes have left."""
    sweep(Path(tempfile.gettempdir()), SCRATCH)


def _failure(status: int, errors: Path) -> str:
    """Return why a child ended without a result, from its exit status and the last line of its stderr."""
    if status == -signal.SIGKILL:
        return "the adaptation was killed; this computer may be short of memory"
    if status < 0:
        return f"the adaptation was ended by {signal.Signals(-status).name}"
    lines = errors.read_text("utf-8", "replace").split("\n")
    reason = next((line.strip() for line in reversed(lines) if line.strip()), "it did not say why")
    return f"the adaptation failed: {reason[:LONGEST_REASON]}"


def _sentence(error: Exception) -> str:
    """Return an error's message without its number."""
    return (error.strerror or str(error)) if isinstance(error, OSError) else str(error)
