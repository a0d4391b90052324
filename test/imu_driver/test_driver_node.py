"""The node imu_driver with recordings and the simulator, over DDS."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from lifecycle_msgs.msg import State
from rclpy.parameter import Parameter
from rclpy.qos import DurabilityPolicy
from rigs import synthetic_log
from rigs.driver_bench import LOCAL, DriverBench, driver_bench

from ankle_imu_driver import deferred_publisher
from ankle_imu_driver.conventions import ERROR, FOOT, OK, SHANK, WARN
from ankle_imu_driver.driver_node import ImuDriverNode
from ankle_imu_driver.recordings.read_recording import read_recording
from ankle_imu_driver.recordings.timeline import Sample


@pytest.fixture
def bench() -> Iterator[DriverBench]:
    with driver_bench() as made:
        yield made


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return synthetic_log.write(tmp_path / "walk.TXT", synthetic_log.rows(100))


def test_a_recording_is_published_completely_with_stamps_shifted_to_now(bench: DriverBench, log: Path) -> None:
    node = bench.start(
        log=str(log),
        autostart=False,
        frame_prefix="right_",
        encoder__joint_name="right_ankle",
        encoder__joint_sign=-1,
        encoder__joint_offset=0.5,
    )
    node.trigger_configure()
    bench.wait_for_connection()
    before = time.time_ns()
    node.trigger_activate()
    bench.until(lambda: bench.has(100) and "recording ended" in bench.sentences())
    recording = read_recording(log)
    assert recording.encoder is not None
    distances = np.rint(np.diff(recording.shank.stamp) * 1e9)
    for topic in ("shank/imu/data_raw", "foot/imu/data_raw", "encoder/joint_states"):
        assert len(bench.got[topic]) == 100
        assert bench.times(topic) == bench.times("shank/imu/data_raw")
        assert np.array_equal(np.diff(bench.times(topic)), distances)
        assert 0 <= bench.times(topic)[0] - before < 10**9
    for part, samples in (("shank", recording.shank), ("foot", recording.foot)):
        messages = bench.got[f"{part}/imu/data_raw"]
        vectors = [(m.linear_acceleration, m.angular_velocity) for m in messages]
        assert np.array_equal([[a.x, a.y, a.z] for a, _ in vectors], samples.accel)
        assert np.array_equal([[w.x, w.y, w.z] for _, w in vectors], samples.gyro)
        assert {m.header.frame_id for m in messages} == {f"right_{part}_imu_link"}
        assert messages[0].orientation_covariance[0] == -1.0
        assert messages[0].angular_velocity_covariance[4] == pytest.approx(np.radians(0.033) ** 2, rel=0.02)
        assert messages[0].linear_acceleration_covariance[8] == pytest.approx(0.026**2, rel=0.02)
    encoder = bench.got["encoder/joint_states"]
    assert encoder[0].name == ["right_ankle"]
    assert [m.position[0] for m in encoder] == pytest.approx(0.5 - recording.encoder.angle)
    assert not bench.got["/clock"]
    assert node.is_active


def test_at_another_rate_stamps_are_the_logs_and_the_clock_follows(bench: DriverBench, log: Path) -> None:
    node = bench.start(log=str(log), rate=4, autostart=False)
    node.trigger_configure()
    bench.wait_for_connection()
    before = time.monotonic()
    node.trigger_activate()
    bench.until(lambda: bench.has(100, "/clock"))
    took = time.monotonic() - before
    recording = read_recording(log)
    length = recording.end - recording.start
    assert 0.9 * length / 4 < took < length / 4 + 1.0
    assert np.array_equal(bench.times("foot/imu/data_raw"), np.rint(recording.foot.stamp * 1e9))
    clock = [c.clock.sec * 10**9 + c.clock.nanosec for c in bench.got["/clock"]]
    assert clock == bench.times("foot/imu/data_raw")


@pytest.mark.parametrize("rate", [1.0, 20.0])
def test_a_loop_continues_with_increasing_stamps(bench: DriverBench, tmp_path: Path, rate: float) -> None:
    log = synthetic_log.write(tmp_path / "walk.TXT", synthetic_log.rows(30))
    bench.start(log=str(log), rate=rate, loop=True)
    bench.until(lambda: len(bench.got["shank/imu/data_raw"]) > 100)
    times = np.diff(bench.times("shank/imu/data_raw"))
    assert times.min() > 0
    assert times.max() < 60_000_000
    assert "recording ended" not in bench.sentences()


def test_a_bad_log_gives_one_sentence_and_the_node_can_be_configured_again(
    bench: DriverBench, log: Path, tmp_path: Path
) -> None:
    node = bench.start(log=str(tmp_path / "none.TXT"))
    bench.until(lambda: any("none.TXT does not exist" in sentence for sentence in bench.sentences()))
    assert "\n" not in node.refusal
    assert bench.state() == State.PRIMARY_STATE_UNCONFIGURED
    node.set_parameters([Parameter("log", value=str(log))])
    node.trigger_configure()
    assert node.refusal == ""
    bench.wait_for_connection()
    node.trigger_activate()
    bench.until(lambda: bench.got["shank/imu/data_raw"])


def test_samples_are_not_kept_for_those_who_come_later(bench: DriverBench, log: Path) -> None:
    node = bench.start(log=str(log), autostart=False)
    node.trigger_configure()
    for topic in ("shank/imu/data_raw", "foot/imu/data_raw"):
        (info,) = node.get_publishers_info_by_topic(topic)
        assert info.qos_profile.durability == DurabilityPolicy.VOLATILE


def test_diagnostics_name_the_hardware(bench: DriverBench, log: Path) -> None:
    assert bench.start(log=str(log), autostart=False).hardware_id() == f"replay {log}"
    node = bench.start(source="mpu6050", foot__bus_number=3, autostart=False)
    assert node.hardware_id() == "MPU6050 i2c-1:0x68, i2c-3:0x69"


@pytest.mark.parametrize(
    ("parameters", "sentence"),
    [
        ({"source": "telepathy"}, "source must be one of replay, simulator, mpu6050, not 'telepathy'"),
        ({}, "source replay needs the parameter log"),
        ({"log": "walk.TXT", "rate": 0}, "rate 0 .as fast as possible. exists in-process only; use evaluate"),
        ({"log": "walk.TXT", "rate": -1.0}, "rate must be above 0"),
        ({"log": "walk.TXT", "rate": "fast"}, "rate must be a number, not 'fast'"),
        ({"log": "walk.TXT", "encoder__joint_sign": 2.0}, "^encoder.joint_sign must be one of 1, -1, not 2.0 "),
        (
            {"log": "walk.TXT", "encoder__joint_offset": float("nan")},
            "^encoder.joint_offset must be -6.28319 to 6.28319",
        ),
        ({"log": "walk.TXT", "encoder__joint_name": ""}, "^encoder.joint_name: joint_name must not be empty "),
        ({"source": "simulator", "seed": -1}, "^seed must be 0 or more, not -1 "),
        ({"source": "simulator", "simulator__person": -2}, "^simulator.person must be 0 or more, not -2 "),
        ({"source": "simulator", "simulator__accel_range": 3}, "accel_range must be one of"),
    ],
)
def test_wrong_parameters_are_refused_with_one_sentence(bench: DriverBench, parameters: Any, sentence: str) -> None:
    node = bench.start(autostart=False, **parameters)
    node.trigger_configure()
    assert bench.state() == State.PRIMARY_STATE_UNCONFIGURED
    assert re.search(sentence, node.refusal)


def test_deactivating_pauses_and_cleaning_up_returns_to_the_start(bench: DriverBench, log: Path) -> None:
    node = bench.start(log=str(log), rate=2.0, autostart=False)
    node.trigger_configure()
    bench.wait_for_connection()
    node.trigger_activate()
    topic = "shank/imu/data_raw"
    bench.until(lambda: len(bench.got[topic]) >= 20)
    node.trigger_deactivate()
    time.sleep(0.2)
    bench.spin(0.3)
    paused = len(bench.got[topic])
    assert paused < 100
    node.trigger_activate()
    bench.until(lambda: len(bench.got[topic]) == 100)
    whole = bench.times(topic)
    assert np.array_equal(whole, np.rint(read_recording(log).shank.stamp * 1e9))
    node.trigger_deactivate()
    node.trigger_cleanup()
    bench.got[topic].clear()
    node.trigger_configure()
    bench.wait_for_connection()
    node.trigger_activate()
    bench.until(lambda: bench.got[topic])
    assert bench.times(topic)[0] == whole[0]


def test_with_a_tap_samples_are_published_when_send_waiting_is_called(bench: DriverBench, log: Path) -> None:
    node = bench.start(log=str(log), autostart=False, frame_prefix="left_")
    first: list[tuple[int, str, int, list[float]]] = []
    node.tap = lambda *sample: first.append(sample)
    node.trigger_configure()
    bench.wait_for_connection()
    node.trigger_activate()
    bench.until(lambda: len(first) > 20)
    assert not bench.got["foot/imu/data_raw"]
    bench.until(lambda: node.send_waiting() or len(first) > 100)
    assert len(bench.got["foot/imu/data_raw"]) > 20
    bench.until(lambda: bench.has(100) and "recording ended" in bench.sentences())  # the end publishes the rest
    recording = read_recording(log)
    for stream, name, samples in ((SHANK, "shank", recording.shank), (FOOT, "foot", recording.foot)):
        taken = [(stamp, values) for of, frame, stamp, values in first if of == stream]
        assert {frame for of, frame, *_ in first if of == stream} == {f"left_{name}_imu_link"}
        assert bench.times(f"{name}/imu/data_raw") == [stamp for stamp, _ in taken]
        assert np.array_equal([values for _, values in taken], np.hstack([samples.accel, samples.gyro]))
    assert bench.times("encoder/joint_states") == bench.times("foot/imu/data_raw")


def played_without_publishing(bench: DriverBench, log: Path) -> tuple[ImuDriverNode, int]:
    """Play for a while with a tap, without publishing, then pause. Return the node and the number of samples played."""
    node = bench.start(log=str(log), autostart=False)
    first: list[Any] = []
    node.tap = lambda *sample: first.append(sample)
    played: list[Sample] = []
    deliver = node.deliver

    def counted(sample: Sample, stamp: int) -> None:
        played.append(sample)
        deliver(sample, stamp)

    node.deliver = counted  # type: ignore[method-assign]
    node.trigger_configure()
    bench.wait_for_connection()
    node.trigger_activate()
    end = time.monotonic() + 15.0
    while len(first) < 40:
        assert time.monotonic() < end
        time.sleep(0.01)
    node.trigger_deactivate()
    return node, len(played)


def test_a_sample_is_not_published_before_it_was_tapped(bench: DriverBench, log: Path) -> None:
    """Even if the executor has its turn while the source's thread taps: a forecast does not wait for its input."""
    node, order = bench.start(log=str(log), autostart=False), list[str]()

    def tap(stream: int, *_: object) -> None:
        node.send_waiting()
        if stream == SHANK:
            order.append("tapped")

    node.tap = tap
    node.trigger_configure()
    node.outputs[SHANK].publish = lambda _message: order.append("published")
    node.trigger_activate()
    bench.until(lambda: order.count("published") > 20)
    node.trigger_deactivate()
    assert order[:40] == ["tapped", "published"] * 20


