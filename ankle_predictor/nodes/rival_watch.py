"""Watches whether another predictor publishes forecasts where this one does."""

from __future__ import annotations

import time
from collections.abc import Mapping
from functools import partial
from typing import Any

from ankle_imu_driver.managed_node import ManagedNode
from ankle_predictor.nodes.input_queue import Info, with_info
from ankle_predictor.nodes.qos import SENSOR_QOS
from ankle_predictor.nodes.topic_senders import GRAPH_PERIOD, origin_of, senders_of
from ankle_predictor.trust.sender_watch import MEMORY, OVERLAP, SenderWatch, senders_sentence


class RivalWatch:
    """Listens to the node's own topics while the middleware's graph shows another publisher on them.

    The graph alone does not tell: a predictor that crashed stays in it for many seconds. A rival is one that is heard.
    While this node withholds its forecasts, whatever comes on that topic is a rival's.
    """

    def __init__(self, node: ManagedNode, kinds: Mapping[str, Any], silent: str) -> None:
        """Watch the topics from now on.

        Args:
            node: the node.
            kinds: message type of each topic that the node publishes.
            silent: the topic on which the node does not publish while it withholds; see ``published``.
        """
        self._node, self._kinds, self._silent = node, kinds, silent
        self._watches = {topic: SenderWatch() for topic in kinds}
        self._subscriptions: list[Any] = []
        self._published = self._rival = -MEMORY  # s, when this node, and when a rival last published on ``silent``
        self._mixed = ("", -MEMORY)  # the topic that last had several senders, and when in s
        self._timer = node.create_steady_timer(GRAPH_PERIOD, self._look)

    def close(self) -> None:
        """Stop watching."""
        self._node.destroy_timer(self._timer)
        self._unsubscribe()

    def published(self) -> None:
        """Note that this node has just published on the topic ``silent``."""
        self._published = time.monotonic()

    def is_there(self) -> bool:
        """Return whether there is a rival now."""
        return bool(self._found())

    def sentence(self) -> str:
        """Return a sentence on the rival."""
        topic, now = self._found() or self._silent, time.monotonic()
        names, count = senders_of(self._node, topic, self._watches[topic].ids(now))
        return senders_sentence(self._node.resolve_topic_name(topic), names, count)

    def _found(self) -> str:
        now = time.monotonic()
        if now - self._rival <= MEMORY:
            return self._silent
        for topic, watch in self._watches.items():
            if watch.several(now):
                self._mixed = topic, now
                return topic
        # This node has been silent since, so its own last message may just be too old to make two, and the rival's next
        # one is still to come.
        topic, when = self._mixed
        return topic if now - when <= OVERLAP else ""

    def _look(self) -> None:
        is_alone = all(self._node.count_publishers(topic) < 2 for topic in self._kinds)
        if is_alone:
            self._unsubscribe()
        elif not self._subscriptions:
            for topic, kind in self._kinds.items():
                callback = with_info(partial(self._hear, topic))
                self._subscriptions.append(self._node.create_subscription(kind, topic, callback, SENSOR_QOS, raw=True))

    def _unsubscribe(self) -> None:
        for subscription in self._subscriptions:
            self._node.destroy_subscription(subscription)
        self._subscriptions.clear()

    def _hear(self, topic: str, _message: bytes, info: Info) -> None:
        now = time.monotonic()
        # The stamps say nothing here: this node repeats one while no pair comes.
        self._watches[topic].hear(origin_of(info), now, now, self._node.count_publishers(topic))
        if topic == self._silent and now - self._published > OVERLAP:
            self._rival = now
