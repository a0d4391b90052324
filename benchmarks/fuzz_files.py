"""Fuzzers of the files that people write or loggers leave: calibrations, parameter files, and the logger's text."""

from __future__ import annotations

import math
from pathlib import Path
from random import Random

from ankle_imu_driver.calibration import load_calibration
from ankle_imu_driver.conventions import FOOT, SHANK
from ankle_imu_driver.mpu6050_parameters import PARAMETERS, read_parameters
from ankle_imu_driver.parameter_file import read_parameter_file
from ankle_imu_driver.recordings.read_recording import read_recording
from ankle_predictor.estimation.leg_estimator import LegConfig, LegEstimator
from benchmarks.fuzz_kind import Kind, damaged, odd_entry

ODD = (
    "0", "-1", "1e400", "1.0e+400", ".inf", "-.inf", ".nan", "1" + "0" * 400, "9" * 5000, "0x" + "f" * 5000, "1:30:30",
    "0b1", "null", "true", "x", "''", "[]", "{}", "[[[0]]]", "[0, 0, 0]", "[0.5, 0, 0]", "[0, 0, 98]",
    "!!int ''", "!!float x",
    "!!binary x", "!!timestamp 2001-99-99", "2001-99-99", "!!set {a}", "!!omap [a: 1]",
    "!!python/name:os.system", "*a", "&a [*a]",
    "&a {<<: *a}", "? ", "|", ">\n  x", "'", '"', "\t", "%YAML 1.3", "--- ",
    "...", "1_0", "-", "~", "=", "<<", "\ufeff", "\0", "\x85",
)  # fmt: skip
CALIBRATION = """format: ankle_calibration
version: 1
source: standing still for 2.0 s
angle_zero: 0.02
shank:
  gyro_bias: [0.01, -0.02, 0.003]
  gravity: [2.7, -9.4, 0.6]
foot:
  gyro_bias: [0.002, 0.01, -0.01]
  gravity: [-9.2, -0.65, -2.03]
"""
PARAMETER_FILE = """/**:
  ros__parameters:
    side: right
    bus: smbus2
    shank.bus_number: 1
    shank: {address: 104, accel_offset: [0.0, 0.0, 0.0]}
    foot.address: 105
    mpu6050: {rate: 100.0, accel_range: 8, allowed_chips: [104]}
    mpu6050.self_test: false
    emulator.faults: ""
/leg/imu_driver:
  ros__parameters: {mpu6050.low_pass: 3, foot: {bus_number: 1}}
"""
TOKENS = tuple(token.encode("utf-8", "surrogatepass") for token in ODD)


def bombs(random: Random) -> str:
    """Return a document that is small and means much."""
    n = random.choice((5, 40, 400, 5000))
    laughs = "a0: &a0 [x, x]\n" + "".join(f"a{k}: &a{k} [*a{k - 1}, *a{k - 1}]\n" for k in range(1, min(n, 60)))
    merges = "b0: &b0 {x: 1}\n" + "".join(f"b{k}: &b{k} {{<<: [*b{k - 1}, *b{k - 1}]}}\n" for k in range(1, min(n, 60)))
    deep = "\n".join(" " * k + "a:" for k in range(min(n, 1000)))
    return random.choice(
        (laughs, merges, deep, "[" * n, "{a: " * n, "- " * n, "? " * n, "'" * n, "a" * n * 100, "[],\n" * n)
    )


def _document(random: Random, text: str) -> bytes:
    """Return a changed document: a value, several bytes, or a bomb in any place."""
    lines = text.splitlines(keepends=True)
    how = random.randrange(4)
    if how == 0:
        for _ in range(random.choice((1, 1, 2, 4))):
            k = random.randrange(len(lines))
            key, separator, _ = lines[k].partition(":")
            lines[k] = f"{key}{separator} {random.choice(ODD)}\n"
        return "".join(lines).encode("utf-8", "surrogatepass")
    if how == 1:
        k = random.randrange(len(lines) + 1)
        changed = random.choice(
            (lines[:k], lines[k:], lines + lines[:k], [*lines[:k], bombs(random) + "\n", *lines[k:]])
        )
        return "".join(changed).encode()
    if how == 2:
        key, _, _ = random.choice(lines).partition(":")
        return (text + f"{key}: {random.choice(ODD)}\n{bombs(random)}").encode("utf-8", "surrogatepass")
    return damaged(random, text.encode(), TOKENS)


def _yaml_file(text: str, random: Random, folder: Path) -> Path:
    path = folder / "file.yaml"
    if random.randrange(50) == 0:
        odd_entry(random, path)
    else:
        path.write_bytes(_document(random, text))
    return path


def make_calibration(random: Random, folder: Path) -> Path:
    """Write a calibration file."""
    return _yaml_file(CALIBRATION, random, folder)


def read_calibration_file(path: Path) -> object:
    """Read it and estimate an angle with it, which must be a number."""
    leg = LegEstimator(LegConfig(), load_calibration(path))
    for k in range(20):
        joints = [
            sample.joint
            for stream, accel in ((SHANK, (2.7, -9.4, 0.6)), (FOOT, (-9.2, -0.65, -2.03)))
            for sample in leg.push(stream, 0.01 * k, accel, (0.1, -0.2, 0.3))
        ]
        assert all(joint is None or math.isfinite(joint.angle + joint.rate) for joint in joints)
    return leg


def make_parameter_file(random: Random, folder: Path) -> Path:
    """Write a parameter file."""
    return _yaml_file(PARAMETER_FILE, random, folder)


def use_parameter_file(path: Path) -> object:
    """Read it and check its parameters, as ``imu_check`` does."""
    values = read_parameter_file(path, "imu_driver", "leg")
    return read_parameters({name: value for name, value in values.items() if name in PARAMETERS})


def make_log(random: Random, folder: Path) -> Path:
    """Write a log of the logger."""
    path = folder / "walk.TXT"
    if random.randrange(50) == 0:
        odd_entry(random, path)
        return path
    lines = [b"=== New Logging Session ==="]
    for k in range(random.choice((0, 3, 200, 500))):
        numbers = [f"{random.gauss(0, 8):.2f}" for _ in range(12)]
        foot, shank = (
            f"Acc: {', '.join(numbers[n : n + 3])} | Gyro: {', '.join(numbers[n + 3 : n + 6])}" for n in (0, 6)
        )
        angle = f"Enc Cnt: {k} | Angle: {random.gauss(0, 9):.1f}°"
        lines.append(f"{angle} || MPU1 {foot} || MPU2 {shank} || Time: {12000 + 10 * k} ms".encode())
    for _ in range(random.choice((0, 1, 2, 10))):
        k = random.randrange(len(lines))
        odd = random.choice(
            (b"Time: 1 ms", lines[k] * 3, b"9" * 10**6, lines[k].replace(b"Time: 1", b"Time: 9"), b"\xff\xfe")
        )
        lines[k] = random.choice((odd, lines[random.randrange(len(lines))], damaged(random, lines[k] or b" ", TOKENS)))
    data = random.choice((b"\n", b"\r\n", b"\r")).join([*lines, b""])
    path.write_bytes(data if random.randrange(2) else damaged(random, data, TOKENS))
    return path


CALIBRATIONS = Kind("calibrations", 1000, make_calibration, read_calibration_file)
PARAMETER_FILES = Kind("yaml", 500, make_parameter_file, use_parameter_file)
LOGS = Kind("txt", 500, make_log, read_recording)
