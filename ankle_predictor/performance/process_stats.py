"""Memory and CPU time of a process, and the CPU steal of this computer."""

from __future__ import annotations

from dataclasses import dataclass

import psutil

from ankle_imu_driver.refusal import Refusal

MEGABYTE = 1e6


@dataclass(frozen=True)
class ProcessStats:
    """A process at one moment.

    Attributes:
        resident: resident set size (RSS) in MB; pages that several processes share count in each of them.
        proportional: proportional set size (PSS) in MB; a page that n processes share counts as 1/n in each of them, so
            that the sum over processes is right.
        cpu: user and system CPU time in s since the process started.
    """

    resident: float
    proportional: float
    cpu: float


def read_stats(pid: int) -> ProcessStats:
    """Measure a process (Linux only, which alone knows the PSS).

    Raises:
        Refusal: there is no such process, or it belongs to somebody else.
    """
    try:
        process = psutil.Process(pid)
        with process.oneshot():
            memory, cpu = process.memory_full_info(), process.cpu_times()
    except (psutil.Error, OSError) as error:
        raise Refusal(f"process {pid} cannot be measured: it has ended, is not ours, or /proc is missing") from error
    return ProcessStats(memory.rss / MEGABYTE, memory.pss / MEGABYTE, cpu.user + cpu.system)


@dataclass(frozen=True)
class CpuTime:
    """CPU time of the whole computer since its start, over all cores.

    Attributes:
        steal: s that the host of this virtual machine gave to others; no program in it can be on time meanwhile. 0 on a
            real computer.
        total: s of all kinds.
    """

    steal: float
    total: float

    def steal_percent_since(self, before: CpuTime) -> float:
        """Return the CPU steal since an earlier reading as a percentage of all CPU time."""
        total = self.total - before.total
        return 100.0 * (self.steal - before.steal) / total if total > 0.0 else 0.0


def read_cpu_time() -> CpuTime:
    """Read the CPU time of the whole computer.

    Raises:
        Refusal: the computer does not tell.
    """
    try:
        kinds = psutil.cpu_times()._asdict()
    except OSError as error:
        raise Refusal("the CPU time cannot be measured: /proc is missing; mount it") from error
    guests = ("guest", "guest_nice")  # the kernel counts these in "user" and "nice", too
    return CpuTime(kinds.get("steal", 0.0), sum(time for kind, time in kinds.items() if kind not in guests))
