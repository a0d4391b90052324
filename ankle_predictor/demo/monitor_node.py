"""The demo's node: passes every message on to be recorded, and keeps what the live view shows."""

from __future__ import annotations

import math
import sys
import time
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from functools import partial

import rclpy
from ankle_predictor_interfaces.action import AdaptToUser
from ankle_predictor_interfaces.msg import AnkleForecast
from diagnostic_msgs.msg import DiagnosticArray
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState
from rclpy.action import ActionClient
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.serialization import deserialize_message
from rclpy.signals import SignalHandlerOptions
from sensor_msgs.msg import JointState

from ankle_imu_driver.conventions import ENCODER_TOPIC, RAW_TOPICS
from ankle_predictor.demo.view import FUTURE, PAST, Snapshot
from ankle_predictor.nodes.recorded_topics import RECORDING_QOS, Record, message_class
from ankle_predictor.nodes.stamps import serialized_stamp, stamp_of
from ankle_predictor.nodes.topics import DETAIL_TOPIC, DIAGNOSTICS_TOPIC, FORECAST_TOPIC, JOINT_TOPIC, TOPICS

KEPT = 400  # messages of a topic that the view may show
RATE_SPAN = 2.0  # s over which rate and latency are averaged
SWITCH_INTERVAL = 0.001  # s, so that the drawing thread does not block the listening one; Python's default is 5 ms

CONFIGURE, ACTIVATE = Transition.TRANSITION_CONFIGURE, Transition.TRANSITION_ACTIVATE


