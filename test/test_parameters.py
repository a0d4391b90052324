"""Parameters as people expect: described, ranged, and refused in a sentence when they are set, in every state."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from rclpy.context import Context
from rclpy.lifecycle import TransitionCallbackReturn
from rclpy.parameter import Parameter
from rigs.quiet_context import quiet_context

from ankle_imu_driver.driver_node import ImuDriverNode
from ankle_imu_driver.managed_node import ManagedNode
from ankle_predictor.nodes.filter_node import OrientationFilterNode
from ankle_predictor.nodes.predictor_node import PredictorNode
from ankle_predictor.nodes.visualizer_node import VisualizerNode

NODES = {
    "imu_driver": ImuDriverNode,
    "orientation_filter": OrientationFilterNode,
    "predictor": PredictorNode,
    "visualizer": VisualizerNode,
}
OF_ROS = {"use_sim_time", "start_type_description_service"}
DOMAIN = 78
WRONG: tuple[tuple[str, str, Any, str], ...] = (
    ("predictor", "threads", 1.0, "threads must be a whole number, not 1.0"),
    ("predictor", "threads", 0, "threads"),
    ("predictor", "model", 10, "model must be text, not 10"),
    ("predictor", "plausible.angle", 9, "plausible.angle must be above 0, at most 3.14159, not 9.0"),
    ("predictor", "withhold_unfamiliar", "yes", "withhold_unfamiliar must be true or false, not 'yes'"),
    ("predictor", "encoder.role", "boss", "encoder.role must be one of input, score, off, not 'boss'"),
    ("orientation_filter", "shank.tilt", [0.1], "shank.tilt must be a list of 2 numbers, not [0.1]"),
    ("orientation_filter", "foot.mounting", "+X,+X,+Z", "names one sensor axis twice"),
    ("orientation_filter", "joint_name", "", "joint_name must not be empty"),
    ("visualizer", "display_rate", 200, "display_rate must be above 0, at most 50, not 200"),
    ("visualizer", "fixed_frame", "", "fixed_frame must be a frame's name"),
    ("imu_driver", "rate", "fast", "rate must be a number, not 'fast'"),
    ("imu_driver", "rate", -1.0, "rate must be above 0"),
    ("imu_driver", "mpu6050.allowed_chips", "any", "mpu6050.allowed_chips must be a list of whole numbers"),
)


@pytest.fixture
def context(monkeypatch: pytest.MonkeyPatch) -> Iterator[Context]:
    with quiet_context(monkeypatch, DOMAIN) as made:
        yield made


def node_with(context: Context, node: str, **values: Any) -> ManagedNode:
    overrides = [Parameter(name.replace("__", "."), value=value) for name, value in values.items()]
    return NODES[node](context=context, parameter_overrides=overrides)


def refusal_of(node: ManagedNode, name: str, value: Any) -> str:
    (result,) = node.set_parameters([Parameter(name, value=value)])
    return "" if result.successful else str(result.reason)


@pytest.mark.parametrize("name", NODES)
def test_every_parameter_is_described_with_its_range(context: Context, name: str) -> None:
    node = node_with(context, name)
    for parameter, value in node.get_parameters_by_prefix("").items():
        if parameter in OF_ROS:
            continue
        descriptor = node.describe_parameter(parameter)
        assert descriptor.description, parameter
        assert descriptor.type == value.type_.value, parameter
        assert descriptor.read_only == (parameter == "autostart")
    assert node.describe_parameter("autostart").additional_constraints == "counts at the start only"
    assert "read-only" in refusal_of(node, "autostart", value=True)
    if name == "predictor":
        (threads,) = node.describe_parameter("threads").integer_range
        assert (threads.from_value, threads.to_value) == (1, 64)
        (angle,) = node.describe_parameter("plausible.angle").floating_point_range
        assert 0.0 < angle.from_value < angle.to_value < 3.2
        assert node.describe_parameter("encoder.role").additional_constraints == (
            "one of input, score, off; cannot change while the node is configured"
        )
    node.destroy_node()


def test_a_wrong_value_is_refused_in_every_state(context: Context) -> None:
    nodes = {name: node_with(context, name) for name in NODES}
    nodes["imu_driver"].set_parameters([Parameter("source", value="simulator")])
    for transition in ("", "trigger_configure", "trigger_activate", "trigger_deactivate", "trigger_cleanup"):
        for node in nodes.values():
            assert not transition or getattr(node, transition)() == TransitionCallbackReturn.SUCCESS, node.refusal
        for name, parameter, value, sentence in WRONG:
            before = nodes[name].get_parameter(parameter).value
            reason = refusal_of(nodes[name], parameter, value)
            assert sentence in reason, (transition, reason)
            assert nodes[name].get_parameter(parameter).value == before
    for node in nodes.values():
        node.destroy_node()


def test_wrong_values_at_the_start_keep_a_node_from_working_until_they_are_set_right(context: Context) -> None:
    for name in NODES:
        wrong = {key.replace(".", "__"): (value, text) for node, key, value, text in WRONG if node == name}
        given = {"source": "simulator"} if name == "imu_driver" else {}
        node = node_with(context, name, **given, **{key: value for key, (value, _) in wrong.items()})
        assert node.trigger_configure() == TransitionCallbackReturn.FAILURE
        for key, (_, sentence) in wrong.items():
            assert sentence in node.refusal
            assert "given at the start; set it right, then configure" in node.refusal
            assert not refusal_of(node, key.replace("__", "."), node.get_parameter(key.replace("__", ".")).value)
        assert node.trigger_configure() == TransitionCallbackReturn.SUCCESS, node.refusal
        node.destroy_node()


def test_a_list_without_a_value_and_one_of_whole_numbers(context: Context) -> None:
    node = node_with(context, "orientation_filter", shank__tilt=[0, 0])
    assert node.parameters.value("shank.tilt") == [0.0, 0.0]
    assert node.trigger_configure() == TransitionCallbackReturn.SUCCESS
    node.destroy_node()
    nothing = Parameter("shank.tilt", Parameter.Type.NOT_SET)
    node = OrientationFilterNode(context=context, parameter_overrides=[nothing])
    assert node.trigger_configure() == TransitionCallbackReturn.FAILURE
    assert "shank.tilt must be a list of 2 numbers, not empty" in node.refusal
    node.destroy_node()


def test_only_live_parameters_change_while_the_node_is_configured(context: Context) -> None:
    node = node_with(context, "predictor")
    assert node.trigger_configure() == TransitionCallbackReturn.SUCCESS
    assert refusal_of(node, "side", "left") == "side cannot change while predictor is configured; clean it up first"
    assert isinstance(node, PredictorNode)
    for name, value in (("max_input_age", 1), ("plausible.angle", 0.5), ("plausible.rate", 2.0)):
        assert not refusal_of(node, name, value)
    assert not refusal_of(node, "withhold_unfamiliar", value=True)
    config = node.predictor.config
    assert (config.limits.max_input_age, config.limits.max_angle, config.limits.max_rate) == (1.0, 0.5, 2.0)
    assert config.withhold_unfamiliar
    node.destroy_node()


def test_a_number_for_a_text_on_the_command_line_gives_a_sentence_and_no_traceback(tmp_path: Path) -> None:
    code = (
        "import rclpy\nfrom ankle_predictor.nodes.predictor_node import PredictorNode\n"
        "rclpy.init()\nnode = PredictorNode()\nnode.trigger_configure()\nprint(node.refusal)\nnode.destroy_node()"
    )
    arguments = ["--ros-args", "-p", "model:=12", "-p", "autostart:=false"]
    environment = os.environ | {"ROS_AUTOMATIC_DISCOVERY_RANGE": "LOCALHOST", "ROS_LOG_DIR": str(tmp_path)}
    ran = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert 'model must be text, not 12; text has quotes in YAML: "12"' in ran.stdout
    assert "Traceback" not in ran.stdout + ran.stderr
