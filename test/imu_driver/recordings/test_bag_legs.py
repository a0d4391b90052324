"""A rosbag2 with two legs: which one is read, and whose calibration."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from rigs.walks import UPRIGHT, swinging

from ankle_imu_driver.calibration import Calibration, save_calibration
from ankle_imu_driver.recordings.bag_legs import chosen_leg
from ankle_imu_driver.recordings.read_recording import read_calibration, read_recording
from ankle_imu_driver.recordings.recording import Recording, RecordingError
from ankle_imu_driver.recordings.rosbag_writer import write_bag, write_legs

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
