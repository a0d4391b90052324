"""What a varied person does in a recording of each kind."""

from __future__ import annotations

import math

import numpy as np

from ankle_imu_driver.refusal import Refusal
from ankle_imu_driver.simulator.gait_manner import AILMENTS, level, running, slope, stairs
from ankle_imu_driver.simulator.varied_person import VariedPerson
from ankle_imu_driver.simulator.varied_planner import Go, Rest, Step

KINDS = (
    "level",
    "run",
    "stairs_up",
    "stairs_down",
    "slope_up",
    "slope_down",
    "stops",
    "stand",
    "sit",
    *AILMENTS,
    "mixed",
)
"""The kinds of recordings, by name."""


def check_kind(kind: str) -> None:
    """Check the name of a kind.

    Raises:
        Refusal: there is no such kind.
    """
    if kind not in KINDS:
        raise Refusal(f"activity must be one of {', '.join(KINDS)}, not {kind!r}")


def steps_of(kind: str, person: VariedPerson, rng: np.random.Generator, seconds: float) -> list[Step]:
    """Return what the person does for at least ``seconds`` s; it begins with 5 s of quiet standing.

    Raises:
        Refusal: there is no such kind.
    """
    check_kind(kind)
    steps: list[Step] = [Rest(5.0)]
    outing, done = _Outing(person, rng), 5.0
    while done < seconds:
        part = outing.part(kind)
        steps += part
        done += sum(s.duration if isinstance(s, Rest) or not s.turn else 2.0 for s in part)
    return steps


class _Outing:
    """What one person meets on the way, drawn part by part."""

    def __init__(self, person: VariedPerson, rng: np.random.Generator) -> None:
        incline = math.radians(rng.uniform(2.0, 12.0))
        self._rng = rng
        self._walk = level(person)
        self._manners = {
            "run": running(person, rng),
            "stairs_up": stairs(person, rng, up=True),
            "stairs_down": stairs(person, rng, up=False),
            "slope_up": slope(person, rng, incline),
            "slope_down": slope(person, rng, -incline),
        }
        self._side = float(rng.choice([-1.0, 1.0]))
        self._straight = float(rng.uniform(6.0, 60.0))  # s between turns: a corridor or a park

    def part(self, kind: str) -> list[Step]:
        """Return the next seconds of a recording of a kind."""
        rng, walk = self._rng, self._walk
        if kind == "mixed":
            kind = str(rng.choice([k for k in KINDS if k not in ("mixed", *AILMENTS)]))
        pace = float(np.exp(rng.normal(0.0, 0.1)))
        if kind in ("stairs_up", "stairs_down"):  # a flight, and some strides on the landing
            flight = Go(self._manners[kind], float(rng.uniform(5.0, 25.0)), pace)
            return [flight, Go(walk, float(rng.uniform(1.0, 6.0)), 0.9), *self._perhaps(0.6, self._turn())]
        if kind in self._manners:
            some = Go(self._manners[kind], float(rng.uniform(10.0, 30.0)), pace)
            between = Go(walk, float(rng.uniform(2.0, 8.0)))
            return [some, *self._perhaps(0.3, self._turn()), *self._perhaps(0.4, between)]
        if kind == "stops":
            return [Go(walk, float(rng.uniform(2.0, 8.0)), pace), _standing(rng, float(rng.uniform(0.7, 6.0)))]
        if kind == "stand":
            shuffle = Go(walk, float(rng.uniform(1.0, 3.0)), 0.6)
            return [_standing(rng, float(rng.uniform(8.0, 30.0))), *self._perhaps(0.5, shuffle)]
        if kind == "sit":
            return _sitting(rng) + self._perhaps(0.6, Go(walk, float(rng.uniform(2.0, 8.0)), pace))
        stop = _standing(rng, float(rng.uniform(0.5, 4.0)))
        straight = self._straight * float(rng.uniform(0.7, 1.3))
        return [Go(walk, straight, pace), self._turn(), *self._perhaps(0.1, stop)]

    def _turn(self) -> Step:
        return Go(self._walk, 0.0, 0.9, self._side * float(self._rng.choice([0.5, 1.0, 1.0, -0.5])) * math.pi)

    def _perhaps(self, chance: float, step: Step) -> list[Step]:
        return [step] if self._rng.random() < chance else []


def _standing(rng: np.random.Generator, duration: float) -> Rest:
    """Stand quietly, or shift the weight: 0.1 to 0.4 deg (Winter 1995, Gait & Posture 3:193-214), or up to 3 deg."""
    sway = rng.uniform(0.1, 0.5) if rng.random() < 0.5 else rng.uniform(0.5, 3.0)
    return Rest(duration, math.radians(rng.normal(0.0, 1.5)), math.radians(sway), float(rng.uniform(0.25, 1.0)))


def _sitting(rng: np.random.Generator) -> list[Step]:
    """Sit down, sit, and stand up: the shank leans forward by 10 to 25 deg on the way (Schenkman et al. 1990)."""
    seat, rise = math.radians(rng.uniform(-25.0, 12.0)), math.radians(rng.uniform(8.0, 22.0))
    change = float(rng.uniform(1.2, 2.6))
    quiet = math.radians(rng.uniform(0.05, 0.8))
    return [
        Rest(change + float(rng.uniform(2.0, 12.0)), seat, quiet, 0.8, 0.6 * rise, change),
        Rest(change + float(rng.uniform(1.0, 8.0)), 0.0, math.radians(rng.uniform(0.1, 0.6)), 0.6, rise, change),
    ]
