"""The topics follow REP-103 (units, axes), REP-105 (frames), REP-107 (diagnostics) and REP-145 (IMU drivers)."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from diagnostic_msgs.msg import DiagnosticArray
from rigs.filter_rig import START, message_of, raw_of, send
from rigs.node_bench import Bench, bench
from rigs.walks import part
from scipy.spatial.transform import Rotation
from sensor_msgs.msg import Imu

from ankle_imu_driver.conventions import RAW_TOPICS, SENSOR_FRAMES
from ankle_imu_driver.driver_node import ImuDriverNode
from ankle_imu_driver.raw_imu_message import ACCEL_VARIANCE, GYRO_VARIANCE, raw_imu_message
from ankle_imu_driver.recordings.read_recording import read_recording
from ankle_predictor.nodes.filter_node import OrientationFilterNode
from ankle_predictor.nodes.predictor_node import PredictorNode
from ankle_predictor.nodes.topics import SEGMENT_TOPICS
from ankle_predictor.nodes.visualizer_node import VisualizerNode

STANDARD_FRAMES = {"earth", "map", "odom", "base_link"}  # REP-105


@pytest.fixture
def table() -> Iterator[Bench]:
    with bench() as made:
        yield made


@pytest.fixture
def walked(table: Bench, walks_dir: Path) -> Bench:
    """A bench with a filter that has heard a walk from 8 s on."""
    log = str(walks_dir / "LOG13.TXT")
    node = table.start(OrientationFilterNode, {"calibration_file": log})
    send(table, node, raw_of(part(read_recording(walks_dir / "LOG13.TXT"), 8.0), START))
    table.settle()
    return table


def test_rep_145_names_frames_and_what_a_raw_sample_lacks() -> None:
    assert all(topic.endswith("imu/data_raw") for topic in RAW_TOPICS.values())
    assert all(topic.endswith("imu/data") for topic in SEGMENT_TOPICS.values())
    message = raw_imu_message("shank_imu_link")
    assert message.orientation_covariance[0] == -1.0
    for covariance, variance in (
        (message.linear_acceleration_covariance, ACCEL_VARIANCE),
        (message.angular_velocity_covariance, GYRO_VARIANCE),
    ):
        np.testing.assert_array_equal(covariance, variance * np.eye(3).ravel())


def test_rep_103_and_145_the_orientation_is_of_the_segment_in_a_level_frame_with_z_up(walked: Bench) -> None:
    for topic in SEGMENT_TOPICS.values():
        messages = walked.got[topic]
        q = np.array([(m.orientation.x, m.orientation.y, m.orientation.z, m.orientation.w) for m in messages])
        force = np.array([(a.x, a.y, a.z) for a in (m.linear_acceleration for m in messages)])
        np.testing.assert_allclose(np.linalg.norm(q, axis=1), 1.0, atol=1e-6)
        level = Rotation.from_quat(q).apply(force).mean(axis=0)  # REP-145: gravity is measured as +1 g upward
        assert level[2] == pytest.approx(9.81, abs=0.5)
        assert math.hypot(level[0], level[1]) < 1.0
        tilt, yaw = messages[-1].orientation_covariance[0], messages[-1].orientation_covariance[8]
        assert 0.0 < tilt < yaw, "the heading is unknown"


def test_rep_103_a_shank_that_swings_forward_turns_about_minus_y(walked: Bench) -> None:
    messages = walked.got["shank/imu/data"]
    q = [(m.orientation.x, m.orientation.y, m.orientation.z, m.orientation.w) for m in messages]
    pitch = Rotation.from_quat(q).as_euler("ZXY")[:, 2]
    rate = np.array([m.angular_velocity.y for m in messages])
    change = np.gradient(np.unwrap(pitch), 0.01)
    assert np.corrcoef(change[5:-5], rate[5:-5])[0, 1] > 0.95
    assert np.abs(rate).max() < 15.0, "rad/s, not deg/s"


def test_the_segments_carry_the_covariances_of_their_source(table: Bench, walks_dir: Path) -> None:
    log = walks_dir / "LOG13.TXT"
    node = table.start(OrientationFilterNode, {"calibration_file": str(log)})
    table.advertise((Imu, "shank/imu/data_raw"), (Imu, "foot/imu/data_raw"))
    samples = raw_of(part(read_recording(log), 1.0), START)
    for sample in samples:
        message = message_of(sample)
        message.linear_acceleration_covariance[:] = (0.04 * np.eye(3)).ravel()
        message.angular_velocity_covariance[:] = (0.01 * np.eye(3)).ravel()
        table.publish(f"{message.header.frame_id.removesuffix('_imu_link')}/imu/data_raw", message)
        table.turns(3)
    table.until(lambda: node.inputs.received >= len(samples))
    table.settle()
    for topic in SEGMENT_TOPICS.values():
        message = table.got[topic][-1]
        np.testing.assert_allclose(message.linear_acceleration_covariance, (0.04 * np.eye(3)).ravel(), atol=1e-12)
        np.testing.assert_allclose(message.angular_velocity_covariance, (0.01 * np.eye(3)).ravel(), atol=1e-12)


@pytest.mark.parametrize("node", [ImuDriverNode, OrientationFilterNode, PredictorNode, VisualizerNode])
def test_rep_107_each_node_reports_once_a_second_under_its_name(table: Bench, node: type) -> None:
    started = table.make(node, {"autostart": False})
    assert started.diagnostic_timer.timer_period_ns == 10**9
    started.publish_diagnostics()
    table.executor.add_node(started)
    heard: list[DiagnosticArray] = table.got["/diagnostics"]
    started.publish_diagnostics()
    table.until(lambda: heard)
    status = heard[-1].status[0]
    assert status.name == started.get_name()
    assert status.message
    assert status.level in (b"\x00", b"\x01", b"\x02")


def test_rep_105_the_legs_stand_in_a_frame_of_the_world_and_own_every_other(table: Bench) -> None:
    left, right = (
        table.make(VisualizerNode, {"frame_prefix": f"{side}_", "autostart": False}) for side in ("left", "right")
    )
    fixed = {node.get_parameter("fixed_frame").value for node in (left, right)}
    assert len(fixed) == 1
    assert fixed < STANDARD_FRAMES
    assert not any(frame in STANDARD_FRAMES for frame in SENSOR_FRAMES.values())
