"""The node that listens to a leg: hands every message on to be recorded, and keeps what the live view shows."""

from __future__ import annotations

import math
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from importlib import import_module
from pathlib import Path

import rclpy
from ament_index_python.packages import get_package_share_directory
from ankle_predictor_interfaces.msg import AnkleForecast
from diagnostic_msgs.msg import DiagnosticArray
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.qos import QoSProfile
from rclpy.serialization import deserialize_message
from rclpy.signals import SignalHandlerOptions
from sensor_msgs.msg import JointState

from ankle_predictor.demo.recorded_run import stamp_of
from ankle_predictor.demo.view import FUTURE, PAST, Snapshot
from ankle_predictor.nodes.topics import ANGLE, DETAIL, DIAGNOSTICS, ENCODER, FOOT_RAW, FORECAST, SHANK_RAW, TOPICS

# Deep enough for seconds: a forecast that waits longer than its lifespan of 50 ms is gone all the same, and so this
# process must never be busy for that long; see ``listening``.
QOS = QoSProfile(depth=1000)
KEPT = 400  # messages of a topic that the view may look back on
RATE_SPAN = 2.0  # s over which rate and latency are shown
SWITCH_INTERVAL = 0.001  # s after which a thread that draws gives way to the one that listens; Python's own is 5 ms

CONFIGURE, ACTIVATE = Transition.TRANSITION_CONFIGURE, Transition.TRANSITION_ACTIVATE

Record = Callable[[str, int, bytes], None]  # topic, time of reception in ns, CDR bytes


class MonitorNode(Node):  # type: ignore[misc,unused-ignore]
    """Subscribes to every topic of ``topics``; takes no message apart before somebody wants to see it.

    Attributes:
        counts: messages received by topic.
        first_stamp: earliest stamp of a raw sample in ns, None before one came.
        last_stamp: latest one.
        answered_stamp: of the newest pair that the predictor has dealt with, in ns.
        last_sample: when it came, on the monotonic clock in s.
        diagnostics: last message of each node: its level and its sentence.
    """

    def __init__(self, record: Record) -> None:
        super().__init__("demo_monitor", enable_rosout=False, start_parameter_services=False)
        self.counts = dict.fromkeys(TOPICS, 0)
        self.first_stamp: int | None = None
        self.last_stamp = 0
        self.answered_stamp = 0
        self.last_sample = math.inf
        self.diagnostics: dict[str, tuple[int, str]] = {}
        self._record = record
        self._latest: dict[str, bytes] = {}
        self._unseen: dict[str, deque[bytes]] = {topic: deque(maxlen=KEPT) for topic in (ANGLE, ENCODER)}
        self._curves: dict[str, deque[tuple[int, float]]] = {topic: deque(maxlen=KEPT) for topic in (ANGLE, ENCODER)}
        self._came_due: deque[tuple[int, float]] = deque(maxlen=KEPT)
        self._forecasts: deque[tuple[float, float]] = deque(maxlen=KEPT)
        self._driver = self.create_client(ChangeState, "imu_driver/change_state")
        for topic, kind in TOPICS.items():
            package, name = kind.split("/msg/")
            self.create_subscription(
                getattr(import_module(f"{package}.msg"), name), topic, partial(self._take, topic), QOS, raw=True
            )

    @property
    def elapsed(self) -> float:
        """Time of the walk that was heard, in s."""
        return 0.0 if self.first_stamp is None else (self.last_stamp - self.first_stamp) / 1e9

    @property
    def behind(self) -> float:
        """Time of the walk that was heard and not dealt with yet, in s."""
        return (self.last_stamp - self.answered_stamp) / 1e9

    def has_publishers(self, *topics: str) -> bool:
        """Whether each of the topics has a publisher that this node has found."""
        return all(self.count_publishers(topic) for topic in topics)

    def driver_is_there(self) -> bool:
        """Whether ``change_driver`` can be called."""
        return bool(self._driver.service_is_ready())

    def change_driver(self, transition: int) -> Future[bool]:
        """Ask ``imu_driver`` for a lifecycle transition; the result says whether it was made."""
        done: Future[bool] = Future()
        request = ChangeState.Request()
        request.transition.id = transition
        self._driver.call_async(request).add_done_callback(lambda answer: done.set_result(answer.result().success))
        return done

    def detail(self) -> AnkleForecast | None:
        """Return the last ``forecast_detail``."""
        data = self._latest.get(DETAIL)
        return None if data is None else deserialize_message(data, AnkleForecast)

    def snapshot(self, seconds: float) -> Snapshot:
        """Return what there is to see now; ``seconds`` is how long the run is to last."""
        detail = self.detail()
        for topic, unseen in self._unseen.items():
            while unseen:
                joint = deserialize_message(data := unseen.popleft(), JointState)
                self._curves[topic].append((stamp_of(data), math.degrees(joint.position[0])))
        recent = [(t, d) for t, d in tuple(self._forecasts) if t > time.monotonic() - RATE_SPAN]
        latencies = sorted(d for _, d in recent)
        rate = (len(recent) - 1) / (recent[-1][0] - recent[0][0]) if len(recent) > 1 else math.nan
        shown = Snapshot(
            elapsed=self.elapsed,
            seconds=seconds,
            rate=rate,
            latency=1e3 * latencies[len(latencies) // 2] if latencies else math.nan,
            angles=self._seconds_ago(self._curves[ANGLE]),
            encoder=self._seconds_ago(self._curves[ENCODER]),
        )
        return shown if detail is None else self._with_forecast(shown, detail)

    def _with_forecast(self, shown: Snapshot, detail: AnkleForecast) -> Snapshot:
        stamp = detail.header.stamp.sec * 1_000_000_000 + detail.header.stamp.nanosec
        period = detail.sample_period

        def ahead(values: Sequence[float], seconds: float) -> float:
            k = round(seconds / period) - 1 if values else 0
            return math.degrees(values[k]) if k < len(values) else math.nan

        far = ahead(detail.angle, 0.5)
        if math.isfinite(far):
            self._came_due.append((stamp + 500_000_000, far))
        age = (self.last_stamp - stamp) / 1e9
        return replace(
            shown,
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

    def _take(self, topic: str, data: bytes) -> None:
        now = time.time_ns()
        self._record(topic, now, data)
        self.counts[topic] += 1
        if topic in (SHANK_RAW, FOOT_RAW):
            stamp = stamp_of(data)
            self.first_stamp = stamp if self.first_stamp is None else min(stamp, self.first_stamp)
            self.last_stamp = max(stamp, self.last_stamp)
            self.last_sample = time.monotonic()
        elif topic in self._unseen:
            self._unseen[topic].append(data)
        elif topic == FORECAST:
            self._forecasts.append((time.monotonic(), (now - stamp_of(data)) / 1e9))
        elif topic == DETAIL:
            self.answered_stamp = stamp_of(data)
        elif topic == DIAGNOSTICS:
            for status in deserialize_message(data, DiagnosticArray).status:
                self.diagnostics[status.name] = (status.level[0], status.message)
        self._latest[topic] = data


def message_definitions() -> dict[str, str]:
    """Return the ``.msg`` text of our own message, which a recording must bring."""
    share = Path(get_package_share_directory("ankle_predictor_interfaces"))
    return {TOPICS[DETAIL]: (share / "msg" / "AnkleForecast.msg").read_text("utf-8")}


@contextmanager
def listening(record: Record) -> Iterator[tuple[MonitorNode, Future[None]]]:
    """Run a monitor in a thread of its own, so that drawing holds no message up.

    Yields:
        The node, and a future that is done once the thread has ended, with what ended it.
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
