"""Watches the raw samples of one sensor for values that no MPU6050 on a leg can give: other units, no gravity."""

from __future__ import annotations

import math

from ankle_imu_driver.arrays import Vector
from ankle_predictor.estimation.clip_watch import ClipWatch
from ankle_predictor.estimation.segment_filter import GRAVITY

TIME_CONSTANT = 3.0  # s; some strides, over which the mean acceleration of a leg is small
LARGEST_GAP = 0.5  # s, after a longer one the means start over
LARGEST_RATE = 40.0  # rad/s; the MPU6050's largest range ends at 2000 deg/s, which is 35 rad/s
LEAST_FAST = 0.02  # share of samples above that, which is no glitch any more
FAST_TIME = 1.0  # s of moving without such a reading, after which the rates are believed again
FAST_MOVES = 1.0  # rad/s, it moves
LEAST_GRAVITY = 6.0  # m/s^2, the mean of walking legs is 8 to 12, of running ones up to 14
MOST_GRAVITY = 20.0  # m/s^2
LEAST_FORCE = 8.5  # m/s^2, mean of the norms; with gravity it is at least this, however often the sensor turns over
TURNED_OVER = 4.0  # s for which the mean of a sensor that has gravity may be small, after it has turned over
IN_G = (0.7, 1.6)  # m/s^2, norm of the mean where the readings are in g
STILL = 0.15  # rad/s, below which the norm of the reading is gravity's
STILL_TIME = 1.0  # s
FROZEN_TIME = 0.25  # s for which one axis reads the same while the sensor turns; clipped ones do so for 0.2 s at most
FROZEN_FEWEST = 8  # samples
FROZEN_TURN = 1.0  # rad/s, by which the other axes' rates have changed meanwhile
FROZEN_PUSH = 8.0  # m/s^2, by which the acceleration has changed meanwhile, if it is all axes of the gyro
CLIPPED = (17.6, 7.8)  # m/s^2 and rad/s, beyond which an axis may rest at the end of its range: 2 g and 500 deg/s
AXES = tuple(f"{axis} axis of its {part}" for part in ("accelerometer", "gyro") for axis in "xyz")
GRAVITY_ERROR = 1.7  # m/s^2, of the norm at rest: what zero-g output and scale of an MPU6050 make at worst


def gravity_problem(norm: float) -> str:
    """Return what a norm (m/s^2) of the mean reading means that is not gravity's, and what to do."""
    if IN_G[0] <= norm <= IN_G[1]:
        return f"reads {norm:.2f} instead of {GRAVITY:.2f} m/s^2: its readings are in g; multiply them by {GRAVITY}"
    if norm < IN_G[0]:
        return (
            f"reads {norm:.2f} instead of {GRAVITY:.2f} m/s^2: gravity is missing; publish the specific force with "
            "gravity (REP-145), not the linear acceleration"
        )
    return (
        f"reads {norm:.2f} m/s^2 of gravity instead of {GRAVITY:.2f}; check the sensor, and set its accel_offset "
        "(docs/calibration.md)"
    )


