"""The node imu_driver with source mpu6050 on the emulated bus, over DDS."""

from __future__ import annotations

import itertools
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from lifecycle_msgs.msg import State
from rclpy.lifecycle import TransitionCallbackReturn
from rigs.driver_bench import DriverBench, driver_bench

from ankle_imu_driver.conventions import SHANK
from ankle_imu_driver.recordings.timeline import Sample

TOPICS = ("shank/imu/data_raw", "foot/imu/data_raw")
EMULATED = {"source": "mpu6050", "bus": "emulated", "mpu6050__priority": 0, "mpu6050__lock_memory": False}
NO_BUS = {"source": "mpu6050", "shank__bus_number": 97, "foot__bus_number": 97}


@pytest.fixture
def bench() -> Iterator[DriverBench]:
    with driver_bench() as made:
        yield made


def level(status: Any) -> int:
    return int(status.level[0])


def test_both_sensors_stream_in_si_units_with_diagnostics(bench: DriverBench) -> None:
    node = bench.start(**EMULATED, frame_prefix="left_", autostart=False)
    node.trigger_configure()
    bench.wait_for_connection()
    assert not bench.got[TOPICS[0]], "configuring opens the buses, activating starts streaming"
    node.trigger_activate()
    bench.spin(2.5)
    for topic, frame in zip(TOPICS, ("left_shank_imu_link", "left_foot_imu_link"), strict=True):
        messages = bench.got[topic]
        assert len(messages) > 120, "100 Hz, on a machine that may be busy"
        force = [(m.linear_acceleration.x, m.linear_acceleration.y, m.linear_acceleration.z) for m in messages]
        assert np.median(np.linalg.norm(force, axis=1)) == pytest.approx(9.81, abs=1.0)
        assert {m.header.frame_id for m in messages} == {frame}
        assert messages[0].orientation_covariance[0] == -1.0
        assert messages[0].angular_velocity_covariance[4] > 0.0
        times = bench.times(topic)
        assert all(b > a for a, b in itertools.pairwise(times))
        assert abs(times[-1] - time.time_ns()) < 2 * 10**9
    assert not bench.got["encoder/joint_states"]
    values = {v.key: v.value for v in bench.statuses()[-1].values}
    for key in (
        "shank rate (Hz)",
        "foot jitter (ms)",
        "missed deadlines",
        "shank temperature (deg C)",
        "foot chip resets",
    ):
        assert float(values[key]) >= 0.0
    assert values["scheduling"] == "ordinary scheduling, as configured"
    assert values["shank chip"] == "MPU-6050"


def test_the_lifecycle_opens_streams_stops_and_closes(bench: DriverBench) -> None:
    node = bench.start(**EMULATED, autostart=False)
    for _ in range(2):
        node.trigger_configure()
        bench.wait_for_connection()
        for _ in range(2):
            node.trigger_activate()
            bench.until(lambda: len(bench.got[TOPICS[1]]) > 10)
            node.trigger_deactivate()
            bench.spin(0.2)
            count = len(bench.got[TOPICS[1]])
            bench.spin(0.2)
            assert len(bench.got[TOPICS[1]]) == count
            bench.got[TOPICS[1]].clear()
        node.trigger_cleanup()
        assert bench.state() == State.PRIMARY_STATE_UNCONFIGURED


def test_during_a_fault_the_node_stays_active_and_reports_it_until_it_is_over(bench: DriverBench) -> None:
    bench.start(**EMULATED, emulator__faults="unplugged foot 1 2")
    bench.until(lambda: any(level(s) == 2 and "foot: no samples" in s.message for s in bench.statuses()))
    assert bench.state() == State.PRIMARY_STATE_ACTIVE
    before = len(bench.got[TOPICS[0]])
    seen = len(bench.statuses())  # a busy computer may have recovered from lateness before this
    bench.until(lambda: any(level(s) == 1 and "foot: recovered from" in s.message for s in bench.statuses()[seen:]))
    assert bench.state() == State.PRIMARY_STATE_ACTIVE
    assert len(bench.got[TOPICS[0]]) > before + 30, "the shank continued"


def test_swapped_sensors_are_detected_by_gravity(bench: DriverBench) -> None:
    bench.start(**EMULATED, emulator__swapped=True)
    bench.until(
        lambda: any("shank and the foot sensor are swapped" in s.message and level(s) == 2 for s in bench.statuses())
    )


def test_a_recording_moves_the_sensors(bench: DriverBench, walks_dir: Path) -> None:
    bench.start(**EMULATED, log=str(walks_dir / "LOG10.TXT"))
    bench.until(lambda: len(bench.got[TOPICS[1]]) > 30)
    force = [m.linear_acceleration for m in bench.got[TOPICS[1]]]
    assert np.median([a.x for a in force]) == pytest.approx(-9.15, abs=1.5)


def test_the_self_test_runs_when_asked_for(bench: DriverBench) -> None:
    node = bench.start(**EMULATED, mpu6050__self_test=True, autostart=False)
    node.trigger_configure()
    assert node.refusal == ""


def test_exceptions_while_the_process_ends_are_not_reported(
    bench: DriverBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    node = bench.start(**EMULATED, autostart=False)

    def broken(*arguments: Any) -> None:
        raise RuntimeError("context is invalid")

    node.outputs[SHANK] = node  # has no ``publish``
    sample = Sample(0, SHANK, [0.0] * 6)
    with pytest.raises(AttributeError):
        node.deliver(sample, 0)
    with monkeypatch.context() as ended:
        ended.setattr(node.context, "ok", lambda: False)
        node.deliver(sample, 0)
        ended.setattr(node, "setup", broken)
        assert node.on_configure(None) == TransitionCallbackReturn.FAILURE
    assert node.refusal == ""
    node.outputs.clear()


@pytest.mark.parametrize(
    ("parameters", "sentence"),
    [
        (NO_BUS, "there is no /dev/i2c-97; enable I2C|smbus2 is missing"),
        (EMULATED | {"mpu6050__accel_range": 3}, "accel_range must be one of 2, 4, 8, 16, not 3"),
        (EMULATED | {"rate": 2.0}, "source mpu6050 needs rate 1, not 2.0"),
        (EMULATED | {"use_sim_time": True}, "stamps samples with the system's clock; set use_sim_time to false"),
        (EMULATED | {"emulator__faults": "gone shank 0 60"}, "there is no emulated bus"),
    ],
)
def test_sensors_that_cannot_be_opened_are_refused_with_one_sentence(
    bench: DriverBench, parameters: Any, sentence: str
) -> None:
    node = bench.start(**parameters, autostart=False)
    node.trigger_configure()
    assert bench.state() == State.PRIMARY_STATE_UNCONFIGURED
    assert re.search(sentence, node.refusal)
    assert "\n" not in node.refusal
