"""Compares, from one rest of the foot to the next one, how far the gyros say that the leg has turned with where it is.

At the same time of each stride, while the foot rests, the accelerometers show the inclinations of foot and
shank. In between the gyro alone turns the upward direction. What is left over, by the time between, is the gyro's bias
(the zero-velocity updates of Foxlin 2005 find it in the same way). The accelerometer's own error at that moment is
nearly the same in each stride, so it cancels, and over several strides only the first and the last one count.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from ankle_imu_driver.arrays import Vector
from ankle_imu_driver.calibration import Calibration
from ankle_imu_driver.conventions import FOOT, SHANK
from ankle_predictor.estimation.samples import RawPair

REST_RATE, REST_FORCE, REST_TIME = 1.0, 0.12, 0.035  # rad/s, share of g, s: as in ``FilterConfig``, at the first moment
SWING_RATE = 2.0  # rad/s, of the foot between two rests
SHORTEST_STRIDE = 0.5  # s; the foot also turns slowly for a moment within a swing
LONGEST_STRIDE = 2.5  # s; who stands in between has not walked from one rest to the next one
SHORTEST_REST = 0.08  # s; within a swing it is shorter
MEASURED = 0.15  # s of a rest over which the accelerometers are averaged
KEPT = 8  # strides
CUT = 0.99 * math.radians(500.0)  # rad/s on an axis; the range of many recordings ends there


@dataclass(frozen=True)
class TurnedStride:
    """What the gyros have turned too much from one rest of the foot to the next one.

    Attributes:
        seconds: s.
        shank, foot: rad about each axis of the sensor.
        samples: of the rest, over which the accelerometers were averaged.
        is_cut: whether a gyro was at the end of its range.
    """

    seconds: float
    shank: Vector
    foot: Vector
    samples: int
    is_cut: bool


class TurnCheck:
    """Follows one leg, in the frames of its sensors."""

    def __init__(self, calibration: Calibration) -> None:
        """Make a check of the gyro biases of a calibration."""
        self._biases = calibration.shank.gyro_bias, calibration.foot.gyro_bias
        self._gravity = math.hypot(*calibration.foot.gravity)
        self._strides: deque[TurnedStride] = deque(maxlen=KEPT)
        self.clear()

    def clear(self) -> None:
        """Begin anew after a gap."""
        self._ups: list[Vector] = []  # as far as the gyros know, from the last rest on
        self._last: tuple[Vector, ...] = ()
        self._seconds, self._quiet = math.inf, 0.0
        self._is_cut = False
        self._has_swung, self._has_left = False, True  # since the last rest: it swung, and for long enough
        self._errors: list[tuple[Vector, ...]] = []  # of this rest

    def push(self, dt: float, raw: RawPair) -> bool:
        """Process a pair that comes ``dt`` s after the last one; return whether the foot has rested long enough.

        The readings are those of the sensors, not cut off where the filter cuts them: a fast swing is no bias.
        """
        rates = _less(raw.shank_gyro, self._biases[SHANK]), _less(raw.foot_gyro, self._biases[FOOT])
        seen = direction(raw.shank_accel), direction(raw.foot_accel)
        rate, force = math.hypot(*rates[FOOT]), math.hypot(*raw.foot_accel)
        self._has_swung |= rate > SWING_RATE
        self._is_cut |= max(map(abs, (*raw.shank_gyro, *raw.foot_gyro))) > CUT
        self._turn(dt, rates)
        self._has_left |= self._has_swung and self._seconds >= SHORTEST_STRIDE
        if rate < REST_RATE and abs(force / self._gravity - 1.0) < REST_FORCE:
            self._quiet += dt
            if self._quiet >= REST_TIME and self._has_left:
                ups = self._ups or seen
                self._errors.append(tuple(between(up, new) for up, new in zip(ups, seen, strict=True)))
                self._ups = list(ups)
            return self._quiet >= MEASURED and self._finish()
        was_long, self._quiet = self._quiet >= SHORTEST_REST, 0.0
        if was_long:
            return self._finish()
        self._errors = []
        return False

    def _turn(self, dt: float, rates: tuple[Vector, ...]) -> None:
        before, self._last = self._last, rates
        if not self._ups or not before:
            return
        self._seconds += dt
        means = [tuple(0.5 * (a + b) for a, b in zip(*ends, strict=True)) for ends in zip(before, rates, strict=True)]
        self._ups = [turned(up, (x, y, z), dt) for up, (x, y, z) in zip(self._ups, means, strict=True)]

    def _finish(self) -> bool:
        """Take the mean error of this rest, if there is any."""
        if not self._errors:
            return False
        shank, foot = (_mean([error[k] for error in self._errors]) for k in (SHANK, FOOT))
        if self._seconds <= LONGEST_STRIDE:
            self._strides.append(TurnedStride(self._seconds, shank, foot, len(self._errors), self._is_cut))
        self._ups = [turned(up, error, -1.0) for up, error in zip(self._ups, (shank, foot), strict=True)]
        self._errors, self._seconds = [], 0.0
        self._has_swung = self._has_left = self._is_cut = False
        return True

    @property
    def newest(self) -> TurnedStride | None:
        """The newest stride, None before the first."""
        return self._strides[-1] if self._strides else None

    def biases(self, least: int) -> tuple[float, float] | None:
        """Return what the gyros of shank and foot read too much, in rad/s, over the newest strides.

        Args:
            least: number of strides without which nothing is known, and None is returned.
        """
        if len(self._strides) < least:
            return None
        seconds = sum(stride.seconds for stride in self._strides)
        turns = zip(*((*stride.shank, *stride.foot) for stride in self._strides), strict=True)
        a, b, c, d, e, f = (sum(turn) / seconds for turn in turns)
        return math.hypot(a, b, c), math.hypot(d, e, f)


def tilt_of(force: Sequence[float]) -> float:
    """Return the angle in rad between a specific force and the z axis."""
    return math.atan2(math.hypot(force[0], force[1]), force[2])


def turned(up: Vector, rate: Vector, dt: float) -> Vector:
    """Return a fixed direction in the frame of a body that has turned at a rate in rad/s for ``dt`` s (Rodrigues)."""
    x, y, z = (-dt * value for value in rate)
    angle = math.sqrt(x * x + y * y + z * z)
    if angle < 1e-12:
        return up
    s, c = math.sin(angle) / angle, (1.0 - math.cos(angle)) / (angle * angle)
    a, b, d = up
    cx, cy, cz = y * d - z * b, z * a - x * d, x * b - y * a
    return (
        a + s * cx + c * (y * cz - z * cy),
        b + s * cy + c * (z * cx - x * cz),
        d + s * cz + c * (x * cy - y * cx),
    )


def direction(force: Vector) -> Vector:
    """Return a specific force as a vector of length 1; up without any."""
    x, y, z = force
    norm = math.hypot(x, y, z)
    return (x / norm, y / norm, z / norm) if norm > 0.0 else (0.0, 0.0, 1.0)


def _mean(vectors: list[Vector]) -> Vector:
    x, y, z = (sum(vector[i] for vector in vectors) / len(vectors) for i in range(3))
    return x, y, z


def _less(rate: Vector, bias: Vector) -> Vector:
    return rate[0] - bias[0], rate[1] - bias[1], rate[2] - bias[2]


def between(a: Vector, b: Vector) -> Vector:
    """Return the rotation from one direction to a near one, in rad about each axis."""
    return a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]
