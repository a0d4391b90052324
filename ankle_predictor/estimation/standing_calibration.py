"""Calibration by standing: gyro bias and gravity of both sensors from two seconds of standing still and upright."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass

import numpy as np

from ankle_imu_driver.arrays import FloatArray
from ankle_imu_driver.calibration import Calibration, CalibrationError, SensorCalibration
from ankle_imu_driver.mounting import FOOT_TILT, SHANK_TILT, gravity_at_standing
from ankle_predictor.estimation.samples import RawPair
from ankle_predictor.estimation.segment_filter import GRAVITY


@dataclass(frozen=True)
class StandingLimits:
    """What counts as standing still and upright.

    Attributes:
        duration: s of standing that are averaged.
        rate_spread: rad/s, largest standard deviation of a gyro axis; quiet stance sways with about 1 deg/s.
        accel_spread: m/s^2, largest standard deviation of an accelerometer axis.
        bias: rad/s, largest mean of a gyro axis: the MPU6050's zero-rate output is within 20 deg/s.
        gravity_error: m/s^2, largest deviation of gravity's norm; its zero-g output is within 0.05 to 0.08 g an axis.
        tilt: rad, largest angle between gravity and where it usually points at standing (``SHANK_TILT``): straps
            differ less than a seated person's shank leans. A seated person whose shank stands as in standing cannot
            be told from a standing one.
        max_gap: s, a longer gap starts the count again.
    """

    duration: float = 2.0
    rate_spread: float = math.radians(3.0)
    accel_spread: float = 0.4
    bias: float = math.radians(20.0)
    gravity_error: float = 1.2
    tilt: float = math.radians(16.0)
    max_gap: float = 0.1


class StandingCalibrator:
    """Keeps the newest raw pairs and calibrates from them when asked."""

    def __init__(
        self,
        shank_mounting: FloatArray,
        foot_mounting: FloatArray,
        shank_tilt: tuple[float, float] = SHANK_TILT,
        foot_tilt: tuple[float, float] = FOOT_TILT,
        limits: StandingLimits | None = None,
    ) -> None:
        """Make one.

        Args:
            shank_mounting: (3, 3) nominal rotation, sensor to segment.
            foot_mounting: likewise.
            shank_tilt: (roll, pitch) in rad by which the strapped sensor usually sits off that.
            foot_tilt: likewise.
            limits: what counts as standing still and upright.
        """
        self._up = {
            "shank": gravity_at_standing(shank_mounting, *shank_tilt),
            "foot": gravity_at_standing(foot_mounting, *foot_tilt),
        }
        self._limits = limits or StandingLimits()
        self._pairs: deque[RawPair] = deque()

    def push(self, pair: RawPair) -> None:
        """Take a raw pair; one that is no measurement, or comes after a gap, starts the count again."""
        values = (*pair.shank_accel, *pair.shank_gyro, *pair.foot_accel, *pair.foot_gyro)
        if not all(map(math.isfinite, values)):
            self._pairs.clear()
            return
        if self._pairs and not 0.0 < pair.foot_stamp - self._pairs[-1].foot_stamp <= self._limits.max_gap:
            self._pairs.clear()
        self._pairs.append(pair)
        # One pair older than the duration stays, so that the rest spans it.
        while len(self._pairs) > 2 and pair.foot_stamp - self._pairs[1].foot_stamp >= self._limits.duration:
            self._pairs.popleft()

    def calibrate(self) -> Calibration:
        """Return the calibration that the newest pairs give.

        Raises:
            CalibrationError: too short, moving, or not upright; one sentence says which, and what to do.
        """
        span = self._pairs[-1].foot_stamp - self._pairs[0].foot_stamp if self._pairs else 0.0
        if span < self._limits.duration:
            raise CalibrationError(
                f"only {span:.1f} s of samples without a gap, {self._limits.duration:.1f} s are needed; keep standing"
            )
        return Calibration(
            shank=self._sensor("shank", np.array([(*p.shank_accel, *p.shank_gyro) for p in self._pairs])),
            foot=self._sensor("foot", np.array([(*p.foot_accel, *p.foot_gyro) for p in self._pairs])),
            source=f"standing still for {span:.1f} s",
        )

    def _sensor(self, name: str, samples: FloatArray) -> SensorCalibration:
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
                f"the {name} turns, or its gyro is broken: mean rate {math.degrees(np.max(np.abs(bias))):.1f} deg/s, "
                f"at most {math.degrees(limits.bias):.0f} is a sensor's bias; stand still"
            )
        norm = float(np.linalg.norm(gravity))
        if abs(norm - GRAVITY) > limits.gravity_error:
            raise CalibrationError(
                f"the {name} sensor reads {norm:.2f} m/s^2 of gravity instead of {GRAVITY:.2f}; check the sensor"
            )
        tilt = math.acos(min(1.0, max(-1.0, float(self._up[name] @ gravity) / norm)))
        if tilt > limits.tilt:
            raise CalibrationError(
                f"the {name} is {math.degrees(tilt):.0f} degrees off its usual way of standing, at most "
                f"{math.degrees(limits.tilt):.0f} are a strap's; stand upright instead of sitting, or, if you do, "
                f"set {name}.mounting and {name}.tilt to how the sensor sits"
            )
        (bx, by, bz), (gx, gy, gz) = bias.tolist(), gravity.tolist()
        return SensorCalibration((bx, by, bz), (gx, gy, gz))
