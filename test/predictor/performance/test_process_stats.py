"""Figures of processes and of the computer, against what Linux itself says in /proc."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ankle_imu_driver.refusal import Refusal
from ankle_predictor.performance.process_stats import CpuTime, read_cpu_time, read_stats

TICKS = os.sysconf("SC_CLK_TCK")
BUSY = "import sys; held = bytearray(b'x' * 30_000_000); sum(range(3_000_000)); print(flush=True); sys.stdin.read()"


@pytest.fixture(scope="module")
def process() -> Iterator[int]:
    """The process id of a program that has computed, holds some memory, and now waits."""
    with subprocess.Popen([sys.executable, "-c", BUSY], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as program:
        assert program.stdout is not None
        program.stdout.readline()
        yield program.pid
        program.communicate()


def test_memory_is_as_the_kernel_counts_it(process: int) -> None:
    rollup = Path(f"/proc/{process}/smaps_rollup").read_text()  # proc(5): kB of 1024 bytes
    rss, pss = (
        int(re.findall(rf"^{kind}:\s+(\d+) kB$", rollup, re.MULTILINE)[0]) * 1024 / 1e6 for kind in ("Rss", "Pss")
    )
    stats = read_stats(process)
    assert stats.resident == pytest.approx(rss, rel=0.02)
    assert stats.proportional == pytest.approx(pss, rel=0.02)
    assert 30.0 < stats.proportional <= stats.resident


def test_cpu_time_is_as_the_kernel_counts_it(process: int) -> None:
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()  # proc(5): fields 14 and 15
    stats = read_stats(process)
    assert stats.cpu > 0.0
    assert stats.cpu == pytest.approx((int(fields[11]) + int(fields[12])) / TICKS, abs=1.5 / TICKS)


def test_a_process_that_is_not_there_is_refused() -> None:
    with pytest.raises(Refusal, match="process 0 cannot be measured"):
        read_stats(0)


def test_cpu_time_of_the_computer_is_as_the_kernel_counts_it() -> None:
    def kernel() -> CpuTime:
        kinds = [int(field) / TICKS for field in Path("/proc/stat").read_text().partition("\n")[0].split()[1:9]]
        return CpuTime(kinds[7], sum(kinds))

    before, read, after = kernel(), read_cpu_time(), kernel()
    assert before.steal - 1e-6 <= read.steal <= after.steal + 1e-6
    assert before.total - 1e-6 <= read.total <= after.total + 1e-6


def test_cpu_steal_is_a_share_of_all_time_in_between() -> None:
    assert CpuTime(6.0, 250.0).steal_percent_since(CpuTime(1.0, 150.0)) == 5.0
    assert CpuTime(1.0, 150.0).steal_percent_since(CpuTime(1.0, 150.0)) == 0.0


def test_without_proc_a_sentence_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("psutil.PROCFS_PATH", "/nowhere")
    with pytest.raises(Refusal, match="the CPU time cannot be measured: /proc is missing; mount it"):
        read_cpu_time()
    with pytest.raises(Refusal, match="cannot be measured: it has ended, is not ours, or /proc is missing"):
        read_stats(os.getpid())
