"""Writing and reading rosbag2."""

from __future__ import annotations

import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import yaml
from rigs import synthetic_log
from rigs.repository import REPOSITORY
from rosbags.highlevel import AnyReader
from rosbags.rosbag2 import StoragePlugin, Writer
from rosbags.typesys import Stores, get_typestore

from ankle_imu_driver.calibration import Calibration, SensorCalibration, save_calibration
from ankle_imu_driver.conventions import JointConvention
from ankle_imu_driver.recordings.logger_txt import read_logger_txt
from ankle_imu_driver.recordings.read_recording import read_calibration, read_recording
from ankle_imu_driver.recordings.recording import EncoderSamples, ImuSamples, Recording, RecordingError
from ankle_imu_driver.recordings.rosbag_writer import BagWriter, write_bag

FORECAST = "ankle_predictor_interfaces/msg/AnkleForecast"
DEFINITION = REPOSITORY / "interfaces" / "msg" / "AnkleForecast.msg"
IMU = "sensor_msgs/msg/Imu"
JOINT = "sensor_msgs/msg/JointState"


@pytest.fixture
def walk(tmp_path: Path) -> Recording:
    return read_logger_txt(synthetic_log.write(tmp_path / "walk.TXT", synthetic_log.rows(300)))


@pytest.mark.parametrize("namespace", ["", "right_ankle", "/robot/left_ankle/"])
def test_a_recording_is_read_as_it_was_written(tmp_path: Path, walk: Recording, namespace: str) -> None:
    write_bag(tmp_path / "bag", walk, namespace)
    back = read_recording(tmp_path / "bag")
    assert back.name == "bag"
    assert back.notes == ()
    assert back.calibration == walk.calibration == read_calibration(tmp_path / "bag")
    _assert_same(back, walk)


@pytest.mark.parametrize("part", ["bag", "bag/metadata.yaml", "bag/bag.mcap"])
def test_a_bag_can_be_read_by_the_path_of_any_of_its_files(tmp_path: Path, walk: Recording, part: str) -> None:
    write_bag(tmp_path / "bag", walk)
    _assert_same(read_recording(tmp_path / part), walk)


def write_joints(path: Path, walk: Recording, names: list[str], positions: list[float]) -> None:
    """Write a walk's sensors, and 50 joint states with these joints on the encoder's topic."""
    write_bag(path, replace(walk, encoder=None))
    stamps = walk.shank.stamp[:50]
    with BagWriter(path.with_name("joints"), {"encoder/joint_states": JOINT}) as bag:
        types = bag.types.types
        for stamp in stamps.tolist():
            time = types["builtin_interfaces/msg/Time"](*divmod(round(stamp * 1e9), 10**9))
            header, nothing = types["std_msgs/msg/Header"](time, ""), np.zeros(0)
            message = types[JOINT](header, names, np.array(positions), nothing, nothing)
            bag.write("encoder/joint_states", round(stamp * 1e9), message)
    merge(path, path.with_name("joints"))


def merge(path: Path, other: Path) -> None:
    """Add the messages of another bag."""
    both = path.with_name("both")
    with AnyReader([path, other]) as reader:
        topics = {c.topic: c.msgtype for c in reader.connections}
        with BagWriter(both, topics) as bag:
            for connection, time, data in reader.messages():
                bag.write(connection.topic, time, data)


@pytest.mark.parametrize(("names", "positions"), [(["knee", "ankle"], [1.0, 0.2]), (["ankle", "knee"], [0.2, 1.0])])
def test_the_encoders_joint_is_found_by_its_name(
    tmp_path: Path, walk: Recording, names: list[str], positions: list[float]
) -> None:
    write_joints(tmp_path / "bag", walk, names, positions)
    encoder = read_recording(tmp_path / "both").encoder
    assert encoder is not None
    assert set(encoder.angle) == {0.2}
    other = read_recording(tmp_path / "both", JointConvention("knee", -1.0, 0.5)).encoder
    assert other is not None
    np.testing.assert_allclose(other.angle, -0.5)


