"""Subscribes to topics for a recording, and knows our own messages' definitions, which a recording of them needs."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

from ament_index_python.packages import get_package_share_directory
from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy

from ankle_predictor.nodes.topics import DETAIL_TOPIC, TOPICS

# Deep enough for seconds of messages. Forecasts have a lifespan of 50 ms, though, so a process that wants all of them
# must never be busy for that long.
RECORDING_QOS = QoSProfile(depth=1000)
EAGER_QOS = QoSProfile(depth=1000, reliability=ReliabilityPolicy.BEST_EFFORT)

Record = Callable[[str, int, bytes], None]
"""Takes topic, time of reception in ns, and the message's CDR bytes."""


class Subscriptions:
    """Subscriptions to serialized messages."""

    def __init__(self, node: Node, topics: Mapping[str, str], record: Record) -> None:
        """Subscribe, each topic with the reliability that its publishers offer.

        Args:
            node: receives the messages.
            topics: message type of each topic.
            record: gets each message.
        """
        self._node = node
        self._subscriptions = [
            node.create_subscription(
                message_class(kind), topic, partial(_receive, record, topic), _qos(node, topic), raw=True
            )
            for topic, kind in topics.items()
        ]

    def close(self) -> None:
        """Unsubscribe."""
        for subscription in self._subscriptions:
            self._node.destroy_subscription(subscription)
        self._subscriptions = []


def message_class(kind: str) -> Any:
    """Return the class of a message type such as "sensor_msgs/msg/Imu"."""
    package, name = kind.split("/msg/")
    return getattr(import_module(f"{package}.msg"), name)


def message_definitions() -> dict[str, str]:
    """Return the ``.msg`` text of our own message, which a recording of it needs."""
    share = Path(get_package_share_directory("ankle_predictor_interfaces"))
    return {TOPICS[DETAIL_TOPIC]: (share / "msg" / "AnkleForecast.msg").read_text("utf-8")}


def _receive(record: Record, topic: str, data: bytes) -> None:
    record(topic, time.time_ns(), data)


def _qos(node: Node, topic: str) -> QoSProfile:
    """Reliable, unless a publisher offers less: it would not be heard otherwise."""
    offered = [publisher.qos_profile.reliability for publisher in node.get_publishers_info_by_topic(topic)]
    return EAGER_QOS if ReliabilityPolicy.BEST_EFFORT in offered else RECORDING_QOS
