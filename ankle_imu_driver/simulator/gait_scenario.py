"""The activities of a simulated person, and an endless indoor walk made of them."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum

import numpy as np


class Label(IntEnum):
    """The activity during a simulated sample."""

    STAND = 0
    SWAY = 1
    SIT = 2
    WALK = 3
    TURN = 4
    SLOPE = 5
    STAIRS = 6
    SHUFFLE = 7
    RUN = 8


@dataclass(frozen=True)
class Stand:
    """Stand still and upright for ``duration`` s, with the postural sway of a healthy person (about 0.2 deg)."""

    duration: float


@dataclass(frozen=True)
class Sway:
    """Stand with flat feet and sway about the ankle for ``duration`` s, by ``amplitude`` rad at ``frequency`` Hz."""

    duration: float
    amplitude: float = math.radians(4.0)
    frequency: float = 0.4


@dataclass(frozen=True)
class Sit:
    """Sit down, and sit for ``duration`` s with flat feet and the shank pitched by ``shank`` rad (forward positive)."""

    duration: float
    shank: float = math.radians(-25.0)


@dataclass(frozen=True)
class Walk:
    """Walk on level ground for about ``duration`` s, at ``speed`` times the user's own speed."""

    duration: float
    speed: float = 1.0

    def __post_init__(self) -> None:
        """Check the speed.

        Raises:
            ValueError: the speed is not positive.
        """
        if not self.speed > 0:
            raise ValueError(f"walking needs a speed above 0, not {self.speed}; to stop, use Stand")


@dataclass(frozen=True)
class Turn:
    """Turn by ``angle`` rad (left positive) while walking on level ground, in as few strides as is comfortable."""

    angle: float = math.pi


@dataclass(frozen=True)
class Slope:
    """Walk on a slope of ``incline`` rad (uphill positive) for about ``duration`` s; the foot follows the slope."""

    duration: float
    incline: float = math.radians(5.0)


@dataclass(frozen=True)
class Stairs:
    """Climb or descend stairs for about ``duration`` s.

    The resting foot has a random pitch with a standard deviation of ``unevenness`` rad, because heels may hang over the
    edge of a stair.
    """

    duration: float
    up: bool = True
    unevenness: float = math.radians(4.0)


@dataclass(frozen=True)
class Shuffle:
    """Shuffle for about ``duration`` s with the feet resting at ``pitch`` rad (toes down positive), never flat."""

    duration: float
    pitch: float = math.radians(8.0)


Activity = Stand | Sway | Sit | Walk | Turn | Slope | Stairs | Shuffle


def indoor_walk(seed: int) -> Iterator[Activity]:
    """Yield an endless walk as in the recordings: 5 s of standing, then about 8 m up and down with half turns.

    The speed varies from length to length, and sometimes the person stops.
    """
    rng = np.random.default_rng([seed, 0x1D])
    side = float(rng.choice([-1.0, 1.0]))
    yield Stand(5.0)
    while True:
        yield Walk(float(rng.uniform(8.0, 13.0)), float(rng.uniform(0.88, 1.12)))
        yield Turn(math.pi * (side if rng.random() < 0.8 else -side))
        if rng.random() < 0.1:
            yield Stand(float(rng.uniform(0.5, 3.0)))
