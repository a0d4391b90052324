"""The soak's input: sends a walk to the nodes, asks for models, and records the answers in the ledger."""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
import rclpy
from ankle_predictor_interfaces.msg import AnkleForecast
from ankle_predictor_interfaces.srv import LoadWeights
from diagnostic_msgs.msg import DiagnosticArray
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState
from rclpy.executors import SingleThreadedExecutor
from rclpy.qos import QoSProfile
from sensor_msgs.msg import Imu, JointState
from std_srvs.srv import Trigger
from trajectory_msgs.msg import JointTrajectory

from ankle_imu_driver.conventions import ENCODER_TOPIC, FOOT, RAW_TOPICS, SHANK, STREAM_NAMES
from ankle_imu_driver.recordings.recording import Recording
from ankle_predictor.nodes.input_queue import with_info
from ankle_predictor.nodes.stamps import set_stamp, stamp_of
from ankle_predictor.nodes.topic_senders import origin_of
from ankle_predictor.nodes.topics import DETAIL_TOPIC, FORECAST_TOPIC
from ankle_predictor.trust.sender_watch import SenderWatch
from benchmarks.soak_ledger import Ledger
from benchmarks.soak_truth import Truth

DEEP = QoSProfile(depth=1000)
LIE = math.radians(25.0)  # rad, by how much the encoder lies
REPEATS = 3  # of one reading, after which the filter uses none
LOST = (": lost", ".dropped")  # how the names of lost messages, and of samples dropped at a restart, end in diagnostics


class Sent(NamedTuple):
    """One sample time.

    Attributes:
        k: number of the sample.
        stamp: ns.
        streams: which sensors send.
        frozen: number of the sample whose reading a sensor repeats, by stream.
        disturbed: whether something is, or was until a moment ago, the matter.
        lies: whether the encoder lies.
        after: the disturbance that came last.
        since: s since it began.
    """

    k: int
    stamp: int
    streams: tuple[int, ...] = (SHANK, FOOT)
    frozen: Mapping[int, int] = {}
    disturbed: bool = False
    lies: bool = False
    after: str = "nothing"
    since: float = 0.0


