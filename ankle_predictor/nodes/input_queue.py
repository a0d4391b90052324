"""What waits for a node is taken whole before anything of it is answered, so that no queue ever builds up."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from rclpy.impl.implementation_singleton import rclpy_implementation as _rclpy

from ankle_imu_driver.managed_node import ManagedNode
from ankle_predictor.nodes.messages import SENSOR_QOS
from ankle_predictor.nodes.sample_executor import SampleExecutor

T = TypeVar("T")
DEPTH = SENSOR_QOS.depth  # messages of a topic that may wait before the oldest give way, whatever way they came


@dataclass(frozen=True)
class _Topic(Generic[T]):
    name: str
    unpack: Callable[[Any], Any]
    read: Callable[[Any], list[T]]
    subscription: Any  # None where a sender in this process posts


class InputQueue(Generic[T]):
    """Reads messages of several topics into items, and hands over together what has piled up.

    Messages come over DDS, or straight from a sender in this process: rclcpp has intra-process communication for that,
    rclpy has nothing. Two ways over DDS are half of what a forecast takes otherwise.
    """

    def __init__(self, node: ManagedNode, answer: Callable[[list[T]], None]) -> None:
        """Listen to nothing yet.

        Args:
            node: that listens.
            answer: takes the items that were made since the last time, oldest first; never an empty list.
        """
        self._node, self._answer = node, answer
        self._topics: dict[str, _Topic[T]] = {}
        self._direct: set[str] = set()
        self._posted: deque[tuple[_Topic[T], Any]] = deque()

    def expect(self, topic: str) -> None:
        """From the next ``listen`` on a sender in this process posts this topic, and nobody else is heard on it."""
        self._direct.add(topic)
        self._posted = deque(maxlen=DEPTH * len(self._direct))

    def listen(self, kind: Any, topic: str, unpack: Callable[[Any], Any], read: Callable[[Any], list[T]]) -> None:
        """Listen to a topic.

        Args:
            kind: of message.
            topic: its name.
            unpack: copies what matters out of a message, which its sender may refill at once; touches nothing else.
            read: makes the items that are complete with that.
        """
        subscription = None
        if topic not in self._direct:
            subscription = self._node.create_subscription(
                kind, topic, lambda m: self._take(read(unpack(m))), SENSOR_QOS
            )
        self._topics[topic] = _Topic(topic, unpack, read, subscription)

    def close(self) -> None:
        """Listen no more."""
        for topic in self._topics.values():
            if topic.subscription is not None:
                self._node.destroy_subscription(topic.subscription)
        self._topics.clear()
        self._posted.clear()

    def post(self, name: str, message: Any) -> None:
        """Leave a message of a topic that is expected here, in whatever thread; dropped unless the node listens."""
        if (topic := self._listening(name)) is not None:
            self._posted.append((topic, topic.unpack(message)))

    def post_unpacked(self, name: str, values: Any) -> None:
        """Leave what ``unpack`` would make of a message, likewise."""
        if (topic := self._listening(name)) is not None:
            self._posted.append((topic, values))

    def _listening(self, name: str) -> _Topic[T] | None:
        topic = self._topics.get(name)
        return topic if topic is not None and topic.subscription is None else None

    def come_first(self, executor: SampleExecutor) -> None:
        """Have what comes here over DDS answered before all else.

        Not where the node starts in simulated time: ``/clock`` would be left behind.
        """
        if not self._node.get_parameter("use_sim_time").value:
            executor.serve(self.wait, self.take)

    def wait(self, seconds: float) -> bool:
        """Wait until a message comes over DDS, or for so long; returns whether one is there to be taken.

        For the executor's thread, which would otherwise wait for every timer and service as well.
        """
        subscriptions = [topic.subscription for topic in self._topics.values() if topic.subscription is not None]
        if not subscriptions:
            time.sleep(seconds)
            return False
        # What ``rclpy.wait_for_message`` does, for several topics.
        wait_set = _rclpy.WaitSet(len(subscriptions), 0, 0, 0, 0, 0, self._node.context.handle)
        wait_set.clear_entities()
        for subscription in subscriptions:
            wait_set.add_subscription(subscription.handle)
        wait_set.wait(round(seconds * 1e9))
        return bool(wait_set.get_ready_entities("subscription"))

    def take(self) -> bool:
        """Take and answer what waits, in the executor's thread; returns whether there was any to answer."""
        return self._take([])

    def _take(self, items: list[T]) -> bool:
        # What comes in the meantime waits for the next turn, or a source that is faster than this would never let go.
        for _ in range(len(self._posted)):
            topic, unpacked = self._posted.popleft()
            if self._topics.get(topic.name) is topic:  # else it was posted while ``close`` was at work
                items += topic.read(unpacked)
        for _ in range(DEPTH):
            if not self._take_one_of_each(items):
                break
        if items:
            self._answer(items)
        return bool(items)

    def _take_one_of_each(self, items: list[T]) -> bool:
        """Take a message of each topic, as they were sent in turn; returns whether there was any."""
        any_came = False
        for topic in self._topics.values():
            if topic.subscription is None:
                continue
            # What the executor itself calls; there is no other way to look whether a message waits.
            with topic.subscription.handle:
                taken = topic.subscription.handle.take_message(topic.subscription.msg_type, topic.subscription.raw)
            if taken is not None:
                items += topic.read(topic.unpack(taken[0]))
                any_came = True
        return any_came
