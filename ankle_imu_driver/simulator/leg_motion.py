"""One leg's motion in pieces, before smoothing: strides over ground contacts, standing, sitting.

Each piece is continuous with the previous one, but its rate may change abruptly, as at heel strike, foot slap and toe
off. Smoothing each channel afterwards gives these events a finite, steep course.

In stance the ground contact determines the ankle's position: heel rocker, flat foot, ball rocker. The hip is not
modelled, because it carries no sensor: in swing the ankle follows a polynomial between the contacts, with launch and
landing as in the recorded walks (their foot sensor, integrated from one flat foot to the next and moved to the ankle).
The normative hip, knee and ankle curves give the foot's pitch in the air and the ankle's angle; the shank's pitch is
their sum.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from ankle_imu_driver.arrays import FloatArray
from ankle_imu_driver.simulator.gait_scenario import Label
from ankle_imu_driver.simulator.leg_kinematics import ankle_over_contact, hann_kernel, swing_path
from ankle_imu_driver.simulator.stride import Stride
from ankle_imu_driver.simulator.user_profile import UserProfile

RATE = 1000  # samples per s
FOOT, ANKLE, YAW, ROLL, TWIST, LEAN = range(6)
POSITION = slice(6, 9)
CHANNELS = 9


@dataclass(frozen=True, eq=False)
class MotionPiece:
    """A piece of motion at 1 kHz.

    Attributes:
        channels: (N, 9) foot pitch, ankle angle, leg yaw, leg roll, shank twist, shank lean in rad; ankle x, y, z in m.
        label: (N,) activity at each sample.
        impact: (N,) strength of an impact at each sample, 0 without an impact.
        is_sketch: only its length, its label and its last row are right; nobody will look at the rest.
    """

    channels: FloatArray
    label: npt.NDArray[np.int8]
    impact: FloatArray
    is_sketch: bool = False


@dataclass
class LegMotion:
    """Generates a leg's motion, piece by piece. It starts standing and stores the state at the end of each piece.

    Attributes:
        user: the person.
    """

    user: UserProfile
    _end: FloatArray = field(init=False)
    _standing: bool = field(init=False, default=True)

    def __post_init__(self) -> None:
        self._end = np.zeros(CHANNELS)
        self._end[8] = self.user.geometry.height

    @property
    def foot_pitch(self) -> float:
        """Pitch of the foot at the end of the last piece, in rad."""
        return float(self._end[FOOT])

    def rest(self, ankle: FloatArray, label: Label) -> MotionPiece:
        """Rest the foot while the ankle's angle follows ``ankle``, (N,) in rad, with a transition of 1.2 s at most."""
        n = len(ankle)
        channels = np.repeat(self._end[None, :], n, axis=0)
        fade = 1 - _ramp(np.minimum(np.arange(1, n + 1) / min(n, 1.2 * RATE), 1.0))
        channels[:, ANKLE] = ankle + (self._end[ANKLE] - ankle[0]) * fade
        channels[:, [TWIST, LEAN]] = self._end[[TWIST, LEAN]] * fade[:, None]
        return self._done(channels, label, np.zeros(n))

    def stride(self, stride: Stride) -> MotionPiece:
        """Generate one stride: rest, roll over the ball, swing, land, and lower the foot."""
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
        # The difference between the scaled curve and the landing pitch is added linearly.
        pitch[off:contact] = gain * curve + here + (landing - here - gain * curve[-1]) * _shares(n_swing)
        if stride.rounding:
            pitch[:contact] = _rounded(pitch[:contact], n_rest, off, _samples(stride.rounding))
        pitch[contact:] = landing + (ground - landing) * _shares(n_load)

        air = _shares(n - n_rest)
        # The leg leaves the sagittal plane gradually after heel off, without a jerk.
        halves = np.sin(np.pi * np.outer(air**1.5, [1, 2, 3]))
        yaw[n_rest:] += stride.size * halves @ user.swing_yaw
        roll[n_rest:] += stride.size * halves @ user.swing_roll
        yaw[off:contact] += stride.turn * _ramp(_shares(n_swing))
        yaw[contact:] += stride.turn
        for channel, half in ((TWIST, user.twist + 0.05 * stride.turn), (LEAN, user.lean)):
            channels[:n_rest, channel] = self._end[channel] + (half - self._end[channel]) * _shares(n_rest)
            channels[n_rest:, channel] = half - 2 * half * air

        channels[:, ANKLE] = self._ankle(stride, counts, pitch)
        self._place(stride, channels, n_rest, off - _samples(user.release * n / RATE), contact)
        impact = np.zeros(n)  # heel strike, foot slap, toe off
        impact[[contact, n - 1, off]] = stride.size * np.array([1.0, 0.6, 0.3])
        return self._done(channels, stride.label, impact)

    def sketch(self, stride: Stride) -> MotionPiece:
        """Take a stride without its motion: it is as long and ends as ``stride`` would, in a hundredth of the time."""
        n = sum(_samples(t) for t in (stride.rest, stride.rocker, stride.swing, stride.loading))
        end = self._end.copy()
        end[POSITION] += stride.length * _level_forward(end[YAW] + stride.turn / 2) + [0.0, 0.0, stride.rise]
        end[YAW] += stride.turn
        end[[FOOT, TWIST, LEAN]] = stride.ground, -self.user.twist - 0.05 * stride.turn, -self.user.lean
        end[ANKLE] = _ankle_curve(stride, np.array([1.0 + stride.pattern.flat]), end[FOOT])[0]
        piece = self._done(np.broadcast_to(end, (n, CHANNELS)), stride.label, np.zeros(n))
        return replace(piece, is_sketch=True)

    def _ankle(self, stride: Stride, counts: list[int], foot: FloatArray) -> FloatArray:
        """Return the ankle's angle for this stride and the foot's pitch, smoothly from the present one."""
        pattern = stride.pattern
        events = (pattern.flat, pattern.heel_off, pattern.toe_off, 1.0, 1.0 + pattern.flat)
        phase = np.concatenate([a + (b - a) * _shares(n) for a, b, n in zip(events, events[1:], counts, strict=False)])
        angle = _ankle_curve(stride, phase, foot)
        n_rest = counts[0]
        if self._standing:  # no loading phase before the first stride
            angle[:n_rest] = angle[n_rest]
        fade = 1 - _ramp(np.minimum(np.arange(1, len(angle) + 1) / max(n_rest, 0.3 * RATE), 1.0))
        continuous: FloatArray = angle + (self._end[ANKLE] - angle[0]) * fade
        return continuous

    def _place(self, stride: Stride, channels: FloatArray, n_rest: int, off: int, contact: int) -> None:
        """Fill in the ankle's positions: resting, pivoting on the ball, in the air, pivoting on heel or ball."""
        geometry = self.user.geometry
        angles = channels[:, [YAW, ROLL, FOOT]]
        start = self._end[POSITION]
        flat, first, last = self._end[None, [YAW, ROLL, FOOT]], angles[contact - 1 : contact], angles[-1:]

        ball = geometry.contact(toes_down=True) + np.array([0.0, 0.0, stride.roll])
        on_ball = start - ankle_over_contact(np.zeros(3), ball, *flat.T)[0]
        rolled = stride.roll * (angles[n_rest:off, 2:] - self._end[FOOT]) * _level_forward(self._end[YAW])
        channels[n_rest:off, POSITION] = rolled + ankle_over_contact(on_ball, ball, *angles[n_rest:off].T)

        heading = self._end[YAW] + stride.turn / 2
        forward = _level_forward(heading)
        finish = start + stride.length * forward + np.array([0.0, 0.0, stride.rise])
        point = geometry.contact(toes_down=bool(first[0, 2] > stride.ground))
        ground = finish - ankle_over_contact(np.zeros(3), point, *last.T)[0]
        channels[contact:, POSITION] = ankle_over_contact(ground, point, *angles[contact:].T)

        touchdown = ankle_over_contact(ground, point, *first.T)[0]
        if stride.lift_off is None:
            path = self._ankle_path(stride, channels[:off, POSITION], touchdown, forward, contact - off)
        else:
            path = self._ball_path(stride, on_ball + rolled[-2:], touchdown, forward, angles[off:contact])
        floor = np.linspace(on_ball[2] - stride.roll, ground[2], contact - off)
        around = 0.2 if stride.lift_off is None else 0.6  # a ball that swings needs no lift at once
        path[:, 2] += self._lift(path, angles[off:contact], floor + stride.clearance, around)
        channels[off:contact, POSITION] = path

    def _ankle_path(
        self, stride: Stride, stance: FloatArray, touchdown: FloatArray, forward: FloatArray, n: int
    ) -> FloatArray:
        """Return the ankle's path (n, 3) in the air from the end of stance to touchdown, with the user's launch."""
        user, takeoff = self.user, stance[-1]
        launch = (takeoff - stance[-2]) * n
        ahead, up = stride.length * forward, np.array([0.0, 0.0, stride.size * stride.throw])
        return swing_path(
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

    def _ball_path(
        self, stride: Stride, rolled: FloatArray, touchdown: FloatArray, forward: FloatArray, angles: FloatArray
    ) -> FloatArray:
        """Return the ankle's path (n, 3) in the air: the ball swings from ``rolled``, and the foot turns about it.

        The foot turns fast while it leaves the ground: the ankle's path is then that of a turning foot, at any speed.
        """
        assert stride.lift_off is not None
        n, up = len(angles), np.array([0.0, 0.0, 1.0])
        point = self.user.geometry.contact(toes_down=True) + np.array([0.0, 0.0, stride.roll])
        to_ball = -ankle_over_contact(np.zeros(3), point, *angles.T)
        velocity = (self.user.landing[0] * forward - self.user.landing[1] * up) / RATE + to_ball[-1] - to_ball[-2]
        k = min(20, n // 4)  # the turning of the foot at the end, over 40 ms
        turning = (to_ball[-1] - 2 * to_ball[-1 - k] + to_ball[-1 - 2 * k]) / k**2
        rising = stride.lift_off[0] * forward + stride.lift_off[1] * up
        slowing = (stride.set_down[0] * forward + stride.set_down[1] * up) / RATE**2
        ball = swing_path(
            np.array([rolled[1], (rolled[1] - rolled[0]) * n, rising * (n / RATE) ** 2]),
            np.array([touchdown + to_ball[-1], velocity * n, (turning - slowing) * n**2]),
            n,
        )
        path: FloatArray = ball - to_ball
        return path

    def _lift(self, path: FloatArray, angles: FloatArray, floor: FloatArray, around: float) -> FloatArray:
        """Return the height to add to the path so that heel and ball stay above the floor in mid-swing."""
        share = _shares(len(path))
        bump = share**3 * (1 - share) ** 2 * 28.9
        inner = bump > around
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


def _ankle_curve(stride: Stride, phase: FloatArray, foot: FloatArray | float) -> FloatArray:
    """Return the ankle's angle in rad at each share of a stride, for the foot's pitch there."""
    pattern = stride.pattern
    if stride.shank_gain is not None:
        angle = stride.shank_gain * pattern.shank_pitch(phase) + stride.ankle_shift - foot
    else:
        angle = stride.ankle_gain * pattern.ankle_angle(phase) + stride.ankle_shift
        # In the recordings the ankle plantarflexes before contact and until the foot is flat, more than in the
        # norm.
        after_flat = (phase - pattern.flat + 0.5) % 1.0 - 0.5
        angle -= stride.loading_dip * np.exp(-0.5 * (after_flat / 0.08) ** 2)
    for harmonic, (cosine, sine) in enumerate(stride.ankle_shape, start=1):
        turns = 2 * np.pi * harmonic * phase
        angle += cosine * np.cos(turns) + sine * np.sin(turns)
    if np.isfinite(stride.ankle_limit):
        angle = stride.ankle_limit * np.tanh(angle / stride.ankle_limit)
    return angle


def _samples(duration: float) -> int:
    return max(round(duration * RATE), 2)


def _rounded(pitch: FloatArray, start: int, off: int, width: int) -> FloatArray:
    """Round the peak of a foot's pitch at ``off``, over ``width`` samples, without moving the pitch up to ``start``."""
    kernel = hann_kernel(width // 2 * 2 + 1)
    half = len(kernel) // 2
    padded = np.concatenate(
        [np.full(half, pitch[0]), pitch, pitch[-1] + np.arange(1, half + 1) * (pitch[-1] - pitch[-2])]
    )
    smooth = np.convolve(padded, kernel, mode="valid")
    index = np.arange(len(pitch))
    rise = _ramp(np.clip((index - start) / max(off - start, 1) * 2, 0.0, 1.0))
    fall = _ramp(np.clip((len(pitch) - 1 - index) / max(len(pitch) - off, 1) * 2, 0.0, 1.0))
    rounded: FloatArray = pitch + rise * fall * (smooth - pitch)
    return rounded


def _level_forward(yaw: float) -> FloatArray:
    return np.array([np.cos(yaw), np.sin(yaw), 0.0])


def _shares(n: int) -> FloatArray:
    return np.arange(1, n + 1) / n


def _ramp(share: FloatArray) -> FloatArray:
    """Return the minimum-jerk ramp from 0 to 1."""
    ramp: FloatArray = share**3 * (10 - 15 * share + 6 * share**2)
    return ramp
