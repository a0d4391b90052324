"""All pending samples are processed together: those from DDS, and those from a node in the same process."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from rigs.node_bench import Bench, bench
from sensor_msgs.msg import JointState

from ankle_imu_driver.managed_node import ManagedNode
from ankle_predictor.nodes.input_queue import DIRECT_DEPTH, InputQueue
from ankle_predictor.nodes.stamps import stamp_of

TOPIC = "joint_states"


class QueueNode(ManagedNode):
    """Accepts stamps directly and over one topic, and keeps what it processes; a stamp of 1 on the topic is no item."""

    def __init__(self, **node_arguments: Any) -> None:
        super().__init__("queue_node", **node_arguments)
        self.processed: list[list[int]] = []
        self.inputs: InputQueue[int] = InputQueue(self, self.keep)

    def keep(self, items: list[int]) -> None:
        self.processed.append(items.copy())

    def read(self, message: JointState) -> list[int]:
        stamp = stamp_of(message)
        return [-stamp] if stamp > 1 else []

    def start(self) -> None:
        self.inputs.accept(lambda stamp: [stamp])
        self.inputs.listen(JointState, TOPIC, self.read)

    def stop(self) -> None:
        self.inputs.close()


def joint(stamp: int) -> JointState:
    message = JointState()
    message.header.stamp.nanosec = stamp
    return message


@pytest.fixture
def table() -> Iterator[Bench]:
    with bench() as made:
        yield made


@pytest.fixture
def node(table: Bench) -> QueueNode:
    return table.start(QueueNode)


def test_posted_samples_are_processed_together(node: QueueNode) -> None:
    for stamp in (1, 2, 3):
        node.inputs.post(stamp)
    assert node.processed == []
    assert node.inputs.drain()
    assert not node.inputs.drain()
    assert node.processed == [[1, 2, 3]]
    assert node.inputs.received == 3


def test_another_thread_may_post(table: Bench, node: QueueNode) -> None:
    def send() -> None:
        for stamp in range(DIRECT_DEPTH):
            node.inputs.post(stamp)

    sender = threading.Thread(target=send)
    sender.start()
    table.until(lambda: node.inputs.drain() and sum(map(len, node.processed)) == DIRECT_DEPTH)
    sender.join()
    assert [stamp for items in node.processed for stamp in items] == list(range(DIRECT_DEPTH))


def test_messages_that_are_pending_over_dds_are_processed_with_them(table: Bench, node: QueueNode) -> None:
    table.advertise((JointState, TOPIC))
    table.hold_up(node)
    for stamp in (1, 7):
        table.publish(TOPIC, joint(stamp))
    table.spin(0.1)
    node.inputs.post(5)
    node.inputs.drain()
    assert node.processed == [[5, -7]]


def test_all_pending_messages_are_processed_with_the_first_one(table: Bench, node: QueueNode) -> None:
    table.advertise((JointState, TOPIC))
    table.hold_up(node)
    for stamp in (1, 7, 8, 9):
        table.publish(TOPIC, joint(stamp))
    table.spin(0.1)
    table.release(node)
    table.until(lambda: node.processed)
    assert node.processed == [[-7, -8, -9]]


def test_an_inactive_node_drops_posted_samples(node: QueueNode) -> None:
    node.trigger_deactivate()
    node.inputs.post(1)
    node.trigger_activate()
    node.inputs.drain()
    assert node.processed == []


def test_the_number_of_pending_samples_is_limited(node: QueueNode) -> None:
    for stamp in range(2 * DIRECT_DEPTH):
        node.inputs.post(stamp)
    node.inputs.drain()
    assert node.processed == [list(range(DIRECT_DEPTH, 2 * DIRECT_DEPTH))]


def test_a_source_that_is_faster_than_the_node_does_not_block_it(node: QueueNode) -> None:
    def read(stamp: int) -> list[int]:
        node.inputs.post(stamp + 1)  # the next one comes while this one is read
        return [stamp]

    node.inputs.close()
    node.inputs.accept(read)
    node.inputs.post(1)
    for stamp in (1, 2):
        node.inputs.drain()
        assert node.processed[-1] == [stamp]


def test_samples_posted_before_a_stop_are_dropped(node: QueueNode) -> None:
    def read(stamp: int) -> list[int]:
        node.trigger_deactivate()  # at the worst moment
        node.trigger_activate()
        return [stamp]

    node.inputs.close()
    node.inputs.accept(read)
    node.inputs.post(1)
    node.inputs.post(2)
    node.inputs.drain()
    assert node.processed == [[1]]
    assert not node.inputs.drain()


@pytest.mark.parametrize("directly", [True, False])
def test_a_bug_in_reading_is_reported_and_the_next_sample_is_read(
    table: Bench, node: QueueNode, directly: bool
) -> None:
    def read(_: Any) -> list[int]:
        if node.inputs.received == 1:
            np.zeros(2) + np.zeros(3)
        return [node.inputs.received]

    node.inputs.close()
    node.inputs.accept(read)
    node.inputs.listen(JointState, TOPIC, read)
    table.advertise((JointState, TOPIC))
    for count in (1, 2):
        if directly:
            node.inputs.post(0)
            node.inputs.drain()
        else:
            table.publish(TOPIC, joint(7))
            table.until(lambda count=count: node.inputs.received == count)
    assert node.processed == [[2]]
    level, sentence, _ = table.health(node)
    assert level == 2
    assert "ValueError: operands could not be broadcast together" in sentence
