"""The parameters of filter and predictor that depend on the driver's source."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from rigs.walks import swinging

from ankle_imu_driver.recordings.recording import RecordingError
from ankle_imu_driver.recordings.rosbag_writer import write_bag
from ankle_predictor.nodes.source_defaults import source_defaults


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


def test_the_calibration_of_a_recording_is_used(log: str) -> None:
    assert source_defaults(log=log)["calibration_file"] == log
    assert source_defaults(source="mpu6050", bus="emulated", log=log)["calibration_file"] == log


def test_another_calibration_file_has_priority(log: str) -> None:
    assert "calibration_file" not in source_defaults(log=log, calibration_file="mine.yaml")


def test_without_a_calibration_in_the_recording_the_file_is_empty(bare_log: str) -> None:
    assert source_defaults(log=bare_log)["calibration_file"] == ""


@pytest.mark.parametrize("driver", [{"source": "simulator"}, {"source": "mpu6050", "bus": "emulated"}, {}])
@pytest.mark.parametrize("recording", [None, "log", "bare_log"])
def test_only_real_sensors_save_a_calibration_unless_a_file_is_named(
    driver: dict[str, Any], recording: str | None, request: pytest.FixtureRequest
) -> None:
    own = driver | ({} if recording is None else {"log": request.getfixturevalue(recording)})
    assert source_defaults(**own)["calibration_save"] == ""
    assert source_defaults(**own, namespace="left_ankle", calibration_file="mine.yaml")["calibration_save"] == ""
    assert "calibration_save" not in source_defaults(**own, calibration_save="theirs.yaml")
    assert "calibration_save" not in source_defaults(**own, calibration_save="")


def test_real_sensors_save_to_the_wearers_file(tmp_path: Path) -> None:
    real: dict[str, Any] = {"source": "mpu6050", "log": str(tmp_path / "ignored")}
    assert source_defaults(**real) == {"calibration_save": "~/.ros/ankle_predictor/calibration.yaml"}
    for namespace in ("robot/left_ankle", "/robot/left_ankle/"):
        saved = source_defaults(**real, namespace=namespace)["calibration_save"]
        assert saved == "~/.ros/ankle_predictor/calibration_robot_left_ankle.yaml"
    assert source_defaults(**real, calibration_save="") == {}
    assert source_defaults(**real, calibration_save="mine.yaml") == {}


def test_any_other_rate_uses_simulated_time() -> None:
    assert source_defaults(source="mpu6050", rate=2.0)["use_sim_time"] is True


def test_a_missing_log_is_refused() -> None:
    with pytest.raises(RecordingError, match="does not exist"):
        source_defaults(log="/nowhere.TXT")
