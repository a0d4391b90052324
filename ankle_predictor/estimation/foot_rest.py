"""Detects when the foot rests on the ground, and how much to trust the accelerometers.

The trust comes from a one-dimensional Kalman filter of the inclination: its uncertainty grows with time and with the
foot's rotation, and the accelerometer, accurate at rest and poor in motion, reduces it. Both segments use the same
trust, so that their remaining errors are alike and cancel in the ankle angle.
"""

from __future__ import annotations

import math

from ankle_imu_driver.arrays import Vector
from ankle_predictor.estimation.filter_config import TIME_RESOLUTION, FilterConfig
from ankle_predictor.estimation.segment_filter import GRAVITY, RESTART_GAP, AccelTrust

GAP_ERROR = 3.0  # rad/s^2; over a gap of t s the inclination turns by up to this times t^2 more than is known
LARGEST_ERROR = 0.2  # rad, beyond which a gap adds nothing: the leg swings back and forth
FIRST_INTERVAL = 0.01  # s, assumed before the first sample: the usual sample period


class FootRest:
    """Processes the foot's samples. The foot rests after a while with a low rate and a specific force near 1 g."""

    def __init__(self, config: FilterConfig) -> None:
        self._config = config
        self._quiet_since: float | None = None
        self._last_stamp: float | None = None
        self._variance = 0.0
        self._gap_variance = 0.0  # rad^2, what gaps have added and rest has not yet removed

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
            self._gap_variance = self._variance_of_gap(stamp)
            dt = FIRST_INTERVAL
        else:
            dt = stamp - self._last_stamp
        self._last_stamp = stamp
        rate = math.hypot(*gyro)
        resting = self._is_resting(stamp, rate, accel)
        noise = config.accel_noise_rest if resting else config.accel_noise_moving
        self._variance += dt * (config.drift**2 + (config.drift_turning * rate) ** 2)
        # A discrete Kalman filter whose noises are densities, so that it does not depend on the sample period.
        # In motion the accelerometer's errors last for much of a step, so after a gap it would only pull the estimate
        # from one error to another: what a gap has added is left for the next rest.
        variance = self._variance + (self._gap_variance if resting else 0.0)
        gain = variance * dt / (variance * dt + noise**2)
        self._variance *= 1.0 - gain
        self._gap_variance *= 1.0 - gain
        return AccelTrust(resting, dt / gain)

    def _variance_of_gap(self, stamp: float) -> float:
        if self._last_stamp is None or not 0.0 < stamp - self._last_stamp <= RESTART_GAP:
            return 0.0
        return self._gap_variance + min(GAP_ERROR * (stamp - self._last_stamp) ** 2, LARGEST_ERROR) ** 2

    def _is_resting(self, stamp: float, rate: float, accel: Vector) -> bool:
        config = self._config
        if rate >= config.rest_rate or abs(math.hypot(*accel) / GRAVITY - 1.0) >= config.rest_accel:
            self._quiet_since = None
            return False
        if self._quiet_since is None:
            self._quiet_since = stamp
        return stamp - self._quiet_since >= config.rest_hold - TIME_RESOLUTION
