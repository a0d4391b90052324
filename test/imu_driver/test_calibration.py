"""The calibration file: what was saved comes back, and anything else is refused in one sentence."""

from __future__ import annotations

import math
import os
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from rigs.mutated_documents import mutated

from ankle_imu_driver.calibration import (
    LARGEST_BIAS,
    LARGEST_ZERO,
    Calibration,
    CalibrationError,
    SensorCalibration,
    load_calibration,
    save_calibration,
)

CALIBRATION = Calibration(
    shank=SensorCalibration((0.01, -0.02, 1e-7), (0.3, 0.1, 9.7)),
    foot=SensorCalibration((0.0, 0.0, 0.0), (9.9, -0.2, 1.0)),
    angle_zero=-0.05,
    source="standing, 2 s",
)
FIELDS: dict[str, Any] = {
    "format": "ankle_calibration",
    "version": 1,
    "source": "standing, 2 s",
    "angle_zero": -0.05,
    "shank": {"gyro_bias": [0.01, -0.02, 1e-7], "gravity": [0.3, 0.1, 9.7]},
    "foot": {"gyro_bias": [0.0, 0.0, 0.0], "gravity": [9.9, -0.2, 1.0]},
}
LISTS = st.lists(st.floats(-LARGEST_BIAS, LARGEST_BIAS), min_size=3, max_size=3)


def written(path: Path, document: Any) -> Path:
    if not isinstance(document, str):  # without aliases for what occurs twice
        dumper = type("Plain", (yaml.SafeDumper,), {"ignore_aliases": lambda self, data: True})
        document = yaml.dump(document, Dumper=dumper)
    path.write_text(document, encoding="utf-8")
    return path


def refusal(path: Path) -> str:
    with pytest.raises(CalibrationError) as caught:
        load_calibration(path)
    sentence = str(caught.value)
    assert str(path) in sentence
    assert "\n" not in sentence
    return sentence


def test_what_was_saved_comes_back(tmp_path: Path) -> None:
    path = tmp_path / "new folder" / "calibration.yaml"
    save_calibration(path, CALIBRATION)
    assert load_calibration(path) == CALIBRATION
    assert yaml.safe_load(path.read_text()) == FIELDS
    assert [p.name for p in path.parent.iterdir()] == ["calibration.yaml"]
    save_calibration(path, Calibration(CALIBRATION.foot, CALIBRATION.shank))
    assert load_calibration(path) == Calibration(CALIBRATION.foot, CALIBRATION.shank)


@settings(deadline=None)
@given(LISTS, st.floats(-LARGEST_ZERO, LARGEST_ZERO), st.text(max_size=20))
def test_any_calibration_comes_back(
    tmp_path_factory: pytest.TempPathFactory, bias: list[float], zero: float, source: str
) -> None:
    sensor = SensorCalibration((bias[0], bias[1], bias[2]), (0.0, 0.0, 9.8))
    calibration = Calibration(sensor, CALIBRATION.foot, zero, source)
    path = tmp_path_factory.getbasetemp() / "any.yaml"
    save_calibration(path, calibration)
    assert load_calibration(path) == calibration


def test_a_file_written_by_hand_is_read(tmp_path: Path) -> None:
    text = (
        "format: ankle_calibration\nversion: 1\n"
        "shank: {gyro_bias: [1e-3, .25, 0], gravity: [0, 0, 9.8]}\n"
        "foot: {gravity: [9, +1, 1.], gyro_bias: [-1E-3, 0.0, 0]}\n"
    )
    shank, foot = SensorCalibration((1e-3, 0.25, 0.0), (0.0, 0.0, 9.8)), SensorCalibration((-1e-3, 0, 0), (9, 1, 1))
    assert load_calibration(written(tmp_path / "hand.yaml", text)) == Calibration(shank, foot)


SENSOR = "{gyro_bias: [0, 0, 0], gravity: [0, 0, 9.8]}"


def with_bias(bias: str) -> str:
    return (
        f"format: ankle_calibration\nversion: 1\nfoot: {SENSOR}\nshank: {{gravity: [0, 0, 9.8], gyro_bias: {bias}}}\n"
    )


