"""Messages that are lost on their way, and samples pushed out of a full queue, are counted and named in diagnostics."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from rigs.filter_rig import NAMES, START, OrientationFilterNode, message_of, send, standing
from rigs.models import pairs, write_models
from rigs.node_bench import Bench, bench
from rigs.predictor_rig import Filter, start

from ankle_imu_driver.conventions import SHANK
from ankle_predictor.nodes.input_queue import DIRECT_DEPTH, HAS_INFO
from ankle_predictor.nodes.qos import SENSOR_DEPTH

LOST = 20
numbered = pytest.mark.skipif(not HAS_INFO, reason="this ROS 2 does not number messages (Humble)")


@pytest.fixture
def table() -> Iterator[Bench]:
    with bench() as made:
        yield made


@numbered
def test_the_predictor_names_what_it_lost(table: Bench, tmp_path: Path) -> None:
    node, source, walk = start(table, write_models(tmp_path)), Filter(table), pairs(1.0)
    source.feed(walk[:10])
    table.hold_up(node)
    for pair in walk[10 : 10 + SENSOR_DEPTH + LOST]:
        source.publish(pair)
    table.spin(0.1)
    table.release(node)
    source.answered(walk[9 + SENSOR_DEPTH + LOST])
    level, sentence, values = table.health(node)
    for topic in ("shank/imu/data", "foot/imu/data", "joint_states"):
        assert values[f"{topic}: lost"] == str(LOST)
        assert f"{LOST} of {topic}" in sentence
    assert level == 1
    assert sentence.startswith("messages were lost on their way: ")
    source.feed(walk[10 + SENSOR_DEPTH + LOST : 15 + SENSOR_DEPTH + LOST])
    assert "lost" not in table.health(node)[1]


@numbered
def test_the_filter_names_what_it_lost_of_one_sensor(table: Bench) -> None:
    node = table.start(OrientationFilterNode, {"calibration_save": ""})
    send(table, node, standing(0.1))
    table.hold_up(node)
    for sample in standing(0.01 * (SENSOR_DEPTH + LOST), START + 10**8):
        if sample[0] == SHANK:
            table.publish(f"{NAMES[SHANK]}/imu/data_raw", message_of(sample))
    table.spin(0.1)
    table.release(node)
    received = node.inputs.received
    table.until(lambda: node.inputs.received >= received + SENSOR_DEPTH)
    values = table.health(node)[2]
    assert values["shank/imu/data_raw: lost"] == str(LOST)
    assert "foot/imu/data_raw: lost" not in values


def test_samples_that_are_pushed_out_of_a_full_queue_are_counted(table: Bench) -> None:
    node = table.make(OrientationFilterNode, {"calibration_save": ""})
    node.inputs.is_direct = True
    node.trigger_configure()
    node.trigger_activate()
    shank, stamp, accel, gyro = standing(0.01)[0]
    for k in range(DIRECT_DEPTH + LOST):
        node.inputs.post((shank, "shank_imu_link", stamp + k, accel, gyro))
    assert node.health().values["posted samples: lost"] == LOST
