"""Trains one network on several devices: one process for each, which add up their gradients after every step.

The processes are on one machine. They end with the one that started them, and when one of them ends before its time,
so do the others: a network that lacks a part of its examples is no result.
"""

from __future__ import annotations

import json
import os
import pickle
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, SimpleQueue
from tempfile import TemporaryDirectory
from typing import IO, Any

from ankle_predictor.training.devices import VISIBLE, gpu_of
from ankle_predictor.training.learning import Job, Progress
from ankle_predictor.training.needs_tensorflow import NETWORK, NetworkError, imported

JOIN_LIMIT = 300.0  # s until all must have found each other; importing TensorFlow takes some on a busy machine
WHERE = "127.0.0.1"
ROOT = Path(__file__).resolve().parents[2]
CHILD = "ankle_predictor.training.joint_child"
LONGEST_REASON = 300  # characters of an error's last line
Line = dict[str, Any]
"""What a process says; empty when it has ended."""


def learn_together(job: Job, name: str, count: int, on_progress: Progress = lambda _stage, _share: None) -> None:
    """Train a network in several processes and write it, as ``learn`` and ``keep`` do in one.

    Args:
        job: what is to be learned.
        name: of the network.
        count: of processes.
        on_progress: called with the current stage and the share of it that is done.

    Raises:
        NetworkError: TensorFlow is not installed, or there are GPUs but too few, or a process is missing or has failed.
    """
    gpus = len(imported(NETWORK, "training").gpus())
    if 0 < gpus < count:
        raise NetworkError(
            f"--devices {count} needs {count} GPUs and there are {gpus}; give a smaller number, or set "
            f"{VISIBLE}=-1 for {count} processes on the CPU"
        )
    with ExitStack() as stack:
        scratch = Path(stack.enter_context(TemporaryDirectory(prefix="ankle_joint_")))
        said: SimpleQueue[tuple[int, Line]] = SimpleQueue()
        addresses = free_addresses(count)
        started = []
        for rank in range(count):
            cluster = {"cluster": {"worker": addresses}, "task": {"type": "worker", "index": rank}}
            own = {"TF_CONFIG": json.dumps(cluster), VISIBLE: gpu_of(rank, gpus, os.environ)}
            errors = stack.enter_context((scratch / f"{rank}.txt").open("w+b"))
            started.append(stack.enter_context(_process(own, errors)))
            threading.Thread(target=_listen, args=(rank, started[rank], said), daemon=True).start()
        for process in started:
            _give(process, job, name)
        _wait(_Gang(started, [scratch / f"{rank}.txt" for rank in range(count)], said), on_progress)


def free_addresses(count: int) -> list[str]:
    """Return addresses of this machine that are free now."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind((WHERE, 0))
        return [f"{WHERE}:{each.getsockname()[1]}" for each in sockets]


@dataclass(frozen=True, eq=False)
class _Gang:
    """The processes, where their errors are, and what they say."""

    processes: Sequence[subprocess.Popen[bytes]]
    errors: Sequence[Path]
    said: SimpleQueue[tuple[int, Line]]


def _wait(gang: _Gang, on_progress: Progress) -> None:
    """Wait for the result of all processes.

    Raises:
        NetworkError: one of them is missing or has failed.
    """
    count, begin = len(gang.processes), time.monotonic()
    missing, results = set(range(count)), dict[int, str]()
    while len(results) < count:
        left = max(0.0, begin + JOIN_LIMIT - time.monotonic()) if missing else None
        try:
            rank, line = gang.said.get(timeout=left)
        except Empty:
            first = min(missing) + 1
            raise NetworkError(
                f"worker {first} of the {count} that train one network did not join within {JOIN_LIMIT:.0f} s; start "
                "again, or give fewer --devices"
            ) from None
        missing.discard(rank)
        if "stage" in line and rank == 0:
            on_progress(line["stage"], line["share"])
        if "result" in line:
            results[rank] = line["result"]
        elif "refusal" in line or (not line and rank not in results):
            raise NetworkError(_failure(gang, rank, line.get("refusal", "")))
    if len(set(results.values())) > 1:
        raise NetworkError(
            f"the {count} workers of one network ended with different weights, which must not be: {results}"
        )


def _failure(gang: _Gang, rank: int, refusal: str) -> str:
    """Return why a process has no result; a traceback is printed as it is."""
    who = f"worker {rank + 1} of the {len(gang.processes)} that train one network"
    if refusal:
        return f"{who}: {refusal}"
    status = gang.processes[rank].wait()
    if status < 0:
        return f"{who} was ended by {signal.Signals(-status).name}, as for want of memory; start again"
    text = gang.errors[rank].read_text("utf-8", "replace").strip()
    print(text, file=sys.stderr)
    reason = text.splitlines()[-1][:LONGEST_REASON] if text else f"it ended with {status}"
    return f"{who} failed: {reason}"


@contextmanager
def _process(own: dict[str, str], errors: IO[bytes]) -> Iterator[subprocess.Popen[bytes]]:
    """Give a process that is ended at the end."""
    paths = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    process = subprocess.Popen(
        [sys.executable, "-m", CHILD],
        env=os.environ | {"PYTHONPATH": paths} | own,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=errors,
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def _give(process: subprocess.Popen[bytes], job: Job, name: str) -> None:
    """Send the job; standard input stays open, as the process ends when it is closed."""
    assert process.stdin is not None
    with suppress(BrokenPipeError):  # it has ended already, which is found by its output
        process.stdin.write(pickle.dumps((job, name)))
        process.stdin.flush()


def _listen(rank: int, process: subprocess.Popen[bytes], said: SimpleQueue[tuple[int, Line]]) -> None:
    assert process.stdout is not None
    for line in process.stdout:
        if line.endswith(b"\n"):  # else it was ended within the line
            said.put((rank, json.loads(line)))
    said.put((rank, {}))
