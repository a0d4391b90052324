"""Reads the text log of the two-IMU and encoder logger, and adds the gravity that the logger subtracted."""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

import numpy as np

from ankle_imu_driver.arrays import FloatArray, IntArray
from ankle_imu_driver.calibration import Calibration, CalibrationError, SensorCalibration
from ankle_imu_driver.recordings.logger_gravity import AXES, AxisGravity, find_gravity
from ankle_imu_driver.recordings.recording import EncoderSamples, ImuSamples, Recording, RecordingError
from ankle_imu_driver.regular_file import MIB, FileError, open_regular

MOST_BYTES = 256 * MIB  # four hours of walking
LONGEST_LINE = 1000  # bytes; a sample has 160
FIRST_LINES = 1000  # without a sample: it is another kind of file
MAX_MALFORMED = 0.01  # share of the lines
MAX_LISTED = 10  # line numbers in one note
RESTART = 1000.0  # ms; if the time goes back further and stays there, the logger was restarted
LARGEST_ACCEL = 2 * 19.62  # m/s^2; twice the range, because a mean was subtracted
LARGEST_GYRO = 2 * 500.0  # deg/s; twice the range, because a mean was subtracted
LARGEST_ANGLE = 180.0  # deg

NUMBER = rb"(-?\d+(?:\.\d+)?)"
TRIPLE = rb"\s*,\s*".join([NUMBER] * 3)
# Files of the data set contain "MPU1 A cc" with a gap, and several spellings and encodings of the degree sign.
ROW = re.compile(
    rb"\s*Enc Cnt:\s*-?\d+\s*\|\s*Angle:\s*" + NUMBER + rb"[^\d|]{0,8}"
    rb"\|\|\s*MPU1 A ?cc:\s*" + TRIPLE + rb"\s*\|\s*Gyro:\s*" + TRIPLE + rb"\s*"
    rb"\|\|\s*MPU2 A ?cc:\s*" + TRIPLE + rb"\s*\|\s*Gyro:\s*" + TRIPLE + rb"\s*"
    rb"\|\|\s*Time:\s*(\d{1,12})\s*ms\s*"
)
SIGNED_ZERO = 1e-9  # m/s^2, far below the logger's resolution
COLUMNS = 14  # angle, foot accel and gyro, shank accel and gyro, time
LIMITS = np.array([LARGEST_ANGLE, *2 * ([LARGEST_ACCEL] * 3 + [LARGEST_GYRO] * 3), np.inf])
HEADER = b"=== New Logging Session ==="
FOOTER = b"=== Logging Ended ==="
# Measured on the two walks that need it: docs/angle_results.md.
SENSITIVITY = "; 0.5 more or less on it moves the mean error of the ankle angle by 0.2 to 0.4 deg"


@dataclass
class _Lines:
    """The rows of a file in the order of the file."""

    rows: array[float] = field(default_factory=lambda: array("d"))
    number: array[int] = field(default_factory=lambda: array("q"))
    session: array[int] = field(default_factory=lambda: array("q"))
    malformed: list[int] = field(default_factory=list)
    total: int = 0
    notes: list[str] = field(default_factory=list)


def read_logger_txt(path: Path) -> Recording:
    """Read one log.

    Before the first row the logger measured the means of all channels at standing and subtracted them. The log
    therefore has a calibration: gyro bias zero, angle zero, and gravity at standing as ``find_gravity`` estimates it.

    Args:
        path: the file; lines end with CRLF or LF, and it need not be UTF-8.

    Returns:
        Both sensors and the encoder on the logger's clock (s since its boot). ``notes`` lists the lines that were left
        out and the basis of each axis of gravity. Each logging session has its own calibration; if there are several
        sessions, only the longest is returned.

    Raises:
        RecordingError: the file cannot be read, is not such a log, or more than 1 % of its lines are malformed.
    """
    try:
        lines = _read_lines(path)
    except FileError as error:
        raise RecordingError(str(error)) from error
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
        notes.append(f"malformed lines left out: {_listed(malformed)}")
    session = np.frombuffer(lines.session, dtype=np.int64)
    table, number, session = table[~bad], number[~bad], session[~bad]
    keep = _in_order(table[:, -1], number, session, notes)
    try:
        return _recording(path.stem, table[keep], notes)
    except CalibrationError as error:
        raise RecordingError(f"{path} cannot be used: {error}") from error


