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
LISTS = st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=3, max_size=3)


def written(path: Path, document: Any) -> Path:
    path.write_text(document if isinstance(document, str) else yaml.safe_dump(document), encoding="utf-8")
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
@given(LISTS, st.floats(allow_nan=False, allow_infinity=False), st.text(max_size=20))
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
        "shank: {gyro_bias: [1e-3, .5, 0], gravity: [0, 0, 9.8]}\n"
        "foot: {gravity: [9, +1, 1.], gyro_bias: [-1E-3, 0.0, 0]}\n"
    )
    shank, foot = SensorCalibration((1e-3, 0.5, 0.0), (0.0, 0.0, 9.8)), SensorCalibration((-1e-3, 0, 0), (9, 1, 1))
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
        (f"[{'9' * 5000}, 0, 0]", "is not YAML: Exceeds the limit"),
        (f"[0x{'f' * 5000}, 0, 0]", "shank.gyro_bias[0] must be a finite number, not a number of thousands of digits"),
        ("!!int ''", "is not YAML: string index out of range"),
        ("!!timestamp x", "is not YAML"),
        ("!!python/name:os.system", "is not YAML"),
        ("2001-99-99", "is not YAML: month must be in 1..12"),
        ("[" * 5000, "is not YAML: maximum recursion depth exceeded"),
        ("&a [*a, *a, *a]", "shank.gyro_bias[0] must be a finite number, not [[[...], [...], [...]], "),
    ],
)
def test_a_wrong_value_is_named(tmp_path: Path, bias: str, sentence: str) -> None:
    assert sentence in refusal(written(tmp_path / "calibration.yaml", with_bias(bias)))


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"format": "other"}, "is not a calibration file: it lacks 'format: ankle_calibration'"),
        ({"version": 2}, "has version 2, this software reads version 1"),
        ({"version": "x" * 5000}, "this software reads version 1"),
        ({"version": None}, "has version None"),
        ({"version": True}, "has version True"),
        ({"angle_zero": math.inf}, "angle_zero must be a finite number, not inf"),
        ({"angle_zero": math.nan}, "angle_zero must be a finite number, not nan"),
        ({"angle_zero": "standing"}, "angle_zero must be a finite number, not 'standing'"),
        ({"angle_zero": 10**400}, "angle_zero must be a finite number, not 1000"),
        ({"foot": None}, "foot must be an object, not None"),
        ({"foot": {"gyro_bias": [0, 0, 0]}}, "foot.gravity is missing"),
        (
            {"foot": {"gyro_bias": [0, 0, 0], "gravity": [0, 0, 0.9]}},
            "gravity is [0.0, 0.0, 0.9] m/s^2, which is too small",
        ),
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
    assert "cannot be read: Is a directory" in refusal(tmp_path)
    (tmp_path / "binary.yaml").write_bytes(b"\xff\xfe\x00")
    assert "is not YAML" in refusal(tmp_path / "binary.yaml")
    assert "is not YAML" in refusal(written(tmp_path / "broken.yaml", "a: [1"))


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
        ((0.0, 0.0, 0.0), (0.5, 0.5, 0.5), "gravity is [0.5, 0.5, 0.5] m/s^2"),
    ],
)
def test_values_that_are_no_calibration_are_refused(bias: Any, gravity: Any, sentence: str) -> None:
    with pytest.raises(CalibrationError, match=re.escape(sentence)):
        SensorCalibration(bias, gravity)
