"""One leg's motion piece by piece, before smoothing: strides over ground contacts, standing, sitting.

A piece is continuous with the one before it but may change its rate abruptly, as a heel strike, a foot slap and a toe
off do; smoothing each channel afterwards gives those events their finite, steep course.

In stance the ground leads the ankle: heel rocker, flat foot, ball rocker. In swing no hip is modelled, as no sensor
sits there: the ankle goes along a polynomial between the contacts whose launch and landing are those of the recorded
walks (their foot sensor, integrated from one flat foot to the next and moved to the ankle). The normative hip, knee and
ankle give the foot's pitch in the air and the ankle's angle; the shank is the sum of the two.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from ankle_imu_driver.arrays import FloatArray
from ankle_imu_driver.simulator.gait_scenario import Label
from ankle_imu_driver.simulator.leg_kinematics import ankle_over_contact, swing_path
from ankle_imu_driver.simulator.normative_gait import LEVEL, GaitPattern
from ankle_imu_driver.simulator.user_profile import UserProfile

RATE = 1000  # samples per s
FOOT, ANKLE, YAW, ROLL, TWIST, LEAN = range(6)
POSITION = slice(6, 9)
CHANNELS = 9


@dataclass(frozen=True, eq=False)
class MotionPiece:
    """Some time of motion at 1 kHz.

    Attributes:
        channels: (N, 9) foot pitch, ankle angle, leg yaw, leg roll, shank twist, shank lean in rad; ankle x, y, z in m.
        label: (N,) the activity.
        impact: (N,) strength of an impact at that sample, 0 elsewhere.
    """

    channels: FloatArray
    label: npt.NDArray[np.int8]
    impact: FloatArray


@dataclass(frozen=True)
class Stride:
    """One leg's way from a resting foot to the next.

    Attributes:
        label: the activity.
        rest: time in s that the foot still rests, from the last landing.
        rocker: time from heel off to toe off.
        swing: time from toe off to contact.
        loading: time from contact until the foot rests again.
        length: m forward.
        rise: m up.
        turn: rad to the left.
        ground: the foot's pitch in rad where it lands and rests.
        size: of all angles against the user's own.
        landing: the foot's pitch in rad against the ground as it meets it, toes down positive.
        throw: how high the foot is thrown up, against the user's own.
        clearance: m by which heel and ball clear the line between the two contacts in mid-swing.
        pattern: the normative curves.
        ankle_gain: size of the ankle's curve against the normative one.
        ankle_shape: (cosine, sine) in rad of what is added to it at the 1st, 2nd, ... harmonic of the stride.
        ankle_shift: rad that is added to it throughout.
        loading_dip: how far the ankle gives way as the foot comes down, in rad.
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


