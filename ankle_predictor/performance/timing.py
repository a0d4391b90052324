"""Times a computation as a live node runs it: one run a sample period, and idle in between."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

SAMPLE_PERIOD = 10.0  # ms at 100 Hz

Progress = Callable[[float], object]
"""Told by how many seconds a measurement went on."""


def timed(
    run: Callable[[], object],
    seconds: float,
    progress: Progress,
    *,
    warm_up: int = 20,
    pause: bool = True,
    beforehand: Callable[[], object] = lambda: None,
    afterwards: Callable[[], object] | None = None,
) -> dict[str, float]:
    """Run something every 10 ms, or as soon after as it can, and return what ``figures_of`` says.

    Without ``pause`` it runs without a break, which is faster: the processor's caches and clock stay warm.
    Both times are taken: what the clock on the wall says, which other programs lengthen, and what this process
    spent on the CPU, which they hardly do. What is done ``beforehand``, each time, is not counted; what is done
    ``afterwards`` is told apart.
    """
    for _ in range(warm_up):
        beforehand()
        run()
    later: list[float] = []
    wall: list[float] = []
    cpu: list[float] = []
    start = reported = time.perf_counter()
    while (now := time.perf_counter()) - start < seconds or not wall:
        beforehand()
        begun, cpu_before = time.perf_counter(), time.process_time()
        run()
        cpu.append(time.process_time() - cpu_before)
        took = time.perf_counter() - begun
        wall.append(took)
        if afterwards is not None:
            afterwards()
            later.append(time.perf_counter() - begun - took)
        if pause:
            time.sleep(max(0.0, SAMPLE_PERIOD / 1e3 - (time.perf_counter() - now)))
        if now - reported > 0.2:
            progress(now - reported)
            reported = now
    return figures_of(wall, cpu, later)


def figures_of(wall: list[float], cpu: list[float], later: Sequence[float] = ()) -> dict[str, float]:
    """Sum up times in s: medians and 99th percentiles in ms, and how many times faster than 100 Hz all of that is."""
    figures: dict[str, float] = {"runs": len(wall)}
    for name, times in (("", wall), ("cpu_", cpu)):
        p50, p99 = np.percentile(np.array(times) * 1e3, (50, 99)).tolist()
        figures |= {f"{name}median_ms": p50, f"{name}p99_ms": p99}
    afterwards = float(np.mean(later)) * 1e3 if later else 0.0
    factor = SAMPLE_PERIOD / (figures["median_ms"] + afterwards)
    return figures | {"afterwards_mean_ms": afterwards, "real_time_factor": factor}


@contextmanager
def on_one_core() -> Iterator[None]:
    """Keep this process on one core of those that it has (Linux; elsewhere nothing happens)."""
    system: Any = os
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    allowed = system.sched_getaffinity(0)
    system.sched_setaffinity(0, {max(allowed)})
    try:
        yield
    finally:
        system.sched_setaffinity(0, allowed)
