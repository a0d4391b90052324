"""A rosbag2 with two legs: which one is read, and whose calibration."""

from __future__ import annotations

import dataclasses
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from rigs.walks import UPRIGHT, swinging

from ankle_imu_driver.calibration import Calibration, save_calibration
from ankle_imu_driver.conventions import CALIBRATION_TOPIC, RAW_TOPICS
from ankle_imu_driver.recordings.bag_legs import chosen_leg
from ankle_imu_driver.recordings.read_recording import read_calibration, read_recording
from ankle_imu_driver.recordings.recording import Recording, RecordingError
from ankle_imu_driver.recordings.rosbag_reader import IMU_TYPE
from ankle_imu_driver.recordings.rosbag_writer import BagWriter, sample_message, write_bag, write_legs
from ankle_imu_driver.recordings.timeline import looped, samples

LEFT, RIGHT = "/exo/left_ankle/", "/exo/right_ankle/"
OTHER = dataclasses.replace(UPRIGHT, angle_zero=0.1)


@pytest.fixture
def legs(tmp_path: Path) -> dict[str, Recording]:
    made = {LEFT: swinging(3.0, seed=1), RIGHT: dataclasses.replace(swinging(2.0), calibration=OTHER)}
    write_legs(tmp_path / "bag", made)
    return made


@pytest.mark.parametrize(
    ("leg", "namespace", "prefix"),
    [
        ("left_ankle", "", LEFT),
        ("/exo/left_ankle", "", LEFT),
        ("exo/right_ankle/", "", RIGHT),
        ("left_ankle", RIGHT, LEFT),
        ("", "/exo/right_ankle", RIGHT),
        ("", "left_ankle", LEFT),
    ],
)
def test_the_leg_is_chosen_by_name_or_by_the_own_namespace(leg: str, namespace: str, prefix: str) -> None:
    assert chosen_leg(Path("bag"), [LEFT, RIGHT], leg, namespace) == prefix


@pytest.mark.parametrize("namespace", ["", "/", "arm", "ankle", "/left_ankle/exo"])
def test_a_namespace_without_a_leg_chooses_none_of_two_but_the_only_one(namespace: str) -> None:
    with pytest.raises(RecordingError, match="contains 2 legs, in /exo/left_ankle/, /exo/right_ankle/; say which one"):
        chosen_leg(Path("bag"), [LEFT, RIGHT], "", namespace)
    assert chosen_leg(Path("bag"), [RIGHT], "", namespace) == RIGHT


def test_the_root_is_a_leg_like_any_other() -> None:
    assert chosen_leg(Path("bag"), ["/", LEFT], "", "/") == "/"
    assert chosen_leg(Path("bag"), ["/", LEFT], "/") == "/"
    with pytest.raises(RecordingError, match="has no leg"):
        chosen_leg(Path("bag"), [LEFT, RIGHT], "/")


def test_a_leg_that_is_not_there_or_not_unique_is_refused_with_those_that_are() -> None:
    with pytest.raises(RecordingError, match="has no leg 'knee'; its legs are /exo/left_ankle/"):
        chosen_leg(Path("bag"), [LEFT], "knee")
    with pytest.raises(RecordingError, match="has 2 leg 'left_ankle'; its legs are /a/left_ankle/, /b/left_ankle/"):
        chosen_leg(Path("bag"), ["/a/left_ankle/", "/b/left_ankle/"], "left_ankle")


def test_each_leg_is_read_with_its_own_calibration(tmp_path: Path, legs: dict[str, Recording]) -> None:
    for leg, truth in legs.items():
        read = read_recording(tmp_path / "bag", leg=leg)
        np.testing.assert_array_equal(read.shank.accel, truth.shank.accel)
        np.testing.assert_array_equal(read.foot.stamp, truth.foot.stamp)
        assert read.encoder is not None
        assert read.calibration == truth.calibration
        assert read_calibration(tmp_path / "bag", namespace=leg) == truth.calibration
        assert read.notes == ()


def test_a_calibration_that_does_not_say_whose_it_is_is_not_used_for_two_legs(
    tmp_path: Path, legs: dict[str, Recording]
) -> None:
    for file in (tmp_path / "bag").glob("calibration_*.yaml"):
        file.unlink()
    save_calibration(tmp_path / "bag.yaml", UPRIGHT)
    read = read_recording(tmp_path / "bag", leg=LEFT)
    assert read.calibration is None
    assert read.notes == (
        "bag.yaml not used: it does not say which leg it is of; name it calibration_exo_left_ankle.yaml",
    )
    save_calibration(tmp_path / "bag_exo_left_ankle.yaml", OTHER)
    assert read_recording(tmp_path / "bag", leg=LEFT).calibration == OTHER
    assert read_recording(tmp_path / "bag", leg=RIGHT).calibration is None


