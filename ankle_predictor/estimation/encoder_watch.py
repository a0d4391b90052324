"""Judges whether an encoder can be believed, from past samples only.

Two things are compared. The gyros tell the joint's rate almost exactly, so the encoder must move as they say: this
shows a frozen, reversed, wrongly scaled, late, noisy or foreign encoder within fractions of a stride. And both angles
are zero in the standing pose of the calibration, so the encoder must stay near the IMUs' own angle: this shows a jump,
a brace that slips and a wrong zero, but only if they are larger than the IMUs' own error.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from typing import NamedTuple

from ankle_predictor.estimation.filter_config import TIME_RESOLUTION

DEGREE = math.radians(1.0)
BACK = 0.75  # share of the limit of a slip that an encoder which was suspect must keep to
LONGEST_SPAN = 5.0  # spans over which a change is still compared: a slow encoder has few readings
GAIN_SETTLED = 0.9  # s of changes before the gain says anything
OFFSET_SETTLED = 0.8  # s of readings before their mean difference says anything


@dataclass(frozen=True)
class EncoderLimits:
    """What an encoder that can be believed keeps to. In brackets: the most that the five recorded walks show.

    Attributes:
        max_angle: rad, no ankle goes beyond.
        span: s over which the change of the encoder is compared with that of the gyros' integral.
        motion_memory: s, time constant of the mean square of the difference between the two changes.
        motion_share: largest root mean square of that difference as a share of the motion (0.35).
        motion_floor: rad, what is allowed in addition (1.4 deg).
        gain_memory: s, time constant of the gain, by how many times the encoder moves as far as the gyros say.
        least_gain, largest_gain: limits of that gain while the joint moves (0.96 to 1.13).
        frozen_turn: rad that the joint turns under an unchanged encoder before it counts as frozen (3.2 deg).
        offset_memory: s, time constant of the mean difference between encoder and IMUs.
        offset: rad, largest mean difference (2.3 deg without LOG7, whose brace slips).
        slip: rad, largest change of the mean difference beyond what the IMUs' own drift explains (1.8 deg).
        drift: rad/s, fastest lasting drift of the IMUs' own angle (0.055 deg/s).
        prove: s of good behaviour before a new encoder, or one that was suspect, is believed.
        turning: rad, root mean square change over ``span`` from which on the joint moves: only then there is a gain,
            and only then an encoder that was suspect can prove itself.
    """

    max_angle: float = 60.0 * DEGREE
    span: float = 0.05
    motion_memory: float = 0.4
    motion_share: float = 0.4
    motion_floor: float = 1.5 * DEGREE
    gain_memory: float = 1.5
    least_gain: float = 0.87
    largest_gain: float = 1.18
    frozen_turn: float = 3.5 * DEGREE
    offset_memory: float = 3.0
    offset: float = 3.5 * DEGREE
    slip: float = 2.1 * DEGREE
    drift: float = 0.07 * DEGREE
    prove: float = 1.0
    turning: float = 1.0 * DEGREE


class Reading(NamedTuple):
    """An encoder sample beside what the IMUs said at its time.

    Attributes:
        stamp: s, its delay taken off.
        angle: rad, of the encoder.
        turned: rad, the gyros' integral.
        above: rad by which the encoder lies above the IMUs' own angle.
    """

    stamp: float
    angle: float
    turned: float
    above: float

    @property
    def level(self) -> float:
        """The encoder less the gyros' integral in rad: nearly constant while both tell the truth."""
        return self.angle - self.turned