def test_a_bag_of_an_earlier_version_keeps_its_encoder(tmp_path: Path, walk: Recording) -> None:
    write_joints(tmp_path / "bag", walk, ["ankle_encoder"], [0.2])
    encoder = read_recording(tmp_path / "both").encoder
    assert encoder is not None
    assert set(encoder.angle) == {0.2}


def test_an_encoder_without_the_joint_is_refused_by_name(tmp_path: Path, walk: Recording) -> None:
    write_joints(tmp_path / "bag", walk, ["knee", "hip"], [1.0, 2.0])
    with pytest.raises(RecordingError, match=r"no joint 'ankle' on encoder/joint_states, only hip, knee; set encoder"):
        read_recording(tmp_path / "both")
    with pytest.raises(RecordingError, match="no joint 'toe'"):
        read_recording(tmp_path / "both", JointConvention("toe"))


def test_a_recording_without_encoder_and_calibration(tmp_path: Path, walk: Recording) -> None:
    write_bag(tmp_path / "bag", replace(walk, encoder=None, calibration=None))
    back = read_recording(tmp_path / "bag")
    assert back.encoder is None
    assert back.calibration is None
    with pytest.raises(ValueError, match="has no calibration; put a calibration YAML next to it"):
        read_calibration(tmp_path / "bag")


def test_stamps_of_today_keep_their_distances_to_the_microsecond(tmp_path: Path, walk: Recording) -> None:
    today = replace(walk, shank=_at(walk.shank, 1.8e9), foot=_at(walk.foot, 1.8e9), encoder=None)
    write_bag(tmp_path / "bag", today)
    back = read_recording(tmp_path / "bag")
    assert np.abs(np.diff(back.shank.stamp) - np.diff(walk.shank.stamp)).max() < 1e-6


@pytest.mark.parametrize("name", ["walk.yaml", "calibration.yaml"])
def test_the_calibration_may_be_next_to_the_bag(tmp_path: Path, walk: Recording, name: str) -> None:
    write_bag(tmp_path / "walk", replace(walk, calibration=None))
    (tmp_path / "walk" / "other.yaml").write_text("qos_overrides: {}\n")
    sensor = SensorCalibration((0.0, 0.1, 0.0), (0.0, 0.0, 9.8))
    beside = Calibration(sensor, sensor, 0.1, "by hand")
    save_calibration(tmp_path / name, beside)
    assert read_recording(tmp_path / "walk").calibration == beside


def test_a_broken_or_second_calibration_is_refused(tmp_path: Path, walk: Recording) -> None:
    write_bag(tmp_path / "bag", walk)
    (tmp_path / "bag" / "second.yaml").write_text("format: ankle_calibration\n")
    with pytest.raises(RecordingError, match=r"more than one calibration: calibration\.yaml, second\.yaml"):
        read_recording(tmp_path / "bag")
    (tmp_path / "bag" / "calibration.yaml").unlink()
    with pytest.raises(RecordingError, match=r"cannot be used: .*version"):
        read_recording(tmp_path / "bag")


def test_two_legs_in_one_bag_are_refused_by_name(tmp_path: Path) -> None:
    names = [f"{leg}/{part}/imu/data_raw" for leg in ("left", "right") for part in ("shank", "foot")]
    BagWriter(tmp_path / "bag", dict.fromkeys(names, IMU)).close()
    with pytest.raises(RecordingError, match="contains 2 legs, in /left/, /right/"):
        read_recording(tmp_path / "bag")


def test_a_bag_without_the_raw_topics_is_refused_with_its_topics(tmp_path: Path) -> None:
    BagWriter(tmp_path / "bag", {"imu": IMU, "a/shank/imu/data_raw": IMU, "b/foot/imu/data_raw": IMU}).close()
    with pytest.raises(RecordingError, match=r"lacks shank/imu/data_raw and foot/.*: /a/shank/imu/data_raw, .*, /imu"):
        read_recording(tmp_path / "bag")


