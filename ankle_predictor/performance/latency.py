"""The nodes as on a robot, heard by one listener: latency, start, memory and CPU share."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import rclpy
from ankle_predictor_interfaces.msg import AnkleForecast
from diagnostic_msgs.msg import DiagnosticArray
from rclpy.executors import SingleThreadedExecutor
from rclpy.qos import QoSProfile
from rclpy.serialization import deserialize_message
from rclpy.signals import SignalHandlerOptions
from trajectory_msgs.msg import JointTrajectory

from ankle_imu_driver.arrays import BoolArray, FloatArray
from ankle_imu_driver.refusal import Refusal
from ankle_predictor.demo.recorded_run import stamp_of
from ankle_predictor.nodes.child_process import NodesProcess, Parameter
from ankle_predictor.performance.process_stats import ProcessStats, read_stats, read_stolen
from ankle_predictor.performance.timing import Progress
from ankle_predictor.trust.forecast_counters import LONGEST, MEDIAN

START_PATIENCE = 60.0  # s
SETTLING = 1.0  # s after the first forecast before it is measured: the other processes still start up
SLICE = 0.25  # s, over which it is looked whether a virtual machine was disturbed
FEWEST = 10  # forecasts that are measured at least
FEWEST_UNDISTURBED = 300  # forecasts, below which a 99th percentile of the undisturbed ones is left out
RATE = 100.0  # Hz
QOS = QoSProfile(depth=1000)


@dataclass(frozen=True)
class Arrangement:
    """Which processes there are.

    Attributes:
        commands: what each runs, after ``python``, by its name.
        parameters: ROS parameters by ``node:name``, given to all.
    """

    commands: Mapping[str, Sequence[str]]
    parameters: Mapping[str, Parameter]


class ChainError(Refusal):
    """A chain that does not run; one sentence, and the nodes' own words."""


def arrangements(log: Path, calibration: Path, model: str) -> dict[str, Arrangement]:
    """Return the chain in three processes and in one, and the bare one likewise.

    Args:
        log: a recording, played in a loop.
        calibration: its calibration file.
        model: of the predictor.
    """
    ours: dict[str, Parameter] = {
        "imu_driver:log": str(log),
        "imu_driver:loop": True,
        "orientation_filter:calibration_file": str(calibration),
        "orientation_filter:calibration_save": "",
        "predictor:model": model,
    }
    nodes = {"imu_driver": "ankle_imu_driver.driver_node"}
    nodes |= {name: f"ankle_predictor.{name.rpartition('_')[2]}_node" for name in ("orientation_filter", "predictor")}
    bare = ["-m", "ankle_predictor.performance.plain_rclpy"]
    return {
        "separate_bare": Arrangement({role: [*bare, role] for role in ("driver", "filter", "predictor")}, {}),
        "separate": Arrangement({name: _main_of(module) for name, module in nodes.items()}, ours),
        "bringup_bare": Arrangement({"bringup": [*bare, "driver,filter,predictor"]}, {}),
        "bringup": Arrangement({"bringup": _main_of("ankle_predictor.nodes.bringup")}, ours),
    }


def measure_chain(
    arrangement: Arrangement, environment: Mapping[str, str], folder: Path, seconds: float, progress: Progress
) -> dict[str, Any]:
    """Start the processes, listen for some seconds, and end them.

    Args:
        arrangement: the processes.
        environment: theirs, on a ROS domain that nobody else uses; this process must have the same.
        folder: takes what they print.
        seconds: of listening, from one second after the first forecast on.
        progress: told as it goes on.

    Raises:
        ChainError: nothing comes.
    """
    with _listening() as listener, ExitStack() as stack:
        started = time.time_ns()
        processes = {
            name: stack.enter_context(
                NodesProcess(arrangement.parameters, environment, folder / f"{name}.txt", command)
            )
            for name, command in arrangement.commands.items()
        }
        listener.until(lambda: listener.received, START_PATIENCE, processes)
        first = listener.received[0]
        listener.wait(SETTLING, processes)
        before, stolen_before = _stats(processes), read_stolen()
        listener.clear()
        begun = time.monotonic()
        calm: list[tuple[int, int]] = []
        while (left := seconds - (time.monotonic() - begun)) > 0:
            since, stolen = time.time_ns(), read_stolen()[0]
            listener.wait(min(SLICE, left), processes)
            if read_stolen()[0] == stolen:
                calm.append((since, time.time_ns()))
            progress(min(SLICE, left))
        # On a computer that is too busy they may be rare. Percentiles of nothing say nothing.
        listener.until(lambda: len(listener.received) >= FEWEST, START_PATIENCE, processes)
        after, took = _stats(processes), time.monotonic() - begun
        stolen, whole = (b - a for a, b in zip(stolen_before, read_stolen(), strict=True))
        figures = _latencies(listener, took, calm)
        figures["stolen_percent"] = 100.0 * stolen / max(whole, 1)
        figures["start_to_first_forecast_s"] = (first.time - started) / 1e9
    figures["processes"] = {
        name: {
            "resident_mb": after[name].resident,
            "proportional_mb": after[name].proportional,
            "cpu_share": (after[name].cpu - before[name].cpu) / took,
        }
        for name in processes
    }
    for what in ("resident_mb", "proportional_mb", "cpu_share"):
        figures[what] = sum(process[what] for process in figures["processes"].values())
    return figures


