"""The constants of the orientation and angle estimate, each with its unit, meaning and origin."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

from ankle_imu_driver.refusal import Refusal

TIME_RESOLUTION = 1e-6
"""s. Stamps are decimal and limits are multiples of a sample period: without this, rounding would decide."""


@dataclass(frozen=True)
class FilterConfig:
    """Constants that a forecast depends on: a model is only good for the ones it was trained with.

    They were chosen on a plateau, with the recorded walks and the simulated activities together;
    ``docs/angle_results.md`` shows what halving and doubling each one does.

    Attributes:
        drift: rad/sqrt(s), how fast an inclination grows uncertain at rest: the gyro's noise and bias.
        drift_turning: rad/sqrt(s) for each rad/s of the foot: the gyro's scale and alignment errors.
        accel_noise_rest: g*sqrt(s), what the accelerometer errs at rest; 0.02 g that lasts for 0.1 s has 0.009.
        accel_noise_moving: g*sqrt(s), the same while the foot moves; 0.1 g for 0.1 s has 0.045.
        start_variance: rad^2 of the inclinations at the start.
        rest_rate: rad/s, the foot rests only while its angular rate stays below this.
        rest_accel: share of g, and while its specific force stays this close to 1 g.
        rest_hold: s, and has done so for this long.
        lever_arm: m, shank sensor above the ankle joint; while the foot rests the ankle stands still, so that what
            the shank's sensor feels beside gravity is its own motion about the ankle.
        bias_gain: 1/s^2, integral gain of the gyro bias while the foot rests.
        bias_limit: rad/s, the bias learned never exceeds this (MPU6050 drifts up to 20 deg/s over -40..85 C, so a
            few deg/s within a session).
        accel_limit: m/s^2, sensor axes saturate here, so that sensors of all ranges look alike (2 g, the recordings').
        gyro_limit: rad/s, likewise (500 deg/s, the recordings').
        max_gap: s, a longer gap starts the estimate afresh.
    """

    drift: float = 0.0028
    drift_turning: float = 0.008
    accel_noise_rest: float = 0.009
    accel_noise_moving: float = 0.045
    start_variance: float = 1e-3
    rest_rate: float = 1.0
    rest_accel: float = 0.12
    rest_hold: float = 0.03
    lever_arm: float = 0.10
    bias_gain: float = 0.05
    bias_limit: float = math.radians(2.0)
    accel_limit: float = 19.61
    gyro_limit: float = math.radians(500.0)
    max_gap: float = 0.1

    def __post_init__(self) -> None:
        """Refuse constants that make no filter.

        Raises:
            Refusal: a constant is not finite, is negative, or is zero where it divides.
        """
        for field in fields(self):
            value = getattr(self, field.name)
            may_be_zero = field.name in ("drift_turning", "lever_arm", "bias_gain", "bias_limit", "rest_hold")
            if not math.isfinite(value) or value < 0 or (value == 0 and not may_be_zero):
                raise Refusal(f"filter constant {field.name} must be a finite positive number, not {value}")
