"""The base of all nodes: transitions that refuse or break, callbacks that break, and diagnostics."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from lifecycle_msgs.msg import State, Transition
from lifecycle_msgs.srv import ChangeState
from rcl_interfaces.srv import SetParameters
from rclpy.lifecycle import TransitionCallbackReturn
from rclpy.parameter import Parameter
from rigs.node_bench import Bench, bench
from std_srvs.srv import Trigger

from ankle_imu_driver.bug_report import SHOWN, BugReport
from ankle_imu_driver.managed_node import ManagedNode
from ankle_imu_driver.parameter_spec import ParameterSpec
from ankle_imu_driver.refusal import Refusal

UNCONFIGURED, INACTIVE = State.PRIMARY_STATE_UNCONFIGURED, State.PRIMARY_STATE_INACTIVE


def shapes_that_do_not_fit() -> None:
    """What numpy raises is a ValueError, as a refusal is."""
    np.zeros(2) + np.zeros(3)


class Node(ManagedNode):
    """Breaks where it is told to, and writes down what happens."""

    def __init__(self, **node_arguments: Any) -> None:
        super().__init__("node", **node_arguments)
        self.breaks: dict[str, Exception] = {}
        self.calls: list[str] = []
        self.logged: list[str] = []
        self.get_logger().error = self.logged.append

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


@pytest.fixture
def table() -> Iterator[Bench]:
    with bench() as made:
        yield made


@pytest.fixture
def node(table: Bench) -> Node:
    made = table.make(Node, {"autostart": False})
    table.executor.add_node(made)
    return made


def test_a_life_from_beginning_to_end(table: Bench, node: Node) -> None:
    node.trigger_configure()
    node.trigger_activate()
    assert node.is_active
    node.trigger_deactivate()
    assert not node.is_active
    node.trigger_cleanup()
    assert node.calls == ["setup", "start", "stop", "teardown"]
    node.trigger_shutdown()
    assert table.state_of(node) == State.PRIMARY_STATE_FINALIZED


def test_a_refusal_leaves_it_where_it_was_and_a_later_try_succeeds(table: Bench, node: Node) -> None:
    node.breaks = {"setup": Refusal("the log is missing")}
    node.trigger_configure()
    assert table.state_of(node) == UNCONFIGURED
    assert node.refusal == "the log is missing"
    assert node.logged == ["the log is missing"]
    node.breaks = {"start": Refusal("the source is busy")}
    node.trigger_configure()
    assert node.refusal == ""
    node.trigger_activate()
    assert table.state_of(node) == INACTIVE
    assert node.refusal == "the source is busy"
    assert not node.is_active
    node.breaks = {}
    node.trigger_activate()
    assert node.is_active
    assert node.calls == ["setup", "teardown", "setup", "start", "stop", "start"]


@pytest.mark.parametrize("where", ["setup", "start", "stop"])
@pytest.mark.parametrize("bug", [RuntimeError("no such key"), ValueError("operands could not be broadcast")])
def test_a_bug_in_a_transition_ends_unconfigured_and_can_be_tried_again(
    table: Bench, node: Node, where: str, bug: Exception
) -> None:
    node.breaks = {where: bug}
    for trigger in (node.trigger_configure, node.trigger_activate, node.trigger_deactivate):
        trigger()
        if node.refusal:
            break
    assert table.state_of(node) == UNCONFIGURED
    assert node.refusal.endswith(f"failed: {type(bug).__name__}: {bug}")
    assert "Traceback" in node.logged[0]
    assert table.health(node)[:2] == (2, node.refusal)
    assert not node.is_active
    assert node.calls[-1] == "teardown"
    node.breaks = {}
    node.trigger_configure()
    assert node.refusal == ""
    assert table.state_of(node) == INACTIVE


def active(node: Node) -> Node:
    node.trigger_configure()
    node.trigger_activate()
    assert node.is_active
    return node


def test_a_bug_in_a_timer_keeps_its_traceback_and_the_node_lives_on(table: Bench, node: Node) -> None:
    turns: list[int] = []

    def count() -> None:
        turns.append(1)
        shapes_that_do_not_fit()

    active(node).create_steady_timer(0.0, count)
    table.until(lambda: len(turns) > 5)
    assert node.is_active
    (logged,) = node.logged  # once, although it happens at every turn
    assert "Traceback" in logged
    assert "in shapes_that_do_not_fit" in logged
    level, sentence, values = table.health(node)
    assert level == 2
    assert sentence.startswith("bug in count: ValueError: operands could not be broadcast together")
    assert "the log has the traceback" in sentence
    assert any(key.startswith("bug in count") and int(value) > 5 for key, value in values.items())


def test_a_bug_in_a_service_is_answered_and_keeps_its_traceback(table: Bench, node: Node) -> None:
    def serve(request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        response.success = True  # which is not what it comes to
        shapes_that_do_not_fit()
        return response

    active(node).create_service(Trigger, "~/serve", serve)
    response = table.call(Trigger, "node/serve")
    assert not response.success
    assert response.message.startswith("~/serve failed: ValueError: operands could not be broadcast together")
    assert "Traceback" in node.logged[0]
    assert table.health(node)[0] == 2
    assert table.call(Trigger, "node/serve").message == response.message
    assert len(node.logged) == 1


def test_a_bug_in_a_subscription_keeps_its_traceback_and_the_next_message_is_taken(table: Bench, node: Node) -> None:
    taken: list[State] = []

    def take(message: State) -> None:
        taken.append(message)
        if len(taken) == 1:
            shapes_that_do_not_fit()

    active(node).create_subscription(State, "states", take, 10)
    table.advertise((State, "states"))
    for count in (1, 2):
        table.publish("states", State())
        table.until(lambda count=count: len(taken) == count)
    assert "Traceback" in node.logged[0]
    assert table.health(node)[0] == 2


def test_a_bug_in_health_does_not_silence_diagnostics(
    table: Bench, node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(node, "health", shapes_that_do_not_fit)
    level, sentence, _ = table.health(active(node))
    assert level == 2
    assert sentence.startswith("bug in health: ValueError: operands could not be broadcast together")
    assert "Traceback" in node.logged[0]


def test_a_coroutine_function_is_no_callback_of_a_timer(node: Node) -> None:
    async def work() -> None:
        raise AssertionError

    with pytest.raises(TypeError, match="coroutine function"):
        node.create_steady_timer(1.0, work)


@pytest.mark.parametrize("label", ["", "nonsense"])
@pytest.mark.parametrize("number", [0, 2, 3, 4, 6, 7, 8, 10, 42, 255])
def test_an_unavailable_transition_is_answered(table: Bench, node: Node, number: int, label: str) -> None:
    asked = Transition(id=number, label=label)
    assert not table.call(ChangeState, "node/change_state", transition=asked).success
    assert table.state_of(node) == UNCONFIGURED
    assert not any("Traceback" in text for text in node.logged)
    assert table.health(node)[:2] == (1, "not active")  # no bug of ours
    assert table.call(ChangeState, "node/change_state", transition=Transition(id=1)).success
    assert table.state_of(node) == INACTIVE


def test_an_unavailable_transition_is_an_error_for_who_triggers_it(table: Bench, node: Node) -> None:
    """On Humble and Jazzy rclpy raises instead, which ended the whole process."""
    every = (node.trigger_configure, node.trigger_activate, node.trigger_deactivate, node.trigger_cleanup)
    for trigger in every[1:]:
        assert trigger() == TransitionCallbackReturn.ERROR
    assert table.state_of(node) == UNCONFIGURED
    assert every[0]() == TransitionCallbackReturn.SUCCESS
    assert every[0]() == TransitionCallbackReturn.ERROR
    assert table.state_of(node) == INACTIVE
    assert node.trigger_shutdown() == TransitionCallbackReturn.SUCCESS
    for trigger in (*every, node.trigger_shutdown):
        assert trigger() == TransitionCallbackReturn.ERROR
    assert table.state_of(node) == State.PRIMARY_STATE_FINALIZED
    assert not any("Traceback" in text for text in node.logged)


def test_a_destroyed_node_leaves_no_service_behind(table: Bench, node: Node) -> None:
    """rclpy keeps those of a lifecycle node until Python collects garbage; a second node's are then not found."""
    table.until(lambda: table.listener.count_services("node/get_state"))
    gc.disable()
    try:
        table.destroy(node)
        table.until(lambda: not table.listener.count_services("node/get_state"), timeout=10.0)
    finally:
        gc.enable()


