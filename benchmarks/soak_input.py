"""The soak's input: sends a walk with disturbances to the nodes, and records their answers in the ledger."""

from __future__ import annotations

import random
import time
from collections import Counter
from typing import Any, NamedTuple

import numpy as np
import rclpy
from ankle_predictor_interfaces.msg import AnkleForecast
from ankle_predictor_interfaces.srv import LoadWeights
from rclpy.executors import SingleThreadedExecutor
from rclpy.qos import QoSProfile
from sensor_msgs.msg import Imu
from trajectory_msgs.msg import JointTrajectory

from ankle_imu_driver.conventions import FOOT, RAW_TOPICS, SHANK, STREAM_NAMES
from ankle_imu_driver.recordings.recording import Recording
from ankle_predictor.nodes.stamps import set_stamp, stamp_of
from ankle_predictor.nodes.topics import DETAIL_TOPIC, FORECAST_TOPIC
from benchmarks.soak_ledger import Ledger

SILENCE, FOOT_SILENT, JUMP = "silence", "foot silent", "jump"
DISTURBANCE_EVERY = 8.0  # s on average
QUIET_END = 3.0  # s without disturbances at the end, so that the last window fills
DEEP = QoSProfile(depth=1000)


class Disturbance(NamedTuple):
    """A silence of both sensors or of the foot's, or a jump of the clock; ``time`` and ``size`` in s."""

    time: float
    kind: str
    size: float


def disturbances(seconds: float, seed: int) -> list[Disturbance]:
    """Draw the disturbances: silences of 0.15 to 2 s, and clock jumps of 1 s to an hour in both directions."""
    draw, drawn, now = random.Random(seed), [], 0.0
    while (now := now + draw.uniform(0.5, 1.5) * DISTURBANCE_EVERY) < seconds - QUIET_END:
        kind = draw.choice((SILENCE, FOOT_SILENT, JUMP))
        size = draw.choice((-1, 1)) * 10 ** draw.uniform(0.0, 3.5) if kind == JUMP else draw.uniform(0.15, 2.0)
        drawn.append(Disturbance(now, kind, size))
    return drawn


class SoakInput:
    """Sends the walk and receives the answers, in this process's only thread.

    Attributes:
        ledger: records all pairs and answers.
        swaps: number of model swaps by result.
        load_times: s of each swap.
        latencies: s from the sending of a pair to its forecast.
        answered: whether the predictor has published anything.
    """

    def __init__(self, walk: Recording, ledger: Ledger, models: tuple[str, str]) -> None:
        """Make the node.

        Args:
            walk: sent in a loop.
            ledger: records all pairs and answers.
            models: names of the two models that are swapped.
        """
        self.ledger = ledger
        self.swaps: Counter[str] = Counter()
        self.load_times: list[float] = []
        self.latencies: list[float] = []
        self.answered = False
        self.node = rclpy.create_node("soak_input", enable_rosout=False, start_parameter_services=False)
        self._models = models
        self._next_model = 1
        self._executor = SingleThreadedExecutor()
        self._executor.add_node(self.node)
        self._messages, self._outputs, self._samples = {}, {}, {}
        for stream, sensor in ((SHANK, walk.shank), (FOOT, walk.foot)):
            message = self._messages[stream] = Imu()
            message.orientation_covariance[0] = -1.0
            message.header.frame_id = f"{STREAM_NAMES[stream]}_imu_link"
            self._outputs[stream] = self.node.create_publisher(Imu, RAW_TOPICS[stream], 50)
            self._samples[stream] = np.hstack([sensor.accel, sensor.gyro]).tolist()
        self._length = min(map(len, self._samples.values()))
        self._sent: dict[int, float] = {}
        self.node.create_subscription(JointTrajectory, FORECAST_TOPIC, lambda m: ledger.forecast(stamp_of(m)), DEEP)
        self.node.create_subscription(AnkleForecast, DETAIL_TOPIC, self._on_detail, DEEP)
        self._loader = self.node.create_client(LoadWeights, "predictor/load_weights")
        self._call: Any = None

    @property
    def ready(self) -> bool:
        """Whether both nodes are connected."""
        return self.answered and all(output.get_subscription_count() for output in self._outputs.values())

    def send(self, k: int, stamp: int, with_foot: bool) -> None:
        """Send the k-th sample of the walk with a stamp in ns, of both sensors or of the shank's alone."""
        if with_foot:
            self.ledger.send(stamp)
            self._sent[stamp] = time.monotonic()
        for stream in (SHANK, FOOT) if with_foot else (SHANK,):
            message = self._messages[stream]
            set_stamp(message, stamp)
            a, g = message.linear_acceleration, message.angular_velocity
            a.x, a.y, a.z, g.x, g.y, g.z = self._samples[stream][k % self._length]
            self._outputs[stream].publish(message)

    def swap(self) -> None:
        """Ask for the other model, unless the last call is still unanswered."""
        if self._call is not None and not self._call.done():
            self.swaps["still loading"] += 1
            return
        self._call = self._loader.call_async(LoadWeights.Request(model=self._models[self._next_model]))
        self._call.add_done_callback(self._on_swapped)
        self._next_model = 1 - self._next_model

    def receive_until(self, end: float) -> None:
        """Receive answers until a time in s on the monotonic clock."""
        while (left := end - time.monotonic()) > 0.0:
            self._executor.spin_once(timeout_sec=left)

    def _on_swapped(self, call: Any) -> None:
        answer = call.result()
        self.swaps["made" if answer.result == LoadWeights.Response.SUCCESS else answer.message] += 1
        self.load_times.append(answer.load_time)

    def _on_detail(self, message: AnkleForecast) -> None:
        self.answered = True
        stamp = stamp_of(message)
        self.ledger.answer(stamp, message.status, message.model)
        sent = self._sent.pop(stamp, None)
        if sent is not None and len(message.angle):
            self.latencies.append(time.monotonic() - sent)
