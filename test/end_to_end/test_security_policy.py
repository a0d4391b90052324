"""The SROS2 policy: valid, minimal, and enough for everything that the real nodes create."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import rclpy
from rigs.node_bench import Bench, bench
from rigs.sros2_policy import POLICY, Rights, holders, rights
from rigs.trials import leave_out_trials
from trajectory_msgs.msg import JointTrajectory

from ankle_imu_driver.driver_node import ImuDriverNode
from ankle_imu_driver.managed_node import ManagedNode
from ankle_predictor.dashboard.recorder import Recorder
from ankle_predictor.dashboard.ros_link import RosLink
from ankle_predictor.nodes.filter_node import OrientationFilterNode
from ankle_predictor.nodes.predictor_node import PredictorNode
from ankle_predictor.nodes.visualizer_node import VisualizerNode

SCHEMA = Path(__file__).parent.parent / "rigs" / "sros2_policy.xsd"
NODES: tuple[tuple[type[ManagedNode], dict[str, str]], ...] = (
    (ImuDriverNode, {"source": "simulator"}),
    (OrientationFilterNode, {}),
    (PredictorNode, {}),
    (VisualizerNode, {}),
)
AT_TIMES = {  # what a node creates only with other parameters, message packages or ROS distributions
    "publish": {"/clock", "/tf_static", "/tf", "/forecast_markers", "/forecast_cloud", "/robot_description"},
    "subscribe": {"/clock"},
    "reply": {"/imu_driver/get_type_description", "/orientation_filter/get_type_description",
              "/predictor/get_type_description", "/visualizer/get_type_description"},
    "request": set(),
}  # fmt: skip
EVERY_NODE = {"/rosout", "/parameter_events", "/diagnostics"}


@pytest.fixture
def table() -> Iterator[Bench]:
    with bench() as made:
        yield made


def created(table: Bench, node: ManagedNode) -> Rights:
    """What a node has created, as the middleware's graph tells it."""
    name, namespace, graph = node.get_name(), node.get_namespace(), table.listener
    found = {
        "publish": graph.get_publisher_names_and_types_by_node(name, namespace),
        "subscribe": graph.get_subscriber_names_and_types_by_node(name, namespace),
        "reply": graph.get_service_names_and_types_by_node(name, namespace),
        "request": graph.get_client_names_and_types_by_node(name, namespace),
    }
    return {right: {topic for topic, _ in names} for right, names in found.items()}


def test_the_policy_is_valid() -> None:
    xmlschema = pytest.importorskip("xmlschema", reason="xmlschema, of requirements-dev.txt, is not installed")
    xmlschema.XMLSchema(SCHEMA).validate(POLICY)
    wrong = POLICY.read_text("utf-8").replace('publish="ALLOW"', 'publish="PERHAPS"', 1)
    assert not xmlschema.XMLSchema(SCHEMA).is_valid(wrong)


def test_each_node_may_do_what_it_does_and_nothing_else(table: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    leave_out_trials(monkeypatch)
    allowed = {name: own for nodes in rights().values() for name, own in nodes.items()}
    running = [table.start(kind, parameters) for kind, parameters in NODES]
    assert all(node.is_active for node in running)
    table.sender("rival", (JointTrajectory, "forecast"))  # the predictor then listens for it
    for node in running:
        name = node.get_name()
        for right in AT_TIMES:
            table.until(lambda n=node, r=right: allowed[n.get_name()][r] - AT_TIMES[r] <= created(table, n)[r])
            assert created(table, node)[right] <= allowed[name][right], f"{name} has more to {right} than the policy"


def test_bringup_may_do_what_its_three_nodes_may() -> None:
    alone = {name: rights()[f"/ankle/{name}"][name] for name in ("imu_driver", "orientation_filter", "predictor")}
    assert rights()["/ankle/bringup"] == alone


@pytest.mark.parametrize(
    ("right", "name", "who"),
    [
        ("publish", "/shank/imu/data_raw", {"imu_driver", "bringup"}),
        ("publish", "/foot/imu/data_raw", {"imu_driver", "bringup"}),
        ("publish", "/encoder/joint_states", {"imu_driver", "bringup", "encoder"}),
        ("publish", "/shank/imu/data", {"orientation_filter", "bringup"}),
        ("publish", "/joint_states", {"orientation_filter", "bringup"}),
        ("publish", "/forecast", {"predictor", "bringup"}),
        ("publish", "/forecast_detail", {"predictor", "bringup"}),
        ("request", "/orientation_filter/calibrate", {"operator", "dashboard"}),
        ("request", "/orientation_filter/reset", {"operator"}),
        ("request", "/predictor/load_weights", {"operator", "dashboard"}),
        ("request", "/predictor/adapt/_action/send_goal", {"operator", "dashboard"}),
        ("request", "/predictor/change_state", {"operator"}),
        ("request", "/imu_driver/set_parameters", {"operator"}),
    ],
)  # fmt: skip
def test_who_may_send_and_call(right: str, name: str, who: set[str]) -> None:
    assert holders(right, name) == {f"/ankle/{one}" for one in who}


def test_who_only_listens_can_send_nothing_that_a_forecast_rests_on() -> None:
    ((own),) = rights()["/ankle/controller"].values()
    assert own["publish"] <= EVERY_NODE
    assert own["request"] == set()


def test_the_page_may_do_what_it_does_and_nothing_else(table: Bench, tmp_path: Path) -> None:
    executor = table.executor
    node = rclpy.create_node("dashboard", context=executor.context, enable_rosout=False, start_parameter_services=False)
    executor.add_node(node)
    try:
        link = RosLink(node, executor, ["/"], Recorder(tmp_path))
        link.start_recording()
        allowed = rights()["/ankle/dashboard"]["dashboard"]
        table.until(lambda: "/forecast" in created(table, node)["subscribe"])
        found = created(table, node)
        link.stop_recording()
        table.spin(0.2)
    finally:
        executor.remove_node(node)
        node.destroy_node()
    assert found["publish"] <= EVERY_NODE
    assert "/predictor/adapt/_action/send_goal" in found["request"]
    for right in AT_TIMES:
        assert found[right] <= allowed[right], f"dashboard has more to {right} than the policy"


def test_a_leg_in_a_namespace_has_the_same_rights_there() -> None:
    there = rights(POLICY.read_text("utf-8").replace('ns="/"', 'ns="/right_ankle"'))
    raw = there["/ankle/imu_driver"]["imu_driver"]["publish"]
    assert "/right_ankle/shank/imu/data_raw" in raw
    assert "/shank/imu/data_raw" not in raw