class FrozenAxes:
    """Finds an axis that reads the same while the others move, as the driver finds stuck registers.

    An axis that has never read anything but zero is not judged: planar simulations have such. A whole sensor that is
    frozen is found elsewhere (``trust/input_monitor.py``).
    """

    def __init__(self) -> None:
        self._has_lived = [False] * 6
        self.clear()

    def clear(self) -> None:
        """Forget all readings."""
        self._values: tuple[float, ...] = ()
        self._since = [0.0] * 6
        self._count = [0] * 6
        self._turn = [0.0] * 6

    def push(self, stamp: float, accel: Vector, gyro: Vector) -> str:
        """Process one raw sample: s, m/s^2, rad/s; return the name of an axis that is frozen, or nothing."""
        values, before = (*accel, *gyro), self._values
        self._values = values
        if not before:
            self._since = [stamp] * 6
            return ""
        turns = [abs(values[k] - before[k]) for k in (3, 4, 5)]
        # A gyro whose axes all hang does not say how the sensor moves: its accelerometer does.
        push = max(abs(values[k] - before[k]) for k in (0, 1, 2)) * FROZEN_TURN / FROZEN_PUSH
        found = ""
        for k, value in enumerate(values):
            if value != before[k] or abs(value) >= CLIPPED[k // 3]:
                self._since[k], self._count[k], self._turn[k] = stamp, 0, 0.0
                self._has_lived[k] = True
                continue
            self._count[k] += 1
            self._turn[k] += max(*turns, push) if k >= 3 else max(turns)
            long = stamp - self._since[k] >= FROZEN_TIME and self._count[k] >= FROZEN_FEWEST
            if long and self._turn[k] >= FROZEN_TURN and (self._has_lived[k] or value != 0.0):
                found = AXES[k]
        return found


class SensorWatch:
    """Watches one stream.

    Attributes:
        problem: one sentence without the sensor's name; empty if all is well.
    """

    def __init__(self) -> None:
        self.problem = ""
        self._last = math.nan
        self._axes = FrozenAxes()
        self._clips = ClipWatch()
        self._start()

    def _start(self) -> None:
        self._axes.clear()
        self._seconds = self._fast = self._norm = self._slow = self._low = 0.0
        self._mean = (0.0, 0.0, 0.0)
        self._still = 0.0
        self._still_norm = 0.0

    def push(self, stamp: float, accel: Vector, gyro: Vector) -> None:
        """Process one raw sample: s, m/s^2, rad/s."""
        dt = stamp - self._last
        self._last = stamp
        if not 0.0 < dt <= LARGEST_GAP:
            self._start()
            return
        self._seconds += dt
        share = dt / min(max(self._seconds, dt), TIME_CONSTANT)
        share = min(share, 1.0)
        x, y, z = self._mean
        self._mean = (x + share * (accel[0] - x), y + share * (accel[1] - y), z + share * (accel[2] - z))
        norm, rate = math.hypot(*accel), math.hypot(*gyro)
        self._norm += share * (norm - self._norm)
        self._fast += share * ((rate > LARGEST_RATE) - self._fast)
        self._slow = 0.0 if rate > LARGEST_RATE else self._slow + dt * (rate > FAST_MOVES)
        if self._slow >= FAST_TIME:
            self._fast = 0.0
        self._low = self._low + dt if math.hypot(*self._mean) < LEAST_GRAVITY else 0.0
        self._still = self._still + dt if rate < STILL else 0.0
        if self._still > 0.0:
            self._still_norm += min(1.0, dt / min(self._still, STILL_TIME)) * (norm - self._still_norm)
        self._clips.push(stamp, accel, gyro)
        frozen = self._axes.push(stamp, accel, gyro)
        if frozen:
            self.problem = (
                f"has a dead axis: the {frozen} does not change while it moves; restart or replace the sensor"
            )
        elif self._seconds >= TIME_CONSTANT:
            self.problem = self._judge()

    @property
    def note(self) -> str:
        """What makes the estimate less accurate, one sentence without the sensor's name; empty if nothing does."""
        return self._clips.note

    def _judge(self) -> str:
        if self._fast > LEAST_FAST:
            return (
                f"turns faster than {LARGEST_RATE:.0f} rad/s, which no such sensor can measure: its rates are "
                f"in deg/s; multiply them by {math.pi / 180:.6f}"
            )
        mean = math.hypot(*self._mean)
        has_turned = self._norm >= LEAST_FORCE and self._low < TURNED_OVER
        if (mean < LEAST_GRAVITY and not has_turned) or mean > MOST_GRAVITY:
            return gravity_problem(mean)
        if self._still >= STILL_TIME and abs(self._still_norm - GRAVITY) > GRAVITY_ERROR:
            return gravity_problem(self._still_norm)
        return ""