@dataclass
class LegMotion:
    """A leg that stands, and moves when told; keeps where it is.

    Attributes:
        user: whose leg.
    """

    user: UserProfile
    _end: FloatArray = field(init=False)
    _standing: bool = field(init=False, default=True)

    def __post_init__(self) -> None:
        self._end = np.zeros(CHANNELS)
        self._end[8] = self.user.geometry.height

    @property
    def foot_pitch(self) -> float:
        """How the foot rests now, in rad."""
        return float(self._end[FOOT])

    def rest(self, ankle: FloatArray, label: Label) -> MotionPiece:
        """Keep the foot where it is while the ankle's angle follows ``ankle``, (N,) in rad, led over within 1.2 s."""
        n = len(ankle)
        channels = np.repeat(self._end[None, :], n, axis=0)
        fade = 1 - _ramp(np.minimum(np.arange(1, n + 1) / min(n, 1.2 * RATE), 1.0))
        channels[:, ANKLE] = ankle + (self._end[ANKLE] - ankle[0]) * fade
        channels[:, [TWIST, LEAN]] = self._end[[TWIST, LEAN]] * fade[:, None]
        return self._done(channels, label, np.zeros(n))

    def stride(self, stride: Stride) -> MotionPiece:
        """Rest, roll over the ball, swing, land and let the foot down."""
        counts = [_samples(t) for t in (stride.rest, stride.rocker, stride.swing, stride.loading)]
        n_rest, n_rocker, n_swing, n_load = counts
        n, off, contact = sum(counts), n_rest + n_rocker, n_rest + n_rocker + n_swing
        channels = np.repeat(self._end[None, :], n, axis=0)
        pitch, yaw, roll = channels[:, FOOT], channels[:, YAW], channels[:, ROLL]
        here, ground = self._end[FOOT], stride.ground
        user, pattern = self.user, stride.pattern

        gain = user.foot_gain * stride.size
        phase = np.linspace(pattern.toe_off, 1.0, n_swing + 1)[1:]
        curve = pattern.foot_pitch(phase)
        lift = gain * float(pattern.foot_pitch(np.array(pattern.toe_off)))
        landing = ground + stride.landing * stride.size
        pitch[n_rest:off] = here + lift * _shares(n_rocker) ** user.rocker_power
        # What the scaled curve misses at the end builds up linearly.
        pitch[off:contact] = gain * curve + here + (landing - here - gain * curve[-1]) * _shares(n_swing)
        pitch[contact:] = landing + (ground - landing) * _shares(n_load)

        air = _shares(n - n_rest)
        # The leg leaves its plane as late as the heel rises: not with a jerk at heel off.
        halves = np.sin(np.pi * np.outer(air**1.5, [1, 2, 3]))
        yaw[n_rest:] += stride.size * halves @ user.swing_yaw
        roll[n_rest:] += stride.size * halves @ user.swing_roll
        yaw[off:contact] += stride.turn * _ramp(_shares(n_swing))
        yaw[contact:] += stride.turn
        for channel, half in ((TWIST, user.twist + 0.05 * stride.turn), (LEAN, user.lean)):
            channels[:n_rest, channel] = self._end[channel] + (half - self._end[channel]) * _shares(n_rest)
            channels[n_rest:, channel] = half - 2 * half * air

        channels[:, ANKLE] = self._ankle(stride, counts)
        self._place(stride, channels, n_rest, off - _samples(user.release * n / RATE), contact)
        impact = np.zeros(n)  # heel strike, foot slap, toe off
        impact[[contact, n - 1, off]] = stride.size * np.array([1.0, 0.6, 0.3])
        return self._done(channels, stride.label, impact)

    def _ankle(self, stride: Stride, counts: list[int]) -> FloatArray:
        """This stride's version of the pattern's ankle curve, led over from where the ankle is."""
        pattern = stride.pattern
        events = (pattern.flat, pattern.heel_off, pattern.toe_off, 1.0, 1.0 + pattern.flat)
        phase = np.concatenate([a + (b - a) * _shares(n) for a, b, n in zip(events, events[1:], counts, strict=False)])
        angle = stride.ankle_gain * pattern.ankle_angle(phase) + stride.ankle_shift
        # The recorded ankles plantarflex before contact and give way until the foot is flat, deeper than the norm.
        after_flat = (phase - pattern.flat + 0.5) % 1.0 - 0.5
        angle -= stride.loading_dip * np.exp(-0.5 * (after_flat / 0.08) ** 2)
        for harmonic, (cosine, sine) in enumerate(stride.ankle_shape, start=1):
            turns = 2 * np.pi * harmonic * phase
            angle += cosine * np.cos(turns) + sine * np.sin(turns)
        n_rest = counts[0]
        if self._standing:  # there was no landing to recover from
            angle[:n_rest] = angle[n_rest]
        fade = 1 - _ramp(np.minimum(np.arange(1, len(angle) + 1) / max(n_rest, 0.3 * RATE), 1.0))
        led: FloatArray = angle + (self._end[ANKLE] - angle[0]) * fade
        return led

    def _place(self, stride: Stride, channels: FloatArray, n_rest: int, off: int, contact: int) -> None:
        """Fill in the ankle's positions: resting, about the ball, through the air, about heel or ball, resting."""
        geometry, user = self.user.geometry, self.user
        angles = channels[:, [YAW, ROLL, FOOT]]
        start = self._end[POSITION]
        flat, first, last = self._end[None, [YAW, ROLL, FOOT]], angles[contact - 1 : contact], angles[-1:]

        ball = geometry.contact(toes_down=True)
        on_ball = start - ankle_over_contact(np.zeros(3), ball, *flat.T)[0]
        channels[n_rest:off, POSITION] = ankle_over_contact(on_ball, ball, *angles[n_rest:off].T)

        heading = self._end[YAW] + stride.turn / 2
        forward = np.array([np.cos(heading), np.sin(heading), 0.0])
        finish = start + stride.length * forward + np.array([0.0, 0.0, stride.rise])
        point = geometry.contact(toes_down=bool(first[0, 2] > stride.ground))
        ground = finish - ankle_over_contact(np.zeros(3), point, *last.T)[0]
        channels[contact:, POSITION] = ankle_over_contact(ground, point, *angles[contact:].T)

        n = contact - off
        takeoff = channels[off - 1, POSITION]
        touchdown = ankle_over_contact(ground, point, *first.T)[0]
        launch = (takeoff - channels[off - 2, POSITION]) * n
        ahead, up = stride.length * forward, np.array([0.0, 0.0, stride.size * stride.throw])
        path = swing_path(
            np.array([takeoff, launch, user.launch[0] * ahead + user.launch[1] * up]),
            np.array(
                [
                    touchdown,
                    (user.landing[0] * forward - user.landing[1] * up) * n / RATE,
                    -user.braking[0] * ahead - user.braking[1] * up,
                ]
            ),
            n,
        )
        floor = np.linspace(on_ball[2], ground[2], n)
        path[:, 2] += self._lift(path, angles[off:contact], floor + stride.clearance)
        channels[off:contact, POSITION] = path

    def _lift(self, path: FloatArray, angles: FloatArray, floor: FloatArray) -> FloatArray:
        """How much higher the ankle must swing for heel and ball to stay above the floor in mid-swing."""
        share = _shares(len(path))
        bump = share**3 * (1 - share) ** 2 * 28.9
        inner = bump > 0.2
        needed = 0.0
        for toes_down in (True, False):
            point = self.user.geometry.contact(toes_down)
            low = path - ankle_over_contact(np.zeros(3), point, *angles.T)
            needed = max(needed, float(np.max((floor - low[:, 2])[inner] / bump[inner])))
        lift: FloatArray = needed * bump
        return lift

    def _done(self, channels: FloatArray, label: Label, impact: FloatArray) -> MotionPiece:
        self._end = channels[-1].copy()
        self._standing = label < Label.WALK
        return MotionPiece(channels, np.full(len(channels), label, dtype=np.int8), impact)


def _samples(duration: float) -> int:
    return max(round(duration * RATE), 2)


def _shares(n: int) -> FloatArray:
    return np.arange(1, n + 1) / n


def _ramp(share: FloatArray) -> FloatArray:
    """From 0 to 1 with level ends, least jerk."""
    ramp: FloatArray = share**3 * (10 - 15 * share + 6 * share**2)
    return ramp
