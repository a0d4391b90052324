"""Compares each stride with the strides before it: a leg that walks on as before cannot turn or lean otherwise.

A gyro of another scale turns more, or less, while the other sensor turns as before and the stride lasts as long. A gyro
with an offset turns on and on, and an accelerometer with an offset, or a strap that slips, leans otherwise, while both
sensors turn as before. In 2074 strides of 52 public recordings (level walking, stairs, running, starts and stops,
elderly people) none of these limits is reached.

Whatever a leg does, its shank and foot turn in proportion: the ratio was 0.61 to 1.33 in 99 % of the strides.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from ankle_imu_driver.arrays import Vector
from ankle_imu_driver.conventions import SENSORS
from ankle_predictor.estimation.stride_evidence import StrideEvidence
from ankle_predictor.estimation.turn_check import direction

KEPT, FEWEST = 6, 2  # strides that are compared with
FORGOTTEN = 12  # strides that differ from the ones before, after which they count as the usual ones
SAME_TIME = 0.1  # change of the logarithm of a stride's duration, within which the leg walks as before
OTHER_SCALE, OTHER_SAME = 0.5, 0.2  # change of the logarithm of what one sensor turns, and most of the other one's
SAME_FOR_RATE = (0.08, 0.12)  # most of what both turn, where the rate of shank or foot is compared
OTHER_RATE = (0.36, 0.4)  # rad/s, change of the mean rate to the left
SAME_FOR_LEAN, ALIKE = 0.25, 0.12  # most of what both turn, and of the difference, where the lean is compared
OTHER_LEAN = math.radians(11.5)  # turn of the shank's mean specific force
DOUBTED = 0.6  # share of these limits that is enough where another watch doubts the stride before, or to go on
MOST = math.log(5.7)  # of what both sensors turn; 5.45 in 2074 strides, 2.7 of the shank and 3.4 of the foot is usual
RATIO = (0.55, 1.4)  # of what the shank turns to what the foot turns, median of ``KEPT``


@dataclass(frozen=True)
class Reading:
    """What the sensors read in a stride.

    Attributes:
        turns: logarithms of how much shank and foot turn back and forth.
        duration: logarithm of the stride's duration.
        force: mean specific force of the shank, of length 1.
        rates: rad/s, mean rates of shank and foot to the left.
    """

    turns: tuple[float, float]
    duration: float
    force: Vector
    rates: tuple[float, float]


@dataclass(frozen=True)
class Change:
    """How a stride differs from the strides before it.

    Attributes:
        stamp: s, end of the stride.
        duration: of its logarithm.
        turns: of the logarithms of how much shank and foot turn back and forth.
        rates: rad/s, of the mean rates of shank and foot to the left.
        lean: rad, between the shank's mean specific forces.
    """

    stamp: float
    duration: float
    turns: tuple[float, float]
    rates: tuple[float, float]
    lean: float

    @property
    def is_same_walk(self) -> bool:
        """Whether the stride lasts as long as before."""
        return abs(self.duration) <= SAME_TIME


class StrideWatch:
    """Watches one leg.

    Attributes:
        problem: one sentence; empty if the last stride is like the ones before.
        change: of the newest stride; None as long as there is nothing to compare it with.
        note: one sentence on what has been odd from the start, or empty.
    """

    def __init__(self) -> None:
        self.problem = self.note = ""
        self.change: Change | None = None
        self._usual: deque[Reading] = deque(maxlen=KEPT)
        self._other: deque[Reading] = deque(maxlen=FORGOTTEN)
        self._ratios: deque[float] = deque(maxlen=KEPT)

    def push(self, stride: StrideEvidence, headings: tuple[float, float], is_doubted: bool = False) -> None:
        """Process a stride.

        Args:
            stride: the newest one.
            headings: of shank and foot in rad.
            is_doubted: whether something else speaks against the stride before it.
        """
        reading = _reading_of(stride, headings)
        if reading is None:
            return
        self._ratios.append(math.exp(reading.turns[0] - reading.turns[1]))
        self.note = _judge_ratio(median(self._ratios)) if len(self._ratios) == KEPT else ""
        share = DOUBTED if is_doubted or self.problem else 1.0
        self.change = _change(stride.stamp, reading, self._usual) if len(self._usual) >= FEWEST else None
        if min(reading.turns) > MOST:  # however often: no leg comes to walk so
            self.problem = (
                "shank and foot turn more in a stride than legs can: check that both gyros have the range that their "
                "driver assumes, and that rates are in rad/s"
            )
            return
        self.problem = "" if self.change is None else _judge(self.change, share)
        if self.problem:
            self._other.append(reading)
            if len(self._other) < FORGOTTEN:
                return
            self._usual.extend(self._other)
            self.problem = ""
        else:
            self._usual.append(reading)
        self._other.clear()


def _reading_of(stride: StrideEvidence, headings: tuple[float, float]) -> Reading | None:
    powers = [(xx + yy) * stride.duration for xx, _, yy in (stride.shank_spread, stride.foot_turn)]
    if min(powers) <= 0.0:
        return None
    shank, foot = (0.5 * math.log(power) for power in powers)
    rates = [
        math.cos(heading) * rate[1] - math.sin(heading) * rate[0]
        for heading, rate in zip(headings, (stride.shank_rate, stride.foot_rate), strict=True)
    ]
    return Reading((shank, foot), math.log(stride.duration), direction(stride.shank_force), (rates[0], rates[1]))


def _change(stamp: float, now: Reading, usual: Sequence[Reading]) -> Change:
    usually = _mean_force(usual)
    return Change(
        stamp,
        now.duration - median(r.duration for r in usual),
        (now.turns[0] - median(r.turns[0] for r in usual), now.turns[1] - median(r.turns[1] for r in usual)),
        (now.rates[0] - median(r.rates[0] for r in usual), now.rates[1] - median(r.rates[1] for r in usual)),
        math.acos(max(-1.0, min(1.0, sum(a * b for a, b in zip(now.force, usually, strict=True))))),
    )


def _judge(change: Change, share: float) -> str:
    """Return what is wrong, one sentence or nothing; a change beyond ``share`` of the limits is."""
    if not change.is_same_walk:
        return ""
    turns, lean = change.turns, change.lean
    for k, name in enumerate(SENSORS):
        if abs(turns[k]) > share * OTHER_SCALE and abs(turns[1 - k]) < OTHER_SAME:
            return (
                f"the {name}'s gyro suddenly turns {math.exp(turns[k]):.1f} times as much as in the strides before, "
                "while the leg walks as before: its range has changed, or an axis is dead; restart the sensor"
            )
        if abs(change.rates[k]) > share * OTHER_RATE[k] and max(map(abs, turns)) < SAME_FOR_RATE[k]:
            return (
                f"the {name}'s gyro suddenly reads {abs(change.rates[k]):.2f} rad/s more or less than in the strides "
                "before, while the leg walks as before: restart the sensor, stand still and calibrate again"
            )
    if lean > share * OTHER_LEAN and max(map(abs, turns)) < SAME_FOR_LEAN and abs(turns[0] - turns[1]) < ALIKE:
        return (
            f"the shank's accelerometer suddenly leans {math.degrees(lean):.0f} degrees otherwise than in the strides "
            "before, while the leg walks as before: its strap has slipped, or it has an offset; tighten the strap, "
            "stand still and calibrate again, and see accel_offset (docs/calibration.md)"
        )
    return ""


def _mean_force(readings: Sequence[Reading]) -> Vector:
    x, y, z = (sum(reading.force[k] for reading in readings) for k in range(3))
    return direction((x, y, z))


def _judge_ratio(ratio: float) -> str:
    if RATIO[0] <= ratio <= RATIO[1]:
        return ""
    return (
        f"the shank turns {ratio:.2f} times as much as the foot, legs turn 0.6 to 1.3 times as much: check that both "
        "gyros have the range that their driver assumes, and where the sensors sit"
    )
