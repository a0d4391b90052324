"""How one person does each kind of gait: on the level, on slopes and stairs, running, or with a weak or braced ankle.

Sources of what differs from level walking: stairs Riener et al. 2002 (Gait & Posture 15:32-44; curves in
``normative_gait``); slopes McIntosh et al. 2006 (J Biomech 39:2491-2502) and Lay et al. 2006 (J Biomech 39:1621-1628);
running Fukuchi et al. 2017 and Novacheck 1998 (Gait & Posture 7:77-95; curves in ``running_gait``); drop foot and weak
push-off Perry and Burnfield, "Gait Analysis" (2nd ed. 2010), chapters on the ankle; braces: the range that they leave.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from ankle_imu_driver.arrays import FloatArray
from ankle_imu_driver.simulator.gait_scenario import Label
from ankle_imu_driver.simulator.normative_gait import STAIRS_DOWN, STAIRS_UP, GaitPattern
from ankle_imu_driver.simulator.running_gait import RUN
from ankle_imu_driver.simulator.user_profile import UserProfile
from ankle_imu_driver.simulator.varied_person import VariedPerson, own_pattern

AILMENTS = ("weak_push_off", "drop_foot", "brace")


@dataclass(frozen=True)
class Manner:
    """One person's way of one kind of gait.

    Attributes:
        label: the activity.
        user: the person, with the timing and the sizes of this gait.
        pattern: the person's curves.
        length: stride length in m; None for the user's.
        rise: distance upward of a stride in m.
        ground: pitch of the ground in rad, toes down positive.
        unevenness: standard deviation of the resting foot's pitch in rad.
        landing: pitch of the foot at contact, in rad relative to the ground, toes down positive.
        landing_spread: its standard deviation from stride to stride in rad.
        shank_gain: factor on the shank's curve.
        ankle_limit: largest ankle angle in rad that a brace allows.
        lift_off: forward and upward acceleration of the ball in m/s^2 as it leaves the ground.
        set_down: forward deceleration and downward acceleration of the ankle in m/s^2 just before contact.
        roll: radius in m over which the forefoot rolls.
        rounding: share of a stride over which the foot's turning reverses at toe off.
        clearance: height in m of heel and ball in mid-swing.
        shank_shift: constant in rad, added to the shank's pitch.
        impact: factor on the impacts.
    """

    label: Label
    user: UserProfile
    pattern: GaitPattern
    length: float | None = None
    rise: float = 0.0
    ground: float = 0.0
    unevenness: float = 0.0
    landing: float = 0.0
    landing_spread: float = math.radians(1.5)
    shank_gain: float = 0.85
    ankle_limit: float = math.inf
    lift_off: tuple[float, float] = (1.5, 4.0)
    set_down: tuple[float, float] = (16.0, 6.0)
    roll: float = 0.07
    rounding: float = 0.14
    clearance: float = 0.01
    shank_shift: float = 0.0
    impact: float = 1.0


def level(person: VariedPerson) -> Manner:
    """Return the person's walking on the level."""
    user = person.user
    return Manner(
        Label.WALK,
        user,
        person.level,
        landing=-user.landing_pitch,
        lift_off=person.lift_off,
        set_down=person.set_down,
        roll=person.roll,
        shank_gain=person.shank_gain,
        ankle_limit=person.ankle_limit,
        shank_shift=user.ankle_offset,
        impact=person.shoe,
    )


def slope(person: VariedPerson, rng: np.random.Generator, incline: float) -> Manner:
    """Return walking on a slope of ``incline`` rad, uphill positive.

    The ankle takes 0.6 to 1 of the slope while the foot lies on it, the lean of the shank the rest. Downhill the
    strides are shorter and quicker, uphill they are longer and slower (McIntosh et al. 2006).
    """
    flat = level(person)
    size = math.degrees(incline) / 10
    user = replace(
        flat.user,
        stride_time=flat.user.stride_time * (1 + 0.05 * size),
        stride_length=flat.user.stride_length * (1 - 0.08 * abs(size) + 0.05 * size),
        landing_pitch=max(flat.user.landing_pitch * (1 - 0.3 * size), 0.02),
        heel_off=flat.user.heel_off + 0.02 * size,
    )
    return replace(
        flat,
        label=Label.SLOPE,
        user=user,
        ground=-incline,
        rise=user.stride_length * math.tan(incline),
        landing=-user.landing_pitch,
        shank_shift=flat.shank_shift - float(rng.uniform(0.0, 0.4)) * incline,
    )


