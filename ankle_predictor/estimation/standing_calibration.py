"""Calibrates both sensors (gyro bias and gravity) from two seconds of standing still and upright."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass

import numpy as np

from ankle_imu_driver.arrays import FloatArray, Vector
from ankle_imu_driver.calibration import LARGEST_BIAS, Calibration, CalibrationError, SensorCalibration
from ankle_imu_driver.conventions import SENSORS
from ankle_imu_driver.mounting import FOOT_TILT, SHANK_TILT, gravity_at_standing
from ankle_predictor.estimation.samples import RawPair
from ankle_predictor.estimation.segment_filter import GRAVITY
from ankle_predictor.estimation.sensor_watch import gravity_problem


class NotStandingError(CalibrationError):
    """The samples are not those of standing still and upright; the message says why and what to do.

    Attributes:
        unrest: how far the sensors are from being still, as a share of what is allowed; inf with too few samples.
    """

    def __init__(self, message: str, unrest: float) -> None:
        super().__init__(message)
        self.unrest = unrest


class StillestRefusal:
    """Keeps the refusal of the stillest stretch: who stood and then walked off wants to know what was wrong then."""

    def __init__(self, memory: float = 60.0) -> None:
        """Make a memory of refusals; ``memory`` is the time in s after which one is forgotten."""
        self._memory = memory
        self._kept: deque[tuple[float, NotStandingError]] = deque()

    def add(self, stamp: float, refusal: NotStandingError) -> None:
        """Add the refusal at a time in s."""
        self._kept.append((stamp, refusal))
        while not 0.0 <= stamp - self._kept[0][0] <= self._memory:
            self._kept.popleft()

    @property
    def text(self) -> str:
        """The latest of the stillest ones; empty if there was none."""
        return str(min(reversed(self._kept), key=lambda kept: kept[1].unrest)[1]) if self._kept else ""


@dataclass(frozen=True)
class StandingLimits:
    """The limits within which the wearer counts as standing still and upright.

    Attributes:
        duration: s of standing that are averaged.
        rate_spread: rad/s, largest standard deviation of a gyro axis; sway in quiet stance is about 1 deg/s.
        accel_spread: m/s^2, largest standard deviation of an accelerometer axis.
        bias: rad/s, largest mean of a gyro axis: what a sensor can have.
        gravity_error: m/s^2, largest error of the norm of gravity; the MPU6050's zero-g output is within 0.05 to 0.08 g
            on each axis.
        tilt: rad, largest angle between gravity and its usual direction at standing (``SHANK_TILT``). Straps differ by
            less than a seated person's shank leans. A seated person whose shank is upright cannot be distinguished from
            a standing one.
        max_gap: s, a longer gap between two pairs restarts the ``duration``.
    """

    duration: float = 2.0
    rate_spread: float = math.radians(3.0)
    accel_spread: float = 0.4
    bias: float = LARGEST_BIAS
    gravity_error: float = 1.2
    tilt: float = math.radians(16.0)
    max_gap: float = 0.1


class StandingCalibrator:
    """Keeps the newest raw pairs, and calibrates from them on request."""

    def __init__(
        self,
        shank_mounting: FloatArray,
        foot_mounting: FloatArray,
        shank_tilt: tuple[float, float] = SHANK_TILT,
        foot_tilt: tuple[float, float] = FOOT_TILT,
        limits: StandingLimits | None = None,
        *,
        any_tilt: tuple[bool, bool] = (False, False),
    ) -> None:
        """Make a calibrator without samples.

        Args:
            shank_mounting: (3, 3) nominal rotation of the shank, sensor to segment.
            foot_mounting: (3, 3) nominal rotation of the foot, sensor to segment.
            shank_tilt: (roll, pitch) in rad, the usual tilt of the strapped shank sensor from its mounting.
            foot_tilt: (roll, pitch) in rad, the usual tilt of the strapped foot sensor from its mounting.
            limits: when the wearer counts as standing still and upright; the default limits if None.
            any_tilt: whether the shank's and the foot's sensor may sit in any orientation: ``auto``. Then nobody can
                tell from it whether the wearer stands upright.
        """
        self._up = {
            "shank": gravity_at_standing(shank_mounting, *shank_tilt),
            "foot": gravity_at_standing(foot_mounting, *foot_tilt),
        }
        self._any_tilt = dict(zip(SENSORS, any_tilt, strict=True))
        self._limits = limits or StandingLimits()
        self._pairs: deque[RawPair] = deque()

    def push(self, pair: RawPair) -> None:
        """Add a raw pair. A value that is not finite, a gap, or a stamp that goes back restarts the duration."""
        values = (*pair.shank_accel, *pair.shank_gyro, *pair.foot_accel, *pair.foot_gyro)
        if not all(map(math.isfinite, values)):
            self._pairs.clear()
            return
        if self._pairs and not 0.0 < pair.foot_stamp - self._pairs[-1].foot_stamp <= self._limits.max_gap:
            self._pairs.clear()
        self._pairs.append(pair)
        # Keep one pair that is older, so that all of them together span the duration.
        while len(self._pairs) > 2 and pair.foot_stamp - self._pairs[1].foot_stamp >= self._limits.duration:
            self._pairs.popleft()

    @property
    def stamp(self) -> float:
        """Stamp of the newest pair in s; NaN without a pair."""
        return self._pairs[-1].foot_stamp if self._pairs else math.nan

    def calibrate(self) -> Calibration:
        """Return the calibration from the newest pairs.

        Raises:
            NotStandingError: too short, moving, or not upright; the message says which, and what to do.
        """
        span = self._pairs[-1].foot_stamp - self._pairs[0].foot_stamp if self._pairs else 0.0
        if span < self._limits.duration:
            raise NotStandingError(
                f"only {span:.1f} s of samples without a gap, {self._limits.duration:.1f} s are needed; keep standing",
                math.inf,
            )
        shank = np.array([(*p.shank_accel, *p.shank_gyro) for p in self._pairs])
        foot = np.array([(*p.foot_accel, *p.foot_gyro) for p in self._pairs])
        unrest = max(self._unrest(shank), self._unrest(foot))
        try:
            return Calibration(
                shank=self._calibrate_sensor("shank", shank),
                foot=self._calibrate_sensor("foot", foot),
                source=f"standing still for {span:.1f} s",
            )
        except CalibrationError as refusal:
            raise NotStandingError(str(refusal), unrest) from refusal

    def is_usual(self, calibration: Calibration) -> bool:
        """Return whether both sensors sit as documented, as far as gravity shows it."""
        sensors = {"shank": calibration.shank, "foot": calibration.foot}
        return all(self._tilt(name, sensor.gravity) <= self._limits.tilt for name, sensor in sensors.items())

    def _tilt(self, name: str, gravity: Vector) -> float:
        """Return the angle in rad between gravity and its usual direction."""
        cosine = float(self._up[name] @ np.asarray(gravity)) / math.hypot(*gravity)
        return math.acos(min(1.0, max(-1.0, cosine)))

    def _unrest(self, samples: FloatArray) -> float:
        accel_spread, rate_spread = samples[:, :3].std(axis=0).max(), samples[:, 3:].std(axis=0).max()
        return float(max(accel_spread / self._limits.accel_spread, rate_spread / self._limits.rate_spread))

    def _calibrate_sensor(self, name: str, samples: FloatArray) -> SensorCalibration:
        limits = self._limits
        gravity, bias = samples[:, :3].mean(axis=0), samples[:, 3:].mean(axis=0)
        accel_spread, rate_spread = samples[:, :3].std(axis=0).max(), samples[:, 3:].std(axis=0).max()
        if rate_spread > limits.rate_spread or accel_spread > limits.accel_spread:
            raise CalibrationError(
                f"the {name} moves: its rate varies by {math.degrees(rate_spread):.1f} deg/s and its acceleration by "
                f"{accel_spread:.2f} m/s^2, at most {math.degrees(limits.rate_spread):.1f} and "
                f"{limits.accel_spread:.2f} are allowed; stand still"
            )
        if np.max(np.abs(bias)) > limits.bias:
            raise CalibrationError(
                f"the {name} turns, or its gyro is broken, or not in rad/s: mean rate "
                f"{math.degrees(np.max(np.abs(bias))):.1f} deg/s, a gyro's bias is at "
                f"most {math.degrees(limits.bias):.0f}; stand still"
            )
        norm = float(np.linalg.norm(gravity))
        if abs(norm - GRAVITY) > limits.gravity_error:
            raise CalibrationError(f"the {name} sensor {gravity_problem(norm)}")
        (bx, by, bz), (gx, gy, gz) = bias.tolist(), gravity.tolist()
        tilt = self._tilt(name, (gx, gy, gz))
        if tilt > limits.tilt and not self._any_tilt[name]:
            raise CalibrationError(
                f"the {name} leans {math.degrees(tilt):.0f} degrees from its usual standing position, at most "
                f"{math.degrees(limits.tilt):.0f} are allowed; stand upright, do not sit; if you do stand upright, "
                f"set {name}.mounting and {name}.tilt to how the sensor is mounted, or {name}.mounting to auto"
            )
        return SensorCalibration((bx, by, bz), (gx, gy, gz))