@pytest.mark.parametrize(
    ("bias", "sentence"),
    [
        ("[0, 0]", "shank.gyro_bias must be a list of 3, not [0, 0]"),
        ("[0, 0, 0, 0]", "shank.gyro_bias must be a list of 3, not [0, 0, 0, 0]"),
        ("3", "shank.gyro_bias must be a list of 3, not 3"),
        ("{x: 1}", "shank.gyro_bias must be a list of 3, not {'x': 1}"),
        ("[0, x, 0]", "shank.gyro_bias[1] must be a finite number, not 'x'"),
        ("[0, true, 0]", "shank.gyro_bias[1] must be a finite number, not True"),
        ("[0, null, 0]", "shank.gyro_bias[1] must be a finite number, not None"),
        ("[0, [1], 0]", "shank.gyro_bias[1] must be a finite number, not [1]"),
        ("[1e400, 0, 0]", "shank.gyro_bias[0] must be a finite number, not '1e400'"),
        ("[1.0e+400, 0, 0]", "gyro_bias must be three finite numbers, not [inf, 0.0, 0.0]"),
        ("[.nan, 0, 0]", "gyro_bias must be three finite numbers, not [nan, 0.0, 0.0]"),
        (f"[1{'0' * 400}, 0, 0]", "shank.gyro_bias[0] must be a finite number, not 1000"),
        (f"[{'9' * 5000}, 0, 0]", "is not YAML: a value, such as a date, a number or a tag, is impossible"),
        (f"[0x{'f' * 5000}, 0, 0]", "shank.gyro_bias[0] must be a finite number, not a number of thousands of digits"),
        ("!!int ''", "is not YAML: a value, such as a date, a number or a tag, is impossible"),
        ("!!timestamp x", "is not YAML"),
        ("!!python/name:os.system", "is not YAML"),
        ("2001-99-99", "is not YAML: a value, such as a date, a number or a tag, is impossible"),
        ("[" * 5000, "it is nested too deeply: more than 32 levels"),
        ("&a [*a, *a, *a]", "it has the alias *'a' in line 4; write the value there"),
        ("[0.5, 0, 0]", "gyro_bias [0.5, 0, 0] rad/s is impossible: a gyro's bias is at most 0.436 rad/s (25 deg/s)"),
        ("[0, 0, -28.6]", "gyro_bias [0, 0, -28.6] rad/s is impossible"),
        ("[1:30:30, 0, 0]", "gyro_bias [5430, 0, 0] rad/s is impossible"),
        ("[0x1p3, 0, 0]", "shank.gyro_bias[0] must be a finite number, not '0x1p3'"),
        ("[1.0e+308, 0, 0]", "gyro_bias [1e+308, 0, 0] rad/s is impossible"),
    ],
)
def test_a_wrong_value_is_named(tmp_path: Path, bias: str, sentence: str) -> None:
    assert sentence in refusal(written(tmp_path / "calibration.yaml", with_bias(bias)))


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"format": "other"}, "is not a calibration file: it lacks 'format: ankle_calibration'"),
        ({"version": 3}, "has version 3, this software reads versions 1 and 2"),
        ({"version": "x" * 5000}, "this software reads versions 1 and 2"),
        ({"version": None}, "has version None"),
        ({"version": True}, "has version True"),
        ({"angle_zero": math.inf}, "angle_zero inf rad is impossible"),
        ({"angle_zero": math.nan}, "angle_zero nan rad is impossible"),
        ({"angle_zero": -1.0}, "angle_zero -1.0 rad is impossible: a person stands within 0.79 rad (45 degrees)"),
        ({"angle_zero": 20}, "angle_zero 20.0 rad is impossible"),
        ({"angle_zero": "standing"}, "angle_zero must be a finite number, not 'standing'"),
        ({"angle_zero": 10**400}, "angle_zero must be a finite number, not 1000"),
        ({"foot": None}, "foot must be an object, not None"),
        ({"foot": {"gyro_bias": [0, 0, 0]}}, "foot.gravity is missing"),
        (
            {"foot": {"gyro_bias": [0, 0, 0], "gravity": [0, 0, 0.9]}},
            "gravity [0, 0, 0.9] is impossible: its norm is 0.9 m/s^2 instead of 9.81 within 1.7; calibrate again",
        ),
        ({"foot": {"gyro_bias": [0, 0, 0], "gravity": [0, 0, 1.0]}}, "its norm is 1 m/s^2 instead of 9.81"),  # in g
        ({"foot": {"gyro_bias": [0, 0, 0], "gravity": [0, 0, 980.665]}}, "its norm is 980.7 m/s^2"),
        ({"foot": {"gyro_bias": [0, 0, 0], "gravity": [1e308, 1e308, 1e308]}}, "its norm is 1.732e+308 m/s^2"),
    ],
)
def test_a_wrong_field_is_named(tmp_path: Path, change: dict[str, Any], sentence: str) -> None:
    assert sentence in refusal(written(tmp_path / "calibration.yaml", FIELDS | change))


