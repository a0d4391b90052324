"""The executable imu_check on the emulated bus."""

from __future__ import annotations

from pathlib import Path

import pytest
from rigs.user_walks import standing
from rigs.walks import swinging

from ankle_imu_driver.imu_check import main
from ankle_imu_driver.recordings.rosbag_writer import write_bag

QUIET = ["--bus", "emulated", "--set", "mpu6050.priority=0", "--set", "mpu6050.lock_memory=false"]


@pytest.fixture(autouse=True)
def wide(monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")


def test_it_shows_both_sensors_and_which_way_is_up(capsys):
    assert main([*QUIET, "--seconds", "1.5"]) == 0
    shown = capsys.readouterr().out
    for text in (
        "shank",
        "foot",
        "/dev/i2c-1 0x68",
        "/dev/i2c-1 0x69",
        "-Y up",
        "-X up",
        "as the mounting says",
        "MPU-6050",
    ):
        assert text in shown


def test_nothing_is_cut_off_in_a_usual_terminal(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    assert main([*QUIET, "--seconds", "1.5"]) == 0
    shown = capsys.readouterr().out
    for text in ("streaming", "/dev/i2c-1 0x68", "MPU-6050", "jitter", "°C", "-Y up", "degrees off", "mounting says"):
        assert text in shown
    assert "…" not in shown


def test_a_fault_is_shown_and_gives_status_1(capsys):
    assert main([*QUIET, "--seconds", "1.2", "--set", "emulator.faults=unplugged foot 0 60"]) == 1
    shown = capsys.readouterr().out
    assert "FAULT: foot: no samples" in shown
    assert "no answer (NACK)" in shown


def test_swapped_sensors_are_shown_by_their_upward_axes(capsys):
    swapped = [*QUIET, "--seconds", "1.5", "--set", "emulator.swapped=true"]
    main([*swapped, "--set", "shank.mounting='-X,-Z,-Y'"])
    assert "but the mounting says -Y" in capsys.readouterr().out
    main(swapped)
    assert "usual is -Y; auto finds it" in capsys.readouterr().out


def test_the_self_test_is_reported(tmp_path: Path, capsys):
    write_bag(tmp_path / "standing", standing(60.0))
    assert main([*QUIET, "--log", str(tmp_path / "standing"), "--seconds", "0.5", "--self-test"]) == 0
    shown = capsys.readouterr().out
    assert "shank sensor: self-test passed on all six axes" in shown


def test_a_self_test_of_a_sensor_that_moves_gives_status_1(tmp_path: Path, capsys):
    write_bag(tmp_path / "walk", swinging(20.0))
    assert main([*QUIET, "--log", str(tmp_path / "walk"), "--seconds", "0.2", "--self-test"]) == 1
    assert "sensor: self-test not done: the sensor at 0x68 moved" in capsys.readouterr().err


def test_a_parameter_file_is_used(tmp_path: Path, capsys):
    file = tmp_path / "leg.yaml"
    file.write_text(
        "/**:\n  ros__parameters: {bus: emulated, tau: 2.0}\n/**/imu_driver:\n  ros__parameters: {mpu6050.rate: 0.1}\n"
    )
    assert main(["--params-file", str(file)]) == 1
    assert "mpu6050.rate must be 1 to 500, not 0.1" in capsys.readouterr().err


def test_the_section_of_a_namespace_is_used_with_nested_names(tmp_path: Path, capsys):
    file = tmp_path / "leg.yaml"
    file.write_text("/right_ankle/imu_driver:\n  ros__parameters: {bus: emulated, mpu6050: {rate: 0.1}}\n")
    assert main(["--params-file", str(file)]) == 1
    assert "for /imu_driver; name the file's namespace with --namespace" in capsys.readouterr().err
    assert main(["--params-file", str(file), "--namespace", "right_ankle"]) == 1
    assert "mpu6050.rate must be 1 to 500, not 0.1" in capsys.readouterr().err


def test_a_section_that_no_node_takes_is_warned_of(tmp_path: Path, capsys):
    file = tmp_path / "leg.yaml"
    file.write_text(
        "/**:\n  ros__parameters: {bus: emulated, mpu6050.rate: 1e-1}\n/imu_drvier:\n  ros__parameters: {seed: 1}\n"
    )
    assert main(["--params-file", str(file)]) == 1
    error = capsys.readouterr().err
    assert f"imu_check: parameter file {file}: no node takes the section /imu_drvier; the nodes in / are" in error
    assert "mpu6050.rate must be 1 to 500, not 0.1" in error


def test_values_are_read_as_the_node_reads_them(capsys):
    assert main([*QUIET, "--set", "mpu6050.rate=1e-1"]) == 1
    assert "mpu6050.rate must be 1 to 500, not 0.1" in capsys.readouterr().err
    assert main([*QUIET, "--set", "shank.bus_number='1'"]) == 1
    assert "shank.bus_number must be a whole number, not '1'" in capsys.readouterr().err


def test_ctrl_c_during_the_self_test_gives_no_traceback(monkeypatch):
    def interrupt(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr("ankle_imu_driver.imu_check.open_driver", interrupt)
    assert main(QUIET) == 130


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--bus", "smbus2", "--set", "shank.bus_number=97", "--set", "foot.bus_number=97"], "no /dev/i2c-97|smbus2"),
        (["--set", "nonsense"], "must be NAME=VALUE"),
        (["--set", "mpu6050.rate=[1"], "cannot be read"),
        (["--params-file", "/nowhere.yaml"], "parameter file /nowhere.yaml cannot be read"),
        (["--bus", "emulated", "--log", "/nowhere.txt"], "/nowhere.txt"),
    ],
)
def test_sensors_that_cannot_be_opened_give_one_sentence(arguments, sentence, capsys):
    import re  # noqa: PLC0415

    assert main(arguments) == 1
    error = capsys.readouterr().err
    assert re.search(sentence, error)
    assert error.count("\n") == 1
