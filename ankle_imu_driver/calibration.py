"""What standing still tells of the two sensors, and its YAML file."""

from __future__ import annotations

import math
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from ankle_imu_driver.arrays import Vector
from ankle_imu_driver.refusal import Refusal

FORMAT = "ankle_calibration"
VERSION = 1


class CalibrationError(Refusal):
    """A calibration that cannot be used; the message says why and what to do."""


@dataclass(frozen=True)
class SensorCalibration:
    """One sensor at standing, in its own frame.

    Attributes:
        gyro_bias: mean angular rate in rad/s, to be subtracted from every sample.
        gravity: mean accelerometer reading in m/s^2; it points up, its norm holds the sensor's scale error.
    """

    gyro_bias: Vector
    gravity: Vector

    def __post_init__(self) -> None:
        """Refuse values that are no calibration.

        Raises:
            CalibrationError: a value is not finite, or there is next to no gravity.
        """
        for name, value in (("gyro_bias", self.gyro_bias), ("gravity", self.gravity)):
            if len(value) != 3 or not all(math.isfinite(v) for v in value):
                raise CalibrationError(f"{name} must be three finite numbers, not {list(value)}")
        if math.hypot(*self.gravity) < 1.0:
            raise CalibrationError(f"gravity is {list(self.gravity)} m/s^2, which is no gravity; calibrate again")


@dataclass(frozen=True)
class Calibration:
    """Both sensors at standing.

    Attributes:
        shank: the shank sensor.
        foot: the foot sensor.
        angle_zero: ankle angle at that stance in rad, dorsiflexion positive; 0 defines standing as zero.
        source: how it was made, for people.
    """

    shank: SensorCalibration
    foot: SensorCalibration
    angle_zero: float = 0.0
    source: str = ""


def load_calibration(path: Path) -> Calibration:
    """Read a calibration file.

    Raises:
        CalibrationError: the file is absent, unreadable, not YAML, or not a calibration; one sentence says which.
    """
    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise CalibrationError(f"calibration file {path} cannot be read: {error.strerror}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise CalibrationError(f"calibration file {path} is not YAML: {' '.join(str(error).split())}") from error
    if not isinstance(data, Mapping) or data.get("format") != FORMAT:
        raise CalibrationError(f"{path} is not a calibration file: it lacks 'format: {FORMAT}'")
    if data.get("version") != VERSION:
        raise CalibrationError(f"{path} has version {data.get('version')!r}, this software reads version {VERSION}")
    try:
        return Calibration(
            shank=_sensor_from(data["shank"]),
            foot=_sensor_from(data["foot"]),
            angle_zero=_finite(data.get("angle_zero", 0.0)),
            source=str(data.get("source", "")),
        )
    except KeyError as error:
        raise CalibrationError(f"{path} lacks {error}; calibrate again") from error
    except (TypeError, ValueError) as error:
        raise CalibrationError(f"{path}: {error}") from error


def save_calibration(path: Path, calibration: Calibration) -> None:
    """Write a calibration file whole or not at all.

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


def _finite(value: Any) -> float:
    number = float(value)
    if not math.isfinite(number):
        raise CalibrationError(f"angle_zero must be finite, not {value}")
    return number


def _sensor_from(data: Mapping[str, Any]) -> SensorCalibration:
    bias, gravity = ([float(v) for v in data[key]] for key in ("gyro_bias", "gravity"))
    if len(bias) != 3 or len(gravity) != 3:
        raise CalibrationError(f"gyro_bias and gravity need three numbers each, not {bias} and {gravity}")
    return SensorCalibration((bias[0], bias[1], bias[2]), (gravity[0], gravity[1], gravity[2]))


def _sensor_to(sensor: SensorCalibration) -> dict[str, list[float]]:
    return {"gyro_bias": [float(v) for v in sensor.gyro_bias], "gravity": [float(v) for v in sensor.gravity]}
