"""What waits is taken whole: over DDS, and from a sender in the same process."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from rigs.node_bench import Bench, bench, imu
from sensor_msgs.msg import Imu, JointState

from ankle_imu_driver.managed_node import ManagedNode
from ankle_predictor.nodes.input_queue import DEPTH, InputQueue
from ankle_predictor.nodes.messages import stamp_of
from ankle_predictor.nodes.sample_executor import SampleExecutor

HANDED, HEARD = "shank/imu/data", "joint_states"


class Desk(ManagedNode):
    """Listens to one topic by hand and to one over DDS, and keeps what it is given."""

    def __init__(self, **node_arguments: Any) -> None:
        super().__init__("desk", **node_arguments)
        self.answers: list[list[int]] = []
        self.inputs: InputQueue[int] = InputQueue(self, self.keep)
        self.inputs.expect(HANDED)

    def keep(self, items: list[int]) -> None:
        self.answers.append(items.copy())

    def start(self) -> None:
        self.inputs.listen(Imu, HANDED, stamp_of, lambda stamp: [stamp])
        self.inputs.listen(JointState, HEARD, stamp_of, lambda stamp: [-stamp] if stamp > 1 else [])

    def stop(self) -> None:
        self.inputs.close()


def sample(stamp: int) -> Imu:
    return imu("shank_link", stamp, (0, 0, 0), (0, 0, 0))


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


def test_what_was_posted_is_answered_at_once_and_together(desk: Desk) -> None:
    message = sample(0)
    for stamp in (1, 2, 3):
        message.header.stamp.nanosec = stamp  # as senders refill theirs
        desk.inputs.post(HANDED, message)
    assert desk.answers == []
    assert desk.inputs.take()
    assert not desk.inputs.take()
    assert desk.answers == [[1, 2, 3]]


def test_another_thread_posts(table: Bench, desk: Desk) -> None:
    def send() -> None:
        for stamp in range(1, DEPTH + 1):
            desk.inputs.post(HANDED, sample(stamp))

    sender = threading.Thread(target=send)
    sender.start()
    table.until(lambda: desk.inputs.take() and sum(map(len, desk.answers)) == DEPTH)
    sender.join()
    assert [stamp for answer in desk.answers for stamp in answer] == list(range(1, DEPTH + 1))


def test_what_waits_over_dds_is_answered_with_it(table: Bench, desk: Desk) -> None:
    table.advertise((JointState, HEARD))
    table._executor.remove_node(desk)  # the node is held up
    for stamp in (1, 7):  # the first one makes no item
        table.publish(HEARD, joint(stamp))
    table.spin(0.1)
    desk.inputs.post(HANDED, sample(5))
    desk.inputs.take()
    assert desk.answers == [[5, -7]]


def test_a_topic_that_is_handed_on_is_not_heard_over_dds_as_well(table: Bench, desk: Desk) -> None:
    assert table.listener.count_subscribers(HANDED) == 1  # the listener's own
    desk.trigger_deactivate()
    desk.inputs.post(HANDED, sample(1))
    desk.trigger_activate()
    desk.inputs.post("foot/imu/data", sample(2))
    desk.inputs.take()
    assert desk.answers == []  # it did not listen


def test_what_nobody_takes_does_not_pile_up(desk: Desk) -> None:
    for stamp in range(2 * DEPTH):
        desk.inputs.post(HANDED, sample(stamp))
    desk.inputs.take()
    assert desk.answers == [list(range(DEPTH, 2 * DEPTH))]


def test_the_first_message_that_wakes_the_node_brings_the_rest_with_it(table: Bench, desk: Desk) -> None:
    table.advertise((JointState, HEARD))
    table._executor.remove_node(desk)
    for stamp in (1, 7, 8):  # the first one makes no item
        table.publish(HEARD, joint(stamp))
    table.spin(0.1)
    desk.inputs.take()
    assert desk.answers == [[-7, -8]]


def test_a_source_that_is_faster_leaves_the_node_its_turns(desk: Desk) -> None:
    def read(stamp: int) -> list[int]:
        desk.inputs.post(HANDED, sample(stamp + 1))  # the next one comes while this one is read
        return [stamp]

    desk.inputs.close()
    desk.inputs.listen(Imu, HANDED, stamp_of, read)
    desk.inputs.post(HANDED, sample(1))
    desk.inputs.take()
    assert desk.answers == [[1]]
    desk.inputs.take()
    assert desk.answers == [[1], [2]]


def test_what_was_posted_while_it_stopped_is_not_answered_after_a_new_start(desk: Desk) -> None:
    def unpack(message: Imu) -> int:
        desk.trigger_deactivate()  # at the worst moment
        desk.trigger_activate()
        return stamp_of(message)

    desk.inputs.close()
    desk.inputs.listen(Imu, HANDED, unpack, lambda stamp: [stamp])
    desk.inputs.post(HANDED, sample(1))
    desk.inputs.post(HANDED, sample(2))
    desk.inputs.take()
    assert desk.answers == [[2]]


def test_it_waits_for_what_it_listens_to_and_takes_nothing(table: Bench, desk: Desk) -> None:
    table.advertise((JointState, HEARD))
    started = time.monotonic()
    assert not desk.inputs.wait(0.05)
    assert 0.05 <= time.monotonic() - started < 5.0
    table.publish(HEARD, joint(7))
    assert desk.inputs.wait(5.0)
    assert desk.inputs.wait(0.0)
    assert desk.answers == []
    desk.inputs.take()
    assert desk.answers == [[-7]]
    assert not desk.inputs.wait(0.0)


def test_without_anything_to_listen_to_it_waits_all_the_same(desk: Desk) -> None:
    desk.trigger_deactivate()
    started = time.monotonic()
    assert not desk.inputs.wait(0.05)
    assert time.monotonic() - started >= 0.05


class Busy(Desk):
    """Has timers that are always ready, and take their time."""

    def __init__(self, **node_arguments: Any) -> None:
        super().__init__(**node_arguments)
        self.turns = self.turns_before = 0
        for _ in range(5):
            self.create_steady_timer(0.0, self._work)

    def keep(self, items: list[int]) -> None:
        super().keep(items)
        self.turns_before = self.turns

    def _work(self) -> None:
        self.turns += 1
        time.sleep(0.002)


def answered(table: Bench, desk: Busy, count: int) -> int:
    """How often so many messages were answered before any timer had its turn."""
    table.advertise((JointState, HEARD))
    prompt = 0
    for sent in range(count):
        turns = desk.turns
        table.publish(HEARD, joint(2 + sent))
        table.until(lambda sent=sent: sum(map(len, desk.answers)) > sent)
        prompt += desk.turns_before == turns
    assert [stamp for answer in desk.answers for stamp in answer] == [-2 - k for k in range(count)]
    return prompt


def test_what_comes_first_is_answered_before_timers() -> None:
    with bench(SampleExecutor) as table:
        desk = table.start(Busy)
        desk.inputs.come_first(table._executor)
        assert answered(table, desk, 50) > 40
        assert desk.turns > 50
        assert table.health(desk)[1] == "active"  # heard over DDS, too


def test_in_simulated_time_nothing_comes_first() -> None:
    with bench(SampleExecutor) as table:
        desk = table.start(Desk, {"use_sim_time": True})
        desk.inputs.come_first(table._executor)
        assert table._executor._wait is None
