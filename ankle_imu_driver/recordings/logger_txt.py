"""Reads the text log of the two-IMU and encoder logger, and puts back the gravity that it subtracted."""

from __future__ import annotations

import re
from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ankle_imu_driver.arrays import FloatArray, IntArray
from ankle_imu_driver.calibration import Calibration, SensorCalibration
from ankle_imu_driver.recordings.logger_gravity import AXES, AxisGravity, find_gravity
from ankle_imu_driver.recordings.recording import EncoderSamples, ImuSamples, Recording, RecordingError

MAX_MALFORMED = 0.01  # of the lines
MAX_NAMED = 10  # line numbers in one note
RESTART = 1000.0  # ms by which time goes back, and stays there, when the logger has started again
LARGEST_ACCEL = 2 * 19.62  # m/s^2: the range, and as much again for the subtracted mean
LARGEST_GYRO = 2 * 500.0  # deg/s, likewise
LARGEST_ANGLE = 180.0  # deg

NUMBER = rb"(-?\d+(?:\.\d+)?)"
TRIPLE = rb"\s*,\s*".join([NUMBER] * 3)
# The gap in "MPU1 A cc" and any spelling or decoding of the degree sign occur in the data set's own files.
ROW = re.compile(
    rb"\s*Enc Cnt:\s*-?\d+\s*\|\s*Angle:\s*" + NUMBER + rb"[^\d|]{0,8}"
    rb"\|\|\s*MPU1 A ?cc:\s*" + TRIPLE + rb"\s*\|\s*Gyro:\s*" + TRIPLE + rb"\s*"
    rb"\|\|\s*MPU2 A ?cc:\s*" + TRIPLE + rb"\s*\|\s*Gyro:\s*" + TRIPLE + rb"\s*"
    rb"\|\|\s*Time:\s*(\d{1,12})\s*ms\s*"
)
SIGNED_ZERO = 1e-9  # m/s^2, far below what the logger prints
COLUMNS = 14  # angle, foot accel and gyro, shank accel and gyro, time
LIMITS = np.array([LARGEST_ANGLE, *2 * ([LARGEST_ACCEL] * 3 + [LARGEST_GYRO] * 3), np.inf])
HEADER = b"=== New Logging Session ==="
FOOTER = b"=== Logging Ended ==="
# Measured on the two walks that need it: docs/angle_results.md.
SENSITIVITY = "; 0.5 more or less on it moves the mean error of the ankle angle by 0.2 to 0.4 deg"


@dataclass
class _Lines:
    """The rows of a file as read, not yet put in order."""

    rows: array[float] = field(default_factory=lambda: array("d"))
    number: array[int] = field(default_factory=lambda: array("q"))
    session: array[int] = field(default_factory=lambda: array("q"))
    malformed: list[int] = field(default_factory=list)
    total: int = 0
    notes: list[str] = field(default_factory=list)


def read_logger_txt(path: Path) -> Recording:
    """Read one log whole.

    The logger stood still and subtracted its mean reading before the first row, so the log brings its calibration: gyro
    bias zero, angle zero, and as gravity at standing what ``find_gravity`` puts back.

    Args:
        path: the file; lines end with CRLF or LF, and it need not be UTF-8.

    Returns:
        Both sensors and the encoder on the logger's clock (s since its boot). ``notes`` tells every line that was left
        out and what each axis of gravity rests on. Of several logging sessions, each of which has a calibration of its
        own, only the longest is returned.

    Raises:
        RecordingError: the file cannot be read, is no such log, or more than 1 % of its lines are malformed.
    """
    try:
        lines = _read_lines(path)
    except OSError as error:
        raise RecordingError(f"{path} cannot be read: {error.strerror}") from error
    table = np.frombuffer(lines.rows, dtype=np.float64).reshape(-1, COLUMNS)
    bad = (np.abs(table) > LIMITS).any(axis=1)
    number = np.frombuffer(lines.number, dtype=np.int64)
    malformed = sorted([*lines.malformed, *number[bad].tolist()])
    if bad.all():
        raise RecordingError(f"{path} is not a log of the two-IMU logger: none of its {lines.total} lines is a sample")
    if len(malformed) > MAX_MALFORMED * lines.total:
        raise RecordingError(
            f"{path} is damaged: {len(malformed)} of its {lines.total} lines are malformed, the first is line "
            f"{malformed[0]}; at most {MAX_MALFORMED:.0%} is accepted"
        )
    notes = lines.notes
    if malformed:
        notes.append(f"malformed lines left out: {_named(malformed)}")
    session = np.frombuffer(lines.session, dtype=np.int64)
    table, number, session = table[~bad], number[~bad], session[~bad]
    keep = _in_order(table[:, -1], number, session, notes)
    return _recording(path.stem, table[keep], notes)


