"""Runs the cases of a fuzzer in a process of its own, and judges time, memory and how each ends."""

from __future__ import annotations

import multiprocessing
import shutil
import tempfile
import time
import traceback
from collections.abc import Iterable, Iterator
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from pathlib import Path
from random import Random
from typing import NamedTuple

import psutil

from ankle_imu_driver.refusal import Refusal
from benchmarks.fuzz_kind import Kind

MOST_SECONDS = 5.0  # of CPU time in one case, so that a busy computer makes no fault
MOST_WAIT = 60.0  # s of real time in one case: it waits for something that does not come
MOST_MEGABYTES = 500.0  # of resident memory, the whole process
LONGEST_SENTENCE = 600  # characters
START = 120.0  # s for the process to be ready
LOOK = 0.25  # s
READ, REFUSED, TRACEBACK, HANG, MEMORY, ENDED, SENTENCE = (
    "read", "refused", "traceback", "hang", "memory", "ended", "sentence",
)  # fmt: skip
FAULTS = (TRACEBACK, HANG, MEMORY, ENDED, SENTENCE)


class Outcome(NamedTuple):
    """How one case ended.

    Attributes:
        kind: the fuzzer's name.
        case: its number; the same number is the same case in every run.
        verdict: ``read``, ``refused``, or one of ``FAULTS``.
        seconds: CPU time of reading, in s.
        megabytes: peak of the resident memory, in MB.
        text: the sentence of a refusal, or the last lines of a traceback.
    """

    kind: str
    case: int
    verdict: str
    seconds: float
    megabytes: float
    text: str


def run(kind: Kind, cases: Iterable[int]) -> Iterator[Outcome]:
    """Run the cases one after the other; a case that ends or hangs the process costs only itself."""
    worker: _Worker | None = None
    try:
        for case in cases:
            worker = worker or _Worker(kind)
            outcome = worker.run(case)
            yield outcome
            if outcome.verdict in (HANG, ENDED, MEMORY):
                worker.end()
                worker = None
    finally:
        if worker is not None:
            worker.end()


class _Worker:
    """The process that reads."""

    def __init__(self, kind: Kind) -> None:
        context = multiprocessing.get_context("spawn")
        self._kind = kind
        self._ours, theirs = context.Pipe()
        self._process: SpawnProcess = context.Process(target=_work, args=(kind, theirs), daemon=True)
        self._process.start()
        theirs.close()
        if not self._ours.poll(START) or self._ours.recv() != "ready":
            raise RuntimeError(f"the process of the fuzzer {kind.name} does not start")

    def run(self, case: int) -> Outcome:
        self._ours.send(case)
        process, began, used = psutil.Process(self._process.pid), time.monotonic(), 0.0
        start: float | None = None
        try:
            while not self._ours.poll(LOOK):
                now = sum(process.cpu_times()[:2])
                start = now if start is None else start
                used = now - start
                if used > 2 * MOST_SECONDS or time.monotonic() - began > MOST_WAIT:
                    return Outcome(self._kind.name, case, HANG, used, 0.0, "")
            verdict, seconds, megabytes, text = self._ours.recv()
        except (EOFError, OSError, psutil.Error):
            return Outcome(self._kind.name, case, ENDED, used, 0.0, f"exit code {self._process.exitcode}")
        if verdict in (READ, REFUSED):
            verdict = HANG if seconds > MOST_SECONDS else MEMORY if megabytes > MOST_MEGABYTES else verdict
        return Outcome(self._kind.name, case, verdict, seconds, megabytes, text)

    def end(self) -> None:
        self._process.kill()
        self._process.join()
        self._ours.close()


def _work(kind: Kind, channel: Connection) -> None:
    """Answer each case's number with how it ended, until the other end is closed."""
    kind.ready()
    channel.send("ready")
    while True:
        try:
            case = channel.recv()
        except EOFError:
            return
        with tempfile.TemporaryDirectory(prefix="fuzz_") as scratch:
            folder = Path(scratch, "case")
            folder.mkdir()
            path = kind.make(Random(f"{kind.name} {case}"), folder)
            channel.send(_judged(kind, path))
            shutil.rmtree(folder, ignore_errors=True)


def _judged(kind: Kind, path: Path) -> tuple[str, float, float, str]:
    _forget_peak()
    began = time.process_time()
    try:
        kind.read(path)
        verdict, text = READ, ""
    except Refusal as refusal:
        text = str(refusal)
        verdict = REFUSED if 0 < len(text) <= LONGEST_SENTENCE and "\n" not in text else SENTENCE
    except Exception:  # noqa: BLE001 - it is what is looked for
        verdict, text = TRACEBACK, "\n".join(traceback.format_exc().splitlines()[-6:])
    return verdict, time.process_time() - began, _peak(), text


def _forget_peak() -> None:
    Path("/proc/self/clear_refs").write_text("5")  # proc(5): the peak starts from the present size


def _peak() -> float:
    """Return the peak of the resident memory in MB."""
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text("utf-8").splitlines())
    return int(status["VmHWM"].split()[0]) * 1024 / 1e6
