"""``config/ankle.yaml`` lists every parameter of the nodes with its default."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
import yaml
from rclpy.context import Context
from rigs.quiet_context import quiet_context
from rigs.repository import REPOSITORY

from ankle_imu_driver.driver_node import ImuDriverNode
from ankle_predictor.nodes.filter_node import OrientationFilterNode
from ankle_predictor.nodes.predictor_node import PredictorNode
from ankle_predictor.nodes.visualizer_node import VisualizerNode

FILE = REPOSITORY / "config" / "ankle.yaml"
OF_ROS = {"start_type_description_service"}
# Only in comments, because their defaults depend on how the node is started.
COMMENTED = {"use_sim_time", "calibration_file"}
DOMAIN = 75


@pytest.fixture
def context(monkeypatch: pytest.MonkeyPatch) -> Iterator[Context]:
    with quiet_context(monkeypatch, DOMAIN) as made:
        yield made


def test_it_lists_the_parameters_that_the_nodes_declare(context: Context) -> None:
    declared = {}
    for make in (ImuDriverNode, OrientationFilterNode, PredictorNode, VisualizerNode):
        node = make(context=context)
        for name, parameter in node.get_parameters_by_prefix("").items():
            value = parameter.value
            declared[name] = value if isinstance(value, int | float | str) else list(value)
        node.destroy_node()
    declared["autostart"] = True
    text = FILE.read_text()
    written = yaml.safe_load(text)["/**"]["ros__parameters"]
    assert written == {name: value for name, value in declared.items() if name not in OF_ROS | COMMENTED}
    assert set(re.findall(r"^    # (\w+): ", text, re.MULTILINE)) == COMMENTED