def test_a_pause_publishes_all_queued_samples(bench: DriverBench, log: Path) -> None:
    _, played = played_without_publishing(bench, log)
    topics = "shank/imu/data_raw", "foot/imu/data_raw", "encoder/joint_states"
    bench.until(lambda: sum(len(bench.got[topic]) for topic in topics) == played)


def test_the_queue_is_bounded_and_dropped_samples_are_reported(
    bench: DriverBench, log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deferred_publisher, "CAPACITY", 6)
    node, played = played_without_publishing(bench, log)
    bench.until(lambda: len(bench.got["foot/imu/data_raw"]) == 2)
    health = node.health()
    assert health.level == WARN
    assert health.message == f"{played - 6} samples were not published; the computer is too busy"
    assert health.values["samples not published"] == played - 6
    assert node.health().level == OK


def test_a_sample_that_cannot_be_published_is_reported_and_the_others_are_published(
    bench: DriverBench, log: Path
) -> None:
    node = bench.start(log=str(log), autostart=False)
    node.tap = lambda *_: None
    node.trigger_configure()
    bench.wait_for_connection()
    broken = node.outputs.pop(FOOT)
    node.trigger_activate()
    bench.until(lambda: node.send_waiting() or len(bench.got["shank/imu/data_raw"]) > 20)
    health = node.health()
    assert (health.level, health.message) == (ERROR, "samples cannot be published: KeyError: 1")
    assert not bench.got["foot/imu/data_raw"]
    node.outputs[FOOT] = broken
    node.health()
    bench.until(lambda: node.send_waiting() or len(bench.got["foot/imu/data_raw"]) > 20)
    assert "published" not in node.health().message, "a busy computer may still warn of lateness"