@pytest.mark.parametrize(
    "change",
    [
        {"note": "by Ann"},
        {"shank": FIELDS["shank"] | {"temperature": 20}},
        {"foot": FIELDS["foot"] | {1: 1}},
        {"source": 3},
        {"source": None},
    ],
)
def test_what_people_add_to_a_file_does_no_harm(tmp_path: Path, change: dict[str, Any]) -> None:
    found = load_calibration(written(tmp_path / "calibration.yaml", FIELDS | change))
    assert (found.shank, found.foot, found.angle_zero) == (CALIBRATION.shank, CALIBRATION.foot, CALIBRATION.angle_zero)


@pytest.mark.parametrize("key", ["shank", "foot"])
def test_a_missing_sensor_is_named(tmp_path: Path, key: str) -> None:
    fields = {k: v for k, v in FIELDS.items() if k != key}
    assert f"{key} is missing" in refusal(written(tmp_path / "calibration.yaml", fields))


@pytest.mark.parametrize("text", ["", "3", "[]", "- a\n", "text", "a: b\n"])
def test_other_yaml_is_no_calibration(tmp_path: Path, text: str) -> None:
    assert "is not a calibration file" in refusal(written(tmp_path / "calibration.yaml", text))


def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    assert "cannot be read: No such file" in refusal(tmp_path / "none.yaml")
    assert "cannot be read: it is a directory" in refusal(tmp_path)
    (tmp_path / "binary.yaml").write_bytes(b"\xff\xfe\x00")
    assert "is not UTF-8 text: byte 0 cannot be read" in refusal(tmp_path / "binary.yaml")
    assert "is not YAML at line 1, column 6; check brackets" in refusal(written(tmp_path / "broken.yaml", "a: [1"))
    assert "a character that YAML does not allow" in refusal(written(tmp_path / "nul.yaml", "a: \0"))
    (tmp_path / "large.yaml").write_bytes(b"#" * 2**17)
    assert "is too large: at most 64 KiB are read" in refusal(tmp_path / "large.yaml")
    os.mkfifo(tmp_path / "fifo.yaml")
    assert "cannot be read: it is a FIFO, not a file" in refusal(tmp_path / "fifo.yaml")


@settings(max_examples=300, deadline=None)
@given(mutated(FIELDS))
def test_any_change_of_the_document_is_loaded_or_refused(
    tmp_path_factory: pytest.TempPathFactory, document: dict[str, Any]
) -> None:
    path = written(tmp_path_factory.getbasetemp() / "changed.yaml", yaml.safe_dump(document))
    try:
        assert isinstance(load_calibration(path), Calibration)
    except CalibrationError:
        refusal(path)


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=60) | st.text(alphabet="[]{}:,!&*-#|>'\"% \n01ax.~?", max_size=30))
def test_any_text_in_place_of_a_value_is_loaded_or_refused(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    path = tmp_path_factory.getbasetemp() / "text.yaml"
    path.write_bytes(with_bias(text).encode("utf-8", "surrogatepass"))
    try:
        assert isinstance(load_calibration(path), Calibration)
    except CalibrationError:
        refusal(path)


def test_a_folder_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    written(tmp_path / "file", "x")
    with pytest.raises(CalibrationError, match="cannot be written: "):
        save_calibration(tmp_path / "file" / "calibration.yaml", CALIBRATION)


def test_a_failed_write_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "calibration.yaml"
    save_calibration(path, CALIBRATION)

    def fail(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(CalibrationError, match="cannot be written: No space left on device"):
        save_calibration(path, Calibration(CALIBRATION.foot, CALIBRATION.shank))
    assert load_calibration(path) == CALIBRATION
    assert [p.name for p in tmp_path.iterdir()] == ["calibration.yaml"]


@pytest.mark.parametrize(
    ("bias", "gravity", "sentence"),
    [
        ((0.0, 0.0), (0.0, 0.0, 9.8), "gyro_bias must be three finite numbers, not [0.0, 0.0]"),
        ((0.0, math.nan, 0.0), (0.0, 0.0, 9.8), "gyro_bias must be three finite numbers"),
        ((0.0, 0.0, 0.0), (0.0, math.inf, 9.8), "gravity must be three finite numbers"),
        ((0.0, 0.0, 0.0), (0.5, 0.5, 0.5), "gravity [0.5, 0.5, 0.5] is impossible"),
        ((10**400, 0.0, 0.0), (0.0, 0.0, 9.8), "gyro_bias must be three finite numbers, not [1000"),
        ((0.0, 0.0, 0.0), ("0", 0.0, 9.8), "gravity must be three finite numbers"),
    ],
)
def test_values_that_are_no_calibration_are_refused(bias: Any, gravity: Any, sentence: str) -> None:
    with pytest.raises(CalibrationError, match=re.escape(sentence)):
        SensorCalibration(bias, gravity)
