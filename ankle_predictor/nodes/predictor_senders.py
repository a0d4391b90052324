"""Everything that the predictor knows of who sends: on its inputs, on the filter's inputs, and on its own outputs."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from ankle_imu_driver.conventions import RAW_TOPICS, JointConvention
from ankle_imu_driver.managed_node import ManagedNode
from ankle_predictor.nodes.input_queue import Admit, Info
from ankle_predictor.nodes.messages import is_measured
from ankle_predictor.nodes.rival_watch import RivalWatch
from ankle_predictor.nodes.topic_senders import GRAPH_PERIOD, SenderNames, TopicSenders, senders_of
from ankle_predictor.nodes.topics import FORECAST_TOPIC
from ankle_predictor.trust.sender_watch import senders_sentence


class PredictorSenders:
    """Joins what is known to one sentence.

    Whether raw samples have several senders is known to the filter, which receives them. It then publishes segments
    without any estimate.
    """

    def __init__(self, node: ManagedNode) -> None:
        """Know nothing yet."""
        self._node = node
        self._inputs = TopicSenders(node)
        self._rivals: RivalWatch | None = None
        self._problem, self._looked = "", -GRAPH_PERIOD
        self._is_mixed = False  # whether the filter's newest segment says so
        self._names = SenderNames(node)
        self._filter = ""  # full name of the node that sends segments, as far as it is known

    def start(self, outputs: Mapping[str, Any]) -> None:
        """Begin to watch for rivals on the outputs, given by topic and message type."""
        self._rivals = RivalWatch(self._node, outputs, FORECAST_TOPIC)

    def stop(self) -> None:
        """Forget everything."""
        self._inputs.clear()
        if self._rivals is not None:
            self._rivals.close()
            self._rivals = None
        self._problem, self._looked, self._is_mixed = "", -GRAPH_PERIOD, False
        self._names.forget()
        self._filter = ""

    @property
    def lost(self) -> Mapping[str, int]:
        """Messages by topic that were sent and never came, where the middleware numbers them."""
        return self._inputs.lost

    def take_losses(self) -> str:
        """Return a sentence on the messages that were lost since the last call; empty without any."""
        return self._inputs.take_losses()

    def published(self) -> None:
        """Note that a forecast was published."""
        if self._rivals is not None:
            self._rivals.published()

    def segment(self, topic: str) -> Admit:
        """Watch a topic of segments, and return what its messages have to pass."""
        self._inputs.watch(topic)

        def admit(message: Any, info: Info) -> bool:
            use = self._inputs.admit(topic, message, info)
            if use:
                self._is_mixed = not is_measured(message)
                self._filter = self._names.of(topic, info) or self._filter
            return use

        return admit

    def joint(self, topic: str, joint: JointConvention, of_filter: bool = False) -> Admit:
        """Watch one joint of a topic, and return what messages have to pass; others may send other joints there.

        Args:
            topic: as the node names it.
            joint: whose name counts.
            of_filter: whether the node that sends the segments means this joint, if it publishes the topic. In the
                namespace ``/`` the topic is the whole robot's, and another node may have a joint of this name.
        """
        self._inputs.watch(topic)

        def admit(message: Any, info: Info) -> bool:
            if joint.name not in message.name:
                return True
            if of_filter and self._filter and self._names.of(topic, info) not in ("", self._filter):
                # A relay or a player may send it as well, where the filter does not.
                return self._filter not in self._names.on(topic) and self._inputs.admit(topic, message, info)
            return self._inputs.admit(topic, message, info)

        return admit

    def problem(self) -> str:
        """Return a sentence while any stream has several senders; empty otherwise."""
        now = time.monotonic()
        if self._inputs.several():
            return self._keep(self._inputs.sentence, now)
        if self._is_mixed:
            return self._keep(self._raw_sentence, now)
        if self._rivals is not None and self._rivals.is_there():
            return self._keep(self._rivals.sentence, now)
        self._problem = ""
        return ""

    def _keep(self, make: Any, now: float) -> str:
        """Return the sentence, made anew only now and then: it asks the middleware for names."""
        if not self._problem or now - self._looked >= GRAPH_PERIOD:
            self._problem, self._looked = make(), now
        return self._problem

    def _raw_sentence(self) -> str:
        for topic in RAW_TOPICS.values():
            names, count = senders_of(self._node, topic, [])
            if count > 1:
                return senders_sentence(self._node.resolve_topic_name(topic), names, count)
        return "the filter's samples have several senders: see the diagnostics of orientation_filter"
