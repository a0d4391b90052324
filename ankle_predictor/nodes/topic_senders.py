"""Watches who sends on the topics that a node receives, and who else sends on those that it publishes."""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Mapping
from typing import Any

from ankle_imu_driver.managed_node import ManagedNode
from ankle_predictor.nodes.stamps import stamp_of
from ankle_predictor.trust.sender_watch import UNSUPPORTED, Origin, SenderWatch, senders_sentence

GRAPH_PERIOD = 0.25  # s between two looks at the middleware's graph


def origin_of(info: Mapping[str, Any] | None) -> Origin:
    """Return what rclpy says of a message: on Humble nothing, from Iron on its number, from Kilted on its publisher."""
    if not info:
        return Origin()
    gid, number = info.get("publisher_gid"), info.get("publication_sequence_number")
    sender = bytes(gid["data"]) if isinstance(gid, Mapping) and gid.get("data") else None
    return Origin(sender, None if number == UNSUPPORTED else number)


class TopicSenders:
    """The senders of the topics that a node receives over DDS.

    A topic that is not watched, because its samples come from this process, is never judged: a foreign publisher on it
    does no harm.
    """

    def __init__(self, node: ManagedNode) -> None:
        """Watch nothing yet."""
        self._node = node
        self._watches: dict[str, SenderWatch] = {}
        self._known: dict[str, int] = {}
        self._looked = -GRAPH_PERIOD
        self.dropped = 0
        """Messages that were not used, because another sender was there first."""
        self.lost: Counter[str] = Counter()
        """Messages by topic that their sender has sent and that never came, where the middleware numbers them."""
        self._told: Counter[str] = Counter()

    def watch(self, topic: str) -> None:
        """Begin to watch a topic, given by the name under which the node subscribes to it."""
        self._watches[topic] = SenderWatch()
        self._known[topic] = 1

    def clear(self) -> None:
        """Watch nothing any more."""
        self._watches.clear()

    def admit(self, topic: str, message: Any, info: Mapping[str, Any] | None) -> bool:
        """Take note of a message and return whether to use it."""
        now = time.monotonic()
        if now - self._looked >= GRAPH_PERIOD:
            self._looked = now
            self._known = {name: self._node.count_publishers(name) for name in self._watches}
        watch = self._watches[topic]
        lost = watch.lost
        use = watch.hear(origin_of(info), stamp_of(message) / 1e9, now, self._known.get(topic, 1))
        self.dropped += not use
        if watch.lost > lost:
            self.lost[topic] += watch.lost - lost
        return use

    def take_losses(self) -> str:
        """Return a sentence on the messages that were lost since the last call; empty without any."""
        new, self._told = self.lost - self._told, self.lost.copy()
        if not new:
            return ""
        counts = " and ".join(f"{n} of {topic}" for topic, n in new.items())
        return f"messages were lost on their way: {counts}; look at the network and at how busy the computers are"

    def several(self) -> bool:
        """Return whether any topic has more than one sender now."""
        return bool(self._mixed())

    def sentence(self) -> str:
        """Return a sentence on the topic with several senders; empty without any."""
        topic = self._mixed()
        if not topic:
            return ""
        names, count = senders_of(self._node, topic, self._watches[topic].ids(time.monotonic()))
        return senders_sentence(self._node.resolve_topic_name(topic), names, count)

    def _mixed(self) -> str:
        now = time.monotonic()
        return next((topic for topic, watch in self._watches.items() if watch.several(now)), "")


class SenderNames:
    """The full names of the nodes that messages come from, where the middleware tells them (from Kilted on)."""

    def __init__(self, node: ManagedNode) -> None:
        """Know no name yet."""
        self._node = node
        self._names: dict[tuple[str, bytes], str] = {}
        self._looked: dict[tuple[str, bytes], float] = {}  # s, when a name that is not known yet was last asked for
        self._all: dict[str, tuple[float, list[str]]] = {}

    def on(self, topic: str) -> list[str]:
        """Return the names of all nodes that publish a topic."""
        looked, names = self._all.get(topic, (-math.inf, []))
        if time.monotonic() - looked >= GRAPH_PERIOD:
            names = senders_of(self._node, topic, [])[0]
            self._all[topic] = time.monotonic(), names
        return names

    def of(self, topic: str, info: Mapping[str, Any] | None) -> str:
        """Return the name of the node that sent a message; empty while it is not known."""
        sender = origin_of(info).sender
        if sender is None:
            return ""
        key, now = (topic, sender), time.monotonic()
        if key not in self._names and now - self._looked.get(key, -math.inf) >= GRAPH_PERIOD:
            self._looked[key] = now
            names, _ = senders_of(self._node, topic, [sender])
            if len(names) == 1 and not names[0].endswith("_NODE_NAME_UNKNOWN_"):
                self._names[key] = names[0]
        return self._names.get(key, "")

    def forget(self) -> None:
        """Forget all names."""
        self._names.clear()
        self._all.clear()
        self._looked.clear()


def senders_of(node: ManagedNode, topic: str, ids: list[bytes]) -> tuple[list[str], int]:
    """Return the full names of the nodes that publish a topic, and the number of its senders.

    Args:
        node: the node that asks.
        topic: as the node names it.
        ids: of the publishers to name; empty for all of them.
    """
    names = []
    for info in node.get_publishers_info_by_topic(topic):
        gid = bytes(info.endpoint_gid)
        if not ids or any(gid.startswith(one) or one.startswith(gid) for one in ids):
            names.append(f"{info.node_namespace.rstrip('/')}/{info.node_name}")
    return names, max(len(names), len(ids))
