"""The node visualizer with segments and forecasts over DDS: what RViz, Foxglove and PlotJuggler receive."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from ankle_predictor_interfaces.msg import AnkleForecast
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from rigs.filter_rig import PERIOD, START
from rigs.node_bench import DEEP, Bench, bench, stamp_of
from scipy.spatial.transform import Rotation
from sensor_msgs.msg import Imu, JointState, PointCloud2
from std_msgs.msg import String

from ankle_imu_driver.conventions import ERROR, OK, WARN, JointConvention
from ankle_predictor.estimation.samples import SegmentSample
from ankle_predictor.model.forecast import Forecast
from ankle_predictor.nodes import visual_messages
from ankle_predictor.nodes.messages import DetailMessage, SegmentMessage
from ankle_predictor.nodes.parameter_specs import FASTEST
from ankle_predictor.nodes.visualizer_node import VisualizerNode
from ankle_predictor.visualization.leg_geometry import LegShape, on_foot

try:
    from tf2_msgs.msg import TFMessage
except ImportError:
    TFMessage = None
try:
    from sensor_msgs_py.point_cloud2 import read_points
except ImportError:
    read_points = None

needs_tf = pytest.mark.skipif(TFMessage is None, reason="tf2_msgs is not installed: it comes with ROS 2, not from PyPI")
needs_cloud = pytest.mark.skipif(
    read_points is None, reason="sensor_msgs_py is not installed: it comes with ROS 2, not from PyPI"
)
markers = pytest.importorskip("visualization_msgs.msg", reason="visualization_msgs is not installed")
Marker, MarkerArray = markers.Marker, markers.MarkerArray
SHANK_PITCH, FOOT_PITCH = 0.2, -0.1  # rad
LATCHED = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)


@pytest.fixture
def table() -> Iterator[Bench]:
    with bench() as made:
        yield made


class Leg:
    """Publishes a leg that does not move and a forecast that does, as filter and predictor do, and listens."""

    def __init__(self, table: Bench, parameters: dict[str, Any] | None = None) -> None:
        given = parameters or {}
        self._table = table
        self.node = table.start(VisualizerNode, given)
        prefix = given.get("frame_prefix", "")
        sign, offset = given.get("joint_sign", 1.0), given.get("joint_offset", 0.0)
        self.joint = JointConvention(given.get("joint_name", "ankle"), sign, offset)
        self._segments = [SegmentMessage(f"{prefix}{name}_link") for name in ("shank", "foot")]
        self._detail = DetailMessage(self.joint)
        self._detail.message.sample_period = 0.01
        self.got: dict[str, list[Any]] = {}
        for kind, topic, qos in (
            (MarkerArray, "forecast_markers", DEEP),
            (JointState, "forecast_due", DEEP),
            (PointCloud2, "forecast_cloud", DEEP),
            (String, "robot_description", LATCHED),
            *([(TFMessage, "/tf", DEEP)] if TFMessage else []),
        ):
            self.got[topic] = []
            table.listener.create_subscription(kind, topic, self.got[topic].append, qos)
        table.advertise((Imu, "shank/imu/data"), (Imu, "foot/imu/data"), (AnkleForecast, "forecast_detail"))
        table.spin(0.2)

    def tick(
        self, k: int, ahead: np.ndarray | None, status: int = 0, first: str = "segments", heading: float = 0
    ) -> None:
        """Publish pair ``k`` and its detail; ``ahead`` is the (H,) forecast in rad, None if it is withheld."""
        stamp = START + k * PERIOD
        forecast = None if ahead is None else Forecast(ahead, ahead - 0.05, ahead + 0.1)
        detail = self._detail.fill(stamp, status, SHANK_PITCH - FOOT_PITCH, forecast)
        if first == "detail":
            self._table.publish("forecast_detail", detail)
        for segment, name, pitch in zip(self._segments, ("shank", "foot"), (SHANK_PITCH, FOOT_PITCH), strict=True):
            q = Rotation.from_euler("ZY", [heading, pitch]).as_quat().tolist()
            sample = SegmentSample(0.0, (0.0, 0.0, 9.81), (0.0, 0.0, 0.0), tuple(q))
            self._table.publish(f"{name}/imu/data", segment.fill(stamp, sample))
        if first == "segments":
            self._table.publish("forecast_detail", detail)
        if first != "neither":
            self._table.until(lambda: self.node.newest == stamp)
        self._table.spin(0.01)

    def ghosts(self) -> Any:
        """The last markers that show a forecast; on a busy computer it may be withdrawn in between."""
        return [m for m in self.got["forecast_markers"] if m.markers[0].action == Marker.ADD][-1]

    def walk(self, ticks: range, **how: Any) -> None:
        now = SHANK_PITCH - FOOT_PITCH
        for k in ticks:
            self.tick(k, now + 0.004 * np.arange(1, 51), **how)
        self._table.spin(0.2)


@pytest.mark.parametrize("first", ["segments", "detail"])
def test_the_ghosts_are_the_foot_at_200_and_500_ms(table: Bench, first: str) -> None:
    leg = Leg(table)
    leg.walk(range(40), first=first)
    markers = {m.id: m for m in leg.ghosts().markers}
    assert len(markers) == 6
    assert {m.header.frame_id for m in markers.values()} == {"shank_link"}
    for number, change, label in ((0, 0.004 * 20, "200 ms"), (3, 0.004 * 50, "500 ms")):
        q = markers[number].pose.orientation
        turn = Rotation.from_quat([q.x, q.y, q.z, q.w]).as_rotvec()
        np.testing.assert_allclose(turn, [0.0, FOOT_PITCH - SHANK_PITCH - change, 0.0], atol=1e-9)
        assert markers[number + 1].text == label
        toes = np.array([(p.x, p.y, p.z) for p in markers[number + 2].points]).reshape(-1, 3, 3)
        ends = []
        for end in (change - 0.05, change + 0.1):  # the interval
            turned = Rotation.from_euler("y", FOOT_PITCH - SHANK_PITCH - end).as_quat().tolist()
            ends.append(on_foot(LegShape(), tuple(turned), LegShape().toe))
        np.testing.assert_allclose(toes[0, 1, ::2], ends[0][::2], atol=1e-9)
        np.testing.assert_allclose(toes[-1, 2, ::2], ends[1][::2], atol=1e-9)
    assert all(0 < m.lifetime.sec * 10**9 + m.lifetime.nanosec <= 10**9 for m in markers.values())


def test_no_sender_waits_for_it(table: Bench) -> None:
    leg = Leg(table)
    for topic in ("shank/imu/data", "foot/imu/data", "forecast_detail"):
        readers = table.listener.get_subscriptions_info_by_topic(topic)
        own = [reader.qos_profile for reader in readers if reader.node_name == leg.node.get_name()]
        assert [qos.reliability for qos in own] == [ReliabilityPolicy.BEST_EFFORT]


def test_it_draws_at_50_hz_at_most(table: Bench) -> None:
    leg = Leg(table)
    start = time.monotonic()
    leg.walk(range(60))
    drawn = [m for m in leg.got["forecast_markers"] if m.markers[0].action == Marker.ADD]
    assert 10 <= len(drawn) <= FASTEST * (time.monotonic() - start) + 1
    stamps = [stamp_of(m.markers[0]) for m in drawn]
    assert len(set(stamps)) == len(stamps), "tf2 warns of a pose that comes twice"


def test_a_withheld_forecast_disappears(table: Bench) -> None:
    leg = Leg(table)
    leg.walk(range(30))
    leg.got["forecast_markers"].clear()
    for k in range(30, 40):
        leg.tick(k, None, status=AnkleForecast.STALE)
    table.until(lambda: leg.got["forecast_markers"])
    table.spin(0.2)
    last = leg.got["forecast_markers"]
    assert [[m.action for m in message.markers] for message in last] == [[Marker.DELETEALL]]  # once


def test_a_doubted_forecast_is_paler(table: Bench) -> None:
    leg = Leg(table)
    leg.walk(range(20))
    sure = leg.ghosts().markers[0].color.a
    leg.walk(range(20, 40), status=AnkleForecast.UNFAMILIAR)
    assert leg.ghosts().markers[0].color.a < sure


@pytest.mark.parametrize("joint", [("ankle", 1.0, 0.0), ("left_ankle", -1.0, 0.3)])
def test_forecasts_come_when_they_are_due(table: Bench, joint: tuple[str, float, float]) -> None:
    name, sign, offset = joint
    leg = Leg(table, {"joint_name": name, "joint_sign": sign, "joint_offset": offset})
    curves = {k: 0.001 * k + 0.0001 * np.arange(1, 51) for k in range(70)}
    for k, curve in curves.items():
        leg.tick(k, curve)
    table.until(lambda: stamp_of(leg.got["forecast_due"][-1]) == START + 69 * PERIOD)
    heard = {stamp_of(m): m for m in leg.got["forecast_due"]}
    assert min(heard) == START + 20 * PERIOD
    for k in (30, 55, 69):
        message = heard[START + k * PERIOD]
        steps = {f"{name}_200ms": 20, f"{name}_500ms": 50}
        wanted = {n: sign * curves[k - s][s - 1] + offset if k >= s else math.nan for n, s in steps.items()}
        assert dict(zip(message.name, message.position, strict=True)) == pytest.approx(wanted, nan_ok=True)


def test_a_mirrored_sign_draws_the_same_ghosts(table: Bench) -> None:
    leg = Leg(table, {"joint_sign": -1.0, "joint_offset": 0.3})
    leg.walk(range(30))
    markers = leg.ghosts().markers
    q = markers[0].pose.orientation
    turn = Rotation.from_quat([q.x, q.y, q.z, q.w]).as_rotvec()
    assert turn[1] == pytest.approx(FOOT_PITCH - SHANK_PITCH - 0.004 * 20)
    toes = np.array([(p.x, p.y, p.z) for p in markers[2].points]).reshape(-1, 3, 3)
    for toe, end in ((toes[0, 1], 0.004 * 20 - 0.05), (toes[-1, 2], 0.004 * 20 + 0.1)):  # the interval
        turned = Rotation.from_euler("y", FOOT_PITCH - SHANK_PITCH - end).as_quat().tolist()
        np.testing.assert_allclose(toe[::2], on_foot(LegShape(), tuple(turned), LegShape().toe)[::2], atol=1e-9)


@needs_tf
@pytest.mark.parametrize(("side", "lateral"), [("left", 0.1), ("right", -0.1)])
def test_the_tree_is_fixed_frame_shank_foot(table: Bench, side: str, lateral: float) -> None:
    leg = Leg(table, {"side": side, "frame_prefix": f"{side}_"})
    leg.walk(range(20), heading=1.0)
    shank, foot = leg.got["/tf"][-1].transforms
    assert (shank.header.frame_id, shank.child_frame_id) == ("odom", f"{side}_shank_link")
    assert (foot.header.frame_id, foot.child_frame_id) == (f"{side}_shank_link", f"{side}_foot_link")
    assert stamp_of(shank) == stamp_of(foot)
    assert shank.transform.translation.y == pytest.approx(lateral)
    turns = []
    for transform in (shank, foot):
        q = transform.transform.rotation
        turns.append(Rotation.from_quat([q.x, q.y, q.z, q.w]))
    np.testing.assert_allclose(turns[0].as_rotvec(), [0.0, SHANK_PITCH, 0.0], atol=1e-9)
    np.testing.assert_allclose(turns[1].as_rotvec(), [0.0, FOOT_PITCH - SHANK_PITCH, 0.0], atol=1e-9)
    assert {m.header.frame_id for m in leg.ghosts().markers} == {f"{side}_shank_link"}


@needs_tf
def test_two_legs_stand_side_by_side_in_one_tree(table: Bench) -> None:
    left = Leg(table, {"side": "left", "frame_prefix": "left_"})
    table.start(VisualizerNode, {"side": "right", "frame_prefix": "right_"})
    left.walk(range(20))
    found = [transform for message in left.got["/tf"] for transform in message.transforms]
    parents: dict[str, set[str]] = {}
    for transform in found:
        parents.setdefault(transform.child_frame_id, set()).add(transform.header.frame_id)
    assert parents == {
        "left_shank_link": {"odom"},
        "left_foot_link": {"left_shank_link"},
        "right_shank_link": {"odom"},
        "right_foot_link": {"right_shank_link"},
    }
    lateral = {t.child_frame_id: t.transform.translation.y for t in found if t.header.frame_id == "odom"}
    assert lateral["left_shank_link"] > 0.0 > lateral["right_shank_link"]


@needs_tf
def test_a_leg_is_drawn_without_a_predictor(table: Bench) -> None:
    leg = Leg(table)
    for k in range(40):
        leg.tick(k, None, first="neither")
    table.spin(0.1)
    assert leg.got["/tf"]
    assert not leg.got["forecast_markers"]


@needs_cloud
def test_the_cloud_is_the_path_of_the_toe(table: Bench) -> None:
    leg = Leg(table)
    leg.walk(range(30))
    cloud = [c for c in leg.got["forecast_cloud"] if c.width][-1]
    assert [field.name for field in cloud.fields] == ["x", "y", "z", "t", "lower", "upper"]
    points = read_points(cloud)
    np.testing.assert_allclose(points["t"], 0.01 * np.arange(1, 51), rtol=1e-5)
    angles = SHANK_PITCH - FOOT_PITCH + 0.004 * np.arange(1, 51)
    np.testing.assert_allclose(points["lower"], angles - 0.05, rtol=1e-5)
    np.testing.assert_allclose(points["upper"], angles + 0.1, rtol=1e-5)
    from_ankle = np.stack([points["x"], points["z"] + LegShape().shank_length], axis=1)
    np.testing.assert_allclose(np.linalg.norm(from_ankle, axis=1), np.linalg.norm(LegShape().toe), rtol=1e-5)
    leg.tick(30, None, status=AnkleForecast.STALE)
    table.spin(0.2)
    assert leg.got["forecast_cloud"][-1].width == 0


def test_the_description_has_the_wearers_leg(table: Bench) -> None:
    pytest.importorskip("xacro", reason="xacro is not installed")
    leg = Leg(table, {"frame_prefix": "left_", "joint_name": "left_ankle", "shank_length": 0.5})
    table.until(lambda: leg.got["robot_description"])
    text = leg.got["robot_description"][0].data
    assert '<link name="left_shank_link">' in text
    assert '<joint name="left_ankle" type="revolute">' in text
    assert 'xyz="0 0 -0.5"' in text


def test_diagnostics_say_whether_there_is_something_to_draw(table: Bench) -> None:
    leg = Leg(table)
    level, sentence, _ = table.health(leg.node)
    assert level == WARN
    assert sentence.startswith("nothing to draw: no calibrated pairs")
    leg.walk(range(30))
    level, sentence, values = table.health(leg.node)
    assert level == (WARN if visual_messages.missing_packages() else OK)
    assert int(values["drawn"]) > 5


def test_what_is_missing_is_said_with_what_to_install(table: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    needs = {topic: (package, None) for topic, (package, _) in visual_messages.NEEDS.items()}
    monkeypatch.setattr(visual_messages, "NEEDS", needs)
    leg = Leg(table)
    leg.walk(range(30))
    level, sentence, _ = table.health(leg.node)
    assert level == WARN
    assert "tf2_msgs is not installed, so that /tf is not published: sudo apt install ros-$ROS_DISTRO-tf2" in sentence
    assert sentence.count("sudo apt install") == 4
    assert not leg.got["forecast_markers"]
    assert leg.got["forecast_due"], "what needs no package is published"


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("display_rate", 200.0, "display_rate must be above 0, at most 50, not 200"),
        ("display_rate", 0, "display_rate must be above 0"),
        ("foot_length", -1.0, "foot_length must be above 0"),
        ("fixed_frame", "", "fixed_frame must be a frame's name"),
        ("fixed_frame", "/odom", "without a slash before it, such as odom, not '/odom'"),
        ("side", "both", "side must be one of left, right, not 'both'"),
    ],
)
def test_an_impossible_parameter_is_refused(table: Bench, name: str, value: Any, sentence: str) -> None:
    node = table.start(VisualizerNode, {name: value})
    assert sentence in node.refusal
    level, said, _ = table.health(node)
    assert level == ERROR
    assert sentence in said


def test_messages_that_make_no_sense_are_not_drawn_and_are_no_bug(table: Bench) -> None:
    leg = Leg(table)
    empty = Imu()
    empty.orientation.w = 0.0  # an orientation of zeros, said to be exact
    curve = np.linspace(0.0, 0.1, 50)
    for k, (period, lower, angle) in enumerate(
        [(0.0, 50, 0.1), (math.nan, 50, 0.1), (0.01, 3, 0.1), (0.01, 50, math.nan)]
    ):
        stamp = START + k * PERIOD
        empty.header.stamp.sec, empty.header.stamp.nanosec = divmod(stamp, 10**9)
        detail = DetailMessage(leg.joint).fill(stamp, 0, angle, Forecast(curve, curve, curve))
        detail.sample_period, detail.lower = period, curve[:lower].tolist()
        for topic in ("shank/imu/data", "foot/imu/data"):
            table.publish(topic, empty)
        table.publish("forecast_detail", detail)
        table.until(lambda: leg.node.newest == stamp)  # noqa: B023 - called before the next round
        table.spin(0.03)
    assert leg.node.drawn == 0
    level, sentence, _ = table.health(leg.node)
    assert level == WARN
    assert sentence.startswith("nothing to draw")


def test_uncalibrated_segments_are_not_drawn(table: Bench) -> None:
    leg = Leg(table)
    shank, foot = SegmentMessage("shank_link"), SegmentMessage("foot_link")
    sample = SegmentSample(0.0, (0.0, 0.0, 9.81), (0.0, 0.0, 0.0), None)
    for k in range(10):
        table.publish("shank/imu/data", shank.fill(START + k * PERIOD, sample))
        table.publish("foot/imu/data", foot.fill(START + k * PERIOD, sample))
        table.spin(0.01)
    assert leg.node.drawn == 0
    assert math.isclose(leg.node.drawn, len(leg.got.get("/tf", [])))
