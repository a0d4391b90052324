"""Times a computation as a live node runs it: once per sample period, and idle in between."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

SAMPLE_PERIOD = 10.0  # ms at 100 Hz

Progress = Callable[[float], object]
"""Called with the seconds of measurement since the last call."""


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
    """Run something every 10 ms, or as soon after as possible, and time it.

    Wall time and CPU time of this process are both measured: other programs lengthen the first and hardly the second.

    Args:
        run: the computation.
        seconds: of the whole measurement.
        progress: called several times a second.
        warm_up: number of runs before the measurement.
        pause: False to run without breaks, which is faster, as the processor's caches and clock stay warm.
        beforehand: called before each run, not timed.
        afterwards: called after each run, timed separately.

    Returns:
        See ``figures_of``.
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
    """Summarise times in s.

    Args:
        wall: wall time of each run.
        cpu: CPU time of each run.
        later: wall time of what was called after each run.

    Returns:
        Medians and 99th percentiles in ms, and the real-time factor: how many times faster than 100 Hz a run with what
        comes after it is.
    """
    figures: dict[str, float] = {"runs": len(wall)}
    for name, times in (("", wall), ("cpu_", cpu)):
        p50, p99 = np.percentile(np.array(times) * 1e3, (50, 99)).tolist()
        figures |= {f"{name}median_ms": p50, f"{name}p99_ms": p99}
    afterwards = float(np.mean(later)) * 1e3 if later else 0.0
    factor = SAMPLE_PERIOD / (figures["median_ms"] + afterwards)
    return figures | {"afterwards_mean_ms": afterwards, "real_time_factor": factor}


@contextmanager
def on_one_core() -> Iterator[None]:
    """Keep this process on one of its cores (Linux only; elsewhere this does nothing)."""
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