def test_a_bag_without_messages_is_refused(tmp_path: Path) -> None:
    BagWriter(tmp_path / "bag", {"shank/imu/data_raw": IMU, "foot/imu/data_raw": IMU}).close()
    with pytest.raises(RecordingError, match="has the topic shank/imu/data_raw, but no message on it"):
        read_recording(tmp_path / "bag")


def test_a_damaged_bag_is_refused_with_one_sentence(tmp_path: Path, walk: Recording) -> None:
    write_bag(tmp_path / "bag", walk)
    whole = (tmp_path / "bag" / "bag.mcap").read_bytes()
    for damaged in (whole[:500], b"", b"\0" * 1000, b"x" + whole[1:]):
        (tmp_path / "bag" / "bag.mcap").write_bytes(damaged)
        with pytest.raises(RecordingError) as caught:
            read_recording(tmp_path / "bag")
        assert "\n" not in str(caught.value)


def test_disorder_repeats_and_values_that_are_not_finite(tmp_path: Path) -> None:
    times = [0.0, 0.02, 0.01, 0.02, 0.03, 0.04]
    _write_imus(tmp_path / "bag", times, bad=4)
    back = read_recording(tmp_path / "bag")
    assert back.shank.stamp == pytest.approx([0.0, 0.01, 0.02, 0.04])
    assert back.shank.accel[:, 0] == pytest.approx([0, 2, 1, 5])
    for what in ("not finite", "put in order", "repeat a stamp"):
        assert any(note.startswith("shank/imu") and f"{what}: 1" in note for note in back.notes)


def test_if_the_source_was_restarted_the_longest_session_is_read(tmp_path: Path) -> None:
    _write_imus(tmp_path / "bag", [100.0, 100.01, 100.02, 5.0, 5.01, 5.02, 5.03])
    back = read_recording(tmp_path / "bag")
    assert back.shank.stamp == pytest.approx([5.0, 5.01, 5.02, 5.03])
    assert any("of 2 sessions" in note and "8 of 14" in note for note in back.notes)


def test_a_sqlite_bag_without_type_definitions_is_read(tmp_path: Path) -> None:
    """Humble writes such bags."""
    _write_imus(tmp_path / "bag", [1.0, 1.01, 1.02], StoragePlugin.SQLITE3)
    for part in ("bag", "bag/bag.db3"):
        assert read_recording(tmp_path / part).foot.stamp == pytest.approx([1.0, 1.01, 1.02])


def test_typed_and_raw_messages_and_our_own_type_are_written(tmp_path: Path) -> None:
    topics = {"/forecast": "trajectory_msgs/msg/JointTrajectory", "forecast_detail": FORECAST}
    with BagWriter(tmp_path / "bag", topics, {FORECAST: DEFINITION.read_text()}) as bag:
        t = bag.types.types
        header = t["std_msgs/msg/Header"](t["builtin_interfaces/msg/Time"](3, 4), "")
        point = t["trajectory_msgs/msg/JointTrajectoryPoint"](
            np.array([0.1]), *[np.zeros(0)] * 3, t["builtin_interfaces/msg/Duration"](0, 10_000_000)
        )
        trajectory = t["trajectory_msgs/msg/JointTrajectory"](header, ["ankle"], [point] * 50)
        values = np.arange(50.0)
        detail = t[FORECAST](header, 0, "ankle", "base", 0.01, 0.2, values, values, values, 0.01, 0.02, 1.1, 0)
        bag.write("/forecast", 3_000_000_000, trajectory)
        bag.write("forecast_detail", 3_000_000_001, bag.types.serialize_cdr(detail, FORECAST))
    with AnyReader([tmp_path / "bag"]) as reader:
        messages = {c.topic: reader.deserialize(data, c.msgtype) for c, _, data in reader.messages()}
    assert len(messages["/forecast"].points) == 50  # type: ignore[attr-defined]
    assert messages["/forecast_detail"].angle == pytest.approx(values)  # type: ignore[attr-defined]
    metadata = yaml.safe_load((tmp_path / "bag" / "metadata.yaml").read_text())["rosbag2_bagfile_information"]
    assert metadata["storage_identifier"] == "mcap"
    assert metadata["message_count"] == 2
    assert metadata["version"] == 8


