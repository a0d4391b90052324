"""The node ``visualizer``: shows the leg and its forecast to RViz, Foxglove and PlotJuggler.

It is an executable of its own and only listens, so that the forecasts do not wait for it and do not need it.
"""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
from ament_index_python.packages import get_package_share_directory
from ankle_predictor_interfaces.msg import AnkleForecast
from rclpy.qos import QoSProfile
from rclpy.serialization import deserialize_message
from sensor_msgs.msg import Imu, JointState
from std_msgs.msg import String

from ankle_imu_driver.conventions import FOOT, OK, SHANK, WARN
from ankle_imu_driver.managed_node import Health, ManagedNode, spin_nodes
from ankle_predictor.nodes.messages import segment_imu
from ankle_predictor.nodes.node_parameters import read_joint
from ankle_predictor.nodes.parameter_specs import VISUALIZER_SPECS
from ankle_predictor.nodes.qos import LATCHED_QOS, SENSOR_QOS
from ankle_predictor.nodes.stamps import TimeOrigin, serialized_stamp, stamp_of
from ankle_predictor.nodes.topics import (
    CLOUD_TOPIC,
    DESCRIPTION_TOPIC,
    DETAIL_TOPIC,
    DUE_TOPIC,
    MARKERS_TOPIC,
    SEGMENT_TOPICS,
    TF_TOPIC,
)
from ankle_predictor.nodes.visual_messages import (
    GHOSTS,
    LegMessages,
    Outlook,
    due_message,
    missing_packages,
    possible_topics,
    robot_description,
)
from ankle_predictor.visualization.due_forecasts import DueForecasts
from ankle_predictor.visualization.leg_geometry import LegShape, is_rotation, leg_pose

EARLY = 0.25  # share of a period that a drawing may come early, as samples do not come evenly
SILENT = 0.5  # s without a forecast_detail of a drawn pair, after which the leg is drawn without one
KEPT = 10  # pairs and details that wait for each other
QOS = QoSProfile(depth=10)

Pair = tuple[bytes, bytes]
"""Serialized ``Imu`` messages of shank and foot."""


