"""The calibration that standing still gives for the two sensors, and its YAML file."""

from __future__ import annotations

import math
import os
import sys
import tempfile
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import yaml

from ankle_imu_driver.arrays import Vector
from ankle_imu_driver.document import DocumentError, build, parse_yaml, shown
from ankle_imu_driver.refusal import Refusal
from ankle_imu_driver.regular_file import KIB, FileError, read_regular

FORMAT = "ankle_calibration"
VERSIONS = (1, 2)  # 2 adds ``forward``; a calibration without it is written as 1, which older readers know
MOST_BYTES = 64 * KIB  # of a calibration file; ours have 400 bytes
# What a calibrated sensor can be. A file that says more was not made by standing still, or not with such a sensor.
# rad/s on each axis: the MPU6050's zero-rate output is 20 deg/s at 25 degrees C and drifts by 5 in 15 degrees more or
# less (PS-MPU-6000A-00, section 6.1).
LARGEST_BIAS = math.radians(25.0)
GRAVITY = 9.80665  # m/s^2
GRAVITY_ERROR = 1.7  # m/s^2 on the norm: zero-g output 50, 50, 80 mg, 35 mg by temperature, 3 % of scale, section 6.2
LARGEST_ZERO = math.radians(45.0)  # rad; a standing ankle is within about 20 degrees of neutral


class CalibrationError(Refusal):
    """A calibration that cannot be used; the message says why and what to do."""


@dataclass(frozen=True)
class SensorCalibration:
    """Calibration of one sensor at standing, in its own frame.

    Attributes:
        gyro_bias: mean angular rate in rad/s, which is subtracted from every sample.
        gravity: mean accelerometer reading in m/s^2; it points up, and its norm contains the sensor's scale error.
        forward: direction of the segment's forward axis as walking has shown it, of any length; None before. Only the
            part that is perpendicular to gravity counts.
    """

    gyro_bias: Vector
    gravity: Vector
    forward: Vector | None = None

    def __post_init__(self) -> None:
        """Check the values.

        Raises:
            CalibrationError: a value is not finite, or no sensor has such a value.
        """
        given = {"gyro_bias": self.gyro_bias, "gravity": self.gravity}
        for name, value in (given if self.forward is None else {**given, "forward": self.forward}).items():
            if len(value) != 3 or not all(map(_is_finite, value)):
                raise CalibrationError(f"{name} must be three finite numbers, not {shown(list(value))}")
        worst = max(map(abs, self.gyro_bias))
        if worst > LARGEST_BIAS:
            raise CalibrationError(
                f"gyro_bias {_listed(self.gyro_bias)} rad/s is impossible: a gyro's bias is at most "
                f"{LARGEST_BIAS:.3f} rad/s (25 deg/s) on an axis; calibrate again, standing still"
            )
        norm = math.hypot(*self.gravity)
        if abs(norm - GRAVITY) > GRAVITY_ERROR:
            raise CalibrationError(
                f"gravity {_listed(self.gravity)} is impossible: its norm is {norm:.4g} m/s^2 instead of "
                f"{GRAVITY:.2f} within {GRAVITY_ERROR}; calibrate again, in m/s^2, or check the sensor"
            )
        if self.forward is not None and not _are_apart(self.forward, self.gravity):
            raise CalibrationError(
                f"forward {_listed(self.forward)} is impossible: it must be across gravity {_listed(self.gravity)}; "
                "leave it out, and it is found from walking"
            )


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

    def __post_init__(self) -> None:
        """Check the values.

        Raises:
            CalibrationError: no ankle stands at such an angle.
        """
        if not (_is_finite(self.angle_zero) and abs(self.angle_zero) <= LARGEST_ZERO):
            raise CalibrationError(
                f"angle_zero {shown(self.angle_zero)} rad is impossible: a person stands within {LARGEST_ZERO:.2f} rad "
                f"({math.degrees(LARGEST_ZERO):.0f} degrees) of neutral; give it in rad, or leave it out"
            )


