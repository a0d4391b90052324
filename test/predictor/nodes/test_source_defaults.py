"""What the other two nodes take over from the driver's source."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from rigs.walks import swinging

from ankle_imu_driver.recordings.recording import RecordingError
from ankle_imu_driver.recordings.rosbag_writer import write_bag
from ankle_predictor.nodes.source_defaults import follow_source


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("calibrated") / "bag"
    write_bag(path, swinging(1.0))
    return str(path)


@pytest.fixture(scope="module")
def bare_log(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("bare") / "bag"
    write_bag(path, replace(swinging(1.0), calibration=None))
    return str(path)


def test_a_recording_brings_its_calibration(log: str) -> None:
    assert follow_source(log=log) == {"calibration_file": log}
    assert follow_source(source="mpu6050", bus="emulated", log=log) == {"calibration_file": log}


def test_another_calibration_wins(log: str) -> None:
    assert follow_source(log=log, calibration_file="mine.yaml") == {}


def test_one_without_calibration_is_told(bare_log: str) -> None:
    assert follow_source(log=bare_log) == {"calibration_file": ""}


@pytest.mark.parametrize("driver", [{"source": "simulator"}, {"source": "mpu6050", "bus": "emulated"}])
def test_the_simulated_person_overwrites_no_calibration(driver: dict[str, Any]) -> None:
    assert follow_source(**driver) == {"calibration_save": ""}
    assert follow_source(**driver, calibration_save="theirs.yaml") == {}


def test_real_sensors_leave_all_as_it_is(tmp_path: Path) -> None:
    assert follow_source(source="mpu6050", log=str(tmp_path / "ignored")) == {}


def test_another_rate_is_in_simulated_time() -> None:
    assert follow_source(source="mpu6050", rate=2.0) == {"use_sim_time": True}


def test_a_log_that_is_none_is_refused() -> None:
    with pytest.raises(RecordingError, match="does not exist"):
        follow_source(log="/nowhere.TXT")