def test_who_configures_before_the_autostart_does_no_harm(table: Bench) -> None:
    node = table.make(Node)
    node.trigger_configure()
    node.autostart()
    table.executor.add_node(node)
    assert table.state_of(node) == INACTIVE
    assert table.health(node)[:2] == (1, "not active")


def test_a_bug_behind_a_service_that_rclpy_makes_is_answered_too(table: Bench, node: Node) -> None:
    def broken(_parameters: Any) -> Any:
        raise RuntimeError("broken")

    node.add_on_set_parameters_callback(broken)
    wanted = Parameter("use_sim_time", value=True).to_parameter_msg()
    assert list(table.call(SetParameters, "node/set_parameters", parameters=[wanted]).results) == []
    assert any("RuntimeError: broken" in text for text in node.logged)
    assert table.state_of(node) == UNCONFIGURED


def test_a_refusal_in_a_service_is_its_sentence_and_no_bug(table: Bench, node: Node) -> None:
    def serve(request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        raise Refusal("the wearer moves; stand still")

    active(node).create_service(Trigger, "~/serve", serve)
    response = table.call(Trigger, "node/serve")
    assert (response.success, response.message) == (False, "the wearer moves; stand still")
    assert node.logged == ["the wearer moves; stand still"]
    assert table.health(node)[:2] == (0, "active")


def test_bugs_are_counted_by_place_and_named_for_a_while() -> None:
    report = BugReport()

    def bug(where: str, now: float) -> str:
        try:
            shapes_that_do_not_fit()
        except ValueError as error:
            return report.add(where, error, now)
        raise AssertionError

    assert report.sentence(0.0) == ""
    assert "Traceback" in bug("timer", 1.0)
    assert bug("timer", 2.0) == ""
    assert "(2 times)" in report.sentence(2.0)
    assert list(report.counts.values()) == [2]
    assert report.sentence(2.0 + SHOWN) != ""
    assert report.sentence(2.1 + SHOWN) == ""


def test_closing_is_possible_in_any_state_and_twice(table: Bench) -> None:
    for steps in range(3):
        node = table.make(Node, {"autostart": False})
        table.executor.add_node(node)
        for trigger in (node.trigger_configure, node.trigger_activate)[:steps]:
            trigger()
        node.close()
        node.close()
        assert node.calls.count("stop") == (steps == 2)
        assert node.calls[-1] == "teardown"
        table.destroy(node)


def test_the_executor_has_no_qos_events_to_wait_for(node: Node) -> None:
    node.create_subscription(State, "state", lambda message: None, 10)
    assert [handler for end in (*node.publishers, *node.subscriptions) for handler in end.event_handlers] == []
    assert len(list(node.publishers)) >= 2


def test_a_number_may_be_written_either_way(node: Node) -> None:
    node.parameters.declare([ParameterSpec("rate", 1.0, "speed")])
    for value in (2, 2.0):
        assert node.set_parameters([Parameter("rate", value=value)])[0].successful
        assert node.parameters.value("rate") == 2.0
    for value in (True, "fast"):
        assert "rate must be a number" in node.set_parameters([Parameter("rate", value=value)])[0].reason
        assert node.parameters.value("rate") == 2.0
