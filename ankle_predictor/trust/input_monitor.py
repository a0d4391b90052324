"""Checks whether the input is good enough for a forecast, and whether a forecast is possible for an ankle."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ankle_imu_driver.arrays import Vector
from ankle_imu_driver.conventions import FOOT, SHANK
from ankle_imu_driver.refusal import Refusal
from ankle_predictor.estimation.filter_config import TIME_RESOLUTION, FilterConfig
from ankle_predictor.estimation.pair_matcher import PAIR_TOLERANCE
from ankle_predictor.estimation.samples import JointSample, PairSample, SegmentSample
from ankle_predictor.model.forecast import Forecast
from ankle_predictor.trust.clock_watch import ClockVerdict, ClockWatch
from ankle_predictor.trust.status import Status

DRIFT = 1e-3  # s per s, largest drift of two clocks against each other
NARROWEST = 1e-4  # rad, least width of a 90 % interval; the noise of the measured angle alone is wider
MAX_ACCEL = 1.1 * math.sqrt(3.0) * 16.0 * 9.80665  # m/s^2, the largest range of an MPU6050 on all axes
MAX_GYRO = 1.1 * math.sqrt(3.0) * math.radians(2000.0)  # rad/s
NORM_ERROR = 0.01  # of a quaternion of length 1
CLOCK_STATUS = {ClockVerdict.GOOD: Status.OK, ClockVerdict.LATE: Status.STALE, ClockVerdict.APART: Status.CLOCK}


@dataclass(frozen=True)
class TrustLimits:
    """Limits of good input and of plausible forecasts.

    Attributes:
        max_input_age: s, largest age of the newest pair by its stamp, by when it was received, and by how long it
            waited in queues before that.
        max_ahead: s, how far in the future the stamp of a pair may lie: computers with a common clock differ by less.
        silent_after: s without a sample of one stream while the other one sends.
        skew: s, largest difference between the stamps of the two streams; beyond it, samples cannot be paired.
        skewed_after: s during which both streams send, but always with a larger skew.
        frozen_after: s of an identical accelerometer reading. Noise alone changes the reading: in the recorded walks
            the same one never came three times in a row.
        saturated_after: s of readings at a sensor's limit without a break; 0.2 s at most in the recorded walks.
        max_angle: rad, largest absolute ankle angle, measured and forecast; healthy ankles move from -50 to 30 deg.
        max_rate: rad/s, largest absolute ankle rate, measured and forecast; 6.5 at most in the recorded walks.
    """

    max_input_age: float = 0.05
    max_ahead: float = 0.01
    silent_after: float = 0.1
    skew: float = PAIR_TOLERANCE
    skewed_after: float = 0.25
    frozen_after: float = 0.12
    saturated_after: float = 0.5
    max_angle: float = math.radians(60.0)
    max_rate: float = 15.0

    def __post_init__(self) -> None:
        """Check the limits.

        Raises:
            Refusal: a limit is not a positive number.
        """
        for name, value in vars(self).items():
            if not value > 0 or not math.isfinite(value):
                raise Refusal(f"{name} must be a positive number, not {value}")


class ReadingWatch:
    """Detects a frozen or saturated sensor."""

    def __init__(self, limits: TrustLimits, config: FilterConfig) -> None:
        self._limits = limits
        # The norm reaches the limit if any axis is clipped, in every orientation; 0.9 allows for the scale error.
        self._accel_limit = 0.9 * config.accel_limit
        self._gyro_limit = 0.9 * config.gyro_limit
        self._reading: Vector | None = None
        self._changed = self._unsaturated = self._last = math.nan

    def push(self, sample: SegmentSample) -> None:
        """Add one sample."""
        restarted = not sample.stamp > self._last
        if restarted or sample.accel != self._reading:
            self._reading, self._changed = sample.accel, sample.stamp
        at_limit = math.hypot(*sample.accel) >= self._accel_limit or math.hypot(*sample.gyro) >= self._gyro_limit
        if restarted or not at_limit:
            self._unsaturated = sample.stamp
        self._last = sample.stamp

    @property
    def suspect(self) -> bool:
        """Whether the sensor is frozen or saturated."""
        limits = self._limits
        frozen = self._last - self._changed >= limits.frozen_after
        return frozen or self._last - self._unsaturated >= limits.saturated_after


class QueueDelay:
    """Estimates how long samples wait in queues before they are processed.

    The smallest time from stamp to processing counts as zero delay, so that the two clocks need not agree. This minimum
    may grow by ``DRIFT``, because clocks drift against each other.
    """

    def __init__(self) -> None:
        self._least: float | None = None
        self._updated = 0.0

    def update(self, stamp: float, now: float) -> float:
        """Return how long a sample that is processed now has waited, in s.

        Args:
            stamp: time of the sample in s.
            now: monotonic time in s.
        """
        behind = now - stamp
        if self._least is None:
            self._least = behind
        self._least = min(behind, self._least + DRIFT * (now - self._updated))
        self._updated = now
        return behind - self._least

    def reset(self) -> None:
        """Forget the minimum, for example after the clock of the stamps was set back."""
        self._least = None


class InputMonitor:
    """Watches the two streams of samples. Times are monotonic times in s that the caller gives."""

    def __init__(self, limits: TrustLimits, config: FilterConfig, real_time: bool = True) -> None:
        """Create a monitor that has seen no input.

        Args:
            limits: limits of good input and plausible forecasts.
            config: constants of the filter, which include the saturation limits of the sensors.
            real_time: whether stamps advance at the rate of the monotonic clock; False for simulated time.
        """
        self._limits = limits
        self._queue_delay = QueueDelay() if real_time else None
        self._clock = ClockWatch(limits.max_input_age, limits.max_ahead, real_time)
        self._waited = 0.0
        self._stamps = [-math.inf, -math.inf]
        self._sensors = ReadingWatch(limits, config), ReadingWatch(limits, config)
        self._received = [-math.inf, -math.inf]
        self._together = math.inf  # when the stamps of both streams were last within the skew
        self._pair = -math.inf
        self._calibrated = True
        self.senders_problem = ""
        """A sentence while a stream has more than one sender; to be set by whoever knows."""
        self._senders_told = ""

    def change_limits(self, limits: TrustLimits) -> None:
        """Judge age, angles and rates by other limits from now on; those of the sensors stay."""
        self._limits = limits
        self._clock.change_max_age(limits.max_input_age)

    def hear(self, stream: int, sample: SegmentSample, now: float) -> None:
        """Add a sample of stream ``SHANK`` or ``FOOT`` that was received now."""
        if sample.stamp < self._stamps[stream] and self._queue_delay is not None:
            self._queue_delay.reset()
        self._stamps[stream] = sample.stamp
        apart = abs(self._stamps[SHANK] - self._stamps[FOOT])
        silent = now - min(self._received) > self._limits.silent_after  # no skew without two streams
        if silent or apart <= self._limits.skew + TIME_RESOLUTION:
            self._together = now
        self._sensors[stream].push(sample)
        self._received[stream] = now

    def pair(self, stamp: float, received: float, now: float, calibrated: bool, clock: float | None = None) -> None:
        """Add a pair that is processed now.

        Args:
            stamp: time of the pair in s.
            received: monotonic time in s at which the earlier one of its samples was received.
            now: monotonic time in s.
            calibrated: whether the sensors are calibrated.
            clock: s on the forecasts' clock; None where there is none, so that stamps cannot be judged by it.
        """
        self._pair = received
        self._calibrated = calibrated
        self._waited = self._queue_delay.update(stamp, now) if self._queue_delay is not None else 0.0
        if clock is not None:
            if self._queue_delay is not None and self._waited > clock - stamp + self._limits.max_ahead:
                # Nothing waits for longer than its age: the stamps' clock was set back.
                self._queue_delay.reset()
                self._waited = self._queue_delay.update(stamp, now)
            self._clock.pair(stamp, self._waited, now, clock)

    def status(self, now: float, clock: float | None = None) -> Status:
        """Return the status bits of everything that is wrong with the input; the arguments are as in ``pair``."""
        status = Status.OK
        if not self._calibrated:
            status |= Status.NOT_CALIBRATED
        if self._waited > self._limits.max_input_age:
            status |= Status.STALE | Status.OVERRUN
        if now - self._pair > self._limits.max_input_age:
            status |= Status.STALE
        if self.senders_problem:
            self._senders_told = self.senders_problem
            status |= Status.TWO_SOURCES
        if clock is not None:
            status |= CLOCK_STATUS[self._clock.judge(now, clock)]
        silent = [now - received > self._limits.silent_after for received in self._received]
        if silent[SHANK] != silent[FOOT]:
            status |= Status.STREAM_SILENT
        skewed = now - self._together > self._limits.skewed_after and not any(silent)
        if skewed or any(sensor.suspect for sensor in self._sensors):
            status |= Status.SENSOR_SUSPECT
        return status

    def take_clock_problem(self) -> str:
        """Return a sentence if stamps and clock were apart since the last call; empty otherwise."""
        return self._clock.take_sentence()

    def take_senders_problem(self) -> str:
        """Return a sentence if a stream had several senders since the last call; empty otherwise."""
        told, self._senders_told = self._senders_told, ""
        return told

    def usable(self, pair: PairSample) -> bool:
        """Return whether a leg can move like this; of anything else nothing may be computed or learned."""
        joint, limits = pair.joint, self._limits
        if not (abs(joint.angle) <= limits.max_angle and abs(joint.rate) <= limits.max_rate):  # also if NaN
            return False
        return _is_measurable(pair.shank) and _is_measurable(pair.foot)

    def plausible(self, joint: JointSample, forecast: Forecast, period: float) -> bool:
        """Return whether the ankle, measured and forecast in steps of ``period`` s, stays within the limits.

        The forecast must lie inside its interval, and no interval may be so narrow that it claims to know the future.
        """
        angles = np.concatenate(((joint.angle,), forecast.angle))
        rates = np.append(np.diff(angles) / period, joint.rate)
        below, above = forecast.angle - forecast.lower, forecast.upper - forecast.angle
        # These comparisons are false for NaN.
        return bool(
            np.all(np.abs(angles) <= self._limits.max_angle)
            and np.all(np.abs(rates) <= self._limits.max_rate)
            and min(below.min(), above.min()) >= 0.0
            and (below + above).min() >= NARROWEST
            and (below + above).max() < math.inf
        )


def _is_measurable(segment: SegmentSample) -> bool:
    """Return whether an MPU6050 can have measured this; NaN is not measurable."""
    is_rotation = segment.orientation is None or abs(math.hypot(*segment.orientation) - 1.0) <= NORM_ERROR
    return math.hypot(*segment.accel) <= MAX_ACCEL and math.hypot(*segment.gyro) <= MAX_GYRO and is_rotation
