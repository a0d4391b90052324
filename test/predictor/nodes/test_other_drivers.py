"""Raw samples of other makers' drivers: their frames, their QoS and their rates, over DDS to the filter.

What they publish is from their sources: ``spatial_ros_i.cpp`` of https://github.com/ros-drivers/phidgets_drivers,
``SensorService.py`` of https://github.com/flynneva/bno055, and ``publishers.h`` of
https://github.com/LORD-MicroStrain/microstrain_inertial.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from rclpy.qos import QoSProfile, ReliabilityPolicy
from rigs.filter_rig import NAMES, START, raw_of
from rigs.node_bench import Bench, bench, imu, stamp_of
from rigs.walks import UPRIGHT, swinging
from sensor_msgs.msg import Imu

from ankle_imu_driver.calibration import save_calibration
from ankle_imu_driver.conventions import FOOT, SHANK
from ankle_predictor.nodes.filter_node import OrientationFilterNode
from ankle_predictor.nodes.sensor_frames import SensorFrames

RELIABLE, BEST_EFFORT = ReliabilityPolicy.RELIABLE, ReliabilityPolicy.BEST_EFFORT


@dataclass(frozen=True)
class Driver:
    """How a driver publishes; an orientation says that the covariance of one is filled in."""

    frame: str
    rate: float
    qos: QoSProfile
    orientation: bool = False


DRIVERS = {
    "microstrain": Driver("imu_link", 100.0, QoSProfile(depth=100, reliability=RELIABLE), orientation=True),
    "phidgets": Driver("imu_link", 250.0, QoSProfile(depth=1, reliability=RELIABLE)),
    "bno055": Driver("bno055", 100.0, QoSProfile(depth=10, reliability=RELIABLE), orientation=True),
    "a driver of sensor data": Driver("left/imu", 400.0, QoSProfile(depth=5, reliability=BEST_EFFORT)),
    "a slow driver": Driver("", 50.0, QoSProfile(depth=10, reliability=BEST_EFFORT)),
}


@pytest.fixture
def table() -> Iterator[Bench]:
    with bench() as made:
        yield made


def message_of(driver: Driver, stream: int, stamp: int, accel: Any, gyro: Any) -> Imu:
    message = imu(driver.frame, stamp, accel, gyro)
    if driver.orientation:
        message.orientation_covariance[0] = message.orientation_covariance[4] = 0.0159
    return message


@pytest.mark.parametrize("name", DRIVERS)
def test_its_samples_become_an_angle(table: Bench, tmp_path: Any, name: str) -> None:
    driver = DRIVERS[name]
    save_calibration(tmp_path / "standing.yaml", UPRIGHT)
    own = {"calibration_file": str(tmp_path / "standing.yaml"), "calibration_save": ""}
    node = table.start(OrientationFilterNode, own)
    publishers = {s: table.listener.create_publisher(Imu, f"{NAMES[s]}/imu/data_raw", driver.qos) for s in NAMES}
    for publisher in publishers.values():
        table.until(publisher.get_subscription_count)
    table.spin(0.1)
    walk = swinging(2.0, driver.rate)
    for sent, (stream, *sample) in enumerate(raw_of(walk, START), 1):
        publishers[stream].publish(message_of(driver, stream, *sample))
        if sent % 2 == 0:
            table.until(lambda sent=sent: node.inputs.received >= sent)
            table.turns(4)
    table.settle()
    _, sentence, values = table.health(node)
    assert "comes in the frame" not in sentence
    assert not any("wrong_frame" in key for key in values)
    joints = table.got["joint_states"]
    stamps = np.array([stamp_of(m) - START for m in joints]) / 1e9
    late = stamps > 1.0
    assert np.count_nonzero(late) > 40
    assert walk.encoder is not None
    truth = np.interp(stamps[late], walk.encoder.stamp, walk.encoder.angle)
    angles = np.array([m.position[0] for m in joints])[late]
    assert np.max(np.abs(angles - truth)) < np.radians(2.0)


def test_any_name_is_accepted_but_one_of_ours_must_be_the_right_one() -> None:
    frames = SensorFrames("left_", {SHANK: "", FOOT: ""})
    assert frames.admit(SHANK, "imu_link")
    assert frames.admit(FOOT, "")
    assert frames.admit(FOOT, "left_foot_imu_link")
    assert frames.names() == {SHANK: "imu_link", FOOT: "left_foot_imu_link"}
    for wrong in ("left_foot_imu_link", "right_shank_imu_link", "shank_imu_link"):
        assert not frames.admit(SHANK, wrong)
        assert f"comes in the frame '{wrong}' instead of 'left_shank_imu_link'" in frames.take_problem()
    assert frames.refused == {SHANK: 3, FOOT: 0}
    assert frames.take_problem() == ""


def test_a_demanded_name_is_the_only_one() -> None:
    frames = SensorFrames("", {SHANK: "imu_a", FOOT: "imu_b"})
    assert frames.admit(SHANK, "imu_a")
    assert not frames.admit(SHANK, "imu_b")
    assert not frames.admit(FOOT, "foot_imu_link")
    assert "instead of 'imu_b'" in frames.problem
