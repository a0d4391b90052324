"""Statistics of each sensor's stream, and their assessment for diagnostics (REP-107)."""

from __future__ import annotations

import threading
from collections import Counter, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ankle_imu_driver.conventions import ERROR, OK, WARN
from ankle_imu_driver.mpu6050.errors import Fault
from ankle_imu_driver.mpu6050.registers import TEMPERATURE_RANGE

WINDOW = 10.0  # s over which rates and shares are calculated

_SILENT = 0.25  # s without a sample after which a stream has failed; the filter's max_gap is 0.1
_LOW_RATE = 0.97  # of the nominal rate
_SATURATED = 0.05  # share of samples; the recordings at +-2 g clip 1.6 to 8 % of the foot's
_MISSED = 0.01  # share of deadlines


@dataclass(frozen=True)
class StreamReport:
    """One sensor's stream over the last 10 s; counts are since the start.

    Attributes:
        state: what the driver is doing with the sensor.
        silent_for: time in s since the last sample or since the start of streaming, whichever is later; inf before.
        rate: rate of samples in Hz.
        jitter: standard deviation of the interval between samples, in s.
        worst_interval: longest interval between samples, in s.
        saturated: share of samples with an axis at the end of its range.
        temperature: degrees C; None before the first sample.
        samples: number of samples delivered.
        faults: number of faults by kind.
        recent_faults: number of faults by kind within the last 10 s.
        resets: how often the chip had reset itself.
        stuck_axes: names of the axes whose values do not change.
        problem: one sentence on the fault that the sensor is recovering from; empty while streaming.
    """

    state: str
    silent_for: float
    rate: float
    jitter: float
    worst_interval: float
    saturated: float
    temperature: float | None
    samples: int
    faults: Mapping[Fault, int]
    recent_faults: Mapping[Fault, int]
    resets: int
    stuck_axes: frozenset[str]
    problem: str

    def judge(self, name: str, nominal_rate: float) -> tuple[int, str]:
        """Return level and sentence.

        ERROR: there are no usable samples. WARN: there are samples, but something needs attention. OK: all is well.
        """
        if self.silent_for > _SILENT:
            axes = f" ({', '.join(sorted(self.stuck_axes))})" if self.stuck_axes else ""
            return ERROR, f"{name}: no samples, {self.problem or 'starting'}{axes}"
        low, high = TEMPERATURE_RANGE
        if self.temperature is not None and not low <= self.temperature <= high:
            return ERROR, f"{name}: {self.temperature:.0f} degrees C is outside the chip's {low:.0f} to {high:.0f}"
        if self.recent_faults:
            kinds = ", ".join(f"{fault.value} x{count}" for fault, count in self.recent_faults.items())
            remedy = "the computer is too busy" if set(self.recent_faults) == {Fault.LATE} else "check cable and supply"
            return WARN, f"{name}: recovered from {kinds} within the last {WINDOW:.0f} s; {remedy}"
        if self.rate < _LOW_RATE * nominal_rate:
            return (
                WARN,
                f"{name}: {self.rate:.1f} Hz instead of {nominal_rate:.0f}" if self.rate else f"{name}: starting",
            )
        if self.saturated > _SATURATED:
            return WARN, f"{name}: {self.saturated:.0%} of samples saturate; choose a larger range"
        return OK, f"{name}: {self.rate:.1f} Hz"

    def values(self) -> dict[str, str]:
        """Return the figures for diagnostics."""
        return {
            "state": self.state,
            "rate (Hz)": f"{self.rate:.2f}",
            "jitter (ms)": f"{self.jitter * 1e3:.3f}",
            "worst interval (ms)": f"{self.worst_interval * 1e3:.2f}",
            "samples": str(self.samples),
            "saturated (%)": f"{self.saturated * 100:.2f}",
            "temperature (deg C)": "unknown" if self.temperature is None else f"{self.temperature:.1f}",
            "chip resets": str(self.resets),
        } | {f"faults: {fault.value}": str(count) for fault, count in self.faults.items()}


class StreamStats:
    """Statistics of one stream; written by the acquisition thread and read by diagnostics."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._samples: deque[tuple[int, bool]] = deque()
        self._recent: deque[tuple[int, Fault]] = deque()
        self._faults: Counter[Fault] = Counter()
        self._count = 0
        self._last: int | None = None
        self._temperature: float | None = None
        self._started: int | None = None

    def restart(self, now: int) -> None:
        """Restart the rate at the start and after a pause; counts are kept. ``now`` is monotonic time in ns."""
        with self._lock:
            self._samples.clear()
            self._started = None
            self._last = now

    def add_sample(self, time: int, saturated: bool, temperature: float) -> None:
        """Count a delivered sample; ``time`` is monotonic time in ns."""
        with self._lock:
            self._started = time if self._started is None else self._started
            self._samples.append((time, saturated))
            self._count += 1
            self._last = time
            self._temperature = temperature
            self._forget(time)

    def add_fault(self, time: int, fault: Fault) -> None:
        """Count a fault; ``time`` is monotonic time in ns."""
        with self._lock:
            self._faults[fault] += 1
            self._recent.append((time, fault))
            self._forget(time)

    def report(self, now: int, state: str, problem: str, stuck_axes: frozenset[str]) -> StreamReport:
        """Return the report; ``now`` is monotonic time in ns."""
        with self._lock:
            self._forget(now)
            times = [time for time, _ in self._samples]
            saturated = sum(flag for _, flag in self._samples)
            recent = Counter(fault for _, fault in self._recent)
            faults = dict(self._faults)
            last, count, started, temperature = self._last, self._count, self._started, self._temperature
        intervals = np.diff(np.array(times)) / 1e9
        span = min(WINDOW, (now - started) / 1e9) if started is not None else 0.0
        return StreamReport(
            state=state,
            silent_for=float("inf") if last is None else (now - last) / 1e9,
            rate=len(times) / span if span > 0 else 0.0,
            jitter=float(intervals.std()) if len(intervals) else 0.0,
            worst_interval=float(intervals.max(initial=0.0)),
            saturated=saturated / len(times) if times else 0.0,
            temperature=temperature,
            samples=count,
            faults=faults,
            recent_faults=recent,
            resets=faults.get(Fault.RESET, 0),
            stuck_axes=stuck_axes,
            problem=problem,
        )

    def _forget(self, now: int) -> None:
        oldest = now - int(WINDOW * 1e9)
        for kept in (self._samples, self._recent):
            while kept and kept[0][0] < oldest:
                kept.popleft()


def judge_all(
    streams: Mapping[str, StreamReport], nominal_rate: float, missed: float, placement: str, errors: Sequence[str] = ()
) -> tuple[int, str]:
    """Return the driver's level, the worst of all parts, and the sentences of that level.

    Args:
        streams: report of each sensor, by name.
        nominal_rate: configured sampling rate in Hz.
        missed: share of deadlines missed within the last 10 s.
        placement: result of ``placement_problem``.
        errors: errors of the driver itself, such as a thread that ended.
    """
    judged = [(ERROR, error) for error in errors]
    judged += [report.judge(name, nominal_rate) for name, report in streams.items()]
    if placement:
        judged.append((ERROR if "swapped" in placement else WARN, placement))
    if missed > _MISSED:
        judged.append(
            (WARN, f"{missed:.1%} of the deadlines missed; the computer is too busy or real-time priority was refused")
        )
    worst = max(level for level, _ in judged)
    return worst, "; ".join(sentence for level, sentence in judged if level == worst)
