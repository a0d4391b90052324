"""Plans one leg's motion for a sequence of activities: the kind, the duration and the size of each stride."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

import numpy as np

from ankle_imu_driver.arrays import FloatArray
from ankle_imu_driver.simulator.gait_scenario import (
    Activity,
    Label,
    Shuffle,
    Sit,
    Slope,
    Stairs,
    Stand,
    Sway,
    Turn,
    Walk,
)
from ankle_imu_driver.simulator.leg_motion import RATE, LegMotion, MotionPiece
from ankle_imu_driver.simulator.normative_gait import LEVEL, STAIRS_DOWN, STAIRS_UP, GaitPattern
from ankle_imu_driver.simulator.stride import Stride
from ankle_imu_driver.simulator.user_profile import UserProfile

STEP_HEIGHT, STEP_DEPTH = 0.17, 0.29  # m of one stair; a stride climbs two stairs
BLOCK = 5 * RATE
TURN_PER_STRIDE = math.radians(80.0)


@dataclass(frozen=True, eq=False)
class _Waves:
    """A sum of K sines with amplitudes in rad, frequencies in Hz and phases in rad, each (K,)."""

    amplitude: FloatArray
    frequency: FloatArray
    phase: FloatArray

    def at(self, time: FloatArray) -> FloatArray:
        return np.sin(2 * np.pi * np.outer(time, self.frequency) + self.phase) @ self.amplitude


@dataclass
class GaitPlanner:
    """Plans one person's strides, with the variation between strides that people show.

    Attributes:
        user: the person.
        rng: random generator for the variation.
    """

    user: UserProfile
    rng: np.random.Generator
    _leg: LegMotion = field(init=False)
    _to_sketch: int = field(init=False, default=0)  # samples of which nobody wants to see the motion

    def __post_init__(self) -> None:
        self._leg = LegMotion(self.user)
        # Deviations that persist over some strides: time, size, relative length, ankle angle (multiple of its scatter).
        self._drift = np.zeros(4)

    def motion(self, activities: Iterable[Activity], begin: int = 0) -> Iterator[MotionPiece]:
        """Yield the motion of the activities, one after the other, in pieces of a few seconds at most.

        Args:
            activities: what the person does.
            begin: sample from which on the motion is wanted; pieces that begin before it are sketches.
        """
        self._to_sketch = begin
        for activity in activities:
            for piece in self._pieces(activity):
                yield piece if self._to_sketch <= 0 else replace(piece, is_sketch=True)
                self._to_sketch -= len(piece.label)

    def _pieces(self, activity: Activity) -> Iterator[MotionPiece]:
        match activity:
            case Stand(duration):
                yield from self._rest(Label.STAND, duration, self._sway())
            case Sway(duration, amplitude, frequency):
                wave = _Waves(np.array([amplitude]), np.array([frequency]), np.zeros(1))
                yield from self._rest(Label.SWAY, duration, wave)
            case Sit(duration, shank):
                yield from self._rest(Label.SIT, duration, self._sway(), shank)
            case Turn(angle):
                count = max(1, round(abs(angle) / TURN_PER_STRIDE))
                for share in self.rng.dirichlet(np.full(count, 8.0)):
                    yield self._stride(self._turning(angle * float(share)))
            case _:
                left = activity.duration
                while left > 0:
                    piece = self._stride(self._next(activity))
                    left -= len(piece.label) / RATE
                    yield piece

    def _stride(self, stride: Stride) -> MotionPiece:
        return self._leg.sketch(stride) if self._to_sketch > 0 else self._leg.stride(stride)

    def _next(self, activity: Activity) -> Stride:
        match activity:
            case Walk(_, speed):
                return self._walking(Label.WALK, LEVEL, speed)
            case Slope(_, incline):
                stride = self._walking(Label.SLOPE, LEVEL, 0.9)
                # The ankle follows part of the slope, the shank's lean the rest (roughly as in McIntosh et al. 2006).
                return replace(
                    stride,
                    ground=-incline,
                    rise=stride.length * math.tan(incline),
                    ankle_shift=stride.ankle_shift + 0.7 * incline,
                )
            case Stairs(_, up, unevenness):
                stride = self._walking(Label.STAIRS, STAIRS_UP if up else STAIRS_DOWN, 0.9)
                return replace(
                    stride,
                    length=2 * STEP_DEPTH,
                    rise=2 * STEP_HEIGHT if up else -2 * STEP_HEIGHT,
                    ground=float(self.rng.normal(0.0, unevenness)),
                    landing=math.radians(0.0 if up else 12.0),
                    throw=0.2,
                    clearance=0.05,
                )
            case Shuffle(_, pitch):
                stride = self._walking(Label.SHUFFLE, LEVEL, 0.7)
                return replace(
                    stride, ground=pitch, length=0.35 * stride.length, size=0.25 * stride.size, throw=0.1, clearance=0.0
                )
        raise TypeError(f"there is no stride for {activity}")

    def _walking(self, label: Label, pattern: GaitPattern, speed: float) -> Stride:
        """Return the user's next stride at ``speed`` times their own speed, with random variation."""
        user, rng, vary = self.user, self.rng, self.user.variability
        # The persistent and the independent part of the variation, fitted to stride times and angles of the five walks.
        self._drift = 0.8 * self._drift + 0.6 * rng.normal(0.0, [0.35 * vary, 0.7 * vary, 0.7 * vary, 1.0])
        once = rng.normal(0.0, [0.7 * vary, 0.7 * vary, 0.7 * vary, 0.5])
        time, size, length = np.exp((self._drift + once)[:3])
        size *= speed**0.3
        # People change speed by cadence and length equally.
        period = user.stride_time * time / math.sqrt(speed)
        flat, heel_off, toe_off = np.array([user.flat, user.heel_off, user.toe_off]) + rng.normal(0.0, 0.3 * vary, 3)
        scatter = rng.normal(0.0, 1.0, (4, 2)) * 0.33 * vary / np.array([[1.0], [1.2], [2.0], [3.0]])
        shape = size * np.array(((0.0, 0.0), *user.ankle_shape)) + scatter
        return Stride(
            label=label,
            rest=period * (heel_off - flat),
            rocker=period * (toe_off - heel_off),
            swing=period * (1 - toe_off),
            loading=period * flat,
            length=user.stride_length * length * math.sqrt(speed),
            turn=float(rng.normal(0.0, math.radians(2.0))),
            size=float(size),
            landing=-user.landing_pitch * float(rng.lognormal(0.0, 2.5 * vary)),
            clearance=float(rng.uniform(0.0, 0.015)),
            pattern=pattern,
            ankle_gain=user.ankle_gain * float(size * rng.lognormal(0.0, 2.5 * vary)),
            ankle_shape=tuple((float(a), float(b)) for a, b in shape),
            ankle_shift=user.ankle_offset + math.radians(0.8 * (self._drift[3] + once[3])),
            loading_dip=user.loading_dip * float(size * rng.lognormal(0.0, 5.0 * vary)),
        )

    def _turning(self, angle: float) -> Stride:
        stride = self._walking(Label.TURN, LEVEL, 0.9)
        # People turn in small steps that vary much; in the recorded walks down to half of a stride's size.
        sharp = min(abs(angle) / TURN_PER_STRIDE, 1.5) * self.rng.uniform(0.5, 1.2)
        return replace(
            stride,
            turn=angle,
            length=stride.length * (1 - 0.5 * sharp),
            size=stride.size * (1 - 0.45 * sharp),
            ankle_gain=stride.ankle_gain * (1 - 0.5 * sharp),
            loading_dip=stride.loading_dip * (1 - 0.5 * sharp),
        )

    def _rest(self, label: Label, duration: float, waves: _Waves, shank: float = 0.0) -> Iterator[MotionPiece]:
        """Rest on a level foot, in blocks of at most 5 s to limit the memory for long rests."""
        if self._leg.foot_pitch != 0.0:
            step = self._walking(Label.WALK, LEVEL, 0.8)
            yield self._stride(replace(step, length=0.2, size=0.3 * step.size, landing=0.1 * step.landing))
        end = max(round(duration * RATE), 2)
        for start in range(0, end, BLOCK):
            time = np.arange(start, min(start + BLOCK, end)) / RATE
            yield self._leg.rest(shank + waves.at(time), label)

    def _sway(self) -> _Waves:
        """Return postural sway about the ankle: about 0.2 deg, below 1 Hz."""
        frequency = self.rng.uniform(0.1, 0.8, 6)
        amplitude = np.radians(self.rng.normal(0.0, 0.12, 6)) / np.sqrt(frequency / 0.2)
        return _Waves(amplitude, frequency, self.rng.uniform(0.0, 2 * np.pi, 6))
