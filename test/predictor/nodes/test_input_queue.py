"""All pending samples are processed together: those over DDS, and those from a node in the same process."""

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


class Desk(ManagedNode):
    """Accepts stamps directly and over one topic, and keeps what it processes; a stamp of 1 on the topic is no item."""

    def __init__(self, **node_arguments: Any) -> None:
        super().__init__("desk", **node_arguments)
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
def desk(table: Bench) -> Desk:
    return table.start(Desk)


def test_posted_samples_are_processed_together(desk: Desk) -> None:
    for stamp in (1, 2, 3):
        desk.inputs.post(stamp)
    assert desk.processed == []
    assert desk.inputs.drain()
    assert not desk.inputs.drain()
    assert desk.processed == [[1, 2, 3]]
    assert desk.inputs.received == 3


def test_another_thread_may_post(table: Bench, desk: Desk) -> None:
    def send() -> None:
        for stamp in range(DIRECT_DEPTH):
            desk.inputs.post(stamp)

    sender = threading.Thread(target=send)
    sender.start()
    table.until(lambda: desk.inputs.drain() and sum(map(len, desk.processed)) == DIRECT_DEPTH)
    sender.join()
    assert [stamp for items in desk.processed for stamp in items] == list(range(DIRECT_DEPTH))


def test_messages_that_are_pending_over_dds_are_processed_with_them(table: Bench, desk: Desk) -> None:
    table.advertise((JointState, TOPIC))
    table.hold_up(desk)
    for stamp in (1, 7):
        table.publish(TOPIC, joint(stamp))
    table.spin(0.1)
    desk.inputs.post(5)
    desk.inputs.drain()
    assert desk.processed == [[5, -7]]


def test_the_first_message_that_wakes_the_node_brings_all_others_with_it(table: Bench, desk: Desk) -> None:
    table.advertise((JointState, TOPIC))
    table.hold_up(desk)
    for stamp in (1, 7, 8, 9):
        table.publish(TOPIC, joint(stamp))
    table.spin(0.1)
    table.release(desk)
    table.until(lambda: desk.processed)
    assert desk.processed == [[-7, -8, -9]]


def test_a_node_that_does_not_listen_drops_what_is_posted(desk: Desk) -> None:
    desk.trigger_deactivate()
    desk.inputs.post(1)
    desk.trigger_activate()
    desk.inputs.drain()
    assert desk.processed == []


def test_samples_that_nobody_drains_do_not_pile_up(desk: Desk) -> None:
    for stamp in range(2 * DIRECT_DEPTH):
        desk.inputs.post(stamp)
    desk.inputs.drain()
    assert desk.processed == [list(range(DIRECT_DEPTH, 2 * DIRECT_DEPTH))]


def test_a_source_that_is_faster_than_the_node_does_not_block_it(desk: Desk) -> None:
    def read(stamp: int) -> list[int]:
        desk.inputs.post(stamp + 1)  # the next one comes while this one is read
        return [stamp]

    desk.inputs.close()
    desk.inputs.accept(read)
    desk.inputs.post(1)
    for stamp in (1, 2):
        desk.inputs.drain()
        assert desk.processed[-1] == [stamp]


def test_what_was_posted_before_a_stop_is_not_processed_after_the_next_start(desk: Desk) -> None:
    def read(stamp: int) -> list[int]:
        desk.trigger_deactivate()  # at the worst moment
        desk.trigger_activate()
        return [stamp]

    desk.inputs.close()
    desk.inputs.accept(read)
    desk.inputs.post(1)
    desk.inputs.post(2)
    desk.inputs.drain()
    assert desk.processed == [[1]]
    assert not desk.inputs.drain()


@pytest.mark.parametrize("directly", [True, False])
def test_a_bug_in_reading_is_reported_and_the_next_sample_is_read(table: Bench, desk: Desk, directly: bool) -> None:
    def read(_: Any) -> list[int]:
        if desk.inputs.received == 1:
            np.zeros(2) + np.zeros(3)
        return [desk.inputs.received]

    desk.inputs.close()
    desk.inputs.accept(read)
    desk.inputs.listen(JointState, TOPIC, read)
    table.advertise((JointState, TOPIC))
    for count in (1, 2):
        if directly:
            desk.inputs.post(0)
            desk.inputs.drain()
        else:
            table.publish(TOPIC, joint(7))
            table.until(lambda count=count: desk.inputs.received == count)
    assert desk.processed == [[2]]
    level, sentence, _ = table.health(desk)
    assert level == 2
    assert "ValueError: operands could not be broadcast together" in sentence