def stairs(person: VariedPerson, rng: np.random.Generator, up: bool) -> Manner:
    """Return stair climbing or descending, step over step."""
    pattern = own_pattern(rng, STAIRS_UP if up else STAIRS_DOWN, 1.3)
    period = float(np.clip(1.22 * math.exp(rng.normal(0.0, 0.2)) * (1.0 if up else 0.9), 0.75, 2.2))
    user = replace(
        person.user,
        stride_time=period,
        flat=rng.uniform(0.05, 0.12) if up else rng.uniform(0.08, 0.15),
        heel_off=rng.uniform(0.36, 0.5) if up else rng.uniform(0.34, 0.46),
        toe_off=rng.uniform(0.60, 0.68) if up else rng.uniform(0.62, 0.70),
        release=rng.uniform(0.01, 0.05),
        foot_gain=rng.uniform(0.75, 1.25),
        rocker_power=rng.uniform(1.5, 2.8),
        landing=(rng.uniform(-0.1, 0.2), rng.uniform(0.05, 0.4)),
    )
    height, depth = rng.uniform(0.14, 0.20), rng.uniform(0.25, 0.33)
    toes_first = rng.uniform(0.0, 10.0) if up else rng.uniform(8.0, 28.0)
    heel_first = rng.uniform(-12.0, 0.0)
    return Manner(
        Label.STAIRS,
        user,
        pattern,
        length=2 * depth,
        rise=2 * height if up else -2 * height,
        unevenness=math.radians(rng.uniform(0.5, 5.0)),
        landing=math.radians(heel_first if rng.random() < (0.5 if up else 0.08) else toes_first),
        landing_spread=math.radians(4.0),
        lift_off=(rng.uniform(-1.0, 2.0), rng.uniform(0.0, 5.0)),
        set_down=(rng.uniform(3.0, 12.0), rng.uniform(2.0, 7.0)),
        clearance=float(rng.uniform(0.01, 0.05)),
        shank_gain=rng.uniform(0.8, 1.15) if up else rng.uniform(0.7, 1.0),
        shank_shift=math.radians(rng.normal(0.0, 4.0)),
        impact=person.shoe * (0.7 if up else 1.2),
    )


def running(person: VariedPerson, rng: np.random.Generator) -> Manner:
    """Return running at 1.4 to 3.4 m/s: heel, midfoot or forefoot first (Novacheck 1998)."""
    speed = float(rng.uniform(1.4, 3.4))
    period = float(np.clip(rng.normal(0.71, 0.05) - 0.02 * (speed - 2.7), 0.58, 0.9))
    toe_off = float(np.clip(rng.normal(0.40, 0.025) - 0.035 * (speed - 2.7), 0.27, 0.5))
    flat = float(rng.uniform(0.05, 0.08))
    user = replace(
        person.user,
        stride_time=period,
        stride_length=speed * period,
        flat=flat,
        heel_off=flat + (toe_off - flat) * rng.uniform(0.35, 0.55),
        toe_off=toe_off,
        release=rng.uniform(0.005, 0.02),
        foot_gain=rng.uniform(0.75, 1.15) * (0.9 + 0.1 * (speed - 1.8)),
        rocker_power=rng.uniform(1.4, 2.0),
        landing=(rng.uniform(-0.6, 0.4), rng.uniform(0.4, 1.0)),
        swing_yaw=_scaled(person.user.swing_yaw, 1.3),
        swing_roll=_scaled(person.user.swing_roll, 1.3),
    )
    strike = -rng.uniform(5.0, 22.0) if rng.random() < 0.75 else rng.uniform(-3.0, 8.0)
    return Manner(
        Label.RUN,
        user,
        own_pattern(rng, RUN, 1.5),
        landing=math.radians(strike),
        landing_spread=math.radians(2.0),
        lift_off=(rng.uniform(0.0, 6.0), rng.uniform(3.0, 12.0)),
        set_down=(rng.uniform(15.0, 30.0), rng.uniform(4.0, 10.0)),
        clearance=float(rng.uniform(0.01, 0.04)),
        shank_gain=rng.uniform(0.75, 1.05),
        shank_shift=math.radians(rng.normal(0.0, 3.0)),
        impact=2.5 * person.shoe,
    )


def ailing(person: VariedPerson, rng: np.random.Generator, ailment: str) -> VariedPerson:
    """Return the person with one of ``AILMENTS`` of the ankle; slower, with shorter strides."""
    slower = float(rng.uniform(1.0, 1.35))
    user = replace(
        person.user,
        stride_time=min(person.user.stride_time * slower, 2.0),
        stride_length=person.user.stride_length * float(rng.uniform(0.6, 1.0)),
        variability=person.user.variability * 1.3,
    )
    curves = person.level
    phase = np.arange(len(curves.ankle)) / len(curves.ankle)
    if ailment == "weak_push_off":  # the heel stays down for longer, the ankle hardly extends
        foot_gain = user.foot_gain * float(rng.uniform(0.5, 0.8))
        user = replace(user, heel_off=min(user.heel_off + 0.05, 0.5), foot_gain=foot_gain)
    elif ailment == "drop_foot":  # the foot hangs in swing and lands flat or toes first; knee and hip lift it
        hanging = np.array(curves.ankle) - rng.uniform(8.0, 20.0) * _bump(phase, 0.84, 0.22)
        curves = replace(curves, ankle=tuple(hanging.tolist()))
        user = replace(user, landing_pitch=math.radians(rng.uniform(-15.0, 5.0)))
    elif ailment == "brace":  # the foot follows the shank; the heel leaves the ground early
        person = replace(person, ankle_limit=math.radians(rng.uniform(2.0, 9.0)))
        user = replace(user, heel_off=max(user.heel_off - 0.06, 0.2), foot_gain=0.85 * user.foot_gain)
    else:
        raise ValueError(f"ailment must be one of {', '.join(AILMENTS)}, not {ailment!r}")
    return replace(person, user=user, level=curves)


def _bump(phase: FloatArray, centre: float, width: float) -> FloatArray:
    """Return a periodic bump of height 1 that lasts twice ``width`` of a stride."""
    away = np.abs((phase - centre + 0.5) % 1.0 - 0.5)
    bump: FloatArray = np.where(away < width, 0.5 + 0.5 * np.cos(np.pi * away / width), 0.0)
    return bump


def _scaled(values: tuple[float, float, float], factor: float) -> tuple[float, float, float]:
    return values[0] * factor, values[1] * factor, values[2] * factor
