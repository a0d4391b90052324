"""Counts missing forecasts at 100 Hz with model swaps, silences and clock steps, and with --faults much more.

Run: scripts/run python benchmarks/soak.py [--faults] [--minutes 10] [--seed 1] [--json FILE] [--write PAGE]

Both nodes are processes of their own, on a ROS domain of their own. This program takes the place of the driver: it
sends a simulated walk sample by sample, with disturbances drawn from the seed, and records which forecasts come back. A
forecast is expected for each pair whose window of 2 s contains no gap over 100 ms and no jump. Each one that is not
made must have its reason: in ``forecast_detail``, or, where a message was lost, in diagnostics.
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np
import rclpy

from ankle_imu_driver.refusal import Refusal
from ankle_predictor.command_line import run_command, write_json
from ankle_predictor.model.bundle import load_bundle, model_directories, write_bundle
from ankle_predictor.nodes.child_process import NodesProcess, private_environment
from ankle_predictor.performance.arrangements import NODES, main_of
from ankle_predictor.performance.played_walk import simulated_walk, write_walk
from ankle_predictor.performance.process_stats import read_cpu_time, read_stats
from ankle_predictor.performance.results_page import ResultsPage
from benchmarks.soak_faults import ALWAYS, FAULTS, Upsets, counted, disturbances, write_hostile
from benchmarks.soak_input import SoakInput
from benchmarks.soak_ledger import Ledger
from benchmarks.soak_report import memory_growth, table

PERIOD = 10_000_000  # ns
MODELS = ("first", "second")
TESTED = ("orientation_filter", "predictor")
SWAP_PERIOD = 2.0  # s
SWAP_PERIOD_WITH_FAULTS = 10.0  # s; every trial of a model costs half a second of CPU time
MEMORY_PERIOD = 2.0  # s
START_PATIENCE = 60.0  # s
LOAD_PATIENCE = 60.0  # s, for the answer to the last swap
MARKS, FAULT_MARKS = "soak", "soak_faults"


def soak(seconds: float, seed: int, folder: Path, *, faults: bool = False) -> dict[str, Any]:
    """Run the nodes with the disturbances of a seed, and return all figures; ``folder`` takes the nodes' files.

    With ``faults`` there are all kinds of ``benchmarks/soak_faults.py``, otherwise silences and clock steps.

    Raises:
        Refusal: a node does not start, or ends.
    """
    base = load_bundle("base", model_directories())
    for name in MODELS:
        manifest = dataclasses.replace(base.manifest, name=name, files={})
        write_bundle(folder / "models" / name, manifest, base.onnx, base.keras)
    hostile = write_hostile(folder / "models") if faults else []
    walk = simulated_walk()
    _, calibration = write_walk(walk, folder)
    environment = private_environment(os.environ)
    os.environ.clear()
    os.environ.update(environment)
    parameters = {
        "orientation_filter:calibration_file": str(calibration),
        "orientation_filter:calibration_save": "",
        "predictor:models_dir": str(folder / "models"),
        "predictor:model": MODELS[0],
        "predictor:encoder.role": "input",
    }
    rclpy.init(args=[])
    with ExitStack() as stack:
        stack.callback(rclpy.try_shutdown)
        processes = {
            name: stack.enter_context(
                NodesProcess(parameters, environment, folder / f"{name}.txt", main_of(NODES[name]))
            )
            for name in TESTED
        }
        walker = SoakInput(walk, Ledger(base.manifest.features), MODELS)
        _wait_until_ready(walker, processes)
        script = disturbances(seconds, seed, FAULTS if faults else ALWAYS)
        upsets = Upsets(walker, script, processes["predictor"].pid, hostile)
        stack.callback(upsets.close)
        before = read_cpu_time()
        memory = play(walker, upsets, seconds, processes, SWAP_PERIOD_WITH_FAULTS if faults else SWAP_PERIOD)
        steal = read_cpu_time().steal_percent_since(before)
        walker.finish(LOAD_PATIENCE)
        walker.close()
    return {
        "minutes": seconds / 60.0,
        "seed": seed,
        "upsets": counted(script),
        "script": script,
        "swaps": dict(walker.swaps),
        "answers": dict(walker.answers),
        "judged": walker.truth.judged,
        "wrong": len(walker.truth.wrong),
        "wrong_after": dict(Counter(after for after, *_ in walker.truth.wrong).most_common()),
        "wrong_at": walker.truth.wrong,
        "load_average": os.getloadavg()[0],
        "longest_load_s": max(walker.load_times, default=None),
        "latency_ms": _latencies(walker.latencies),
        "stolen_percent": steal,
        "memory": {name: memory_growth(samples) | {"samples": samples} for name, samples in memory.items()},
        **walker.ledger.summary(),
    }


def _wait_until_ready(walker: SoakInput, processes: Mapping[str, NodesProcess]) -> None:
    end = time.monotonic() + START_PATIENCE
    while not walker.ready:
        walker.receive_until(time.monotonic() + 0.1)
        if time.monotonic() > end:
            output = [process.last_words() for process in processes.values()]
            raise Refusal(f"the nodes did not start within {START_PATIENCE:.0f} s: {output}")
    walker.receive_until(time.monotonic() + 0.5)


def play(
    walker: SoakInput, upsets: Upsets, seconds: float, processes: Mapping[str, NodesProcess], swap_period: float
) -> dict[str, list[tuple[float, float]]]:
    """Send everything on time; returns (s, resident MB) of each process every two seconds.

    Raises:
        Refusal: a process has ended.
    """
    memory: dict[str, list[tuple[float, float]]] = {name: [] for name in processes}
    start, epoch = time.monotonic(), time.time_ns()
    swap_at, memory_at = swap_period, 0.0
    for k in range(round(seconds * 1e9 / PERIOD)):
        now = k * PERIOD / 1e9
        walker.receive_until(start + now)
        upsets.send(k, now, epoch + k * PERIOD)
        if now >= swap_at:
            walker.swap()
            swap_at += swap_period
        if now >= memory_at:
            memory_at += MEMORY_PERIOD
            for name, process in processes.items():
                if process.status is not None:
                    raise Refusal(f"{name} ended with status {process.status}: {process.last_words()}")
                memory[name].append((now, read_stats(process.pid).resident))
    return memory


def _latencies(seconds: Sequence[float]) -> dict[str, float | None]:
    values = np.percentile(np.array(seconds) * 1e3, (50, 99, 100)).tolist() if seconds else [None] * 3
    return dict(zip(("median", "p99", "worst"), values, strict=True))


def main() -> int:
    """Run the soak and print its table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--faults", action="store_true", help="all kinds of faults, not only silences and clock steps")
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures there")
    parser.add_argument("--write", type=Path, metavar="PAGE", help="put the table into docs/performance.md")
    options = parser.parse_args()

    def work() -> None:
        page = None if options.write is None else ResultsPage(options.write, FAULT_MARKS if options.faults else MARKS)
        with tempfile.TemporaryDirectory() as scratch:
            figures = soak(60.0 * options.minutes, options.seed, Path(scratch), faults=options.faults)
        print(table(figures))
        if options.json is not None:
            write_json(options.json, figures)
        if page is not None:
            page.write(table(figures))

    return run_command(work)


if __name__ == "__main__":
    sys.exit(main())
