"""Tries a model in a process of its own before it is used, so that a bad one can neither hang nor end the node."""

from __future__ import annotations

import json
import os
import selectors
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from typing import Any

from ankle_predictor.model.bundle import Bundle
from ankle_predictor.model.manifest import BundleError
from ankle_predictor.model.onnx_guard import OnnxGuardError, checked_onnx
from ankle_predictor.trust.model_score import ModelScore
from ankle_predictor.trust.reference_walk import Walk
from ankle_predictor.trust.trial_child import CPU_TIME, MEMORY, READY, errors_of, request_of

START_TIME = 60.0  # s until the child has imported everything, on a small and busy computer
PATIENCE = 120.0  # s from then on: a child that computes reaches its limit of CPU time long before
END_TIME = 1.0  # s from the end of its output to its own
LARGEST_ANSWER = 2**16  # bytes
CHILD = """
import ctypes, os, signal, sys
ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG: ends with the node
if os.getppid() != int(sys.argv[1]):
    sys.exit(1)
os.nice(5)
from ankle_predictor.trust.trial_child import main
sys.exit(main())
"""
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")


class ModelTrial:
    """Tries one model after the other. ``run`` blocks and ``stop`` ends it; both may be called in any thread."""

    def __init__(self) -> None:
        self._turn = threading.Lock()  # held while a model is tried
        self._lock = threading.Lock()
        self._child: subprocess.Popen[bytes] | None = None
        self._stopped = False

    def run(self, bundle: Bundle, in_use: Bundle | None = None, walk: Walk | None = None) -> ModelScore:
        """Try a model: its canary window, the time of a forecast, the reference walk and the wearer's walk.

        Args:
            bundle: the model; checked by ``load_bundle``, no more.
            in_use: the model that it is compared with.
            walk: the wearer's last minute.

        Raises:
            BundleError: INCOMPATIBLE or REJECTED: it fails, hangs, needs too much, or forecasts clearly worse than the
                model in use or than no change at all.
        """
        try:
            checked_onnx(bundle.onnx)  # most bad files are found here, without a process
            with self._turn:
                answer = self._answer(request_of(bundle, in_use, walk))
        except OnnxGuardError as error:
            raise BundleError("REJECTED", f"model {bundle.name} is not used: {error}") from error
        except _NoResultError as failure:
            raise BundleError("REJECTED", f"model {bundle.name} is not used: {failure}") from failure
        if "refusal" in answer:
            raise BundleError(answer["code"], answer["refusal"])
        problem = answer.get("reason", "")
        if not problem:
            reference = errors_of(answer, "reference")
            assert reference is not None
            score = ModelScore(reference, errors_of(answer, "wearer"))
            problem = score.problem()
        if problem:
            raise BundleError("REJECTED", f"model {bundle.name} is not used: {problem}")
        return score

    def stop(self) -> None:
        """End the trial in progress, and begin no other one."""
        with self._lock:
            self._stopped = True
            if self._child is not None:
                _kill(self._child)

    def _answer(self, request: bytes) -> dict[str, Any]:
        handle = os.memfd_create("ankle_trial")
        try:
            with os.fdopen(os.dup(handle), "wb") as file:
                file.write(request)
            os.lseek(handle, 0, os.SEEK_SET)
            child = self._start(handle)
        finally:
            os.close(handle)
        with child:
            try:
                lines = _lines(child)
            finally:
                with self._lock:
                    _kill(child)
                    self._child = None
        if self._stopped:
            raise _NoResultError("the node ends")
        if len(lines) < 2:
            raise _NoResultError(_reason(child.returncode, bool(lines)))
        answer: dict[str, Any] = json.loads(lines[1])
        return answer

    def _start(self, request: int) -> subprocess.Popen[bytes]:
        environment = os.environ | ONE_THREAD | {"PYTHONPATH": os.pathsep.join(sys.path)}
        with self._lock:
            if self._stopped:
                raise _NoResultError("the node ends")
            self._child = subprocess.Popen(
                [sys.executable, "-c", CHILD, str(os.getpid())],
                env=environment,
                stdin=request,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                start_new_session=True,  # a group of its own, to be killed with all that it starts
            )
            return self._child


class _NoResultError(Exception):
    """A trial without a result; the message says why."""


def _lines(child: subprocess.Popen[bytes]) -> list[bytes]:
    """Return the child's complete lines of output, until it has said everything or its time is over."""
    assert child.stdout is not None
    output, end = b"", time.monotonic() + START_TIME
    with selectors.DefaultSelector() as selector:
        selector.register(child.stdout, selectors.EVENT_READ)
        while output.count(b"\n") < 2 and len(output) < LARGEST_ANSWER:
            if not selector.select(max(0.0, end - time.monotonic())):
                kind = "its trial does not end" if output else "this computer is too busy to try it"
                raise _NoResultError(f"{kind} within {PATIENCE if output else START_TIME:.0f} s")
            part = os.read(child.stdout.fileno(), LARGEST_ANSWER)
            if not part:
                with suppress(subprocess.TimeoutExpired):  # it is killed then
                    child.wait(END_TIME)
                break
            if READY in part:
                end = time.monotonic() + PATIENCE
            output += part
    return output.split(b"\n")[:-1]


def _kill(child: subprocess.Popen[bytes]) -> None:
    """End the child and all that it started; a child that has ended keeps its status."""
    if child.poll() is None:
        os.killpg(child.pid, signal.SIGKILL)


def _reason(status: int, was_ready: bool) -> str:
    if not was_ready:
        return f"the process that tries models failed to start, with status {status}"
    if status == -signal.SIGXCPU:
        return f"it computed for more than {CPU_TIME} s when it was tried"
    if status < 0:
        name = signal.Signals(-status).name
        return f"it ended the process that tried it with {name}, or needs more than {MEMORY} MiB"
    return f"the process that tried it failed with status {status}"
