"""The constants of the orientation and angle estimate, each with its unit, meaning and origin."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

from ankle_imu_driver.refusal import Refusal

TIME_RESOLUTION = 1e-6
"""s. Tolerance of time comparisons. Limits are often whole sample periods: rounding must not decide a comparison."""
MAY_BE_ZERO = ("drift_turning", "rest_hold", "lever_arm", "bias_gain", "bias_limit")
LARGEST = {
    "drift": 1.0,
    "drift_turning": 1.0,
    "accel_noise_rest": 10.0,
    "accel_noise_moving": 10.0,
    "start_variance": 10.0,
    "rest_rate": 40.0,
    "rest_accel": 1.0,
    "rest_hold": 1.0,
    "lever_arm": 1.0,
    "bias_gain": 10.0,
    "bias_limit": 1.0,
    "accel_limit": 160.0,
    "gyro_limit": 40.0,
    "max_gap": 1.0,
}
"""Beyond these a value is no constant of a leg or of an MPU6050 (16 g and 2000 deg/s), whatever it is tuned for."""


@dataclass(frozen=True)
class FilterConfig:
    """The constants that the features of a model depend on. A model is only valid with those that it was trained with.

    They were tuned on the recorded walks and the simulated activities together, and each lies where the error is flat:
    ``docs/angle_results.md`` shows the effect of halving and doubling each one.

    Attributes:
        drift: rad/sqrt(s), growth of the inclination's uncertainty at rest, from the gyro's noise and bias.
        drift_turning: rad/sqrt(s) per rad/s of the foot's rate, from the gyro's scale and alignment errors.
        accel_noise_rest: g*sqrt(s), error of the accelerometer at rest; 0.02 g that lasts for 0.1 s has 0.009.
        accel_noise_moving: g*sqrt(s), error of the accelerometer while the foot moves; 0.1 g for 0.1 s has 0.045.
        start_variance: rad^2, variance of the inclinations at the start.
        rest_rate: rad/s, the foot rests only while its angular rate is below this.
        rest_accel: share of g, the foot rests only while its specific force is this close to 1 g.
        rest_hold: s, both must be true for this long before the foot counts as resting.
        lever_arm: m, height of the shank's sensor above the ankle joint. While the foot rests the ankle does not move,
            so the sensor measures gravity plus the acceleration of its own rotation about the ankle.
        bias_gain: 1/s^2, integral gain of the gyro bias estimate while the foot rests.
        bias_limit: rad/s, largest bias that is estimated (the MPU6050 drifts up to 20 deg/s over -40..85 C, so a few
            deg/s within a session).
        accel_limit: m/s^2, readings are clipped to this, so that sensors of all ranges give the same values (2 g, the
            range of the recordings).
        gyro_limit: rad/s, readings are clipped to this (500 deg/s, the range of the recordings).
        max_gap: s, a longer gap restarts the estimate.
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
        """Refuse constants that the filter cannot use.

        Raises:
            Refusal: a constant is not finite, is negative, is zero where it divides, or is beyond ``LARGEST``.
        """
        for field in fields(self):
            value, largest = getattr(self, field.name), LARGEST[field.name]
            if not math.isfinite(value) or value < 0 or (value == 0 and field.name not in MAY_BE_ZERO):
                raise Refusal(f"filter constant {field.name} must be a finite positive number, not {value}")
            if value > largest:
                raise Refusal(f"filter constant {field.name} must be at most {largest:g}, not {value:g}")
