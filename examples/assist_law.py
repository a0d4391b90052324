"""The control law of the example: how much torque a forecast is worth now. No ROS in here.

The torque pulls the ankle towards where the wearer is about to move it, as a spring would:

    torque = confidence * freshness * stiffness * (forecast at now + lead - forecast at now)

``confidence`` falls with the width of the forecast's 90 % interval, ``freshness`` with the time since the last good
forecast. Both are 1 at best and 0 at worst, so the law can only give less than a spring, and nothing when in doubt.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

LONGEST_STEP = 0.02  # s between two torques for which it may rise


@dataclass(frozen=True)
class AssistConfig:
    """What the wearer, the device and the mechanic agree on. The defaults are weak on purpose.

    Attributes:
        stiffness: N m/rad of the spring.
        lead: s by which the actuator answers late: it is told what will be needed by then.
        narrow: rad; an interval whose half is no wider than this is trusted whole.
        wide: rad; one whose half is this wide or wider is not trusted at all.
        hold: s since the last good forecast up to which it is followed.
        gone: s since then from which there is no torque; it fades in between.
        max_age: s from a forecast's sample to its reception; what is older is dropped.
        max_torque: N m either way.
        max_slew: N m/s by which the torque may rise; it may fall as fast as it must.
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
        """Refuse what makes no law.

        Raises:
            ValueError: a value is no positive number, or a range is empty.
        """
        for name, value in vars(self).items():
            if not (math.isfinite(value) and value > 0.0):
                raise ValueError(f"{name} must be a positive number, not {value}")
        for low, high in (("narrow", "wide"), ("hold", "gone")):
            if not getattr(self, low) < getattr(self, high):
                raise ValueError(f"{low} must be less than {high}, not {getattr(self, low)} and {getattr(self, high)}")


@dataclass(frozen=True)
class Curve:
    """One forecast.

    Attributes:
        current: rad, the ankle angle at the stamp.
        angle: rad, point k is due (k+1) periods after the stamp.
        lower: rad, lower end of the 90 % interval.
        upper: rad, upper end.
        period: s between two points.
        age: s from the stamp to the reception.
        unfamiliar: whether the sender says that this is unlike the gait that its model was trained on.
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
        """Whether there is a forecast at all, of a gait that the model knows, and all of it is numbers."""
        sizes = {len(self.angle), len(self.lower), len(self.upper)}
        values = (self.current, self.period, self.age, *self.angle, *self.lower, *self.upper)
        complete = len(sizes) == 1 and sizes != {0} and self.period > 0.0
        return complete and not self.unfamiliar and all(map(math.isfinite, values))

    def at(self, time: float) -> tuple[float, float]:
        """Return the angle and half the interval's width, both in rad, ``time`` s after the stamp.

        Between points along a line, from the angle at the stamp on; beyond the last point that point.
        """
        ends = zip(self.lower, self.upper, strict=True)
        angles, widths = [self.current, *self.angle], [0.0, *((high - low) / 2.0 for low, high in ends)]
        place = min(max(time / self.period, 0.0), len(self.angle))
        k = min(int(place), len(self.angle) - 1)
        share = place - k
        return (
            angles[k] + share * (angles[k + 1] - angles[k]),
            widths[k] + share * (widths[k + 1] - widths[k]),
        )


class AssistLaw:
    """Keeps the last good forecast and says what torque it is worth. Times are s on the caller's monotonic clock.

    Attributes:
        dropped: how many forecasts were late, empty or broken.
    """

    def __init__(self, config: AssistConfig) -> None:
        self._config = config
        self._curve: Curve | None = None
        self._received = -math.inf
        self._torque = 0.0
        self._asked: float | None = None
        self.dropped = 0

    def receive(self, curve: Curve, now: float) -> bool:
        """Take a forecast that came in now; return whether it is followed.

        One that is late, withheld (empty) or broken is as good as none: the one before is followed until it is too old.
        """
        # A stamp in the future comes from a clock that is not ours. It is as wrong as one from the past.
        if not curve.usable or abs(curve.age) > self._config.max_age:
            self.dropped += 1
            return False
        self._curve, self._received = curve, now
        return True

    def torque(self, now: float) -> float:
        """Return the torque in N m, positive as the angles are; to be asked at the controller's own rate."""
        config = self._config
        wanted = self._wanted(now)
        # After a hiccup of the caller's it does not make up for the time that it missed.
        elapsed = 0.0 if self._asked is None else max(0.0, min(now - self._asked, LONGEST_STEP))
        held = abs(self._torque) if self._torque * wanted > 0.0 else 0.0  # to the other side it goes through zero
        most = held + config.max_slew * elapsed
        self._torque, self._asked = max(-most, min(most, wanted)), now
        return self._torque

    def freshness(self, now: float) -> float:
        """Return 1 while forecasts come, 0 once they are gone, and less and less in between."""
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


def _falling(value: float, whole: float, none: float) -> float:
    """Return 1 up to ``whole``, 0 from ``none`` on, and a line between."""
    return min(1.0, max(0.0, (none - value) / (none - whole)))