@dataclass(frozen=True)
class _Received:
    time: int  # ns, of reception
    stamp: int  # ns, of the sample


class _Listener:
    """Keeps when each forecast came, and looks at nothing else before it is asked."""

    def __init__(self) -> None:
        self.node = rclpy.create_node("benchmark_listener", enable_rosout=False, start_parameter_services=False)
        self._executor = SingleThreadedExecutor()
        self._executor.add_node(self.node)
        self.received: list[_Received] = []
        self._details: list[bytes] = []
        self.ticks: list[tuple[float, float]] = []  # ms, median and longest of each second, as the predictor says
        self.node.create_subscription(JointTrajectory, "forecast", self._take, QOS, raw=True)
        self.node.create_subscription(AnkleForecast, "forecast_detail", self._details.append, QOS, raw=True)
        self.node.create_subscription(DiagnosticArray, "/diagnostics", self._take_diagnostics, QOS)

    def _take_diagnostics(self, message: DiagnosticArray) -> None:
        for status in message.status:
            values = {value.key: value.value for value in status.values}
            if MEDIAN in values:
                self.ticks.append((float(values[MEDIAN]), float(values[LONGEST])))

    def _take(self, data: bytes) -> None:
        self.received.append(_Received(time.time_ns(), stamp_of(data)))

    def clear(self) -> None:
        """Forget what came."""
        for kept in (self.received, self._details, self.ticks):
            kept.clear()

    def ages(self) -> FloatArray:
        """Return (N, 2) of what was forecast: when it was published, and how old its pair was then, both in s."""
        details = ((stamp_of(data) / 1e9, deserialize_message(data, AnkleForecast)) for data in self._details)
        told = [(stamp, detail.input_age) for stamp, detail in details if len(detail.angle)]
        return np.array([(stamp + age, age) for stamp, age in told]).reshape(-1, 2)

    def wait(self, seconds: float, processes: Mapping[str, NodesProcess]) -> None:
        """Listen for a while."""
        end = time.monotonic() + seconds
        self.until(lambda: time.monotonic() >= end, seconds + 1.0, processes)

    def until(self, condition: Any, patience: float, processes: Mapping[str, NodesProcess]) -> None:
        """Listen until something has happened.

        Raises:
            ChainError: it did not, or a process has ended.
        """
        end = time.monotonic() + patience
        while not condition():
            self._executor.spin_once(timeout_sec=0.02)
            for name, process in processes.items():
                if process.status is not None:
                    raise ChainError(f"{name} ended with status {process.status}: {process.last_words(1)}")
            if time.monotonic() > end:
                words = "; ".join(f"{name}: {process.last_words(1)}" for name, process in processes.items())
                raise ChainError(f"hardly a forecast came within {patience:.0f} s: {words}")


@contextmanager
def _listening() -> Iterator[_Listener]:
    rclpy.init(args=[], signal_handler_options=SignalHandlerOptions.NO)
    try:
        listener = _Listener()
        yield listener
        listener.node.destroy_node()
    finally:
        rclpy.try_shutdown()


def _stats(processes: Mapping[str, NodesProcess]) -> dict[str, ProcessStats]:
    return {name: read_stats(process.pid) for name, process in processes.items()}


def within(times: FloatArray, spans: Sequence[tuple[int, int]]) -> BoolArray:
    """Tell which of (N,) times in s lie in one of some spans, from and to in ns."""
    inside = np.zeros(len(times), bool)
    for since, until in spans:
        inside |= (times >= since / 1e9) & (times < until / 1e9)
    return inside


def _latencies(listener: _Listener, took: float, calm: Sequence[tuple[int, int]]) -> dict[str, Any]:
    at, age = listener.ages().T
    undisturbed = age[within(at, calm)]
    times = {
        "published": age * 1e3,
        "published_undisturbed": undisturbed * 1e3 if len(undisturbed) >= FEWEST_UNDISTURBED else np.array([]),
        "received": np.array([r.time - r.stamp for r in listener.received]) / 1e6,
    }
    figures: dict[str, Any] = {"forecasts": len(listener.received), "expected": round(took * RATE)}
    figures["undisturbed"] = len(undisturbed)
    ticks = np.median(listener.ticks, axis=0).tolist() if listener.ticks else (None, None)
    figures["tick_median_ms"], figures["tick_longest_ms"] = ticks
    for what, values in times.items():
        p50, p99 = np.percentile(values, (50, 99)).tolist() if len(values) else (None, None)
        figures |= {f"{what}_p50_ms": p50, f"{what}_p99_ms": p99}
    return figures


def _main_of(module: str) -> list[str]:
    return ["-c", f"import sys; from {module} import main; sys.exit(main())"]
