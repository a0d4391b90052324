"""One stride as a planner describes it: durations, distances and the shape of the motion."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ankle_imu_driver.simulator.gait_scenario import Label
from ankle_imu_driver.simulator.normative_gait import LEVEL, GaitPattern


@dataclass(frozen=True)
class Stride:
    """One stride of one leg, from one resting foot to the next.

    Attributes:
        label: the activity.
        rest: time in s from the last landing until heel off.
        rocker: time in s from heel off to toe off.
        swing: time in s from toe off to contact.
        loading: time in s from contact until the foot rests again.
        length: distance forward in m.
        rise: distance upward in m.
        turn: change of direction in rad, left positive.
        ground: pitch in rad of the resting foot after landing.
        size: factor on all angles of the user.
        landing: pitch of the foot relative to the ground at contact in rad, toes down positive.
        throw: factor on the user's upward acceleration of the foot at toe off.
        clearance: height in m of heel and ball above the line between the two contacts in mid-swing.
        pattern: the normative curves.
        ankle_gain: factor on the normative curve of the ankle.
        ankle_shape: (cosine, sine) in rad, added to the curve at the 1st, 2nd, ... harmonic of the stride.
        ankle_shift: constant in rad, added to the curve.
        loading_dip: plantarflexion of the ankle in rad while the foot is lowered after contact.
        shank_gain: factor on the normative curve of the shank, which then determines the ankle; ``ankle_shape`` and
            ``ankle_shift`` are added to the shank, and the other fields of the ankle have no effect. None: the ankle's
            curve determines the shank.
        ankle_limit: largest ankle angle in rad that a brace allows, with ``shank_gain``.
        lift_off: forward and upward acceleration of the ball in m/s^2 as it leaves the ground; None if the user's
            launch and braking determine the swing.
        set_down: forward deceleration and downward acceleration of the ankle in m/s^2 just before contact, with
            ``lift_off``.
        roll: radius in m over which the forefoot rolls; 0 for a foot that turns about one point.
        rounding: time in s over which the foot's turning reverses at toe off; 0 for as fast as in the recorded walks.
    """

    label: Label
    rest: float
    rocker: float
    swing: float
    loading: float
    length: float
    rise: float = 0.0
    turn: float = 0.0
    ground: float = 0.0
    size: float = 1.0
    landing: float = -0.3
    throw: float = 1.0
    clearance: float = 0.01
    pattern: GaitPattern = LEVEL
    ankle_gain: float = 0.6
    ankle_shape: tuple[tuple[float, float], ...] = ()
    ankle_shift: float = 0.0
    loading_dip: float = 0.1
    shank_gain: float | None = None
    ankle_limit: float = np.inf
    lift_off: tuple[float, float] | None = None
    set_down: tuple[float, float] = (15.0, 5.0)
    roll: float = 0.0
    rounding: float = 0.0
