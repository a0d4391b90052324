"""Drains all pending messages before processing them, so that no backlog of samples builds up."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from ankle_imu_driver.managed_node import ManagedNode
from ankle_predictor.nodes.qos import SENSOR_DEPTH, SENSOR_QOS

try:
    from rclpy.subscription import Subscription

    HAS_INFO = hasattr(Subscription, "CallbackType")  # a callback may ask for what the middleware says of a message
except ImportError:  # the API reference is built without rclpy
    HAS_INFO = False

T = TypeVar("T")
Info = Mapping[str, Any] | None
Admit = Callable[[Any, Info], bool]
DEPTH = SENSOR_DEPTH  # messages of one topic that may be pending; of more, the oldest are dropped
DIRECT_DEPTH = 2 * DEPTH  # samples from a node in this process that may be pending: those of both sensors


@dataclass(frozen=True)
class _Topic(Generic[T]):
    read: Callable[[Any], list[T]]
    admit: Admit
    subscription: Any


class InputQueue(Generic[T]):
    """Reads messages of several topics into items and processes all pending items together.

    Samples come over DDS, or directly from a node in the same process: rclcpp has intra-process communication for that,
    rclpy has none. Without the two hops over DDS the latency of ``bringup`` is about half.
    """

    def __init__(self, node: ManagedNode, process: Callable[[list[T]], None]) -> None:
        """Make a queue without any topic.

        Args:
            node: the node that receives.
            process: processes the new items, oldest first; never called with an empty list.
        """
        self._node = node
        self._process = process
        self._guarded_drain = node.guarded(self._drain)
        self._topics: list[_Topic[T]] = []
        self._read_direct: Callable[[Any], list[T]] | None = None
        self._posted: deque[Any] = deque(maxlen=DIRECT_DEPTH)
        self.is_direct = False
        """Whether a node in this process posts the samples. Set before the node is activated."""
        self.received = 0
        """Messages and samples that were read so far."""
        self.pushed_out = 0
        """Posted samples that were lost, as too many were pending."""

    def listen(
        self, kind: Any, topic: str, read: Callable[[Any], list[T]], admit: Admit = lambda _message, _info: True
    ) -> None:
        """Subscribe to a topic.

        Args:
            kind: the message type.
            topic: its name.
            read: returns the items that a message completes.
            admit: returns whether to use a message; it also gets what the middleware says of it, None if nothing.
        """

        def receive(message: Any, info: Info) -> None:
            self._drain(self._read(read, message) if admit(message, info) else [])

        subscription = self._node.create_subscription(kind, topic, with_info(receive), SENSOR_QOS)
        self._topics.append(_Topic(read, admit, subscription))

    def accept(self, read: Callable[[Any], list[T]]) -> None:
        """Accept samples from a node in this process; ``read`` returns the items that one completes."""
        self._read_direct = read

    def close(self) -> None:
        """Unsubscribe and drop everything that is pending."""
        for topic in self._topics:
            self._node.destroy_subscription(topic.subscription)
        self._topics.clear()
        self._read_direct = None
        self._posted.clear()

    def post(self, sample: Any) -> None:
        """Append a sample from any thread. It is dropped if the node does not accept samples now."""
        if self._read_direct is not None:
            self.pushed_out += len(self._posted) == DIRECT_DEPTH
            self._posted.append(sample)

    def losses(self, on_their_way: Mapping[str, int]) -> dict[str, int]:
        """Return for diagnostics how many samples were lost before they were read, by where; only what is not 0.

        Args:
            on_their_way: messages by topic that their sender has sent and that never came.
        """
        lost = {f"{topic}: lost": n for topic, n in on_their_way.items()}
        return {**lost, "posted samples: lost": self.pushed_out} if self.pushed_out else lost

    def drain(self) -> bool:
        """Process everything that is pending, in the executor's thread; return whether there was any item."""
        return bool(self._guarded_drain([]))

    def _drain(self, items: list[T]) -> bool:
        # Only what is pending now. Otherwise a source that is faster than this loop would never let it end.
        for _ in range(len(self._posted)):
            if self._read_direct is None or not self._posted:  # closed by the sample before
                break
            items += self._read(self._read_direct, self._posted.popleft())
        for _ in range(DEPTH):
            if not self._take_one_of_each(items):
                break
        if items:
            self._process(items)
        return bool(items)

    def _read(self, read: Callable[[Any], list[T]], message: Any) -> list[T]:
        self.received += 1
        return read(message)

    def _take_one_of_each(self, items: list[T]) -> bool:
        """Take one message of each topic, so that topics stay in step; return whether there was any."""
        any_came = False
        for topic in self._topics.copy():
            # The executor makes the same call. rclpy has no public way to take a message without waiting.
            with topic.subscription.handle:
                taken = topic.subscription.handle.take_message(topic.subscription.msg_type, topic.subscription.raw)
            if taken is not None:
                message, info = taken
                items += self._read(topic.read, message) if topic.admit(message, info) else []
                any_came = True
        return any_came


def with_info(receive: Callable[[Any, Info], None]) -> Callable[..., None]:
    """Return a callback that rclpy calls with a message and what the middleware says of it, or on Humble without."""

    def alone(message: Any) -> None:
        receive(message, None)

    return receive if HAS_INFO else alone