def _read_lines(path: Path) -> _Lines:
    found = _Lines()
    session = number = 0
    with path.open("rb") as file:
        if b"\0" in file.read(1024):
            raise RecordingError(f"{path} is not a log of the two-IMU logger: it is a binary file")
        file.seek(0)
        for number, raw in enumerate(file, start=1):
            line = raw.strip()
            match = ROW.fullmatch(line)
            if match:
                found.rows.extend(map(float, match.groups()))
                found.number.append(number)
                found.session.append(session)
            elif HEADER in line:
                session += 1
            elif not line or FOOTER in line:
                pass
            elif not raw.endswith(b"\n"):
                found.notes.append(f"the last line ({number}) is cut off and left out")
                continue
            else:
                found.malformed.append(number)
            found.total += bool(line)
    if not number:
        raise RecordingError(f"{path} is empty")
    return found


def _in_order(
    time: FloatArray,
    number: IntArray,
    session: IntArray,
    notes: list[str],
) -> IntArray:
    """Return the rows of the longest session with strictly increasing times, and note what was left out."""
    parts: list[list[int]] = []
    repeats: list[int] = []
    strays: list[int] = []
    part: list[int] = []
    for k in range(len(time)):
        if part and session[k] != session[part[-1]]:
            part = []
        if part and time[k] == time[part[-1]]:
            repeats.append(int(number[k]))
            continue
        if part and time[k] < time[part[-1]]:
            if len(part) > 1 and time[k] > time[part[-2]]:
                strays.append(int(number[part.pop()]))  # the row before had jumped ahead
            elif time[k] > time[part[-1]] - RESTART or (k + 1 < len(time) and time[k + 1] > time[part[-1]]):
                strays.append(int(number[k]))
                continue
            else:
                part = []  # the logger started again
        if not part:
            parts.append(part)
        part.append(k)
    if repeats:
        notes.append(f"lines that repeat the time before them left out: {_named(repeats)}")
    if strays:
        notes.append(f"lines whose time is out of order left out: {_named(strays)}")
    longest = max(parts, key=len)
    for other in parts:
        if other is not longest:
            notes.append(
                f"the logger started again: the session of lines {number[other[0]]} to {number[other[-1]]} "
                f"({len(other)} samples, a calibration of its own) left out, as lines {number[longest[0]]} to "
                f"{number[longest[-1]]} are the longest; split the file to read it"
            )
    return np.array(longest)


def _recording(name: str, table: FloatArray, notes: list[str]) -> Recording:
    gravity = find_gravity(table[:, 1:4], table[:, 7:10])
    for sensor, axes in (("foot", gravity.foot), ("shank", gravity.shank)):
        for letter, axis in zip(AXES, axes, strict=True):
            sensitivity = SENSITIVITY if axis.assumed and (sensor, letter) == ("shank", "x") else ""
            notes.append(f"gravity at standing, {sensor} {letter}: {axis.describe()}{sensitivity}")
    foot, shank = (_sensor(axes) for axes in (gravity.foot, gravity.shank))
    assumed = [f"shank {a}" for a, g in zip(AXES, gravity.shank, strict=True) if g.assumed]
    assumed += [f"foot {a}" for a, g in zip(AXES, gravity.foot, strict=True) if g.assumed]
    source = f"the logger's standing before {name}, gravity from the rails" + (
        f" (assumed: {', '.join(assumed)})" if assumed else ""
    )
    stamp = table[:, -1] / 1000.0
    return Recording(
        name=name,
        shank=ImuSamples(stamp, _signed(table[:, 7:10]) + shank.gravity, np.deg2rad(table[:, 10:13])),
        foot=ImuSamples(stamp, _signed(table[:, 1:4]) + foot.gravity, np.deg2rad(table[:, 4:7])),
        encoder=EncoderSamples(stamp, np.deg2rad(table[:, 0])),
        calibration=Calibration(shank=shank, foot=foot, angle_zero=0.0, source=source),
        notes=tuple(notes),
    )


def _signed(accel: FloatArray) -> FloatArray:
    """Keep the sign of the logger's ``-0.00`` through the sum with gravity: the reference's roll turns on it."""
    return np.where((accel == 0.0) & np.signbit(accel), -SIGNED_ZERO, accel)


def _sensor(axes: Sequence[AxisGravity]) -> SensorCalibration:
    return SensorCalibration(gyro_bias=(0.0, 0.0, 0.0), gravity=(axes[0].value, axes[1].value, axes[2].value))


def _named(numbers: list[int]) -> str:
    more = f" and {len(numbers) - MAX_NAMED} more" if len(numbers) > MAX_NAMED else ""
    return ", ".join(map(str, numbers[:MAX_NAMED])) + more
