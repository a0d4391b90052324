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
import rclpy
from imu_driver.test_driver_node import LOCAL, Bench, state
from lifecycle_msgs.msg import State
from rclpy.context import Context
from rclpy.lifecycle import TransitionCallbackReturn

from ankle_imu_driver.mpu6050.acquisition import Sample

DOMAIN = 76
TOPICS = ("shank/imu/data_raw", "foot/imu/data_raw")
EMULATED = {"source": "mpu6050", "bus": "emulated", "mpu6050__priority": 0, "mpu6050__lock_memory": False}
NO_BUS = {"source": "mpu6050", "shank__bus_number": 97, "foot__bus_number": 97}


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    for name, value in (LOCAL | {"ROS_DOMAIN_ID": str(DOMAIN)}).items():
        monkeypatch.setenv(name, value)
    context = Context()
    rclpy.init(context=context, domain_id=DOMAIN)
    made = Bench(context)
    yield made
    made.close()
    rclpy.shutdown(context=context)


def statuses(bench: Bench) -> list[Any]:
    return [status for array in bench.got["/diagnostics"] for status in array.status]


def level(status: Any) -> int:
    return int(status.level[0])


def listen(bench: Bench, seconds: float) -> None:
    end = time.monotonic() + seconds
    bench.until(lambda: time.monotonic() > end, timeout=seconds + 15.0)


def test_both_sensors_stream_in_si_units_with_diagnostics(bench: Bench) -> None:
    node = bench.start(**EMULATED, frame_prefix="left_", autostart=False)
    node.trigger_configure()
    bench.connected()
    assert not bench.got[TOPICS[0]], "configuring opens, activating streams"
    node.trigger_activate()
    listen(bench, 2.5)
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
    values = {v.key: v.value for v in statuses(bench)[-1].values}
    for key in (
        "shank rate (Hz)",
        "foot jitter (ms)",
        "missed deadlines",
        "shank temperature (deg C)",
        "foot chip resets",
    ):
        assert float(values[key]) >= 0.0
    assert values["scheduling"] == "ordinary scheduling, as asked for"
    assert values["shank chip"] == "MPU-6050"


def test_the_lifecycle_opens_streams_stops_and_closes(bench: Bench) -> None:
    node = bench.start(**EMULATED, autostart=False)
    for _ in range(2):
        node.trigger_configure()
        bench.connected()
        for _ in range(2):
            node.trigger_activate()
            bench.until(lambda: len(bench.got[TOPICS[1]]) > 10)
            node.trigger_deactivate()
            listen(bench, 0.2)
            count = len(bench.got[TOPICS[1]])
            listen(bench, 0.2)
            assert len(bench.got[TOPICS[1]]) == count
            bench.got[TOPICS[1]].clear()
        node.trigger_cleanup()
        assert state(node) == State.PRIMARY_STATE_UNCONFIGURED


def test_a_fault_keeps_the_node_active_says_so_and_passes(bench: Bench) -> None:
    node = bench.start(**EMULATED, emulator__faults="unplugged foot 1 2")
    bench.until(lambda: any(level(s) == 2 and "foot: no samples" in s.message for s in statuses(bench)))
    assert state(node) == State.PRIMARY_STATE_ACTIVE
    before, said = len(bench.got[TOPICS[0]]), len(statuses(bench))  # a busy computer recovers from lateness before that
    bench.until(lambda: any(level(s) == 1 and "foot: recovered from" in s.message for s in statuses(bench)[said:]))
    assert state(node) == State.PRIMARY_STATE_ACTIVE
    assert len(bench.got[TOPICS[0]]) > before + 30, "the shank went on"


def test_swapped_sensors_are_told_by_gravity(bench: Bench) -> None:
    bench.start(**EMULATED, emulator__swapped=True)
    bench.until(
        lambda: any("shank and the foot sensor are swapped" in s.message and level(s) == 2 for s in statuses(bench))
    )


def test_a_recording_moves_the_sensors(bench: Bench, walks_dir: Path) -> None:
    bench.start(**EMULATED, log=str(walks_dir / "LOG10.TXT"))
    bench.until(lambda: len(bench.got[TOPICS[1]]) > 30)
    force = [m.linear_acceleration for m in bench.got[TOPICS[1]]]
    assert np.median([a.x for a in force]) == pytest.approx(-9.15, abs=1.5)


def test_the_self_test_runs_when_asked_for(bench: Bench) -> None:
    node = bench.start(**EMULATED, mpu6050__self_test=True, autostart=False)
    node.trigger_configure()
    assert node.refusal == ""


def test_what_breaks_because_the_process_ends_is_no_error(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    node = bench.start(**EMULATED, autostart=False)

    def broken(*arguments: Any) -> None:
        raise RuntimeError("context is invalid")

    node._hand_on = broken
    vector = (0.0, 0.0, 0.0)
    sample = Sample("shank", 0, 0, vector, vector, 20.0, (0,) * 7)
    with pytest.raises(RuntimeError):
        node._publish_measured(sample)
    with monkeypatch.context() as ended:
        ended.setattr(node.context, "ok", lambda: False)
        node._publish_measured(sample)
        assert node._attempt(broken) == TransitionCallbackReturn.FAILURE
    assert node.refusal == ""


@pytest.mark.parametrize(
    ("parameters", "sentence"),
    [
        (NO_BUS, "there is no /dev/i2c-97; switch I2C on|smbus2 is missing"),
        (EMULATED | {"mpu6050__accel_range": 3}, "accel_range must be one of 2, 4, 8, 16, not 3"),
        (EMULATED | {"rate": 2.0}, "source mpu6050 runs at rate 1, not 2.0"),
        (EMULATED | {"use_sim_time": True}, "stamps with the system's clock; set use_sim_time to false"),
        (EMULATED | {"emulator__faults": "gone shank 0 60"}, "there is no emulated bus"),
    ],
)
def test_what_cannot_be_opened_is_refused_by_one_sentence(bench: Bench, parameters: Any, sentence: str) -> None:
    node = bench.start(**parameters, autostart=False)
    node.trigger_configure()
    assert state(node) == State.PRIMARY_STATE_UNCONFIGURED
    assert re.search(sentence, node.refusal)
    assert "\n" not in node.refusal
