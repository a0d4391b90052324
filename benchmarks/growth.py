"""Measures how memory and time of ``train --epochs 1`` grow with the number of walks, workers and deaths of workers.

Every walk is of another simulated person. The walks are short, so that a thousand of them can be made on a small
computer; what grows with the length of a walk is its own rows, on disk. Features are made in every run: the cache of
a run is its own. Memory is the proportional set size (PSS) of all processes together, sampled, and of the largest one.

    scripts/run python benchmarks/growth.py --walks 5 50 --workers 1 2 --work growth_work --json growth.json
    scripts/run python benchmarks/growth.py --network --walks 5 50 500 1000 --work growth_work
    scripts/run python benchmarks/growth.py --walks 5 --workers 2 --kill --cluster --work growth_work
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import psutil
from rich.console import Console
from rich.table import Table

from ankle_imu_driver.recordings.rosbag_writer import write_bag
from ankle_imu_driver.simulator.varied_scenario import KINDS
from ankle_imu_driver.simulator.varied_walks import varied_recording
from ankle_predictor.training.feature_cache import stored_walk
from ankle_predictor.training.learning import learn
from ankle_predictor.training.settings import TrainSettings
from ankle_predictor.training.walk_source import SimulatedSource

ROOT = Path(__file__).resolve().parent.parent
FEW = 5  # people whose features one network's walks share
EVERY = 0.5  # s between two samples of memory
MIB = 2**20
ADDRESS = "tcp://127.0.0.1:18786"


@dataclass(frozen=True)
class Grown:
    """What one run took.

    Attributes:
        kind: what was done to it.
        walks: number of walks, each of another person.
        workers: processes; 0 for one process without Dask.
        seconds: wall time.
        cpu_seconds: of all processes that were still there when sampled.
        peak_mib: largest PSS of all processes together.
        largest_mib: largest PSS of any one process.
        onnx: first digits of the network's SHA-256: the same for the same walks, whatever ran them.
    """

    kind: str
    walks: int
    workers: int
    seconds: float
    cpu_seconds: float
    peak_mib: float
    largest_mib: float
    onnx: str


def make_walks(folder: Path, count: int, seconds: float) -> None:
    """Write the bags that are not there yet: person k does the k-th kind of movement."""
    for k in range(count):
        path = folder / f"person_{k:04d}"
        if not (path / "metadata.yaml").exists():
            shutil.rmtree(path, ignore_errors=True)
            write_bag(path, varied_recording(KINDS[k % len(KINDS)], 50_000 + k, seconds))


def list_of(folder: Path, count: int) -> Path:
    """Write a catalogue of the first ``count`` walks."""
    path = folder / f"first_{count}.csv"
    rows = [f"person_{k:04d},person {k}" for k in range(count)]
    path.write_text("\n".join(["path,person", *rows]) + "\n", "utf-8")
    return path


def measured(command: Sequence[str], on_sample: Callable[[psutil.Process], None]) -> tuple[float, float, float, float]:
    """Run a command; return wall and CPU seconds, and the peak PSS in MiB of all its processes and of the largest."""
    start, peak, largest, cpu = time.monotonic(), 0.0, 0.0, dict[int, float]()
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL) as running:
        parent = psutil.Process(running.pid)
        while running.poll() is None:
            sizes = []
            for process in _family(parent):
                try:
                    sizes.append(process.memory_full_info().pss / MIB)
                    cpu[process.pid] = sum(process.cpu_times()[:2])
                except (psutil.NoSuchProcess, psutil.AccessDenied, ProcessLookupError):
                    continue  # it has just ended
            peak, largest = max(peak, sum(sizes)), max([largest, *sizes])
            on_sample(parent)
            time.sleep(EVERY)
        if running.returncode:
            raise RuntimeError(f"{' '.join(command)} ended with {running.returncode}")
    return time.monotonic() - start, sum(cpu.values()), peak, largest


def _family(parent: psutil.Process) -> list[psutil.Process]:
    try:
        return [parent, *parent.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


class KillOnce:
    """Kills one worker with TensorFlow in it, once."""

    def __init__(self) -> None:
        self.killed = 0

    def __call__(self, parent: psutil.Process) -> None:
        """Kill the first worker that trains."""
        for process in [] if self.killed else _family(parent)[1:]:
            try:
                if any("tensorflow" in m.path for m in process.memory_maps()):
                    os.kill(process.pid, signal.SIGKILL)
                    self.killed = process.pid
                    return
            except (psutil.NoSuchProcess, psutil.AccessDenied, ProcessLookupError):
                continue


def learn_alone(work: Path, walks: int, seconds: float) -> Grown:
    """Train one network in a process of its own on the features of a few people, each taken several times.

    What training holds and does is the same as for as many different people; their features need not be made.
    """
    command = [sys.executable, __file__, "--child", str(walks), "--seconds", str(seconds), "--work", str(work)]
    done = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True)
    return Grown(**json.loads(done.stdout.splitlines()[-1]))


def child(work: Path, walks: int, seconds: float) -> Grown:
    """Train one network in this process; the memory is the largest resident set of the process."""
    settings, cache = TrainSettings(epochs=1), work / "cache"
    sources = [SimulatedSource(f"few_{k}", KINDS[k], 50_000 + k, seconds) for k in range(FEW)]
    few = [stored_walk(source, settings, cache) for source in sources]
    # A real walk's share of windows, not that of a simulated one among real ones.
    few = [replace(walk, about=replace(walk.about, stride=settings.stride)) for walk in few]
    start, cpu = time.monotonic(), time.process_time()
    bundle = learn([few[k % FEW] for k in range(walks)], settings)
    took, used = time.monotonic() - start, time.process_time() - cpu
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024.0
    digest = hashlib.sha256(bundle.onnx).hexdigest()[:12]
    return Grown("one network", walks, 0, took, used, peak, peak, digest)


@contextmanager
def two_hosts(work: Path) -> Iterator[list[str]]:
    """Give the options for a scheduler with two workers that were started by hand, each as on a host of its own."""
    python, processes = [sys.executable, "-m"], []
    env = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])}
    host = ["--host", "127.0.0.1"]
    commands = [["distributed.cli.dask_scheduler", *host, "--port", ADDRESS.rsplit(":", 1)[1], "--no-dashboard"]]
    for k in (1, 2):
        (work / f"host{k}").mkdir(parents=True, exist_ok=True)
        own = [
            "--nthreads",
            "1",
            "--name",
            f"host{k}",
            "--local-directory",
            str(work / f"host{k}"),
            "--memory-limit",
            "0",
        ]
        commands.append(["distributed.cli.dask_worker", ADDRESS, *host, *own, "--no-dashboard"])
    try:
        for command in commands:
            processes.append(subprocess.Popen([*python, *command], env=env, stderr=subprocess.DEVNULL))
        yield ["--scheduler", ADDRESS]
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.wait(30)


def grown(  # noqa: PLR0917 - each is another thing
    kind: str, work: Path, walks: int, workers: int, options: Sequence[str], on_sample: Callable[[Any], None]
) -> Grown:
    """Train on walks once, with a cache of its own, and return what it took."""
    run = work / f"{kind}_{walks}_{workers}".replace(" ", "_")
    shutil.rmtree(run, ignore_errors=True)
    command = [sys.executable, "-m", "ankle_predictor.training.train", "--epochs", "1", "--output", str(run / "grown")]
    command += ["--catalogue", str(list_of(work / "walks", walks)), "--cache", str(run / "cache"), *options]
    run.mkdir(parents=True)
    seconds, cpu, peak, largest = measured(command, on_sample)
    digest = hashlib.sha256((run / "grown" / "model.onnx").read_bytes()).hexdigest()[:12]
    shutil.rmtree(run / "cache")
    return Grown(kind, walks, workers, seconds, cpu, peak, largest, digest)


def show(found: Sequence[Grown]) -> None:
    """Print the runs as a table."""
    table = Table("run", "walks", "workers", "s", "CPU s", "peak MiB", "largest process MiB", "network")
    for run in found:
        figures = (f"{v:.0f}" for v in (run.seconds, run.cpu_seconds, run.peak_mib, run.largest_mib))
        table.add_row(run.kind, str(run.walks), str(run.workers), *figures, run.onnx)
    Console().print(table)


def main() -> int:
    """Run what was asked for, and write the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--walks", type=int, nargs="+", default=[5, 50], metavar="N")
    parser.add_argument("--workers", type=int, nargs="+", default=[0, 1, 2], metavar="N")
    parser.add_argument("--seconds", type=float, default=15.0, help="of each walk, 5 of them standing")
    parser.add_argument("--network", action="store_true", help="only train one network, on features made once")
    parser.add_argument("--child", type=int, metavar="N", help=argparse.SUPPRESS)
    parser.add_argument("--kill", action="store_true", help="also kill a worker in the middle")
    parser.add_argument("--cluster", action="store_true", help="also use a scheduler with two workers started by hand")
    parser.add_argument("--work", type=Path, default=Path("growth_work"), metavar="DIR")
    parser.add_argument("--json", type=Path, metavar="FILE")
    options = parser.parse_args()
    work, found = options.work.absolute(), []
    if options.child:
        print(json.dumps(asdict(child(work, options.child, options.seconds))))
        return 0
    if options.network:
        found = [learn_alone(work, walks, options.seconds) for walks in options.walks]
        show(found)
        if options.json:
            options.json.write_text(json.dumps([asdict(run) for run in found], indent=2) + "\n", "utf-8")
        return 0
    make_walks(work / "walks", max(options.walks), options.seconds)

    def nothing(_parent: Any) -> None:
        pass

    for walks in options.walks:
        for workers in options.workers:
            found.append(grown("local", work, walks, workers, ["--workers", str(workers)], nothing))
            show(found)
    if options.kill:
        killer = KillOnce()
        found.append(grown("a worker killed", work, min(options.walks), 2, ["--workers", "2"], killer))
        if not killer.killed:
            raise RuntimeError("no worker was killed: none was seen with TensorFlow")
    if options.cluster:
        with two_hosts(work) as scheduler:
            found.append(grown("own scheduler", work, min(options.walks), 2, scheduler, nothing))
    show(found)
    if options.json:
        options.json.write_text(json.dumps([asdict(run) for run in found], indent=2) + "\n", "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
