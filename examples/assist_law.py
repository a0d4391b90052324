"""The control law of the example: the assist torque that follows from a forecast. It does not use ROS.

The torque pulls the ankle like a spring towards the angle that the wearer is about to reach:

    torque = confidence * freshness * stiffness * (forecast at now + lead - forecast at now)

``confidence`` falls with the width of the forecast's 90 % interval, ``freshness`` with the time since the last good
forecast. Both lie between 0 and 1, so the torque is never larger than the spring's, and it is zero when in doubt.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Sequence
from dataclasses import dataclass

LONGEST_STEP = 0.02  # s between two calls that count for the rise of the torque


class SettingsError(ValueError):
    """Settings that make no control law; the message says which one is wrong."""


@dataclass(frozen=True)
class AssistConfig:
    """Settings for one wearer and one device. The defaults are weak on purpose.

    Attributes:
        stiffness: of the spring, in N m/rad.
        lead: delay of the actuator in s; the torque is computed for that much later.
        narrow: rad; full confidence if half the interval's width is at most this.
        wide: rad; no confidence if half the interval's width is at least this.
        hold: s; a forecast is followed fully up to this time after its reception.
        gone: s; no torque from this time after the reception on, fading in between.
        max_age: s from a forecast's sample to its reception; older forecasts are dropped.
        max_torque: N m, in both directions.
        max_slew: N m/s, limit for a rising torque; a falling torque has no limit.
    """

    stiffness: float = 10.0
    lead: float = 0.05
    narrow: float = math.radians(4.0)
    wide: float = math.radians(15.0)
    hold: float = 0.05
    gone: float = 0.2
    max_age: float = 0.05
    max_torque: float = 5.0
    max_slew: float = 100.0

    def __post_init__(self) -> None:
        """Check the settings.

        Raises:
            SettingsError: a value is not a positive number, or a range is empty.
        """
        for name, value in vars(self).items():
            if not (math.isfinite(value) and value > 0.0):
                raise SettingsError(f"{name} must be a positive number, not {value}")
        for low, high in (("narrow", "wide"), ("hold", "gone")):
            if not getattr(self, low) < getattr(self, high):
                raise SettingsError(
                    f"{low} must be less than {high}, not {getattr(self, low)} and {getattr(self, high)}"
                )


@dataclass(frozen=True)
class Curve:
    """One forecast.

    Attributes:
        current: rad, ankle angle at the stamp.
        angle: rad, point k is due (k+1) periods after the stamp.
        lower: rad, lower end of the 90 % interval.
        upper: rad, upper end.
        period: s between two points.
        age: s from the stamp to the reception.
        unfamiliar: whether the movement is unlike the gait that the model was trained on, as the sender reports.
    """

    current: float
    angle: Sequence[float]
    lower: Sequence[float]
    upper: Sequence[float]
    period: float
    age: float
    unfamiliar: bool = False

    @property
    def usable(self) -> bool:
        """Whether the forecast is complete, finite, and of a gait that the model knows.

        An interval whose lower end is not below its upper end says nothing: its width would be taken for certainty.
        """
        sizes = {len(self.angle), len(self.lower), len(self.upper)}
        values = (self.current, self.period, self.age, *self.angle, *self.lower, *self.upper)
        complete = len(sizes) == 1 and sizes != {0} and self.period > 0.0
        finite = all(map(math.isfinite, values))
        return complete and finite and not self.unfamiliar and all(map(operator.lt, self.lower, self.upper))

    def at(self, time: float) -> tuple[float, float]:
        """Return the angle and half the interval's width, both in rad, ``time`` s after the stamp.

        Points are interpolated linearly, starting with the angle at the stamp; after the last point its value is held.
        """
        ends = zip(self.lower, self.upper, strict=True)
        angles, widths = [self.current, *self.angle], [0.0, *((high - low) / 2.0 for low, high in ends)]
        position = min(max(time / self.period, 0.0), len(self.angle))
        k = min(int(position), len(self.angle) - 1)
        share = position - k
        return (
            angles[k] + share * (angles[k + 1] - angles[k]),
            widths[k] + share * (widths[k + 1] - widths[k]),
        )


class AssistLaw:
    """Keeps the last good forecast and computes the torque. Times are s on the caller's monotonic clock.

    Attributes:
        dropped: number of forecasts that were late, empty or not usable.
    """

    def __init__(self, config: AssistConfig) -> None:
        self._config = config
        self._curve: Curve | None = None
        self._received = -math.inf
        self._torque = 0.0
        self._last_call: float | None = None
        self.dropped = 0

    def receive(self, curve: Curve, now: float) -> bool:
        """Process a forecast that was received now; return whether it is used.

        A late, withheld (empty) or unusable forecast is dropped; the one before is followed until it is too old.
        """
        # A stamp in the future means that the sender's clock differs from ours, which is as wrong as an old stamp.
        if not curve.usable or abs(curve.age) > self._config.max_age:
            self.dropped += 1
            return False
        self._curve, self._received = curve, now
        return True

    def torque(self, now: float) -> float:
        """Return the torque in N m, with the sign of the angles; called at the controller's own rate."""
        config = self._config
        wanted = self._wanted(now)
        # After a pause of the caller the torque does not rise for all of the missed time.
        elapsed = 0.0 if self._last_call is None else max(0.0, min(now - self._last_call, LONGEST_STEP))
        held = abs(self._torque) if self._torque * wanted > 0.0 else 0.0  # a change of sign passes zero
        most = held + config.max_slew * elapsed
        self._torque, self._last_call = max(-most, min(most, wanted)), now
        return self._torque

    def freshness(self, now: float) -> float:
        """Return 1 while forecasts come, 0 after ``gone`` s without one, and falling in between."""
        config = self._config
        return _falling(now - self._received, config.hold, config.gone)

    def _wanted(self, now: float) -> float:
        curve, config = self._curve, self._config
        freshness = self.freshness(now)
        if curve is None or freshness == 0.0:
            return 0.0
        time = curve.age + now - self._received
        angle, half_width = curve.at(time + config.lead)
        torque = config.stiffness * (angle - curve.at(time)[0]) * freshness
        torque *= _falling(half_width, config.narrow, config.wide)
        return max(-config.max_torque, min(config.max_torque, torque))


def _falling(value: float, start: float, end: float) -> float:
    """Return 1 up to ``start``, 0 from ``end`` on, and a straight line between."""
    return min(1.0, max(0.0, (end - value) / (end - start)))