def test_one_leg_finds_the_calibration_with_its_name_among_those_of_both(tmp_path: Path) -> None:
    write_bag(tmp_path / "bag", dataclasses.replace(swinging(2.0), calibration=None), "left_ankle")
    calibrations: dict[str, Calibration] = {"left_ankle": UPRIGHT, "right_ankle": OTHER}
    for name, calibration in calibrations.items():
        save_calibration(tmp_path / "bag" / f"calibration_{name}.yaml", calibration)
    assert read_recording(tmp_path / "bag").calibration == UPRIGHT


def test_legs_of_one_walk_begin_anew_together_whichever_ends_sooner(tmp_path: Path, legs: dict[str, Recording]) -> None:
    """The shorter one would otherwise be further ahead with every pass."""
    read = {leg: read_recording(tmp_path / "bag", leg=leg) for leg in legs}
    assert read[LEFT].end > read[RIGHT].end + 0.5
    begins = {leg: [turn.start for turn in islice(looped(recording), 4)] for leg, recording in read.items()}
    for leg, recording in read.items():
        passes = np.diff(begins[leg])
        np.testing.assert_allclose(passes, read[LEFT].end - min(r.start for r in read.values()) + 0.01, atol=1e-6)
        np.testing.assert_allclose(begins[leg][0], recording.start)
    for recording in read.values():
        times = [sample.time for sample in islice(samples(looped(recording)), 2000)]
        assert times == sorted(times)


def test_a_leg_that_was_recorded_at_another_time_is_nobody_to_wait_for(tmp_path: Path) -> None:
    late = swinging(2.0)
    late = dataclasses.replace(
        late,
        shank=dataclasses.replace(late.shank, stamp=late.shank.stamp + 60.0),
        foot=dataclasses.replace(late.foot, stamp=late.foot.stamp + 60.0),
        encoder=None,
    )
    write_legs(tmp_path / "bag", {LEFT: swinging(3.0), RIGHT: late})
    for leg in (LEFT, RIGHT):
        assert read_recording(tmp_path / "bag", leg=leg).period is None


def write_told(path: Path, told: dict[str, list[tuple[float, str]]], kind: str = "std_msgs/msg/String") -> None:
    """A bag of legs whose filters told these texts, at times in s."""
    walk = swinging(3.0)
    topics = {f"{leg}{topic}": IMU_TYPE for leg in told for topic in RAW_TOPICS.values()}
    with BagWriter(path, topics | {f"{leg}{CALIBRATION_TOPIC}": kind for leg in told}) as bag:
        types = bag.types.types
        texts = [(round(at * 1e9), f"{leg}{CALIBRATION_TOPIC}", text) for leg in told for at, text in told[leg]]
        for at, topic, text in texts:
            bag.write(topic, at, types[kind](text) if kind == "std_msgs/msg/String" else text)
        for sample in samples([dataclasses.replace(walk, encoder=None)]):
            for leg in told:
                bag.write(f"{leg}{RAW_TOPICS[sample.stream]}", sample.time, sample_message(types, sample))


def text_of(calibration: Calibration, folder: Path) -> str:
    save_calibration(folder / "told.txt", calibration)
    return (folder / "told.txt").read_text()


def test_without_a_file_the_last_calibration_that_the_legs_own_filter_told_is_used(tmp_path: Path) -> None:
    first, last = text_of(UPRIGHT, tmp_path), text_of(OTHER, tmp_path)
    write_told(tmp_path / "bag", {LEFT: [(0.0, ""), (0.5, first), (1.0, last)], RIGHT: [(0.0, first), (0.1, "")]})
    left, right = (read_recording(tmp_path / "bag", leg=leg) for leg in (LEFT, RIGHT))
    assert (left.calibration, right.calibration) == (OTHER, UPRIGHT)
    assert left.notes == (
        "calibrated as the filter was in the recording, by /exo/left_ankle/orientation_filter/calibration: "
        "there is no calibration file",
    )
    assert read_calibration(tmp_path / "bag", leg=LEFT) == OTHER
    save_calibration(tmp_path / "bag_exo_left_ankle.yaml", UPRIGHT)
    again = read_recording(tmp_path / "bag", leg=LEFT)
    assert again.calibration == UPRIGHT, "a file was put there by somebody, and comes first"
    assert again.notes == ()


def test_what_was_told_after_the_walk_or_is_no_calibration_is_not_used(tmp_path: Path) -> None:
    good = text_of(UPRIGHT, tmp_path)
    write_told(tmp_path / "bag", {LEFT: [(0.5, good), (1.0, "format: nothing"), (90.0, text_of(OTHER, tmp_path))]})
    read = read_recording(tmp_path / "bag")
    assert read.calibration == UPRIGHT
    assert read.notes[0] == (
        "/exo/left_ankle/orientation_filter/calibration: messages that are no calibration left out: 1"
    )
    write_told(tmp_path / "bad", {LEFT: [(0.5, "x" * 70_000), (0.6, "- 1")]})
    assert read_recording(tmp_path / "bad").calibration is None


def test_a_topic_of_that_name_with_another_type_is_none(tmp_path: Path) -> None:
    write_told(tmp_path / "bag", {LEFT: []}, kind="std_msgs/msg/Bool")
    read = read_recording(tmp_path / "bag")
    assert (read.calibration, read.notes) == (None, ())
