"""Tasks give the same results wherever they run; a worker that dies costs its task and nothing else."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from rigs.task_calls import die, refuse, times, times_but_die_first

from ankle_imu_driver.refusal import Refusal
from ankle_predictor.training import cluster
from ankle_predictor.training.cluster import WorkersError, run_task, workers_for
from ankle_predictor.training.tasks import Task, ThisProcess, Workers

distributed = pytest.importorskip("distributed", reason="distributed (requirements-train.txt) is not installed")


def quiet(_stage: str, _share: float) -> None:
    pass


@pytest.fixture(scope="module")
def local() -> Iterator[Workers]:
    with workers_for(None, 2) as workers:
        yield workers


def test_results_are_in_the_order_of_the_tasks_and_progress_reaches_its_end(local: Workers) -> None:
    tasks = [Task(f"number {k}", times, (k, 3)) for k in range(20)]
    shares: list[float] = []
    found = local.run(tasks, "counting", lambda _stage, share: shares.append(share))
    assert found == ThisProcess().run(tasks, "counting", quiet) == [3 * k for k in range(20)]
    assert shares == sorted(shares)
    assert shares[-1] == 1.0


def test_a_dead_worker_costs_its_task_only(local: Workers, tmp_path: Path) -> None:
    tasks = [Task(f"number {k}", times, (k, 3)) for k in range(10)]
    tasks[4] = Task("dies first", times_but_die_first, (4, 3, str(tmp_path / "died")))
    assert local.run(tasks, "counting", quiet) == [3 * k for k in range(10)]
    assert (tmp_path / "died").exists()


def test_what_a_task_refuses_is_refused_here(local: Workers) -> None:
    with pytest.raises(Refusal, match="no such walk"):
        local.run([Task("a", times, (1, 1)), Task("b", refuse, ("no such walk",))], "reading", quiet)
    assert local.run([Task("a", times, (1, 1))], "reading", quiet) == [1]


def test_an_existing_scheduler_is_used_and_left_running(tmp_path: Path) -> None:
    import dask  # noqa: PLC0415

    with (
        dask.config.set({"distributed.scheduler.allowed-failures": 0}),
        distributed.LocalCluster(
            n_workers=1, threads_per_worker=1, dashboard_address="127.0.0.1:0", silence_logs=50
        ) as existing,
    ):
        with workers_for(existing.scheduler_address, None, [tmp_path / "cache"]) as workers:
            assert workers.run([Task("a", times, (2, 3))], "counting", quiet) == [6]
        with distributed.Client(existing) as client:
            assert client.submit(times, 5, 5).result() == 25
        with (
            workers_for(existing.scheduler_address, None) as workers,
            pytest.raises(WorkersError, match="ended 1 worker"),
        ):
            workers.run([Task("a", die, ())], "training", quiet)


def test_what_cannot_be_used_is_refused_with_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "WORKER_WAIT", 0.5)
    for address in ("tcp://127.0.0.1:1", "nonsense://x"):
        with pytest.raises(WorkersError, match="no Dask scheduler at"), workers_for(address, None):
            pass
    with pytest.raises(WorkersError, match="0 or more, not -1"), workers_for(None, -1):
        pass
    with pytest.raises(WorkersError, match="another version"):
        run_task(times, (1, 2), "other code")
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(WorkersError, match="requirements-train"), workers_for(None, 1):
        pass
    with workers_for(None, 0) as workers:
        assert isinstance(workers, ThisProcess)
