"""What Linux says of a process: memory and CPU time; and of the computer: time that it never had."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from ankle_imu_driver.refusal import Refusal

MEGABYTE = 1e6


@dataclass(frozen=True)
class ProcessStats:
    """A process at one time.

    Attributes:
        resident: MB that lie in memory (RSS). What several processes share is counted in each of them.
        proportional: MB, with what is shared divided among those that share it (PSS): sums are true.
        cpu: s of CPU time since its start.
    """

    resident: float
    proportional: float
    cpu: float


def read_stats(pid: int) -> ProcessStats:
    """Look at a process.

    Raises:
        Refusal: it is not there, or this is no Linux.
    """
    try:
        memory = Path(f"/proc/{pid}/smaps_rollup").read_text("ascii")
        stat = Path(f"/proc/{pid}/stat").read_text("utf-8", "replace")
    except OSError as error:
        raise Refusal(f"process {pid} cannot be measured: {error.strerror}") from error
    return ProcessStats(*parse_memory(memory), parse_cpu(stat, os.sysconf("SC_CLK_TCK")))


def parse_memory(smaps_rollup: str) -> tuple[float, float]:
    """Return RSS and PSS in MB from ``/proc/PID/smaps_rollup``, which counts kB of 1024 bytes."""
    found = dict(re.findall(r"^(Rss|Pss):\s+(\d+) kB$", smaps_rollup, re.MULTILINE))
    return int(found["Rss"]) * 1024 / MEGABYTE, int(found["Pss"]) * 1024 / MEGABYTE


def parse_cpu(stat: str, ticks: int) -> float:
    """Return the CPU time in s from ``/proc/PID/stat`` (proc(5): fields 14 and 15, in ``ticks`` a second)."""
    fields = stat.rpartition(")")[2].split()  # the name, field 2, may hold anything
    return (int(fields[11]) + int(fields[12])) / ticks


def read_stolen() -> tuple[int, int]:
    """Return the computer's stolen and whole CPU time since its start, in ticks; (0, 0) where nothing says so.

    A virtual machine's processors stand still while their host runs others: no program in it can be on time then.
    """
    try:
        return parse_stolen(Path("/proc/stat").read_text("ascii"))
    except OSError:
        return 0, 0


def parse_stolen(stat: str) -> tuple[int, int]:
    """Return ``steal`` and the sum of all kinds of time from ``/proc/stat`` (proc(5)); ``user`` holds the guests'."""
    kinds = [int(field) for field in stat.partition("\n")[0].split()[1:9]]
    return kinds[7], sum(kinds)
