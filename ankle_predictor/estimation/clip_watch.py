"""Finds that a sensor's range ends too early, without knowing it: readings that rest at the largest one so far."""

from __future__ import annotations

import math

from ankle_imu_driver.arrays import Vector

FEWEST = 3  # readings of one value in a row: a peak has one or two, noise changes the others
LEVEL = 0.999  # of the largest reading so far; scale and temperature do not move a range's end
BEYOND = 1.02  # a reading that is larger by this shows that the range does not end there
LEAST = (10.0, 1.0)  # m/s^2 and rad/s, below which no range of an MPU6050 ends, nor nearly
ENOUGH = (17.6, 7.8)  # m/s^2 and rad/s, a range that ends beyond is as large as that of the recordings
TIME_CONSTANT = 10.0  # s
SHARE, FEWEST_CLIPPED = 0.01, 15  # of the readings, and how many in all, from which on it is said
LARGEST_GAP = 0.5  # s
PARTS = ("accelerometer", "gyro")
RANGES = ("mpu6050.accel_range", "mpu6050.gyro_range")


class ClipWatch:
    """Watches the six axes of one sensor."""

    def __init__(self) -> None:
        self._last = math.nan
        self._values = (math.nan,) * 6
        self._runs = [0] * 6
        self._largest = [0.0] * 6
        self._clipped = [0] * 6
        self._shares = [0.0] * 6

    def push(self, stamp: float, accel: Vector, gyro: Vector) -> None:
        """Process one raw sample: s, m/s^2, rad/s, sensor frame."""
        dt, self._last = stamp - self._last, stamp
        values, before = (*accel, *gyro), self._values
        self._values = values
        share = min(dt, LARGEST_GAP) / TIME_CONSTANT if dt > 0.0 else 0.0
        for k, value in enumerate(values):
            size = abs(value)
            if size > self._largest[k]:
                if size > BEYOND * self._largest[k]:
                    self._clipped[k], self._shares[k] = 0, 0.0
                self._largest[k] = size
            self._runs[k] = self._runs[k] + 1 if value == before[k] else 1
            rests = self._runs[k] >= FEWEST and size >= LEVEL * self._largest[k]
            self._clipped[k] += rests
            self._shares[k] += share * (rests - self._shares[k])

    @property
    def note(self) -> str:
        """One sentence without the sensor's name; empty if no range ends too early."""
        for k in range(6):
            part, size = k // 3, self._largest[k]
            if not LEAST[part] <= size < ENOUGH[part]:
                continue
            if self._clipped[k] >= FEWEST_CLIPPED and self._shares[k] >= SHARE:
                unit = f"{size:.1f} m/s^2" if part == 0 else f"{size:.2f} rad/s ({math.degrees(size):.0f} deg/s)"
                return (
                    f"reads at most {unit} on the {'xyz'[k % 3]} axis of its {PARTS[part]} and rests there for "
                    f"{100 * self._shares[k]:.0f} % of the time: its range is too small, and the angle less accurate; "
                    f"set a larger one ({RANGES[part]}: {(8, 1000)[part]})"
                )
        return ""
