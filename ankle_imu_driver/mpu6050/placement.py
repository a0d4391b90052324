"""Checks by gravity whether each sensor is mounted as configured, or whether the two sensors are swapped."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping

from ankle_imu_driver.arrays import Vector

TIME_CONSTANT = 3.0  # s; some strides, so that the mean acceleration while walking is gravity
_MISPLACED = 60.0  # degrees from the configured up direction; a shank leans 30 at most while walking, 90 while seated
_UPSIDE_DOWN = 150.0  # degrees; nobody sits or lies like this
_PLACED = 40.0  # degrees within which a sensor fits the other sensor's mounting
_MIN_GRAVITY = 5.0  # m/s^2


class MeanGravity:
    """Running mean of the specific force in m/s^2, sensor frame, over ``time_constant`` s."""

    def __init__(self, time_constant: float = TIME_CONSTANT) -> None:
        self._time_constant = time_constant
        self.seconds = 0.0
        self._mean = (0.0, 0.0, 0.0)
        self._last: int | None = None

    def push(self, time: int, accel: Vector) -> None:
        """Add a sample; ``time`` in ns."""
        dt = 0.0 if self._last is None else min((time - self._last) / 1e9, 0.1)
        self._last = time
        self.seconds += dt
        share = dt / max(dt, min(self.seconds, self._time_constant)) if dt else 0.0
        x, y, z = self._mean
        self._mean = (x + share * (accel[0] - x), y + share * (accel[1] - y), z + share * (accel[2] - z))

    @property
    def value(self) -> Vector | None:
        """The mean; None until enough samples were added, or if it is too small to be gravity."""
        return self._mean if self.seconds >= self._time_constant and math.hypot(*self._mean) >= _MIN_GRAVITY else None


def placement_problem(
    gravity: Mapping[str, Vector | None], up: Mapping[str, Vector], auto: Collection[str] = ()
) -> str:
    """Return one sentence on sensors that are mounted differently than configured; empty if all is well.

    Args:
        gravity: mean specific force of both sensors, by name, sensor frame.
        up: unit vector of the mounting's up direction, by name, sensor frame.
        auto: names of the sensors whose mounting the filter finds: they may sit in any orientation, and their ``up`` is
            the documented one. Two that sit as documented for the other one are still taken for swapped.
    """
    tilt = {name: _angle(g, up[name]) for name, g in gravity.items() if g is not None}
    off = [name for name, angle in tilt.items() if angle > _MISPLACED]
    if len(off) == 2:
        a, b = off
        fits = [_angle(gravity[x] or up[x], up[y]) < _PLACED for x, y in ((a, b), (b, a))]
        if all(fits):
            return f"the {a} and the {b} sensor are swapped: each gravity fits the other's mounting; exchange them"
    off = [name for name in off if name not in auto]
    if not off:
        return ""
    if over := [name for name in off if tilt[name] > _UPSIDE_DOWN]:
        return "; ".join(
            f"the {name} sensor is upside down: up is {tilt[name]:.0f} degrees off {name}.mounting; turn it round, or "
            "correct the setting, or set it to auto"
            for name in over
        )
    parts = " and ".join(f"{name}.mounting (up is {tilt[name]:.0f} degrees off)" for name in off)
    return (
        f"gravity does not fit {parts}; unless the wearer sits or lies, turn the sensor, correct the setting, or set "
        "it to auto"
    )


def describe_up(gravity: Vector) -> str:
    """Return the sensor axis that points up most, and its angle from vertical, such as ``-X up, 7 degrees off``."""
    axis = max(range(3), key=lambda k: abs(gravity[k]))
    sign = "+" if gravity[axis] > 0 else "-"
    tilt = math.degrees(math.acos(min(1.0, abs(gravity[axis]) / math.hypot(*gravity))))
    return f"{sign}{'XYZ'[axis]} up, {tilt:.0f} degrees off"


def _angle(a: Vector, b: Vector) -> float:
    cosine = sum(x * y for x, y in zip(a, b, strict=True)) / (math.hypot(*a) * math.hypot(*b))
    return math.degrees(math.acos(max(-1.0, min(1.0, cosine))))
