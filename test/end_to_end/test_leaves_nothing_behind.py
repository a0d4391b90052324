"""After a clean end nothing of a node is left: not in the ROS graph, and not in shared memory."""

from __future__ import annotations

import gc
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from rigs.node_bench import LOCAL, Bench, bench

CODE = "import sys; from {} import main; sys.exit(main())"
# Where Fast DDS lays a participant's messages. The small files of its ports are shared with whoever sends there.
SEGMENT = re.compile(r"/dev/shm/(?:fastdds|fastrtps)_[0-9a-f]{16}$", re.MULTILINE)
BRIEF = 5.0  # s; a node that goes without a word stays in the graph for the lease of 20 s
PROGRAMS = {
    "ankle_imu_driver.driver_node": {"imu_driver"},
    "ankle_predictor.nodes.filter_node": {"orientation_filter"},
    "ankle_predictor.nodes.predictor_node": {"predictor"},
    "ankle_predictor.nodes.bringup": {"imu_driver", "orientation_filter", "predictor"},
}


@pytest.fixture
def table() -> Iterator[Bench]:
    gc.collect()  # nodes of earlier tests in this process that nothing uses any more
    with bench() as made:
        yield made


def names(table: Bench) -> set[str]:
    return set(table.listener.get_node_names()) - {"listener"}


def segments(pid: int) -> set[Path]:
    """The shared memory that a process has mapped for its messages, its own and that of others."""
    return {Path(match[0]) for match in SEGMENT.finditer(Path(f"/proc/{pid}/maps").read_text())}


@contextmanager
def running(program: str, home: Path) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(
        [sys.executable, "-c", CODE.format(program), "--ros-args", "-p", "source:=simulator"],
        env={**os.environ, **LOCAL, "HOME": str(home)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


CASES = [*((program, signal.SIGINT) for program in PROGRAMS), ("ankle_predictor.nodes.bringup", signal.SIGTERM)]


@pytest.mark.parametrize(("program", "how"), CASES)
def test_a_clean_end_leaves_nothing_behind(table: Bench, tmp_path: Path, program: str, how: signal.Signals) -> None:
    ours = segments(os.getpid())
    with running(program, tmp_path) as process:
        table.until(lambda: names(table) == PROGRAMS[program])
        table.spin(0.5)  # so that its end is not its start
        theirs = segments(process.pid) - ours
        process.send_signal(how)
        assert process.wait(30) == 0
    end = time.monotonic() + BRIEF
    while names(table):
        assert time.monotonic() < end, f"still in the graph {BRIEF:g} s after the end: {names(table)}"
        table.spin(0.05)
    if not theirs:
        pytest.skip("this middleware keeps no messages in shared memory; nothing stayed in the graph")
    left = {path: path.stat().st_size for path in theirs if path.exists()}
    assert not left, f"{sum(left.values()) / 1e6:.1f} MB left in shared memory: {left}"
