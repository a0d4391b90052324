"""Subscriptions whose waiting messages are all taken before anything is answered, so that no queue ever builds up."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar

from ankle_imu_driver.managed_node import ManagedNode
from ankle_predictor.messages import SENSOR_QOS

T = TypeVar("T")


class InputQueue(Generic[T]):
    """Reads messages of several topics into items, and hands over together what has piled up."""

    def __init__(self, node: ManagedNode, answer: Callable[[list[T]], None]) -> None:
        """Listen to nothing yet.

        Args:
            node: that subscribes.
            answer: takes the items that were made since the last time, oldest first; never an empty list.
        """
        self._node, self._answer = node, answer
        self._inputs: list[tuple[Any, Callable[[Any], list[T]]]] = []

    def listen(self, kind: Any, topic: str, read: Callable[[Any], list[T]]) -> None:
        """Subscribe to a topic; ``read`` makes the items that a message completes."""
        subscription = self._node.create_subscription(kind, topic, lambda m: self._take(read(m)), SENSOR_QOS)
        self._inputs.append((subscription, read))

    def close(self) -> None:
        """Listen no more."""
        for subscription, _ in self._inputs:
            self._node.destroy_subscription(subscription)
        self._inputs.clear()

    def _take(self, items: list[T]) -> None:
        if not items:
            return
        more = True
        while more:  # one message of each topic in turn, as they were sent
            more = False
            for subscription, read in self._inputs:
                # What the executor itself calls; there is no other way to look whether a message waits.
                with subscription.handle:
                    taken = subscription.handle.take_message(subscription.msg_type, subscription.raw)
                if taken is not None:
                    items += read(taken[0])
                    more = True
        self._answer(items)
