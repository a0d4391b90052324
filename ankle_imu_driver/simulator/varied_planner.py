"""Plans the strides of a varied person: starts and stops, turns, changes between kinds of gait, and rests."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from scipy.signal import lfilter

from ankle_imu_driver.arrays import FloatArray
from ankle_imu_driver.simulator.gait_manner import Manner
from ankle_imu_driver.simulator.gait_scenario import Label
from ankle_imu_driver.simulator.leg_motion import RATE, LegMotion, MotionPiece
from ankle_imu_driver.simulator.stride import Stride

TURN_PER_STRIDE = math.radians(80.0)


@dataclass(frozen=True)
class Rest:
    """Stand or sit on flat feet for ``duration`` s.

    Attributes:
        duration: in s.
        shank: pitch of the shank in rad, forward positive: 0 standing, about -25 to 15 deg sitting.
        sway: standard deviation of the shank's sway in rad; 0.2 deg when quiet, 2 deg when shifting one's weight.
        pace: time constant of the sway in s.
        rise: forward pitch of the shank in rad on the way, as when standing up or sitting down.
        change: time in s to get there.
    """

    duration: float
    shank: float = 0.0
    sway: float = math.radians(0.2)
    pace: float = 0.6
    rise: float = 0.0
    change: float = 1.2


@dataclass(frozen=True)
class Go:
    """Walk, climb or run in one manner for about ``duration`` s at ``speed`` times the usual; or make a ``turn``."""

    manner: Manner
    duration: float
    speed: float = 1.0
    turn: float = 0.0


Step = Rest | Go


@dataclass
class VariedPlanner:
    """Plans one person's motion.

    Attributes:
        rng: random generator for the variation.
        first: how the person walks when the scenario begins; gives the foot's size.
    """

    rng: np.random.Generator
    first: Manner
    _leg: LegMotion = field(init=False)
    _drift: FloatArray = field(init=False)
    _stands: bool = field(init=False, default=True)

    def __post_init__(self) -> None:
        self._leg = LegMotion(self.first.user)
        self._drift = np.zeros(4)  # deviations that persist: time, size, length, ankle

    def motion(self, steps: Sequence[Step]) -> Iterator[MotionPiece]:
        """Yield the motion, one stride or one rest at a time."""
        for index, step in enumerate(steps):
            if isinstance(step, Rest):
                yield self._rest(step)
                self._stands = True
            else:
                stops = index + 1 < len(steps) and isinstance(steps[index + 1], Rest)
                yield from self._go(step, stops)

    def _go(self, go: Go, stops: bool) -> Iterator[MotionPiece]:
        if go.turn:
            count = max(1, round(abs(go.turn) / (TURN_PER_STRIDE * self.rng.uniform(0.5, 1.2))))
            for share in self.rng.dirichlet(np.full(count, 8.0)):
                yield self._stride(go, go.speed, go.turn * float(share))
            return
        left = go.duration
        pace = 1.0
        while left > 0:
            if self._stands:  # the first stride from standing is slower
                pace = float(self.rng.uniform(0.55, 0.8))
            elif stops and left < 1.5 * go.manner.user.stride_time:
                pace = float(self.rng.uniform(0.5, 0.8))
            else:
                pace = min(1.0, pace + float(self.rng.uniform(0.2, 0.5)))
            piece = self._stride(go, go.speed * pace)
            self._stands = False
            left -= len(piece.label) / RATE
            yield piece

    def _stride(self, go: Go, speed: float, turn: float = 0.0) -> MotionPiece:
        self._leg.user = go.manner.user
        stride = self._planned(go.manner, speed)
        if turn:
            sharp = min(abs(turn) / TURN_PER_STRIDE, 1.5) * self.rng.uniform(0.5, 1.2)
            stride = replace(
                stride,
                label=Label.TURN,
                turn=turn,
                length=stride.length * (1 - 0.5 * sharp),
                size=stride.size * (1 - 0.45 * sharp),
                shank_gain=(stride.shank_gain or 1.0) * (1 - 0.4 * sharp),
            )
        piece = self._leg.stride(stride)
        return replace(piece, impact=piece.impact * go.manner.impact)

    def _planned(self, manner: Manner, speed: float) -> Stride:
        """Return the next stride at ``speed`` times the usual one, with random variation."""
        user, rng, vary = manner.user, self.rng, manner.user.variability
        # The persistent and the independent part of the variation, as in gait_planner.
        self._drift = 0.8 * self._drift + 0.6 * rng.normal(0.0, [0.35 * vary, 0.7 * vary, 0.7 * vary, 1.0])
        once = rng.normal(0.0, [0.7 * vary, 0.7 * vary, 0.7 * vary, 0.5])
        time, size, length = np.exp((self._drift + once)[:3])
        size *= speed**0.3
        period = user.stride_time * time / math.sqrt(speed)
        flat, heel_off, toe_off = np.array([user.flat, user.heel_off, user.toe_off]) + rng.normal(0.0, 0.3 * vary, 3)
        flat = max(flat, 0.02)
        scatter = rng.normal(0.0, 1.0, (4, 2)) * 0.33 * vary / np.array([[1.0], [1.2], [2.0], [3.0]])
        usual_length = manner.length if manner.length is not None else user.stride_length * math.sqrt(speed)
        return Stride(
            label=manner.label,
            rest=period * max(heel_off - flat, 0.02),
            rocker=period * max(toe_off - heel_off, 0.04),
            swing=period * (1 - toe_off),
            loading=period * flat,
            length=usual_length * float(length),
            rise=manner.rise * (1.0 if manner.length is not None else math.sqrt(speed)),
            turn=float(rng.normal(0.0, math.radians(2.0))),
            ground=manner.ground + float(rng.normal(0.0, manner.unevenness)),
            size=float(size),
            landing=manner.landing + float(rng.normal(0.0, manner.landing_spread)),
            lift_off=manner.lift_off,
            set_down=manner.set_down,
            roll=manner.roll,
            rounding=manner.rounding * period,
            clearance=manner.clearance + float(rng.uniform(-0.005, 0.01)),
            pattern=manner.pattern,
            shank_gain=manner.shank_gain * float(size * rng.lognormal(0.0, 0.6 * vary)),
            ankle_limit=manner.ankle_limit,
            ankle_shape=tuple((float(a), float(b)) for a, b in scatter),
            ankle_shift=manner.shank_shift + math.radians(0.8 * (self._drift[3] + once[3])) * vary / 0.05,
        )

    def _rest(self, rest: Rest) -> MotionPiece:
        """Return a rest on flat feet; a foot that does not lie level is put down first."""
        n = max(round(rest.duration * RATE), 2)
        angle = rest.shank + _sway(self.rng, n, rest.sway, rest.pace)
        if rest.rise:
            along = np.minimum(np.arange(n) / RATE / rest.change, 1.0)
            angle += rest.rise * np.sin(np.pi * along) ** 2
        label = Label.SIT if abs(rest.shank) > math.radians(8.0) else Label.STAND
        return self._leg.rest(angle, label)


def _sway(rng: np.random.Generator, n: int, size: float, pace: float) -> FloatArray:
    """Return smooth random sway (n,) in rad: white noise through two equal low-passes of time constant ``pace`` s."""
    # Made at 50 Hz and interpolated: the sway has nothing above a few Hz.
    step = RATE // 50
    noise = rng.normal(0.0, 1.0, n // step + 2 + 300)
    keep = math.exp(-1 / (50 * pace))
    slow = lfilter([1 - keep], [1.0, -keep], lfilter([1 - keep], [1.0, -keep], noise))[300:]
    # The variance of white noise after these two low-passes.
    gain = (1 - keep) ** 4 * (1 + keep**2) / (1 - keep**2) ** 3
    coarse = np.arange(len(slow)) * step
    sway: FloatArray = np.interp(np.arange(n), coarse, slow * size / math.sqrt(gain))
    sway -= sway[0]
    return sway
