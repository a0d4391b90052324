"""A person of broad variety: body, curves, timing, straps and chips, for walks that a forecaster learns from.

``user_profile`` draws people like the five recorded ones. The people drawn here differ as people do: their curves are
the published ones plus smooth random differences, their stride times run from 0.8 to 2 s, their legs may be weak.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from ankle_imu_driver.arrays import FloatArray
from ankle_imu_driver.simulator.normative_gait import LEVEL, GaitPattern
from ankle_imu_driver.simulator.sensor_model import SensorModel
from ankle_imu_driver.simulator.sensor_wobble import Wobble, draw_wobble
from ankle_imu_driver.simulator.user_profile import FOOT_AXES, SHANK_AXES, Mount, UserProfile, draw_user

# Standard deviations between people in deg of the 1st, 2nd, ... harmonic of the stride, for each of sine and cosine.
# Together 3 to 4 deg at any moment, as between healthy adults (Bovi et al. 2011, Gait & Posture 33:6-13, figure 3).
HIP_SPREAD = (1.5, 0.8, 0.4)
KNEE_SPREAD = (2.0, 1.5, 0.8, 0.4)
ANKLE_SPREAD = (1.8, 1.2, 0.8, 0.4, 0.2)


@dataclass(frozen=True)
class VariedPerson:
    """A person, and what they wear.

    Attributes:
        user: leg, usual level gait and the sensors' mounting.
        level: the person's own curves of level walking.
        sensor: settings and quality of the chips.
        shank_wobble: motion of the shank's sensor on its segment.
        foot_wobble: motion of the foot's sensor on its segment.
        shank_gain: factor on the normative curve of the shank in walking.
        ankle_limit: largest ankle angle in rad that a brace allows; infinite without a brace.
        lift_off: forward and upward acceleration of the ball in m/s^2 as it leaves the ground in walking.
        set_down: forward deceleration and downward acceleration of the ball in m/s^2 just before contact.
        roll: radius in m over which the forefoot rolls.
        shoe: factor on the impacts: soft shoes and careful feet 0.3, hard ones 3.
    """

    user: UserProfile
    level: GaitPattern
    sensor: SensorModel
    shank_wobble: Wobble
    foot_wobble: Wobble
    shank_gain: float
    ankle_limit: float
    lift_off: tuple[float, float]
    set_down: tuple[float, float]
    roll: float
    shoe: float


def draw_person(seed: int) -> VariedPerson:
    """Draw a person. Same seed, same person."""
    rng = np.random.default_rng([seed, 0x9E75])
    height = float(np.clip(rng.normal(1.70, 0.1), 1.45, 2.0))
    # Strides take 1.38, 1.14, 0.98 s at slow, natural, fast cadence (Winter 1991), those of the slowest people 2 s.
    period = float(np.clip(1.12 * np.exp(rng.normal(0.0, 0.2)), 0.8, 2.0))
    # Step length and cadence rise together with speed (Grieve and Gear 1966), less than people differ in both.
    length = height * float(np.clip(0.71 * (1.1 / period) ** 0.2 * np.exp(rng.normal(0.0, 0.13)), 0.25, 0.95))
    briskness = length / height / period / 0.72  # 1 at a comfortable speed
    usual = draw_user(seed)
    foot_lever = (rng.uniform(-0.04, 0.13), rng.uniform(-0.03, 0.03), rng.uniform(-0.03, 0.03))
    shank_lever = (rng.uniform(-0.03, 0.07), rng.uniform(-0.05, 0.05), rng.uniform(0.07, 0.25))
    toe_off = float(np.clip(rng.normal(0.665 - 0.04 * briskness, 0.012), 0.58, 0.70))
    heel_off = float(np.clip(rng.normal(0.42 - 0.07 * briskness, 0.035), 0.26, 0.48))
    foot_gain = _about(rng, 0.75 + 0.22 * min(briskness, 1.6), 0.09, 0.4, 1.25)
    user = replace(
        usual,
        height=height,
        stride_time=period,
        stride_length=length,
        flat=float(np.clip(rng.normal(0.085, 0.015), 0.05, 0.13)),
        heel_off=heel_off,
        toe_off=toe_off,
        release=rng.uniform(0.085, 0.125),
        foot_gain=foot_gain,
        ankle_offset=math.radians(rng.normal(-3.5, 3.0)),
        ankle_shape=(),
        rocker_power=rng.uniform(1.7, 3.2),
        landing_pitch=math.radians(_about(rng, 10.0 + 9.0 * min(briskness, 1.6), 6.0, 2.0, 38.0)),
        landing=(rng.uniform(-0.1, 0.45) * briskness, rng.uniform(0.05, 0.45) * briskness),
        swing_yaw=_scaled(usual.swing_yaw, 0.8),
        swing_roll=_scaled(usual.swing_roll, 0.8),
        variability=float(np.clip(np.exp(rng.normal(math.log(0.038), 0.45)), 0.01, 0.09)),
        strap=float(np.exp(rng.normal(0.0, 0.8))),
        rattle=float(np.exp(rng.normal(0.0, 0.9))),
        foot_mount=_mount(rng, FOOT_AXES, foot_lever),
        shank_mount=_mount(rng, SHANK_AXES, shank_lever),
    )
    return VariedPerson(
        user=user,
        level=own_pattern(rng, LEVEL),
        sensor=SensorModel(
            accel_range=int(rng.choice([2, 4, 8, 16], p=[0.3, 0.15, 0.4, 0.15])),
            # +-500 deg/s clips a brisk walker's foot for a tenth of the time, so that people choose more.
            gyro_range=int(
                rng.choice([500, 1000, 2000], p=[0.5, 0.25, 0.25] if briskness < 0.8 else [0.03, 0.47, 0.5])
            ),
            dlpf=int(rng.choice([0, 1, 2, 3, 4], p=[0.3, 0.1, 0.2, 0.3, 0.1])),
            quality=float(rng.uniform(0.2, 1.0)),
            noise=float(rng.uniform(0.3, 2.0)),
        ),
        shank_wobble=draw_wobble(rng, float(rng.uniform(0.2, 1.3))),
        foot_wobble=draw_wobble(rng, float(rng.uniform(0.05, 0.5))),
        shank_gain=_about(rng, 0.64 + 0.26 * min(briskness, 1.6), 0.10, 0.5, 1.25),
        ankle_limit=math.inf,
        lift_off=(rng.uniform(-1.0, 4.0), rng.uniform(1.0, 6.0)),
        set_down=(rng.uniform(12.0, 22.0) * math.sqrt(briskness), rng.uniform(2.0, 9.0)),
        roll=rng.uniform(0.04, 0.10),
        shoe=float(np.exp(rng.normal(0.0, 0.6))),
    )


def own_pattern(rng: np.random.Generator, pattern: GaitPattern, size: float = 1.0) -> GaitPattern:
    """Return the pattern as one person shows it; ``size`` scales the differences between people."""
    phase = np.arange(len(pattern.hip)) / len(pattern.hip)
    hip, knee, ankle = (
        _changed(rng, phase, curve, spread, size)
        for curve, spread in ((pattern.hip, HIP_SPREAD), (pattern.knee, KNEE_SPREAD), (pattern.ankle, ANKLE_SPREAD))
    )
    # The body is above the foot in mid-stance: the shank then leans nearly as in the pattern.
    middle = round((pattern.flat + pattern.heel_off) / 2 * len(phase))
    lean = (knee - hip)[middle] - (pattern.knee[middle] - pattern.hip[middle])
    hip += 0.8 * lean
    return replace(pattern, hip=tuple(hip.tolist()), knee=tuple(knee.tolist()), ankle=tuple(ankle.tolist()))


def _changed(
    rng: np.random.Generator, phase: FloatArray, curve: tuple[float, ...], spread: tuple[float, ...], size: float
) -> FloatArray:
    turns = 2 * np.pi * np.outer(phase, np.arange(1, len(spread) + 1))
    cosines, sines = size * rng.normal(0.0, 1.0, (2, len(spread))) * np.array(spread)
    changed: FloatArray = np.array(curve) + np.cos(turns) @ cosines + np.sin(turns) @ sines
    return changed


def _scaled(values: tuple[float, float, float], factor: float) -> tuple[float, float, float]:
    return values[0] * factor, values[1] * factor, values[2] * factor


def _about(rng: np.random.Generator, mean: float, spread: float, low: float, high: float) -> float:
    return float(np.clip(rng.normal(mean, spread), low, high))


def _mount(
    rng: np.random.Generator, axes: tuple[tuple[float, float, float], ...], lever: tuple[float, float, float]
) -> Mount:
    """Draw a mounting by hand: tilts that the calibration takes away, and a turn about the vertical that stays."""
    roll, pitch = np.clip(np.radians(rng.normal(0.0, [7.0, 9.0])), -math.radians(25), math.radians(25))
    return Mount(axes, math.radians(float(np.clip(rng.normal(0.0, 7.0), -20, 20))), float(roll), float(pitch), lever)