def test_a_bag_never_overwrites(tmp_path: Path, walk: Recording) -> None:
    write_bag(tmp_path / "bag", walk)
    with pytest.raises(RecordingError, match="already exists"):
        write_bag(tmp_path / "bag", walk)


def test_a_bag_is_complete_after_an_exception(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), BagWriter(tmp_path / "bag", {"imu": IMU}):
        raise KeyboardInterrupt
    with AnyReader([tmp_path / "bag"]) as reader:
        assert [c.topic for c in reader.connections] == ["/imu"]


def test_a_crash_loses_no_more_than_the_last_second(tmp_path: Path) -> None:
    script = (
        "import sys, os; from pathlib import Path; from ankle_imu_driver.recordings.rosbag_writer import BagWriter\n"
        f"bag = BagWriter(Path(sys.argv[1]), {{'imu': '{IMU}'}})\n"
        "for k in range(1000): bag.write('imu', k * 10_000_000, b'%04d' % k * 8)\n"
        "os.kill(os.getpid(), 9)\n"
    )
    done = subprocess.run([sys.executable, "-c", script, str(tmp_path / "bag")], timeout=60, check=False)
    assert done.returncode == -signal.SIGKILL
    left = (tmp_path / "bag" / "bag.mcap").read_bytes()
    assert sum(b"%04d" % k * 8 in left for k in range(1000)) >= 900
    assert not (tmp_path / "bag" / "metadata.yaml").exists()


def _write_imus(path: Path, times: list[float], plugin: StoragePlugin = StoragePlugin.MCAP, bad: int = -1) -> None:
    """Write both sensors with these stamps in this order; accel x is the row's number; row ``bad`` has a NaN."""
    store = get_typestore(Stores.ROS2_HUMBLE)
    t = store.types
    with Writer(path, version=8, storage_plugin=plugin) as writer:
        outputs = [writer.add_connection(f"/{k}/imu/data_raw", IMU, typestore=store) for k in ("shank", "foot")]
        for k, time in enumerate(times):
            ns = round(time * 1e9)
            message = t[IMU](
                t["std_msgs/msg/Header"](t["builtin_interfaces/msg/Time"](ns // 10**9, ns % 10**9), ""),
                t["geometry_msgs/msg/Quaternion"](0.0, 0.0, 0.0, 1.0),
                np.zeros(9),
                t["geometry_msgs/msg/Vector3"](0.0, float("nan") if k == bad else 0.0, 0.0),
                np.zeros(9),
                t["geometry_msgs/msg/Vector3"](float(k), 0.0, 9.8),
                np.zeros(9),
            )
            for output in outputs:
                writer.write(output, 10**9 + k, store.serialize_cdr(message, IMU))


def _at(sensor: ImuSamples, start: float) -> ImuSamples:
    return ImuSamples(sensor.stamp - sensor.stamp[0] + start, sensor.accel, sensor.gyro)


def _assert_same(one: Recording, other: Recording) -> None:
    assert isinstance(one.encoder, EncoderSamples)
    assert isinstance(other.encoder, EncoderSamples)
    for a, b in ((one.shank, other.shank), (one.foot, other.foot)):
        assert np.array_equal(a.stamp, b.stamp)
        assert np.array_equal(a.accel, b.accel)
        assert np.array_equal(a.gyro, b.gyro)
    assert np.array_equal(one.encoder.stamp, other.encoder.stamp)
    assert np.array_equal(one.encoder.angle, other.encoder.angle)