def test_a_driver_with_a_tap_refuses_other_rates_than_1(bench: DriverBench, log: Path) -> None:
    node = bench.start(log=str(log), autostart=False, rate=4.0)
    node.tap = lambda *_: None
    node.trigger_configure()
    assert node.refusal == "rate cannot change to 4 in a process that started at rate 1; start it again"


def test_parameters_cannot_change_while_the_node_is_configured(bench: DriverBench, log: Path) -> None:
    node = bench.start(log=str(log), autostart=False)
    node.trigger_configure()
    answer = node.set_parameters([Parameter("rate", value=2.0)])[0]
    assert not answer.successful
    assert answer.reason == "rate cannot change while imu_driver is configured; clean it up first"
    node.trigger_cleanup()
    assert node.set_parameters([Parameter("rate", value=2.0)])[0].successful


def test_diagnostics_report_rate_lateness_and_notes(bench: DriverBench, log: Path) -> None:
    bench.start(log=str(log), loop=True)
    bench.until(lambda: "replay runs" in bench.sentences() or any("late" in s for s in bench.sentences()))
    status = next(s for a in bench.got["/diagnostics"] for s in a.status if s.values)
    values = {v.key: v.value for v in status.values}
    assert status.name == "imu_driver"
    assert int(values["shank samples"]) > 0
    assert float(values["messages per second"]) > 0
    assert float(values["worst lateness (ms)"]) >= 0
    assert values["note 1"].startswith("gravity at standing, foot x")