class EncoderWatch:
    """Judges each reading.

    Attributes:
        believed: whether the encoder may be used.
        reason: why it contradicts the IMUs, one clause; empty if it does not.
        offset: rad, what was learned of the person's offset, encoder above IMUs.
    """

    def __init__(self, limits: EncoderLimits) -> None:
        self._limits = limits
        self.offset = 0.0
        self.restart()

    def restart(self, kept: float = 1.0) -> None:
        """Expect a new encoder, or one that was away; ``kept`` is the share of the learned offset that stays."""
        self.offset *= kept
        self._difference = 0.0  # rad^2, mean square of what the two changes differ by
        self._turn = 0.0  # rad^2, mean square of the gyros' change
        self._forget()
        self.believed = False
        self.reason = ""
        self.interrupt()

    def _forget(self) -> None:
        """Judge gain and mean difference by readings from now on."""
        self._compared = 0.0  # s of changes behind the gain
        self._long_turn = self._both = 0.0  # rad^2, the same and the mean product of both changes, over the gain's time
        self._mean = math.nan  # rad, of ``above``
        self._seen = 0.0  # s of readings behind the mean

    def interrupt(self) -> None:
        """Compare no change with readings from before now: the gyros' integral has a gap."""
        self._recent: deque[Reading] = deque()
        self._unchanged: Reading | None = None
        self._good_since = math.nan

    @property
    def newest(self) -> float:
        """Stamp of the newest reading in s, -inf before the first."""
        return self._recent[-1].stamp if self._recent else -math.inf

    @property
    def slipped(self) -> float:
        """Change of the mean difference beyond what the IMUs' own drift explains, in rad."""
        return 0.0 if math.isnan(self._mean) else self._mean - self.offset

    def push(self, reading: Reading) -> None:
        """Judge the next reading; its stamp must be later than the last one's."""
        limits, recent = self._limits, self._recent
        dt = reading.stamp - recent[-1].stamp if recent else 0.0
        recent.append(reading)
        while len(recent) > 2 and recent[1].stamp <= reading.stamp - limits.span + TIME_RESOLUTION:
            recent.popleft()
        self._compare_motion(dt)
        self._compare_offset(reading.above, dt)
        reason = self._frozen_reason(reading) or self._motion_reason() or self._offset_reason()
        if reason:
            self.suspect(reason)
            return
        if math.isnan(self._good_since):
            self._good_since = reading.stamp
        if self.believed:
            limit = limits.drift * dt
            self.offset += min(max(self.slipped, -limit), limit)
        elif self._has_proved(reading.stamp):
            self.believed, self.reason = True, ""

    def suspect(self, reason: str) -> None:
        """Believe the encoder no more, until it has proved itself again with readings from now on."""
        self.reason, self.believed, self._good_since = reason, False, math.nan
        self._forget()

    def _has_proved(self, stamp: float) -> bool:
        limits = self._limits
        if stamp - self._good_since < limits.prove:
            return False
        was_suspect = bool(self.reason)
        return not was_suspect or (self._turn >= limits.turning**2 and abs(self.slipped) <= BACK * limits.slip)

    def _compare_motion(self, dt: float) -> None:
        first, last = self._recent[0], self._recent[-1]
        if not 0.0 < last.stamp - first.stamp <= LONGEST_SPAN * self._limits.span:
            return
        turn = last.turned - first.turned
        change = last.angle - first.angle
        self._compared += dt
        weight = 1.0 - math.exp(-dt / self._limits.motion_memory)
        self._difference += weight * ((change - turn) ** 2 - self._difference)
        self._turn += weight * (turn * turn - self._turn)
        weight = 1.0 - math.exp(-dt / self._limits.gain_memory)
        self._long_turn += weight * (turn * turn - self._long_turn)
        self._both += weight * (change * turn - self._both)

    def _compare_offset(self, above: float, dt: float) -> None:
        self._seen += dt
        if math.isnan(self._mean):
            self._mean = above
        elif dt > 0.0:  # the mean of all readings at first, then of the last ones
            self._mean += dt / min(self._limits.offset_memory, self._seen) * (above - self._mean)

    def _frozen_reason(self, reading: Reading) -> str:
        if self._unchanged is None or reading.angle != self._unchanged.angle:
            self._unchanged = reading
        turned = abs(reading.turned - self._unchanged.turned)
        if turned <= self._limits.frozen_turn:
            return ""
        return f"it did not change while the joint turned by {math.degrees(turned):.1f} deg"

    def _motion_reason(self) -> str:
        limits = self._limits
        if self._difference > limits.motion_floor**2 + limits.motion_share**2 * self._turn:
            apart, within = math.degrees(math.sqrt(self._difference)), 1e3 * limits.span
            return f"it does not move as the gyros say: {apart:.1f} deg apart within {within:.0f} ms"
        if self._long_turn < limits.turning**2 or self._compared < GAIN_SETTLED:
            return ""
        gain = self._both / self._long_turn
        if limits.least_gain <= gain <= limits.largest_gain:
            return ""
        return f"it moves {gain:.2f} times as far as the gyros say"

    def _offset_reason(self) -> str:
        limits = self._limits
        if self._seen < OFFSET_SETTLED:
            return ""
        if abs(self._mean) > limits.offset:
            return f"it lies {math.degrees(self._mean):+.1f} deg off the IMUs' angle"
        if abs(self.slipped) > limits.slip:
            return f"it moved by {math.degrees(self.slipped):+.1f} deg against the IMUs' angle"
        return ""