class MonitorNode(Node):  # type: ignore[misc,unused-ignore]
    """Subscribes to all ``TOPICS``; decodes a message only when it is shown.

    Attributes:
        counts: messages received by topic.
        first_stamp: earliest stamp of a raw sample in ns, None before the first sample.
        last_stamp: latest stamp of a raw sample in ns.
        answered_stamp: stamp in ns of the newest pair that the predictor has processed.
        last_sample: arrival of the newest raw sample in s on the monotonic clock.
        diagnostics: last level and message of each node.
        mountings: how each sensor sits, as the filter found it, by ``shank.mounting`` and ``foot.mounting``.
    """

    def __init__(self, record: Record) -> None:
        super().__init__("demo_monitor", enable_rosout=False, start_parameter_services=False)
        self.counts = dict.fromkeys(TOPICS, 0)
        self.first_stamp: int | None = None
        self.last_stamp = 0
        self.answered_stamp = 0
        self.last_sample = math.inf
        self.diagnostics: dict[str, tuple[int, str]] = {}
        self.mountings: dict[str, str] = {}
        self._record = record
        self._latest: dict[str, bytes] = {}
        self._undecoded: dict[str, deque[bytes]] = {topic: deque(maxlen=KEPT) for topic in (JOINT_TOPIC, ENCODER_TOPIC)}
        self._curves: dict[str, deque[tuple[int, float]]] = {
            topic: deque(maxlen=KEPT) for topic in (JOINT_TOPIC, ENCODER_TOPIC)
        }
        self._came_due: deque[tuple[int, float]] = deque(maxlen=KEPT)
        self._forecasts: deque[tuple[float, float]] = deque(maxlen=KEPT)
        self._driver = self.create_client(ChangeState, "imu_driver/change_state")
        for topic, kind in TOPICS.items():
            self.create_subscription(
                message_class(kind), topic, partial(self._on_message, topic), RECORDING_QOS, raw=True
            )

    @property
    def elapsed(self) -> float:
        """Time in s of the walk that was received."""
        return 0.0 if self.first_stamp is None else (self.last_stamp - self.first_stamp) / 1e9

    @property
    def behind(self) -> float:
        """Time in s of the walk that was received and that the predictor has not processed yet."""
        return (self.last_stamp - self.answered_stamp) / 1e9

    def has_publishers(self, *topics: str) -> bool:
        """Whether this node has discovered a publisher of each topic."""
        return all(self.count_publishers(topic) for topic in topics)

    def driver_is_there(self) -> bool:
        """Whether ``change_driver`` can be called."""
        return bool(self._driver.service_is_ready())

    def change_driver(self, transition: int) -> Future[bool]:
        """Ask ``imu_driver`` for a lifecycle transition; the result is whether it succeeded."""
        done: Future[bool] = Future()
        request = ChangeState.Request()
        request.transition.id = transition
        self._driver.call_async(request).add_done_callback(lambda answer: done.set_result(answer.result().success))
        return done

    def adapt_client(self) -> ActionClient:
        """Return a new client of the predictor's ``adapt`` action; its callbacks run in this node's thread."""
        return ActionClient(self, AdaptToUser, "predictor/adapt")

    def detail(self) -> AnkleForecast | None:
        """Return the last ``forecast_detail``."""
        data = self._latest.get(DETAIL_TOPIC)
        return None if data is None else deserialize_message(data, AnkleForecast)

    def snapshot(self, seconds: float) -> Snapshot:
        """Return what the view shows now; ``seconds`` is the length of the run."""
        detail = self.detail()
        for topic, undecoded in self._undecoded.items():
            while undecoded:
                joint = deserialize_message(data := undecoded.popleft(), JointState)
                self._curves[topic].append((serialized_stamp(data), math.degrees(joint.position[0])))
        since = time.monotonic() - RATE_SPAN
        recent = [(arrival, latency) for arrival, latency in tuple(self._forecasts) if arrival > since]
        latencies = sorted(latency for _, latency in recent)
        rate = (len(recent) - 1) / (recent[-1][0] - recent[0][0]) if len(recent) > 1 else math.nan
        snapshot = Snapshot(
            elapsed=self.elapsed,
            seconds=seconds,
            rate=rate,
            latency=1e3 * latencies[len(latencies) // 2] if latencies else math.nan,
            angles=self._seconds_ago(self._curves[JOINT_TOPIC]),
            encoder=self._seconds_ago(self._curves[ENCODER_TOPIC]),
        )
        return snapshot if detail is None else self._with_forecast(snapshot, detail)

    def _with_forecast(self, snapshot: Snapshot, detail: AnkleForecast) -> Snapshot:
        stamp = stamp_of(detail)
        period = detail.sample_period

        def ahead(values: Sequence[float], seconds: float) -> float:
            k = round(seconds / period) - 1 if values else 0
            return math.degrees(values[k]) if k < len(values) else math.nan

        far = ahead(detail.angle, 0.5)
        if math.isfinite(far):
            self._came_due.append((stamp + 500_000_000, far))
        age = (self.last_stamp - stamp) / 1e9
        return replace(
            snapshot,
            now=math.degrees(detail.current_angle),
            near=ahead(detail.angle, 0.2),
            far=far,
            margin=(ahead(detail.upper, 0.5) - ahead(detail.lower, 0.5)) / 2,
            error=math.degrees(detail.recent_error),
            status=detail.status,
            forecast=[((k + 1) * period - age, math.degrees(a)) for k, a in enumerate(detail.angle)],
            came_due=self._seconds_ago(self._came_due),
        )

    def _seconds_ago(self, curve: deque[tuple[int, float]]) -> list[tuple[float, float]]:
        relative = [((stamp - self.last_stamp) / 1e9, value) for stamp, value in curve]
        return [(t, value) for t, value in relative if -PAST <= t <= FUTURE]

    def _on_message(self, topic: str, data: bytes) -> None:
        now = time.time_ns()
        self._record(topic, now, data)
        self.counts[topic] += 1
        if topic in RAW_TOPICS.values():
            stamp = serialized_stamp(data)
            self.first_stamp = stamp if self.first_stamp is None else min(stamp, self.first_stamp)
            self.last_stamp = max(stamp, self.last_stamp)
            self.last_sample = time.monotonic()
        elif topic in self._undecoded:
            self._undecoded[topic].append(data)
        elif topic == FORECAST_TOPIC:
            self._forecasts.append((time.monotonic(), (now - serialized_stamp(data)) / 1e9))
        elif topic == DETAIL_TOPIC:
            self.answered_stamp = serialized_stamp(data)
        elif topic == DIAGNOSTICS_TOPIC:
            for status in deserialize_message(data, DiagnosticArray).status:
                self.diagnostics[status.name] = (status.level[0], status.message)
                self.mountings |= {v.key: v.value for v in status.values if v.key.endswith(".mounting")}
        self._latest[topic] = data


@contextmanager
def listening(record: Record) -> Iterator[tuple[MonitorNode, Future[None]]]:
    """Run a monitor in a thread of its own, so that drawing does not delay messages.

    Yields:
        The node, and a future that is done when the thread has ended, with the exception that ended it.
    """
    interval = sys.getswitchinterval()
    sys.setswitchinterval(SWITCH_INTERVAL)
    rclpy.init(args=[], signal_handler_options=SignalHandlerOptions.NO)
    try:
        node = MonitorNode(record)
        executor = SingleThreadedExecutor()
        executor.add_node(node)
        with ThreadPoolExecutor(1, "listening") as thread:
            try:
                yield node, thread.submit(executor.spin)
            finally:
                executor.shutdown()
        node.destroy_node()
    finally:
        rclpy.try_shutdown()
        sys.setswitchinterval(interval)
