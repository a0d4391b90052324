"""Finds a sensor that gives one reading again and again: it hangs, or its driver repeats what it read last."""

from __future__ import annotations

import math

from ankle_imu_driver.arrays import Vector

LONGEST = 0.025  # s for which a reading may be the same: a driver that reads faster than the sensor measures repeats it
FEWEST = 3  # equal readings in a row; in the 700 000 samples of five data sets noise never made three
STILL = 0.02  # rad/s besides the bias, below which a simulated sensor without noise may just stand still
LARGEST_BIAS = 0.35  # rad/s, of an MPU6050; any reading below it may be standing still while the bias is not known
MOVED = (1.0, 2.0)  # rad/s and m/s^2, by which the next reading differs if the leg has moved meanwhile


class RepeatedReading:
    """Watches one stream of raw samples.

    A reading that is repeated says nothing of the time of its stamp: used, it would turn the segment on with an old
    rate. Unused, it is a gap, and gaps are bridged.

    Attributes:
        problem: one sentence without the sensor's name while it repeats a reading that is not used; empty otherwise.
        has_moved: whether the newest sample ended a repetition that was taken for standing still although the leg has
            moved: then the estimate is wrong.
        count: number of samples that were not used.
    """

    def __init__(self) -> None:
        self.problem = ""
        self.has_moved = False
        self.count = 0
        self._reading: tuple[Vector, Vector] | None = None
        self._since, self._times = math.nan, 0

    def admits(self, stamp: float, accel: Vector, gyro: Vector, bias: Vector | None) -> bool:
        """Return whether to use a sample.

        Args:
            stamp: s.
            accel: specific force in m/s^2, sensor frame.
            gyro: angular rate in rad/s, sensor frame.
            bias: of the gyro in rad/s; None before a calibration.
        """
        self.has_moved = False
        if (accel, gyro) != self._reading:
            if self._is_long(stamp) and not self.problem and self._reading is not None:
                turned, pushed = math.dist(gyro, self._reading[1]), math.dist(accel, self._reading[0])
                self.has_moved = turned > MOVED[0] or pushed > MOVED[1]
            self._reading, self._since, self._times, self.problem = (accel, gyro), stamp, 1, ""
            return True
        self._times += 1
        stands = math.hypot(*gyro) < LARGEST_BIAS if bias is None else math.dist(gyro, bias) < STILL
        if stands or not self._is_long(stamp):
            return True
        self.count += 1
        self.problem = "repeats one reading: it hangs, or its driver does; restart it"
        return False

    def _is_long(self, stamp: float) -> bool:
        return self._times >= FEWEST and stamp - self._since >= LONGEST
