"""The benchmark's listener: records when each forecast arrives while the processes of a chain run."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import rclpy
from ankle_predictor_interfaces.msg import AnkleForecast
from diagnostic_msgs.msg import DiagnosticArray
from rclpy.executors import SingleThreadedExecutor
from rclpy.qos import QoSProfile
from rclpy.serialization import deserialize_message
from rclpy.signals import SignalHandlerOptions
from trajectory_msgs.msg import JointTrajectory

from ankle_imu_driver.arrays import FloatArray
from ankle_imu_driver.refusal import Refusal
from ankle_predictor.nodes.child_process import NodesProcess
from ankle_predictor.nodes.stamps import serialized_stamp
from ankle_predictor.nodes.topics import DETAIL_TOPIC, DIAGNOSTICS_TOPIC, FORECAST_TOPIC
from ankle_predictor.trust.forecast_counters import LONGEST, MEDIAN

QOS = QoSProfile(depth=1000)


class ChainError(Refusal):
    """A chain that does not run; the message says which process failed, and the last line it printed."""


@dataclass(frozen=True)
class Arrival:
    """A forecast that arrived.

    Attributes:
        time: of reception in ns.
        stamp: of the sample in ns.
    """

    time: int
    stamp: int


class ChainListener:
    """Records forecasts as they arrive, and decodes them only after the measurement.

    Attributes:
        arrivals: of forecasts since the last ``clear``.
        ticks: median and longest tick in ms of each second, as the predictor's diagnostics report them.
    """

    def __init__(self, processes: Mapping[str, NodesProcess], namespace: str = "") -> None:
        """Make the node.

        Args:
            processes: of the chain, by name; filled while the listener is in use. If one ends, waiting ends, too.
            namespace: of the chain's topics.
        """
        self.node = rclpy.create_node(
            "benchmark_listener", namespace=namespace or None, enable_rosout=False, start_parameter_services=False
        )
        self.arrivals: list[Arrival] = []
        self.ticks: list[tuple[float, float]] = []
        self._processes = processes
        self._details: list[bytes] = []
        self._executor = SingleThreadedExecutor()
        self._executor.add_node(self.node)
        self.node.create_subscription(JointTrajectory, FORECAST_TOPIC, self._on_forecast, QOS, raw=True)
        self.node.create_subscription(AnkleForecast, DETAIL_TOPIC, self._details.append, QOS, raw=True)
        self.node.create_subscription(DiagnosticArray, f"/{DIAGNOSTICS_TOPIC}", self._on_diagnostics, QOS)

    def clear(self) -> None:
        """Forget everything that arrived."""
        for kept in (self.arrivals, self._details, self.ticks):
            kept.clear()

    def input_ages(self) -> FloatArray:
        """Return (N, 2) for the forecasts: time of publication in s, and age of the newest pair then in s."""
        details = ((serialized_stamp(data) / 1e9, deserialize_message(data, AnkleForecast)) for data in self._details)
        ages = [(stamp, detail.input_age) for stamp, detail in details if len(detail.angle)]
        return np.array([(stamp + age, age) for stamp, age in ages]).reshape(-1, 2)

    def listen(self, seconds: float) -> None:
        """Listen for some seconds.

        Raises:
            ChainError: a process has ended.
        """
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self._listen_once()

    def wait(self, condition: Callable[[], bool], patience: float) -> None:
        """Listen until a condition holds.

        Raises:
            ChainError: a process has ended, or the condition does not hold after ``patience`` s.
        """
        end = time.monotonic() + patience
        while not condition():
            self._listen_once()
            if time.monotonic() > end:
                output = "; ".join(f"{name}: {process.last_words(1)}" for name, process in self._processes.items())
                raise ChainError(f"too few forecasts came within {patience:.0f} s: {output}")

    def _listen_once(self) -> None:
        self._executor.spin_once(timeout_sec=0.02)
        for name, process in self._processes.items():
            if process.status is not None:
                raise ChainError(f"{name} ended with status {process.status}: {process.last_words(1)}")

    def _on_forecast(self, data: bytes) -> None:
        self.arrivals.append(Arrival(time.time_ns(), serialized_stamp(data)))

    def _on_diagnostics(self, message: DiagnosticArray) -> None:
        for status in message.status:
            values = {value.key: value.value for value in status.values}
            if MEDIAN in values:
                self.ticks.append((float(values[MEDIAN]), float(values[LONGEST])))


@contextmanager
def listening(processes: Mapping[str, NodesProcess], namespace: str = "") -> Iterator[ChainListener]:
    """Provide a listener to the chain of some processes."""
    rclpy.init(args=[], signal_handler_options=SignalHandlerOptions.NO)
    try:
        listener = ChainListener(processes, namespace)
        yield listener
        listener.node.destroy_node()
    finally:
        rclpy.try_shutdown()
