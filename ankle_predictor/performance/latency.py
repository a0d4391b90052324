"""Latency, start time, memory and CPU share of a chain of real processes, measured by one listener."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np

from ankle_imu_driver.arrays import BoolArray, FloatArray
from ankle_predictor.nodes.child_process import NodesProcess
from ankle_predictor.performance.arrangements import Arrangement
from ankle_predictor.performance.chain_listener import ChainListener, listening
from ankle_predictor.performance.process_stats import ProcessStats, read_cpu_time, read_stats
from ankle_predictor.performance.timing import Progress

START_PATIENCE = 60.0  # s
SETTLING = 1.0  # s between the first forecast and the measurement: the other processes still start up
SLICE = 0.25  # s of each check for CPU steal
FEWEST = 10  # forecasts in a measurement at least
FEWEST_UNDISTURBED = 300  # forecasts without CPU steal, below which their 99th percentile is left out
RATE = 100.0  # Hz

Spans = Sequence[tuple[int, int]]
"""Begin and end of each, in ns."""


def measure_chain(
    arrangement: Arrangement, environment: Mapping[str, str], folder: Path, seconds: float, progress: Progress
) -> dict[str, Any]:
    """Start the processes, listen for some seconds, and end the processes.

    Args:
        arrangement: the processes.
        environment: of the processes, on a ROS domain that nobody else uses; this process must have the same.
        folder: takes the output of the processes.
        seconds: of listening, from one second after the first forecast on.
        progress: called as the measurement goes on.

    Raises:
        ChainError: a process ends, or hardly any forecast comes.
    """
    processes: dict[str, NodesProcess] = {}
    with listening(processes, arrangement.namespace) as listener, ExitStack() as stack:
        started = time.time_ns()
        for name, command in arrangement.commands.items():
            process = NodesProcess(arrangement.parameters, environment, folder / f"{name}.txt", command)
            processes[name] = stack.enter_context(process)
        listener.wait(lambda: bool(listener.arrivals), START_PATIENCE)
        first = listener.arrivals[0]
        listener.listen(SETTLING)
        listener.clear()
        cpu_before, before = read_cpu_time(), _stats(processes)
        begun = time.monotonic()
        undisturbed = _listen(listener, seconds, progress)
        # A busy computer may make few forecasts, and percentiles need some.
        listener.wait(lambda: len(listener.arrivals) >= FEWEST, START_PATIENCE)
        after, took = _stats(processes), time.monotonic() - begun
        return {
            **_latencies(listener, took, undisturbed),
            "stolen_percent": read_cpu_time().steal_percent_since(cpu_before),
            "start_to_first_forecast_s": (first.time - started) / 1e9,
            **_shares(before, after, took),
        }


def _listen(listener: ChainListener, seconds: float, progress: Progress) -> Spans:
    """Listen for some seconds; returns the slices without CPU steal."""
    undisturbed: list[tuple[int, int]] = []
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        since, steal = time.time_ns(), read_cpu_time().steal
        listener.listen(min(SLICE, left))
        if read_cpu_time().steal == steal:
            undisturbed.append((since, time.time_ns()))
        progress(min(SLICE, left))
    return undisturbed


def _stats(processes: Mapping[str, NodesProcess]) -> dict[str, ProcessStats]:
    return {name: read_stats(process.pid) for name, process in processes.items()}


def _shares(before: Mapping[str, ProcessStats], after: Mapping[str, ProcessStats], took: float) -> dict[str, Any]:
    """Return memory in MB and CPU share in cores of each process and of all together."""
    processes = {
        name: {
            "resident_mb": stats.resident,
            "proportional_mb": stats.proportional,
            "cpu_share": (stats.cpu - before[name].cpu) / took,
        }
        for name, stats in after.items()
    }
    sums = {
        key: sum(process[key] for process in processes.values())
        for key in ("resident_mb", "proportional_mb", "cpu_share")
    }
    return {"processes": processes, **sums}


def within(times: FloatArray, spans: Spans) -> BoolArray:
    """Return which of (N,) times in s lie in one of some spans."""
    inside = np.zeros(len(times), bool)
    for since, until in spans:
        inside |= (times >= since / 1e9) & (times < until / 1e9)
    return inside


def _latencies(listener: ChainListener, took: float, undisturbed: Spans) -> dict[str, Any]:
    published, age = listener.input_ages().T
    age_undisturbed = age[within(published, undisturbed)]
    times = {
        "published": age * 1e3,
        "published_undisturbed": age_undisturbed * 1e3 if len(age_undisturbed) >= FEWEST_UNDISTURBED else np.array([]),
        "received": np.array([arrival.time - arrival.stamp for arrival in listener.arrivals]) / 1e6,
    }
    ticks = np.median(listener.ticks, axis=0).tolist() if listener.ticks else (None, None)
    figures: dict[str, Any] = {
        "forecasts": len(listener.arrivals),
        "expected": round(took * RATE),
        "undisturbed": len(age_undisturbed),
        "tick_median_ms": ticks[0],
        "tick_longest_ms": ticks[1],
    }
    for name, values in times.items():
        p50, p99 = np.percentile(values, (50, 99)).tolist() if len(values) else (None, None)
        figures |= {f"{name}_p50_ms": p50, f"{name}_p99_ms": p99}
    return figures