def test_the_simulator_stands_first_and_streams(bench: DriverBench) -> None:
    bench.start(source="simulator", seed=3)
    bench.until(lambda: len(bench.got["foot/imu/data_raw"]) > 50, timeout=30.0)
    for part in ("shank", "foot"):
        force = [m.linear_acceleration for m in bench.got[f"{part}/imu/data_raw"]]
        assert np.median([np.hypot(np.hypot(a.x, a.y), a.z) for a in force]) == pytest.approx(9.81, abs=1.0)
    assert bench.got["encoder/joint_states"]


@pytest.mark.parametrize(("side", "outward"), [("right", -1.0), ("left", 1.0)])
def test_the_simulator_walks_with_the_sensors_on_the_configured_side(
    bench: DriverBench, side: str, outward: float
) -> None:
    bench.start(source="simulator", side=side)
    bench.until(lambda: bench.got["foot/imu/data_raw"], timeout=30.0)
    first = bench.got["foot/imu/data_raw"][0].linear_acceleration
    assert np.sign(first.z) == outward  # the instep slopes outward


def test_services_answer_while_it_plays(bench: DriverBench, log: Path) -> None:
    """The lifecycle must not wait for the next sample, which is an hour away here."""
    lines = [*synthetic_log.rows(50), *synthetic_log.rows(1, start=3_612_000)]
    node = bench.start(log=str(synthetic_log.write(log, lines)))
    bench.until(lambda: len(bench.got["shank/imu/data_raw"]) >= 1)
    before = time.monotonic()
    node.trigger_deactivate()
    assert time.monotonic() - before < 1.0
    assert bench.state() == State.PRIMARY_STATE_INACTIVE


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM])
def test_the_process_ends_cleanly_on_signals(log: Path, end: signal.Signals) -> None:
    process = launch("-p", f"log:={log}", "-p", "loop:=true")
    assert process.stderr is not None
    line = ""
    while "gravity at standing, shank z" not in line:
        line = process.stderr.readline()
        assert line, "the process ended by itself"
    time.sleep(0.3)
    process.send_signal(end)
    _, errors = process.communicate(timeout=20)
    assert process.returncode == 0
    assert "Traceback" not in errors


def test_with_exit_at_end_the_process_ends_with_the_recording(log: Path) -> None:
    process = launch("-p", f"log:={log}", "-p", "exit_at_end:=true", "-p", "rate:=10")
    _, errors = process.communicate(timeout=40)
    assert process.returncode == 0
    assert "recording ended after 300 samples" in errors
    assert "Traceback" not in errors


def test_with_exit_at_end_a_log_that_cannot_be_played_ends_the_process_with_status_1(tmp_path: Path) -> None:
    process = launch("-p", f"log:={tmp_path / 'nowhere.TXT'}", "-p", "exit_at_end:=true")
    _, errors = process.communicate(timeout=40)
    assert process.returncode == 1
    assert errors.count("nowhere.TXT does not exist") == 1
    assert "Traceback" not in errors


def test_arguments_that_ros_refuses_give_one_sentence() -> None:
    process = launch("-p", "nonsense")
    _, errors = process.communicate(timeout=40)
    assert process.returncode == 2
    assert "nonsense" in errors
    assert "Traceback" not in errors


def test_a_wrong_value_at_the_start_gives_a_sentence_and_the_node_lives_on() -> None:
    process = launch("-p", "loop:=7")
    assert process.stderr is not None
    try:
        assert any("loop must be true or false, not 7" in line for line in process.stderr)
        assert process.poll() is None
    finally:
        process.terminate()
        _, errors = process.communicate(timeout=40)
    assert "Traceback" not in errors


def launch(*arguments: str) -> subprocess.Popen[str]:
    code = "import sys; from ankle_imu_driver.driver_node import main; sys.exit(main())"
    return subprocess.Popen(
        [sys.executable, "-c", code, "--ros-args", *arguments],
        env={**os.environ, **LOCAL},
        stderr=subprocess.PIPE,
        text=True,
    )
