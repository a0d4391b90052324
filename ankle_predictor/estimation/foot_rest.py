"""When the foot rests on the ground, and how far the accelerometers are to be trusted now.

A one-dimensional Kalman filter over the leg: its inclinations grow uncertain with time and with every turn of the
foot, and the accelerometer, good at rest and poor in motion, makes them certain again. One trust serves both segments,
so that what is left of their errors stays alike and cancels in the ankle angle.
"""

from __future__ import annotations

import math

from ankle_imu_driver.arrays import Vector
from ankle_predictor.estimation.filter_config import TIME_RESOLUTION, FilterConfig
from ankle_predictor.estimation.segment_filter import GRAVITY, Trust


class FootRest:
    """Judges the foot's samples: it rests when its rate is quiet and its specific force near 1 g, for a while."""

    def __init__(self, config: FilterConfig) -> None:
        self._config = config
        self._quiet_since: float | None = None
        self._last_stamp: float | None = None
        self._variance = 0.0

    def step(self, stamp: float, accel: Vector, gyro: Vector) -> Trust:
        """Take the foot's sample (s; m/s^2 and rad/s in the segment frame)."""
        config = self._config
        if self._last_stamp is None or not 0.0 < stamp - self._last_stamp <= config.max_gap + TIME_RESOLUTION:
            self._quiet_since, self._variance = None, config.start_variance
            dt = 0.01
        else:
            dt = stamp - self._last_stamp
        self._last_stamp = stamp
        rate = math.hypot(*gyro)
        resting = self._rests(stamp, rate, accel)
        noise = config.accel_noise_rest if resting else config.accel_noise_moving
        self._variance += dt * (config.drift**2 + (config.drift_turning * rate) ** 2)
        # The discrete filter, with the noises as densities so that it does not depend on the sample period.
        gain = self._variance * dt / (self._variance * dt + noise**2)
        self._variance *= 1.0 - gain
        return Trust(resting, dt / gain)

    def _rests(self, stamp: float, rate: float, accel: Vector) -> bool:
        config = self._config
        if rate >= config.rest_rate or abs(math.hypot(*accel) / GRAVITY - 1.0) >= config.rest_accel:
            self._quiet_since = None
            return False
        if self._quiet_since is None:
            self._quiet_since = stamp
        return stamp - self._quiet_since >= config.rest_hold - TIME_RESOLUTION
