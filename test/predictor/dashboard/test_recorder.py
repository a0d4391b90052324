"""The recording that a person starts and stops: a real rosbag2 on a real disk."""

from __future__ import annotations

import errno
from dataclasses import replace
from pathlib import Path

import pytest
from rigs.walks import UPRIGHT, part, swinging
from rosbags.rosbag2 import Reader
from rosbags.typesys import Stores, get_typestore

from ankle_imu_driver.calibration import Calibration, CalibrationError, load_calibration
from ankle_imu_driver.recordings.read_recording import read_recording
from ankle_imu_driver.recordings.recording import RecordingError
from ankle_imu_driver.recordings.rosbag_writer import BagWriter, write_bag
from ankle_predictor.dashboard.recorder import Recorder

TYPES = get_typestore(Stores.ROS2_HUMBLE)
STRING = "std_msgs/msg/String"
TOPICS = {"/left_ankle/note": STRING, "/right_ankle/note": STRING}


def note(text: str) -> bytes:
    return bytes(TYPES.serialize_cdr(TYPES.types[STRING](text), STRING))


def test_what_is_heard_between_start_and_stop_is_in_the_bag(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / "new" / "folder")
    recorder.write("/left_ankle/note", 1, note("before"))
    recorder.start(TOPICS, {})
    assert recorder.state.is_on
    for k, topic in enumerate(TOPICS):
        recorder.write(topic, 10**9 + k, note(topic))
    ended = recorder.stop()
    recorder.write("/left_ankle/note", 1, note("after"))
    assert (ended.is_on, ended.messages, ended.error) == (False, 2, "")
    assert ended.path is not None
    with Reader(ended.path) as bag:
        heard = [(c.topic, TYPES.deserialize_cdr(data, STRING).data) for c, _, data in bag.messages()]
    assert heard == [(topic, topic) for topic in TOPICS]


def test_the_calibration_of_each_leg_is_in_the_bag_as_it_is_at_the_end(tmp_path: Path) -> None:
    known: dict[str, Calibration] = {}
    recorder = Recorder(tmp_path)
    recorder.start(TOPICS, {}, lambda: known)
    known |= {"/left_ankle": UPRIGHT, "/right_ankle": replace(UPRIGHT, angle_zero=0.1), "/": UPRIGHT}
    path = recorder.stop().path
    assert path is not None
    assert load_calibration(path / "calibration_left_ankle.yaml") == UPRIGHT
    assert load_calibration(path / "calibration_right_ankle.yaml").angle_zero == 0.1
    assert load_calibration(path / "calibration.yaml") == UPRIGHT
    assert not recorder.state.error


@pytest.mark.parametrize("namespace", ["/", "/left_ankle", "/exo/left_ankle"])
def test_a_recording_can_be_read_with_its_calibration(tmp_path: Path, namespace: str) -> None:
    recorder, walk = Recorder(tmp_path), part(swinging(1.0), 0.5)
    write_bag(tmp_path / "walk", replace(walk, calibration=None))
    with Reader(tmp_path / "walk") as bag:
        prefix = namespace.rstrip("/")
        recorder.start({f"{prefix}{c.topic}": c.msgtype for c in bag.connections}, {}, lambda: {namespace: UPRIGHT})
        for c, time, data in bag.messages():
            recorder.write(f"{prefix}{c.topic}", time, data)
    path = recorder.stop().path
    assert path is not None
    assert read_recording(path).calibration == UPRIGHT


def test_a_calibration_that_cannot_be_written_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise CalibrationError("calibration file x cannot be written: No space left on device")

    monkeypatch.setattr("ankle_predictor.dashboard.recorder.save_calibration", full)
    recorder = Recorder(tmp_path)
    recorder.start(TOPICS, {}, lambda: {"/": UPRIGHT})
    assert "No space left" in recorder.stop().error


def test_one_at_a_time_and_stopping_twice_does_nothing(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path)
    recorder.start(TOPICS, {})
    with pytest.raises(RecordingError, match="runs already"):
        recorder.start(TOPICS, {})
    assert recorder.stop() == recorder.stop()


def test_a_full_disk_ends_the_recording_with_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recorder = Recorder(tmp_path)
    recorder.start(TOPICS, {})

    def full(*_: object) -> None:
        raise RecordingError("recording x cannot be written: No space left on device")

    monkeypatch.setattr(BagWriter, "write", full)
    recorder.write("/left_ankle/note", 1, note("lost"))
    assert not recorder.state.is_on
    assert "No space left" in recorder.state.error
    monkeypatch.undo()
    assert not recorder.stop().is_on


def test_a_disk_that_fails_at_the_end_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recorder = Recorder(tmp_path)
    recorder.start(TOPICS, {})

    def fail(_: BagWriter) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(BagWriter, "close", fail)
    assert "cannot be completed: No space left" in recorder.stop().error


def test_a_folder_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(RecordingError, match="cannot be made"):
        Recorder(tmp_path / "file" / "folder").start(TOPICS, {})
