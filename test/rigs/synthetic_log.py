"""A small log in the format of the two-IMU logger, for tests without a recorded walk."""

from __future__ import annotations

from pathlib import Path

import numpy as np

HEADER = b"=== New Logging Session ==="
FOOTER = b"=== Logging Ended ==="
FOOT_GRAVITY = (-9.15, -0.65, -2.03)
SHANK_GRAVITY = (3.06, -9.73, 1.26)
RANGE = 19.62


def rows(count: int = 400, seed: int = 0, start: int = 12_000) -> list[bytes]:
    """Return ``count`` lines of a signal that clips on every axis, 10 ms apart with occasional gaps."""
    rng = np.random.default_rng(seed)
    time = start + np.cumsum(np.where(rng.random(count) < 0.01, 37, 10))
    raw = np.clip(rng.normal(0.0, 12.0, (count, 6)), -RANGE, RANGE)
    accel = raw - np.array([*FOOT_GRAVITY, *SHANK_GRAVITY])
    gyro = rng.normal(0.0, 80.0, (count, 6))
    angle = 10.0 * np.sin(time / 1000.0)
    return [_line(angle[k], accel[k], gyro[k], time[k]) for k in range(count)]


def write(path: Path, lines: list[bytes], end: bytes = b"\r\n") -> Path:
    """Write lines with the logger's header and footer."""
    path.write_bytes(end.join([HEADER, *lines, FOOTER, b""]))
    return path


def _line(angle: float, accel: np.ndarray, gyro: np.ndarray, time: int) -> bytes:
    sensors = [f"MPU{k + 1} Acc: {_three(accel, k, 2)} | Gyro: {_three(gyro, k, 1)}" for k in range(2)]
    return f"Enc Cnt: {round(angle / 0.25)} | Angle: {angle:.1f}° || {' || '.join(sensors)} || Time: {time} ms".encode()


def _three(values: np.ndarray, sensor: int, digits: int) -> str:
    return ", ".join(f"{v:.{digits}f}" for v in values[3 * sensor : 3 * sensor + 3])