def load_calibration(path: Path) -> Calibration:
    """Read a calibration file.

    Raises:
        CalibrationError: the file is missing, cannot be read, is not YAML or is not a calibration; one sentence says
            which.
    """
    try:
        text = read_regular(path, MOST_BYTES)
    except FileError as error:
        raise CalibrationError(f"calibration file {error}") from error
    return parse_calibration(text, str(path))


def parse_calibration(text: bytes, name: str) -> Calibration:
    """Read the text of a calibration file, at most ``MOST_BYTES``; ``name`` is what errors call it.

    Raises:
        CalibrationError: it is not YAML or not a calibration; one sentence says which.
    """
    if len(text) > MOST_BYTES:
        raise CalibrationError(f"{name} has {len(text)} bytes, which is no calibration: one has {MOST_BYTES} at most")
    try:
        data = parse_yaml(text)
    except DocumentError as error:
        raise CalibrationError(f"calibration file {name} cannot be read: {error}") from error
    if not isinstance(data, dict) or data.get("format") != FORMAT:
        raise CalibrationError(f"{name} is not a calibration file: it lacks 'format: {FORMAT}'")
    version = data.get("version")
    if type(version) is not int or version not in VERSIONS:
        ours = " and ".join(map(str, VERSIONS))
        raise CalibrationError(f"{name} has version {shown(version)}, this software reads versions {ours}")
    optional = ("angle_zero", "source", "shank.forward", "foot.forward")
    try:
        return build(Calibration, _known(data, version), optional=optional, strict=False)
    except DocumentError as error:
        raise CalibrationError(f"{name}: {error}") from error


def _is_finite(value: float) -> bool:
    return isinstance(value, int | float) and abs(value) <= sys.float_info.max  # an integer may be larger than a float


def _listed(values: Vector) -> str:
    return f"[{', '.join(f'{v:.4g}' for v in values)}]"


def _are_apart(forward: Vector, up: Vector) -> bool:
    """Return whether two directions are at least 30 degrees apart."""
    length = math.hypot(*forward) * math.hypot(*up)
    return length > 0.0 and abs(sum(a * b for a, b in zip(forward, up, strict=True))) < math.cos(math.pi / 6) * length


def _known(data: dict[Any, Any], version: int) -> dict[str, Any]:
    """Return what this software reads of a file that people may have added notes to."""
    ours, ours_of_sensor = ({field.name for field in fields(kind)} for kind in (Calibration, SensorCalibration))
    if version == 1:
        ours_of_sensor.remove("forward")
    known = {key: value for key, value in data.items() if key in ours}
    for name in ("shank", "foot"):
        if isinstance(sensor := known.get(name), dict):
            known[name] = {key: value for key, value in sensor.items() if key in ours_of_sensor}
    source = known.get("source", "")
    known["source"] = source if isinstance(source, str) else shown(source)  # a date, say: it is for people only
    return known


def calibration_text(calibration: Calibration) -> str:
    """Return the text of a calibration file."""
    has_forward = calibration.shank.forward is not None or calibration.foot.forward is not None
    data = {
        "format": FORMAT,
        "version": 2 if has_forward else 1,
        "source": calibration.source,
        "angle_zero": calibration.angle_zero,
        "shank": _sensor_to(calibration.shank),
        "foot": _sensor_to(calibration.foot),
    }
    return str(yaml.safe_dump(data, sort_keys=False))


def save_calibration(path: Path, calibration: Calibration) -> None:
    """Write a calibration file completely or not at all.

    Raises:
        CalibrationError: the folder cannot be written.
    """
    text = calibration_text(calibration)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            Path(name).replace(path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise CalibrationError(f"calibration file {path} cannot be written: {error.strerror}") from error


def _sensor_to(sensor: SensorCalibration) -> dict[str, list[float]]:
    values = {"gyro_bias": sensor.gyro_bias, "gravity": sensor.gravity, "forward": sensor.forward}
    return {name: [float(v) for v in value] for name, value in values.items() if value is not None}