def _read_lines(path: Path) -> _Lines:
    found = _Lines()
    session = number = 0
    with open_regular(path, MOST_BYTES) as file:
        if b"\0" in file.read(1024):
            raise RecordingError(f"{path} is not a log of the two-IMU logger: it is a binary file")
        file.seek(0)
        for number, raw in enumerate(_lines_of(file), start=1):
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
            if not found.rows and number >= FIRST_LINES:
                raise RecordingError(
                    f"{path} is not a log of the two-IMU logger: none of its first {number} lines is a sample"
                )
    if not number:
        raise RecordingError(f"{path} is empty")
    return found


def _lines_of(file: BinaryIO) -> Iterator[bytes]:
    """Yield the lines; of a line that is too long, only its start, and whether the file ends within it.

    The end of a file that was being written when the power failed is often a long run of zero bytes.
    """
    while raw := file.readline(LONGEST_LINE):
        rest = raw
        while not rest.endswith(b"\n") and rest:
            rest = file.readline(LONGEST_LINE)
        yield raw if raw.endswith(b"\n") or not rest else raw + b"\n"
        if file.tell() > MOST_BYTES:
            raise RecordingError(f"{file.name} grew while it was read; read it when it is complete")


def _in_order(
    time: FloatArray,
    number: IntArray,
    session: IntArray,
    notes: list[str],
) -> IntArray:
    """Return the rows of the longest session with strictly increasing times; note which rows are left out."""
    repeats: list[int] = []
    disordered: list[int] = []
    sessions = _sessions(time, session, repeats, disordered)
    if repeats:
        notes.append(f"lines that repeat the previous time left out: {_listed(number[repeats].tolist())}")
    if disordered:
        notes.append(f"lines whose time is out of order left out: {_listed(number[disordered].tolist())}")
    longest = max(sessions, key=len)
    for other in sessions:
        if other is not longest:
            notes.append(
                f"the logger was restarted: the session of lines {number[other[0]]} to {number[other[-1]]} "
                f"({len(other)} samples, with its own calibration) left out, because lines {number[longest[0]]} to "
                f"{number[longest[-1]]} are longer; split the file to read it"
            )
    return np.array(longest)


def _sessions(time: FloatArray, session: IntArray, repeats: list[int], disordered: list[int]) -> list[list[int]]:
    """Return the rows of each session with strictly increasing times; add the other rows to the two lists."""
    sessions: list[list[int]] = []
    rows: list[int] = []
    for k in range(len(time)):
        if rows and session[k] != session[rows[-1]]:
            rows = []
        if rows and time[k] == time[rows[-1]]:
            repeats.append(k)
            continue
        if rows and time[k] < time[rows[-1]]:
            if len(rows) > 1 and time[k] > time[rows[-2]]:
                disordered.append(rows.pop())  # the time of the previous row had jumped ahead
            elif time[k] > time[rows[-1]] - RESTART or (k + 1 < len(time) and time[k + 1] > time[rows[-1]]):
                disordered.append(k)
                continue
            else:
                rows = []  # the logger was restarted
        if not rows:
            sessions.append(rows)
        rows.append(k)
    return sessions


def _recording(name: str, table: FloatArray, notes: list[str]) -> Recording:
    gravity = find_gravity(table[:, 1:4], table[:, 7:10])
    for sensor, axes in (("foot", gravity.foot), ("shank", gravity.shank)):
        for letter, axis in zip(AXES, axes, strict=True):
            sensitivity = SENSITIVITY if axis.assumed and (sensor, letter) == ("shank", "x") else ""
            notes.append(f"gravity at standing, {sensor} {letter}: {axis.describe()}{sensitivity}")
    foot, shank = (_sensor(axes) for axes in (gravity.foot, gravity.shank))
    assumed = [f"shank {a}" for a, g in zip(AXES, gravity.shank, strict=True) if g.assumed]
    assumed += [f"foot {a}" for a, g in zip(AXES, gravity.foot, strict=True) if g.assumed]
    source = f"the logger's standing before {name}, gravity from the clipping limits" + (
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
    """Keep the sign of the logger's ``-0.00`` when gravity is added, because the reference's roll depends on it."""
    return np.where((accel == 0.0) & np.signbit(accel), -SIGNED_ZERO, accel)


def _sensor(axes: Sequence[AxisGravity]) -> SensorCalibration:
    return SensorCalibration(gyro_bias=(0.0, 0.0, 0.0), gravity=(axes[0].value, axes[1].value, axes[2].value))


def _listed(numbers: list[int]) -> str:
    more = f" and {len(numbers) - MAX_LISTED} more" if len(numbers) > MAX_LISTED else ""
    return ", ".join(map(str, numbers[:MAX_LISTED])) + more
