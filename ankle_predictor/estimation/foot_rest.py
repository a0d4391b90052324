"""Detects when the foot rests on the ground, and how much to trust the accelerometers.

The trust comes from a one-dimensional Kalman filter of the inclination: its uncertainty grows with time and with the
foot's rotation, and the accelerometer, accurate at rest and poor in motion, reduces it. Both segments use the same
trust, so that their remaining errors are alike and cancel in the ankle angle.
"""

from __future__ import annotations

import math

from ankle_imu_driver.arrays import Vector
from ankle_predictor.estimation.filter_config import TIME_RESOLUTION, FilterConfig
from ankle_predictor.estimation.segment_filter import GRAVITY, AccelTrust

FIRST_INTERVAL = 0.01  # s, assumed before the first sample: the usual sample period


class FootRest:
    """Processes the foot's samples. The foot rests after a while with a low rate and a specific force near 1 g."""

    def __init__(self, config: FilterConfig) -> None:
        self._config = config
        self._quiet_since: float | None = None
        self._last_stamp: float | None = None
        self._variance = 0.0

    def step(self, stamp: float, accel: Vector, gyro: Vector) -> AccelTrust:
        """Process one sample of the foot and return the trust at that time.

        Args:
            stamp: s.
            accel: specific force in m/s^2, segment frame.
            gyro: angular rate in rad/s, segment frame.
        """
        config = self._config
        if self._last_stamp is None or not 0.0 < stamp - self._last_stamp <= config.max_gap + TIME_RESOLUTION:
            self._quiet_since, self._variance = None, config.start_variance
            dt = FIRST_INTERVAL
        else:
            dt = stamp - self._last_stamp
        self._last_stamp = stamp
        rate = math.hypot(*gyro)
        resting = self._is_resting(stamp, rate, accel)
        noise = config.accel_noise_rest if resting else config.accel_noise_moving
        self._variance += dt * (config.drift**2 + (config.drift_turning * rate) ** 2)
        # A discrete Kalman filter whose noises are densities, so that it does not depend on the sample period.
        gain = self._variance * dt / (self._variance * dt + noise**2)
        self._variance *= 1.0 - gain
        return AccelTrust(resting, dt / gain)

    def _is_resting(self, stamp: float, rate: float, accel: Vector) -> bool:
        config = self._config
        if rate >= config.rest_rate or abs(math.hypot(*accel) / GRAVITY - 1.0) >= config.rest_accel:
            self._quiet_since = None
            return False
        if self._quiet_since is None:
            self._quiet_since = stamp
        return stamp - self._quiet_since >= config.rest_hold - TIME_RESOLUTION
