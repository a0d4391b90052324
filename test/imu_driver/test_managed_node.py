"""What all three nodes do when a transition refuses, or breaks."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import rclpy
from lifecycle_msgs.msg import State
from rclpy.context import Context
from rclpy.parameter import Parameter

from ankle_imu_driver.managed_node import ManagedNode
from ankle_imu_driver.refusal import Refusal

DOMAIN = 72


class Node(ManagedNode):
    """Breaks where it is told to, and writes down what happens."""

    def __init__(self, context: Context, **breaks: Exception) -> None:
        super().__init__("node", context=context, parameter_overrides=[Parameter("autostart", value=False)])
        self.breaks = breaks
        self.calls: list[str] = []

    def setup(self) -> None:
        self._do("setup")

    def start(self) -> None:
        self._do("start")

    def stop(self) -> None:
        self._do("stop")

    def teardown(self) -> None:
        self._do("teardown")

    def _do(self, name: str) -> None:
        self.calls.append(name)
        if name in self.breaks:
            raise self.breaks[name]

    @property
    def state(self) -> int:
        return int(self._state_machine.current_state[0])


@pytest.fixture
def context(monkeypatch: pytest.MonkeyPatch) -> Iterator[Context]:
    monkeypatch.setenv("ROS_AUTOMATIC_DISCOVERY_RANGE", "LOCALHOST")
    monkeypatch.setenv("ROS_LOCALHOST_ONLY", "1")
    made = Context()
    rclpy.init(context=made, domain_id=DOMAIN)
    yield made
    rclpy.shutdown(context=made)


def test_a_life_from_beginning_to_end(context: Context) -> None:
    node = Node(context)
    node.trigger_configure()
    node.trigger_activate()
    assert node.is_active
    node.trigger_deactivate()
    assert not node.is_active
    node.trigger_cleanup()
    assert node.calls == ["setup", "start", "stop", "teardown"]
    node.trigger_shutdown()
    assert node.state == State.PRIMARY_STATE_FINALIZED


def test_a_refusal_leaves_it_where_it_was_and_a_later_try_succeeds(context: Context) -> None:
    node = Node(context, setup=Refusal("the log is missing"))
    node.trigger_configure()
    assert node.state == State.PRIMARY_STATE_UNCONFIGURED
    assert node.refusal == "the log is missing"
    node.breaks = {"start": Refusal("the source is busy")}
    node.trigger_configure()
    assert node.refusal == ""
    node.trigger_activate()
    assert node.state == State.PRIMARY_STATE_INACTIVE
    assert node.refusal == "the source is busy"
    assert not node.is_active
    node.breaks = {}
    node.trigger_activate()
    assert node.is_active
    assert node.calls == ["setup", "teardown", "setup", "start", "stop", "start"]


@pytest.mark.parametrize("where", ["setup", "start", "stop"])
def test_a_bug_in_a_transition_ends_unconfigured_and_can_be_tried_again(context: Context, where: str) -> None:
    node = Node(context, **{where: RuntimeError("no such key")})
    for trigger in (node.trigger_configure, node.trigger_activate, node.trigger_deactivate):
        trigger()
        if node.refusal:
            break
    assert node.state == State.PRIMARY_STATE_UNCONFIGURED
    assert node.refusal.endswith("failed: RuntimeError: no such key")
    assert not node.is_active
    assert node.calls[-1] == "teardown"
    node.breaks = {}
    node.trigger_configure()
    assert node.refusal == ""
    assert node.state == State.PRIMARY_STATE_INACTIVE


def test_closing_is_possible_in_any_state_and_twice(context: Context) -> None:
    for steps in range(3):
        node = Node(context)
        for trigger in (node.trigger_configure, node.trigger_activate)[:steps]:
            trigger()
        node.close()
        node.close()
        assert node.calls.count("stop") == (steps == 2)
        assert node.calls[-1] == "teardown"
        node.destroy_node()


def test_the_executor_has_no_qos_events_to_wait_for(context: Context) -> None:
    node = Node(context)
    node.create_subscription(State, "state", lambda message: None, 10)
    assert [handler for end in (*node.publishers, *node.subscriptions) for handler in end.event_handlers] == []
    assert len(list(node.publishers)) >= 2


def test_a_number_may_be_written_either_way(context: Context) -> None:
    node = Node(context)
    node.declare_number("rate", 1.0)
    for value in (2, 2.0):
        node.set_parameters([Parameter("rate", value=value)])
        assert node.number("rate") == 2.0
    for value in (True, "fast"):
        node.set_parameters([Parameter("rate", value=value)])
        with pytest.raises(ValueError, match="parameter rate must be a number"):
            node.number("rate")