class SoakInput:
    """Sends the walk and receives the answers, in this process's only thread.

    Attributes:
        node: this program's.
        ledger: records all pairs, answers and losses.
        swaps: number of model swaps by result.
        answers: number of answers to other requests, by request and result.
        load_times: s of each swap.
        latencies: s from the sending of a pair to its forecast.
        answered: whether the predictor has published anything.
        truth: judges the forecasts.
    """

    def __init__(self, walk: Recording, ledger: Ledger, models: tuple[str, str]) -> None:
        """Make the node.

        Args:
            walk: sent in a loop.
            ledger: records all pairs and answers.
            models: names of the two models that are swapped.
        """
        self.ledger, self.truth = ledger, Truth(walk)
        self.swaps: Counter[str] = Counter()
        self.answers: Counter[str] = Counter()
        self.load_times: list[float] = []
        self.latencies: list[float] = []
        self.answered = False
        self.node = rclpy.create_node("soak_input", enable_rosout=False, start_parameter_services=False)
        self.second = rclpy.create_node("second_driver", enable_rosout=False, start_parameter_services=False)
        self._models = models
        self._next_model = 1
        self._executor = SingleThreadedExecutor()
        self._executor.add_node(self.node)
        self._messages, self._outputs, self._theirs, self._samples = {}, {}, {}, {}
        for stream, sensor in ((SHANK, walk.shank), (FOOT, walk.foot)):
            message = self._messages[stream] = Imu()
            message.orientation_covariance[0] = -1.0
            message.header.frame_id = f"{STREAM_NAMES[stream]}_imu_link"
            self._outputs[stream] = self.node.create_publisher(Imu, RAW_TOPICS[stream], 50)
            self._theirs[stream] = self.second.create_publisher(Imu, RAW_TOPICS[stream], 50)
            self._samples[stream] = np.hstack([sensor.accel, sensor.gyro]).tolist()
        self._length = min(map(len, self._samples.values()))
        self._encoder = self.node.create_publisher(JointState, ENCODER_TOPIC, 50)
        self._joint = JointState(name=["ankle"])
        self._sent: dict[int, tuple[float, Sent]] = {}
        create, self._watch = self.node.create_subscription, SenderWatch()
        create(JointTrajectory, FORECAST_TOPIC, lambda m: ledger.forecast(stamp_of(m)), DEEP)
        create(AnkleForecast, DETAIL_TOPIC, with_info(self._on_detail), DEEP)
        create(DiagnosticArray, "/diagnostics", self._on_diagnostics, DEEP)
        self._loader = self.node.create_client(LoadWeights, "predictor/load_weights")
        self._reset = self.node.create_client(Trigger, "orientation_filter/reset")
        self._change = self.node.create_client(ChangeState, "predictor/change_state")
        self._call: Any = None

    @property
    def ready(self) -> bool:
        """Whether both nodes are connected."""
        return self.answered and all(output.get_subscription_count() for output in self._outputs.values())

    def send(self, sent: Sent) -> None:
        """Send one sample time, and the encoder's angle."""
        if FOOT in sent.streams:
            now = time.monotonic()
            repeated = any(sent.k - n >= REPEATS for n in sent.frozen.values())
            self.ledger.send(sent.stamp, now, disturbed=sent.disturbed, after=sent.after, repeated=repeated)
            self._sent[sent.stamp] = now, sent
        set_stamp(self._joint, sent.stamp)
        self._joint.position = [self.truth.at(sent.k) + LIE * sent.lies]
        self._encoder.publish(self._joint)
        for stream in sent.streams:
            self._send(self._outputs[stream], stream, sent.frozen.get(stream, sent.k), sent.stamp)

    def send_second(self, k: int, stamp: int) -> None:
        """Send what another driver would: the walk half a minute later."""
        for stream, output in self._theirs.items():
            self._send(output, stream, k + self._length // 2, stamp + 3_000_000)

    def _send(self, output: Any, stream: int, k: int, stamp: int) -> None:
        message = self._messages[stream]
        set_stamp(message, stamp)
        a, g = message.linear_acceleration, message.angular_velocity
        a.x, a.y, a.z, g.x, g.y, g.z = self._samples[stream][k % self._length]
        output.publish(message)

    def swap(self) -> None:
        """Ask for the other model, unless the last call is still unanswered."""
        if self._call is not None and not self._call.done():
            self.swaps["still loading"] += 1
            return
        self._call = self._loader.call_async(LoadWeights.Request(model=self._models[self._next_model]))
        self._call.add_done_callback(self._on_swapped)
        self._next_model = 1 - self._next_model

    def ask_hostile(self, model: str) -> None:
        """Ask for a bundle that may be anything."""

        def answered(call: Any) -> None:
            accepted = call.result().result == LoadWeights.Response.SUCCESS
            self.answers[f"hostile bundle {'accepted' if accepted else 'refused'}"] += 1

        self._loader.call_async(LoadWeights.Request(model=model)).add_done_callback(answered)

    def request(self) -> None:
        """Ask for three restarts in a row, and for an activation of what is active."""
        for _ in range(3):
            self._reset.call_async(Trigger.Request()).add_done_callback(self._told("reset"))
        activate = ChangeState.Request(transition=Transition(id=Transition.TRANSITION_ACTIVATE))
        self._change.call_async(activate).add_done_callback(self._told("activate"))

    def _told(self, what: str) -> Callable[[Any], None]:
        def answered(call: Any) -> None:
            self.answers[f"{what} {'done' if call.result().success else 'refused'}"] += 1

        return answered

    def receive_until(self, end: float) -> None:
        """Receive answers until a time in s on the monotonic clock."""
        while (left := end - time.monotonic()) > 0.0:
            self._executor.spin_once(timeout_sec=left)

    def finish(self, patience: float) -> None:
        """Receive what is still to come: diagnostics of the last second, and the answer to the last swap (s)."""
        self.receive_until(time.monotonic() + 3.0)
        end = time.monotonic() + patience
        while self._call is not None and not self._call.done() and time.monotonic() < end:
            self.receive_until(time.monotonic() + 0.1)

    def close(self) -> None:
        """Destroy both nodes."""
        self.node.destroy_node()
        self.second.destroy_node()

    def _on_swapped(self, call: Any) -> None:
        answer = call.result()
        self.swaps["made" if answer.result == LoadWeights.Response.SUCCESS else answer.message] += 1
        self.load_times.append(answer.load_time)

    def _on_detail(self, message: AnkleForecast, info: Mapping[str, Any] | None) -> None:
        self.answered = True
        stamp, now = stamp_of(message), time.monotonic()
        self._watch.hear(origin_of(info), stamp / 1e9, now)
        self.ledger.lost(f"{DETAIL_TOPIC} on the way back: lost", self._watch.lost, now)
        self.ledger.answer(stamp, message.status, message.model)
        sent_at, sent = self._sent.pop(stamp, (0.0, None))
        if sent is not None and len(message.angle):
            self.latencies.append(now - sent_at)
            self.truth.judge(sent.k, message.angle, sent.after, sent.since)

    def _on_diagnostics(self, message: DiagnosticArray) -> None:
        for status in message.status:
            for value in status.values:
                if value.key.endswith(LOST):
                    self.ledger.lost(f"{status.name}: {value.key}", int(value.value), time.monotonic())
