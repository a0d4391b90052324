"""The calibration that standing still gives for the two sensors, and its YAML file."""

from __future__ import annotations

import math
import os
import tempfile
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import yaml

from ankle_imu_driver.arrays import Vector
from ankle_imu_driver.document import DocumentError, build, shown
from ankle_imu_driver.refusal import Refusal

FORMAT = "ankle_calibration"
VERSION = 1
# PyYAML raises errors of Python itself for scalars that do not fit their tag, very long numbers and deep nesting.
YAML_ERRORS = (
    yaml.YAMLError, ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError,
)  # fmt: skip


class CalibrationError(Refusal):
    """A calibration that cannot be used; the message says why and what to do."""


@dataclass(frozen=True)
class SensorCalibration:
    """Calibration of one sensor at standing, in its own frame.

    Attributes:
        gyro_bias: mean angular rate in rad/s, which is subtracted from every sample.
        gravity: mean accelerometer reading in m/s^2; it points up, and its norm contains the sensor's scale error.
    """

    gyro_bias: Vector
    gravity: Vector

    def __post_init__(self) -> None:
        """Check the values.

        Raises:
            CalibrationError: a value is not finite, or gravity is close to zero.
        """
        for name, value in (("gyro_bias", self.gyro_bias), ("gravity", self.gravity)):
            if len(value) != 3 or not all(math.isfinite(v) for v in value):
                raise CalibrationError(f"{name} must be three finite numbers, not {list(value)}")
        if math.hypot(*self.gravity) < 1.0:
            raise CalibrationError(f"gravity is {list(self.gravity)} m/s^2, which is too small; calibrate again")


@dataclass(frozen=True)
class Calibration:
    """Calibration of both sensors at standing.

    Attributes:
        shank: the shank sensor.
        foot: the foot sensor.
        angle_zero: ankle angle at that standing in rad, dorsiflexion positive; 0 defines standing as zero.
        source: how it was made, as text for people.
    """

    shank: SensorCalibration
    foot: SensorCalibration
    angle_zero: float = 0.0
    source: str = ""


def load_calibration(path: Path) -> Calibration:
    """Read a calibration file.

    Raises:
        CalibrationError: the file is missing, cannot be read, is not YAML or is not a calibration; one sentence says
            which.
    """
    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise CalibrationError(f"calibration file {path} cannot be read: {error.strerror}") from error
    except YAML_ERRORS as error:
        raise CalibrationError(f"calibration file {path} is not YAML: {' '.join(str(error).split())}") from error
    if not isinstance(data, dict) or data.get("format") != FORMAT:
        raise CalibrationError(f"{path} is not a calibration file: it lacks 'format: {FORMAT}'")
    version = data.get("version")
    if type(version) is not int or version != VERSION:
        raise CalibrationError(f"{path} has version {shown(version)}, this software reads version {VERSION}")
    try:
        return build(Calibration, _known(data), optional=("angle_zero", "source"), strict=False)
    except DocumentError as error:
        raise CalibrationError(f"{path}: {error}") from error


def _known(data: dict[Any, Any]) -> dict[str, Any]:
    """Return what this software reads of a file that people may have added notes to."""
    ours, ours_of_sensor = ({field.name for field in fields(kind)} for kind in (Calibration, SensorCalibration))
    known = {key: value for key, value in data.items() if key in ours}
    for name in ("shank", "foot"):
        if isinstance(sensor := known.get(name), dict):
            known[name] = {key: value for key, value in sensor.items() if key in ours_of_sensor}
    source = known.get("source", "")
    known["source"] = source if isinstance(source, str) else shown(source)  # a date, say: it is for people only
    return known


def save_calibration(path: Path, calibration: Calibration) -> None:
    """Write a calibration file completely or not at all.

    Raises:
        CalibrationError: the folder cannot be written.
    """
    data = {
        "format": FORMAT,
        "version": VERSION,
        "source": calibration.source,
        "angle_zero": calibration.angle_zero,
        "shank": _sensor_to(calibration.shank),
        "foot": _sensor_to(calibration.foot),
    }
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                yaml.safe_dump(data, file, sort_keys=False)
                file.flush()
                os.fsync(file.fileno())
            Path(name).replace(path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise CalibrationError(f"calibration file {path} cannot be written: {error.strerror}") from error


def _sensor_to(sensor: SensorCalibration) -> dict[str, list[float]]:
    return {"gyro_bias": [float(v) for v in sensor.gyro_bias], "gravity": [float(v) for v in sensor.gravity]}
