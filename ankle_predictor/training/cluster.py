"""Runs tasks on Dask: on a cluster of this machine's cores, or on one that exists.

Dask starts a task anew whose worker has died. A result is the same wherever it was computed, because tasks depend on
their arguments only and give each other folders, not memory.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from argparse import ArgumentParser
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from ankle_imu_driver.refusal import Refusal
from ankle_predictor.training.tasks import Report, Task, ThisProcess, Workers
from ankle_predictor.training.walk_source import code_digest

WORKER_WAIT = 60.0  # s until the first worker of an existing scheduler must be there
IN_THIS_PROCESS = 0
WHERE = "127.0.0.1"


class WorkersError(Refusal):
    """Workers that cannot be used; the message says what to do."""


def add_worker_options(parser: ArgumentParser) -> None:
    """Add ``--workers`` and ``--scheduler`` to a command."""
    chosen = parser.add_mutually_exclusive_group()
    chosen.add_argument(
        "--workers",
        type=int,
        default=None,
        metavar="N",
        help="processes on this machine, by Dask (default: its cores); 0: this process alone, without Dask",
    )
    chosen.add_argument(
        "--scheduler", metavar="ADDRESS", help="an existing Dask scheduler, such as tcp://host:8786 (docs/scale.md)"
    )


@contextmanager
def workers_for(scheduler: str | None, count: int | None, shared: Sequence[Path] = ()) -> Iterator[Workers]:
    """Give the workers that a user asked for, and end those that were started here.

    Args:
        scheduler: address of an existing scheduler; None to start processes here.
        count: of processes to start; None for the cores of this machine, 0 for this process alone.
        shared: folders that every worker must reach under the same path.

    Raises:
        WorkersError: Dask is not installed, or the scheduler cannot be reached, has no worker, or one that does not see
            the folders.
    """
    if scheduler is None and count == IN_THIS_PROCESS:
        yield ThisProcess()
        return
    if count is not None and count < 0:
        raise WorkersError(f"--workers must be 0 or more, not {count}")
    distributed = _distributed()
    if scheduler is None:
        with _local_cluster(distributed, count or _cores()) as cluster, distributed.Client(cluster) as client:
            yield DaskWorkers(client)
        return
    with _client_of(distributed, scheduler) as client:
        _check_folders(client, shared)
        yield DaskWorkers(client)


class DaskWorkers:
    """Runs tasks on the workers of a Dask client."""

    def __init__(self, client: Any) -> None:
        """Use a ``distributed.Client``."""
        self._client = client

    def run(self, tasks: Sequence[Task], stage: str, on_progress: Report) -> list[Any]:
        """Run tasks; the first one that fails ends the others.

        Raises:
            WorkersError: a task has ended several workers, or a worker has other code than this process.
            Exception: what the first task that failed raised.
        """
        distributed, code = _distributed(), code_digest()
        futures = {
            self._client.submit(run_task, task.call, task.arguments, code, key=f"{stage}-{k}-{os.urandom(8).hex()}"): k
            for k, task in enumerate(tasks)
        }
        results: list[Any] = [None] * len(tasks)
        on_progress(stage, 0.0)
        try:
            for done, future in enumerate(distributed.as_completed(list(futures)), 1):
                task = futures[future]
                results[task] = future.result()
                future.release()  # the scheduler need not keep what is here
                on_progress(f"{stage}: {tasks[task].name}", done / len(tasks))
        except distributed.KilledWorker as error:
            raise WorkersError(
                f"a task of '{stage}' ended {error.allowed_failures + 1} worker(s) one after the other, as for want "
                "of memory; give them more, or start fewer with --workers"
            ) from error
        finally:
            self._client.cancel([future for future in futures if not future.done()])
        return results


def run_task(call: Callable[..., Any], arguments: tuple[Any, ...], code: str) -> Any:
    """Run a task on a worker.

    Raises:
        WorkersError: the worker has other code than the process that asks.
    """
    if _own_code() != code:
        raise WorkersError("a worker runs another version of ankle_predictor; install the same on all machines")
    return call(*arguments)


_own_code = cache(code_digest)


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _distributed() -> Any:
    try:
        import distributed  # noqa: PLC0415 - not needed with --workers 0
    except ImportError as error:
        raise WorkersError(
            f"several processes need {error.name}, which is not installed: pip install -r requirements-train.txt, or "
            "give --workers 0"
        ) from error
    return distributed


@contextmanager
def _local_cluster(distributed: Any, count: int) -> Iterator[Any]:
    """Start worker processes of one thread each that only this machine can reach."""
    scratch = tempfile.mkdtemp(prefix="ankle_dask_")
    try:
        with distributed.LocalCluster(
            n_workers=count,
            threads_per_worker=1,
            processes=True,
            host=WHERE,
            dashboard_address=f"{WHERE}:0",  # a port of its own that only this machine reaches
            local_directory=scratch,
            memory_limit=None,  # TensorFlow's memory is not Dask's to judge; what tasks hold does not grow
            silence_logs=40,
        ) as cluster:
            yield cluster
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


@contextmanager
def _client_of(distributed: Any, scheduler: str) -> Iterator[Any]:
    try:
        client = distributed.Client(scheduler, timeout=WORKER_WAIT)
    except (OSError, TimeoutError, ValueError) as error:
        raise WorkersError(f"there is no Dask scheduler at {scheduler}: {error}; start one (docs/scale.md)") from error
    with client:
        try:
            client.wait_for_workers(1, timeout=WORKER_WAIT)
        except TimeoutError as error:
            raise WorkersError(f"the Dask scheduler at {scheduler} has no worker; start one (docs/scale.md)") from error
        yield client


def _check_folders(client: Any, folders: Sequence[Path]) -> None:
    """Refuse workers that do not see what is written here."""
    for folder in folders:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=folder, prefix=".seen_by_") as probe:
            blind = [worker for worker, sees in client.run(os.path.exists, probe.name).items() if not sees]
        if blind:
            raise WorkersError(
                f"the worker at {blind[0]} does not see {folder}; give a folder that all machines share (--cache)"
            )
