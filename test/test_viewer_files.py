"""The files for RViz, Foxglove and PlotJuggler, and the URDF: what they name exists, in their own formats."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
import yaml
from ankle_predictor_interfaces.msg import AnkleForecast
from rigs.repository import REPOSITORY
from scipy.spatial.transform import Rotation
from sensor_msgs.msg import JointState

from ankle_imu_driver.conventions import ENCODER_TOPIC, JointConvention
from ankle_predictor.nodes.topics import (
    CLOUD_TOPIC,
    DESCRIPTION_TOPIC,
    DETAIL_TOPIC,
    DUE_TOPIC,
    JOINT_TOPIC,
    MARKERS_TOPIC,
)
from ankle_predictor.nodes.visual_messages import CLOUD_FIELDS, GHOSTS, SOLE, due_joint, robot_description
from ankle_predictor.visualization.leg_geometry import LegShape, leg_pose, on_foot

LEGS = {"": "ankle", "/left_ankle": "left_ankle", "/right_ankle": "right_ankle"}  # namespaces and joints
# rviz_default_plugins/plugins_description.xml and rviz_common/src/rviz_common/display_factory.cpp, jazzy and humble
RVIZ_CLASSES = {
    "rviz_common/Displays", "rviz_common/Group", "rviz_common/Time", "rviz_common/Views",
    "rviz_default_plugins/FocusCamera", "rviz_default_plugins/Grid", "rviz_default_plugins/Interact",
    "rviz_default_plugins/MarkerArray", "rviz_default_plugins/Measure", "rviz_default_plugins/MoveCamera",
    "rviz_default_plugins/Orbit", "rviz_default_plugins/PointCloud2", "rviz_default_plugins/RobotModel",
    "rviz_default_plugins/TF",
}  # fmt: skip
FOXGLOVE_PANELS = {"3D", "DiagnosticSummary", "Plot", "StateTransitions", "Tab"}


def dictionaries(tree: Any) -> Iterator[dict[str, Any]]:
    """All dictionaries in a tree."""
    if isinstance(tree, dict):
        yield tree
    for child in tree.values() if isinstance(tree, dict) else tree if isinstance(tree, list) else ():
        yield from dictionaries(child)


def in_namespaces(*topics: str) -> set[str]:
    return {f"{namespace}/{topic}" for namespace in LEGS for topic in topics}


def test_rviz_shows_the_topics_of_one_leg_and_of_two() -> None:
    config = yaml.safe_load((REPOSITORY / "rviz" / "ankle.rviz").read_text("utf-8"))
    classes = [d["Class"] for d in dictionaries(config) if d.get("Class")]
    assert set(classes) <= RVIZ_CLASSES
    topics = {d["Value"]: d for d in dictionaries(config) if "Reliability Policy" in d}
    assert set(topics) == in_namespaces(MARKERS_TOPIC, CLOUD_TOPIC, DESCRIPTION_TOPIC)
    for topic, qos in topics.items():
        assert qos["Durability Policy"] == ("Transient Local" if topic.endswith(DESCRIPTION_TOPIC) else "Volatile")
    clouds = [d for d in dictionaries(config) if d.get("Class") == "rviz_default_plugins/PointCloud2"]
    assert {cloud["Channel Name"] for cloud in clouds} < set(CLOUD_FIELDS)
    shipped = yaml.safe_load((REPOSITORY / "config" / "ankle.yaml").read_text("utf-8"))["/**"]["ros__parameters"]
    assert config["Visualization Manager"]["Global Options"]["Fixed Frame"] == shipped["fixed_frame"]


def test_foxglove_shows_the_topics_of_one_leg_and_of_two() -> None:
    layout = json.loads((REPOSITORY / "foxglove" / "ankle.json").read_text("utf-8"))
    assert set(layout) == {"configById", "globalVariables", "userNodes", "playbackConfig", "layout"}
    panels = layout["configById"]
    placed = {text for tree in (layout["layout"], panels) for text in strings(tree) if text in panels}
    assert placed == set(panels), "each panel has a place"
    assert {panel.split("!")[0] for panel in panels} == FOXGLOVE_PANELS
    assert set(panels["3D!leg"]["topics"]) == in_namespaces(MARKERS_TOPIC, CLOUD_TOPIC, DESCRIPTION_TOPIC)
    colors = {topic.get("colorField") for topic in panels["3D!leg"]["topics"].values()}
    assert colors - {None} < set(CLOUD_FIELDS)
    kinds = {JOINT_TOPIC: JointState, DUE_TOPIC: JointState, ENCODER_TOPIC: JointState, DETAIL_TOPIC: AnkleForecast}
    paths = [d["value"] for d in dictionaries(layout) if "timestampMethod" in d]
    assert len(paths) == 15
    for path in paths:
        topic, field = path.rsplit(".", 1)
        namespace = next(n for n in sorted(LEGS, reverse=True) if topic.startswith(f"{n}/"))
        kind = kinds[topic.removeprefix(f"{namespace}/")]
        assert field.split("[")[0] in kind.get_fields_and_field_types()
    assert panels["3D!leg"]["followTf"] == "odom"


def strings(tree: Any) -> Iterator[str]:
    if isinstance(tree, str):
        yield tree
    for child in tree.values() if isinstance(tree, dict) else tree if isinstance(tree, list) else ():
        yield from strings(child)


def test_plotjuggler_plots_the_angle_over_what_was_forecast_for_it() -> None:
    root = ElementTree.parse(REPOSITORY / "plotjuggler" / "ankle.xml").getroot()
    curves = {curve.attrib["name"] for curve in root.iter("curve")}
    wanted = set()  # PlotJuggler's names: topic/field, and topic/joint/position for sensor_msgs/JointState
    for namespace, joint in LEGS.items():
        joints = {JOINT_TOPIC: [joint], ENCODER_TOPIC: [joint], DUE_TOPIC: [due_joint(joint, h) for h in GHOSTS]}
        wanted |= {f"{namespace}/{topic}/{name}/position" for topic, names in joints.items() for name in names}
        wanted |= {f"{namespace}/{DETAIL_TOPIC}/{field}" for field in ("recent_error", "input_age", "status")}
    assert curves == wanted
    assert {name.rsplit("/", 1)[1] for name in curves} - {"position"} <= set(AnkleForecast.get_fields_and_field_types())
    for splitter in root.iter("DockSplitter"):
        count = int(splitter.attrib["count"])
        assert count == len(splitter) == len(splitter.attrib["sizes"].split(";"))
    assert root.find("previouslyLoaded_Streamer").attrib["name"] == "ROS2 Topic Subscriber"  # type: ignore[union-attr]
    (plugin,) = root.findall("Plugins/plugin")
    assert plugin.find("use_header_stamp").attrib["value"] == "true"  # type: ignore[union-attr]
    selected = set(plugin.find("selected_topics").attrib["value"].split(";"))  # type: ignore[union-attr]
    assert selected == in_namespaces(JOINT_TOPIC, ENCODER_TOPIC, DUE_TOPIC, DETAIL_TOPIC)


def leg_urdf(**arguments: object) -> ElementTree.Element:
    pytest.importorskip("xacro", reason="xacro, of requirements-ros.txt, is not installed")
    return ElementTree.fromstring(robot_description(REPOSITORY / "urdf" / "leg.urdf.xacro", arguments))


@pytest.mark.parametrize(("sign", "offset"), [(1.0, 0.0), (-1.0, 0.3)])
def test_the_urdf_turns_the_foot_as_the_node_does(sign: float, offset: float) -> None:
    shape, joint = LegShape(shank_length=0.5), JointConvention("left_ankle", sign, offset)
    urdf = leg_urdf(
        prefix="left_", joint_name=joint.name, joint_sign=sign, joint_offset=offset, shank_length=shape.shank_length
    )
    assert {link.attrib["name"] for link in urdf.iter("link")} == {"left_shank_link", "left_foot_link"}
    (found,) = urdf.iter("joint")
    assert (found.attrib["name"], found.attrib["type"]) == ("left_ankle", "revolute")
    assert (found[0].attrib["link"], found[1].attrib["link"]) == ("left_shank_link", "left_foot_link")
    origin, axis, limit = (found.find(tag).attrib for tag in ("origin", "axis", "limit"))  # type: ignore[union-attr]
    np.testing.assert_allclose(numbers(origin["xyz"]), shape.ankle)
    for dorsiflexion in (-0.4, 0.0, 0.3):
        published = joint.published(dorsiflexion)
        assert float(limit["lower"]) < published < float(limit["upper"])
        turn = Rotation.from_euler("xyz", numbers(origin["rpy"])) * Rotation.from_rotvec(
            published * numbers(axis["xyz"])
        )
        foot = tuple(Rotation.from_euler("y", -dorsiflexion).as_quat().tolist())
        drawn = leg_pose((0.0, 0.0, 0.0, 1.0), foot).foot
        wanted = on_foot(shape, drawn, shape.toe)
        np.testing.assert_allclose(turn.apply(shape.toe) + numbers(origin["xyz"]), wanted, atol=1e-9)


def test_the_urdf_has_the_nodes_sizes() -> None:
    text = (REPOSITORY / "urdf" / "leg.urdf.xacro").read_text("utf-8")
    defaults = dict(re.findall(r'<xacro:arg name="(\w+)" default="([\d.]+)"', text))
    for name in ("shank_length", "foot_length", "ankle_height"):
        assert float(defaults[name]) == getattr(LegShape(), name)
    boxes = [numbers(box.attrib["size"]) for box in leg_urdf().iter("box")]
    np.testing.assert_allclose(boxes, [[LegShape().foot_length, *SOLE]])
    (sole,) = (v for v in leg_urdf().iter("visual") if v.find("geometry/box") is not None)
    np.testing.assert_allclose(numbers(sole.find("origin").attrib["xyz"]), LegShape().sole_center)  # type: ignore[union-attr]


def numbers(text: str) -> np.ndarray:
    return np.array([float(word) for word in text.split()])