class VisualizerNode(ManagedNode):
    """Publishes ``/tf``, ``forecast_markers``, ``forecast_cloud``, ``forecast_due`` and ``robot_description``.

    A pair of segments and the ``forecast_detail`` of the same stamp are drawn together, whichever comes first. While no
    detail fits, the leg is drawn alone.

    Attributes:
        drawn: number of poses that were published.
        newest: stamp in ns of the last ``forecast_detail``; 0 before the first.
    """

    def __init__(self, **node_arguments: Any) -> None:
        super().__init__("visualizer", **node_arguments)
        self.drawn = self._drawn_reported = self.newest = 0
        self._messages: LegMessages | None = None
        self._inputs: list[Any] = []
        self._outputs: dict[str, Any] = {}
        self.parameters.declare(VISUALIZER_SPECS)
        self.parameters.guard(lambda: self._messages is not None)

    def setup(self) -> None:
        """Read the parameters, and make the publishers of everything whose package is installed."""
        value = self.parameters.value
        self._period, self._tolerance = 1.0 / value("display_rate"), 1e9 * value("pair_tolerance")
        fixed, prefix = value("fixed_frame"), value("frame_prefix")
        shape = LegShape(**{length.name: value(length.name) for length in fields(LegShape)})
        side, self._joint = value("side"), read_joint(self)
        messages = LegMessages(shape, side, fixed, prefix)
        self._missing = missing_packages()
        for sentence in self._missing:
            self.get_logger().warning(sentence)
        self._time, self._due = TimeOrigin(), DueForecasts(tuple(GHOSTS))
        self._forget()
        for topic, kind in {**possible_topics(), DUE_TOPIC: JointState}.items():
            self._outputs[topic] = self.create_publisher(
                kind, topic, LATCHED_QOS if topic == DESCRIPTION_TOPIC else QOS
            )
        self._publish(DESCRIPTION_TOPIC, lambda: String(data=self._description(shape, prefix)))
        self._messages = messages

    def start(self) -> None:
        """Start to receive."""
        self._reported = time.monotonic()
        for stream, topic in SEGMENT_TOPICS.items():
            on_message = self._on_shank if stream == SHANK else self._on_foot
            self._inputs.append(self.create_subscription(Imu, topic, on_message, SENSOR_QOS, raw=True))
        self._inputs.append(self.create_subscription(AnkleForecast, DETAIL_TOPIC, self._on_detail, SENSOR_QOS))

    def stop(self) -> None:
        """Stop receiving."""
        while self._inputs:
            self.destroy_subscription(self._inputs.pop())
        self._forget()

    def teardown(self) -> None:
        """Undo ``setup``."""
        self._messages = None
        while self._outputs:
            self.destroy_publisher(self._outputs.popitem()[1])

    def health(self) -> Health:
        """Report whether there is something to draw, and what cannot be drawn."""
        now = time.monotonic()
        rate = (self.drawn - self._drawn_reported) / max(now - self._reported, 1e-9)
        self._drawn_reported, self._reported = self.drawn, now
        values = {"drawn": self.drawn, "drawn per second": f"{rate:.1f}"}
        if not rate:
            topics = " and ".join(SEGMENT_TOPICS.values())
            return Health(WARN, f"nothing to draw: no calibrated pairs come from {topics}", values)
        if self._missing:
            return Health(WARN, "; ".join(self._missing), values)
        return Health(OK, "drawing", values)

    def _description(self, shape: LegShape, prefix: str) -> str:
        share = Path(get_package_share_directory("ankle_predictor"))
        joint = self._joint
        arguments = {name: getattr(shape, name) for name in ("shank_length", "foot_length", "ankle_height")}
        arguments |= {"joint_name": joint.name, "joint_sign": joint.sign, "joint_offset": joint.offset}
        return robot_description(share / "urdf" / "leg.urdf.xacro", {**arguments, "prefix": prefix})

    def _forget(self) -> None:
        self._newest: dict[int, bytes] = {}
        self._pairs: deque[tuple[int, Pair | None]] = deque(maxlen=KEPT)  # with their stamp; None if drawn alone
        self._detail: AnkleForecast | None = None
        self._fitted = -math.inf  # monotonic time in s of the last detail that fitted a pair
        self._next = 0.0
        self._drawn_reported = self.drawn
        self._has_forecast = False

    def _on_shank(self, data: bytes) -> None:
        self._on_segment(SHANK, data)

    def _on_foot(self, data: bytes) -> None:
        self._on_segment(FOOT, data)

    def _on_segment(self, stream: int, data: bytes) -> None:
        self._newest[stream] = data
        if len(self._newest) < 2:
            return
        stamps = [serialized_stamp(message) for message in self._newest.values()]
        if max(stamps) - min(stamps) > self._tolerance:
            return
        pair = self._newest[SHANK], self._newest[FOOT]
        self._newest = {}
        detail = self._detail
        if detail is not None and stamp_of(detail) == max(stamps):
            self._fitted = time.monotonic()
            self._draw(max(stamps), pair, detail)
        elif time.monotonic() - self._fitted > SILENT:
            self._draw(max(stamps), pair, None)
            self._pairs.append((max(stamps), None))
        else:
            self._pairs.append((max(stamps), pair))

    def _on_detail(self, detail: AnkleForecast) -> None:
        stamp = stamp_of(detail)
        self._publish_due(stamp, detail)
        self._detail, self.newest = detail, stamp
        while self._pairs and self._pairs[0][0] < stamp:
            self._pairs.popleft()
        if self._pairs and self._pairs[0][0] == stamp:
            pair = self._pairs.popleft()[1]
            self._fitted = time.monotonic()
            if pair is not None:
                self._draw(stamp, pair, detail)
        if not len(detail.angle):
            self._clear(stamp)

    def _publish_due(self, stamp: int, detail: AnkleForecast) -> None:
        seconds = self._time.seconds(stamp)
        due = self._due.due(seconds)
        if is_forecast(detail):
            self._due.push(seconds, detail.sample_period, detail.angle)
        if due and stamp != self.newest:
            self._publish(DUE_TOPIC, lambda: due_message(stamp, self._joint.name, due))

    def _draw(self, stamp: int, pair: Pair, detail: AnkleForecast | None) -> None:
        """Publish one pose and its forecast, unless the last one was published a moment ago."""
        now, messages = time.monotonic(), self._messages
        if now < self._next - EARLY * self._period or messages is None:
            return
        shank, foot = (segment_imu(deserialize_message(data, Imu))[3] for data in pair)
        if not is_rotation(shank) or not is_rotation(foot):
            return
        self._next = max(self._next + self._period, now)
        self.drawn += 1
        pose = leg_pose(shank, foot)
        self._publish(TF_TOPIC, lambda: messages.transforms(stamp, pose))
        if detail is None or not is_forecast(detail):
            self._clear(stamp)
            return
        self._has_forecast, outlook = True, self._outlook(detail)
        self._publish(MARKERS_TOPIC, lambda: messages.markers(stamp, pose, outlook))
        self._publish(CLOUD_TOPIC, lambda: messages.cloud(stamp, pose, outlook))

    def _clear(self, stamp: int) -> None:
        """Remove the last forecast from the viewers."""
        messages = self._messages
        if messages is None or not self._has_forecast:
            return
        self._has_forecast = False
        self._publish(MARKERS_TOPIC, lambda: messages.no_markers(stamp))
        self._publish(CLOUD_TOPIC, lambda: messages.no_cloud(stamp))

    def _publish(self, topic: str, make: Callable[[], Any]) -> None:
        """Make and publish a message, if there is its publisher."""
        if topic in self._outputs:
            self._outputs[topic].publish(make())

    def _outlook(self, detail: AnkleForecast) -> Outlook:
        curves = [np.array(curve) for curve in (detail.angle, detail.lower, detail.upper)]
        angle, lower, upper = (self._joint.sign * (curve - detail.current_angle) for curve in curves)
        if self._joint.sign < 0:  # what was published as the lower end is the upper one of dorsiflexion
            lower, upper = upper, lower
        published = np.column_stack(curves[1:])
        return Outlook(detail.sample_period, angle, lower, upper, published, detail.status != AnkleForecast.OK)


def is_forecast(detail: AnkleForecast) -> bool:
    """Whether a message has a forecast that can be drawn; it is empty while the forecast is withheld."""
    numbers = (*detail.angle, *detail.lower, *detail.upper, detail.current_angle)
    return (
        0 < len(detail.angle) == len(detail.lower) == len(detail.upper)
        and 0.0 < detail.sample_period < math.inf
        and bool(np.isfinite(numbers).all())
    )


def main() -> int:
    """Run the node."""
    return spin_nodes(lambda _executor: [VisualizerNode()])
