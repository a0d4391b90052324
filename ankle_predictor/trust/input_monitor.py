"""Whether what comes in can be forecast from, and whether what comes out can be an ankle's."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ankle_imu_driver.arrays import Vector
from ankle_imu_driver.conventions import FOOT, SHANK
from ankle_imu_driver.refusal import Refusal
from ankle_predictor.estimation.filter_config import TIME_RESOLUTION, FilterConfig
from ankle_predictor.estimation.pair_matcher import PAIR_TOLERANCE
from ankle_predictor.estimation.samples import JointSample, SegmentSample
from ankle_predictor.model.forecast import Forecast
from ankle_predictor.trust.status import Status

DRIFT = 1e-3  # s per s by which two clocks may run apart


@dataclass(frozen=True)
class TrustLimits:
    """What is still believed.

    Attributes:
        max_input_age: s since the newest pair's samples came in, and that they may have waited before.
        silent_after: s without a sample of one stream while the other one comes.
        skew: s by which the stamps of the two streams may differ; farther apart, no sample finds a partner.
        skewed_after: s for which both came and never were that near each other.
        frozen_after: s of the very same accelerometer reading; noise alone changes it, in the recorded walks it never
            came three times in a row.
        saturated_after: s of a reading at a sensor's limit without a break; the recorded walks have 0.2 s at most.
        max_angle: rad either way, of the ankle now and forecast; healthy ankles go from -50 to 30 deg.
        max_rate: rad/s either way, of the ankle now and of the forecast; the recorded walks have 6.5 at most.
    """

    max_input_age: float = 0.05
    silent_after: float = 0.1
    skew: float = PAIR_TOLERANCE
    skewed_after: float = 0.25
    frozen_after: float = 0.25
    saturated_after: float = 0.5
    max_angle: float = math.radians(60.0)
    max_rate: float = 15.0

    def __post_init__(self) -> None:
        """Refuse limits that mean nothing.

        Raises:
            Refusal: one is not a positive number.
        """
        for name, value in vars(self).items():
            if not value > 0 or not math.isfinite(value):
                raise Refusal(f"{name} must be a positive number, not {value}")


class SensorWatch:
    """Tells when one sensor's readings cannot be those of a working sensor on a leg."""

    def __init__(self, limits: TrustLimits, config: FilterConfig) -> None:
        self._limits = limits
        # Any clipped axis makes the norm at least the limit, whichever way the sensor is turned and however it scales.
        self._accel_limit = 0.9 * config.accel_limit
        self._gyro_limit = 0.9 * config.gyro_limit
        self._reading: Vector | None = None
        self._changed = self._sound = self._last = math.nan

    def push(self, sample: SegmentSample) -> None:
        """Take one sample."""
        restarted = not sample.stamp > self._last
        if restarted or sample.accel != self._reading:
            self._reading, self._changed = sample.accel, sample.stamp
        at_limit = math.hypot(*sample.accel) >= self._accel_limit or math.hypot(*sample.gyro) >= self._gyro_limit
        if restarted or not at_limit:
            self._sound = sample.stamp
        self._last = sample.stamp

    @property
    def suspect(self) -> bool:
        """Whether the sensor is frozen or saturated."""
        limits = self._limits
        frozen = self._last - self._changed >= limits.frozen_after
        return frozen or self._last - self._sound >= limits.saturated_after


class Backlog:
    """How much later than usual samples are looked at: the time that they waited in queues.

    The least time from stamp to look is taken for none, so the two clocks need not agree. It may grow by ``DRIFT``, as
    clocks drift against each other.
    """

    def __init__(self) -> None:
        self._least: float | None = None
        self._looked = 0.0

    def wait(self, stamp: float, now: float) -> float:
        """Return how long a sample waited, in s.

        Args:
            stamp: s, when it was taken.
            now: s on the monotonic clock.
        """
        behind = now - stamp
        if self._least is None:
            self._least = behind
        self._least = min(behind, self._least + DRIFT * (now - self._looked))
        self._looked = now
        return behind - self._least

    def restart(self) -> None:
        """Learn afresh, as when the clock of the stamps was set back."""
        self._least = None


class InputMonitor:
    """Keeps an eye on the input. Times are monotonic receive times in s, given by the caller."""

    def __init__(self, limits: TrustLimits, config: FilterConfig, real_time: bool = True) -> None:
        """Make one.

        Args:
            limits: what is still believed.
            config: the filter's constants, for where sensors saturate.
            real_time: whether stamps advance with the monotonic clock, as they do not in simulated time.
        """
        self._limits = limits
        self._backlog = Backlog() if real_time else None
        self._waited = 0.0
        self._stamps = [-math.inf, -math.inf]
        self._sensors = SensorWatch(limits, config), SensorWatch(limits, config)
        self._heard = [-math.inf, -math.inf]
        self._together = math.inf  # when the two last had near stamps, or the first sample came in
        self._pair = -math.inf
        self._calibrated = True

    def hear(self, stream: int, sample: SegmentSample, now: float) -> None:
        """Take one sample of ``SHANK`` or ``FOOT`` that came in now."""
        if sample.stamp < self._stamps[stream] and self._backlog is not None:
            self._backlog.restart()
        self._stamps[stream] = sample.stamp
        apart = abs(self._stamps[SHANK] - self._stamps[FOOT])
        silent = now - min(self._heard) > self._limits.silent_after  # of which the skew is not known
        if silent or apart <= self._limits.skew + TIME_RESOLUTION:
            self._together = now
        self._sensors[stream].push(sample)
        self._heard[stream] = now

    def pair(self, stamp: float, received: float, now: float, calibrated: bool) -> None:
        """Take a pair that is looked at now.

        Args:
            stamp: s, when it was taken.
            received: when the earlier one of its samples came in.
            now: monotonic, too.
            calibrated: whether the sensors are.
        """
        self._pair = received
        self._calibrated = calibrated
        self._waited = self._backlog.wait(stamp, now) if self._backlog is not None else 0.0

    def status(self, now: float) -> Status:
        """Return what is wrong with the input."""
        status = Status.OK
        if not self._calibrated:
            status |= Status.NOT_CALIBRATED
        if self._waited > self._limits.max_input_age:
            status |= Status.STALE | Status.OVERRUN
        if now - self._pair > self._limits.max_input_age:
            status |= Status.STALE
        silent = [now - heard > self._limits.silent_after for heard in self._heard]
        if silent[SHANK] != silent[FOOT]:
            status |= Status.STREAM_SILENT
        skewed = now - self._together > self._limits.skewed_after and not any(silent)
        if skewed or any(sensor.suspect for sensor in self._sensors):
            status |= Status.SENSOR_SUSPECT
        return status

    def plausible(self, joint: JointSample, forecast: Forecast, period: float) -> bool:
        """Tell whether the ankle now and forecast (steps of ``period`` s) stays within what ankles do."""
        angles = np.concatenate(((joint.angle,), forecast.angle))
        rates = np.append(np.diff(angles) / period, joint.rate)
        # Written so that a NaN is not plausible.
        return bool(np.all(np.abs(angles) <= self._limits.max_angle) and np.all(np.abs(rates) <= self._limits.max_rate))
