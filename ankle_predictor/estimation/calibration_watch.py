"""Watches the values of a calibration that was given against the first standing and the first strides.

A file may be of another day, another strap or another person. Until something confirms it, nothing is forecast from it.
Whoever stands as the file says has confirmed it. Who walks does, too: the foot rests flat on the ground in each stride,
shank and ankle are on average not far from where they are in standing, and no gyro turns for ever. The limits of three
strides are beyond what any three gave in 24 recordings of level walking, stairs and running.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from ankle_imu_driver.calibration import Calibration
from ankle_imu_driver.conventions import SENSORS
from ankle_predictor.estimation.filter_config import TIME_RESOLUTION
from ankle_predictor.estimation.quiet_check import QuietCheck, ankle_of
from ankle_predictor.estimation.samples import PairSample, RawPair
from ankle_predictor.estimation.stride_evidence import StrideEvidence
from ankle_predictor.estimation.turn_check import TurnCheck, tilt_of

STILL_TIME = 1.0  # s
STILL_RATE = 0.1  # rad/s, largest change of the rate
STILL_FORCE = 0.5  # m/s^2, largest change of the specific force
LARGEST_BIAS = 0.1  # rad/s, what an MPU6050 drifts by over 25 degrees of temperature (PS-MPU-6000A-00, section 6.1)
POSTURE = math.radians(15.0)  # of gravity at rest to the calibration's
SAME = math.radians(10.0)  # a standing that is as near confirms it
STANDING_ANKLE = math.radians(10.0)  # a standing ankle is within it of neutral
LARGEST_GAP, LONGEST_GAP = 0.1, 1.0  # s; who stands may lose samples for as long as the second one
LONGEST = 800  # pairs, of three strides
REMEDY = "stand still and upright and call calibrate, or leave calibration_file empty and stand for two seconds"
UNCONFIRMED = (
    "the calibration that was given is not confirmed yet: stand still and upright for a second, or walk three steps "
    "straight ahead"
)


@dataclass(frozen=True)
class Limits:
    """What strides must keep to confirm a calibration.

    Attributes:
        lean: rad, of the shank, forward; least and most.
        roll: rad, of the shank, sideways.
        flat: rad, tilt of the foot when it comes to rest, median.
        ankle: rad, mean angle.
        biases: rad/s, what the gyros of shank and foot read too much.
    """

    lean: tuple[float, float]
    roll: float
    flat: float
    ankle: float
    biases: tuple[float, float]


def _limits(lean: tuple[float, float], roll: float, flat: float, ankle: float, biases: tuple[float, float]) -> Limits:
    return Limits(
        (math.radians(lean[0]), math.radians(lean[1])),
        math.radians(roll),
        math.radians(flat),
        math.radians(ankle),
        biases,
    )


STRIDES = 3
CONFIRM = {
    1: _limits((0.0, 17.0), 11.0, 9.0, 8.0, (0.15, 0.12)),
    2: _limits((-2.0, 19.0), 12.0, 11.0, 10.0, (0.15, 0.12)),
    STRIDES: _limits((-8.0, 25.0), 17.0, 17.0, 17.0, (0.2, 0.13)),
}
"""Within these a calibration is confirmed, by the number of strides: few must be as most people's are."""
BEYOND = _limits((-8.0, 25.0), 17.0, 17.0, 17.0, (0.25, 0.25))
"""Beyond these three strides contradict it. In between more strides decide."""


class CalibrationWatch:
    """Watches one leg from the moment at which a calibration comes into use."""

    def __init__(self, calibration: Calibration | None) -> None:
        """Make a watch of a calibration that was given; None for one that was made by standing."""
        self._posture = self._strides = self._bias = ""
        self._is_confirmed = calibration is None
        self._turns = None if calibration is None else TurnCheck(calibration)
        self._zero = 0.0 if calibration is None else calibration.angle_zero
        self._quiet = QuietCheck()
        self._last = math.nan
        self._still = 0.0
        self._means: tuple[float, ...] = ()
        self._tilts: deque[float] = deque(maxlen=STRIDES)
        self._track: deque[tuple[float, float]] = deque(maxlen=LONGEST)  # s, and the integral of the angle in rad s
        self._judged: StrideEvidence | None = None

    @property
    def is_confirmed(self) -> bool:
        """Whether standing or strides have confirmed the calibration, or have made it."""
        return self._is_confirmed

    @property
    def problem(self) -> str:
        """Why the calibration is wrong, one sentence; empty if nothing shows it."""
        return self._bias or self._strides

    @property
    def doubt(self) -> str:
        """Why nothing is forecast from the calibration yet, one sentence; empty if it is confirmed."""
        return "" if self._is_confirmed else self._posture or UNCONFIRMED

    def push(
        self, pair: PairSample, raw: RawPair, strides: Sequence[StrideEvidence], headings: tuple[float, float]
    ) -> None:
        """Process one pair.

        Args:
            pair: in the frames of the segments.
            raw: the same in the frames of the sensors.
            strides: the newest ones since the calibration came into use, in the levelled frames.
            headings: of shank and foot in rad, from the levelled frames to the segments'.
        """
        stamp = pair.joint.stamp
        dt, self._last = stamp - self._last, stamp
        if not 0.0 < dt <= LARGEST_GAP:
            self._still = 0.0
            if self._turns is not None:
                self._turns.clear()
            if 0.0 < dt <= LONGEST_GAP:
                self._quiet.gap()
            else:
                self._quiet.clear()
            return
        self._stand(dt, pair)
        if not self._is_confirmed and self._turns is not None:
            self._wait(dt, pair)
            self._walk(dt, pair, raw, strides, headings[0])

    def _wait(self, dt: float, pair: PairSample) -> None:
        posture = self._quiet.push(dt, pair)
        if posture is None or abs(posture.angle + self._zero) > STANDING_ANKLE:
            return
        if max(posture.tilts) < SAME and max(posture.biases) <= LARGEST_BIAS:
            self._confirm()

    def _stand(self, dt: float, pair: PairSample) -> None:
        now = (*pair.shank.gyro, *pair.foot.gyro, *pair.shank.accel, *pair.foot.accel)
        limits = (STILL_RATE,) * 6 + (STILL_FORCE,) * 6
        if self._still == 0.0 or any(abs(v - m) > limit for v, m, limit in zip(now, self._means, limits, strict=True)):
            self._means, self._still = now, dt
            return
        self._still += dt
        share = dt / self._still
        self._means = tuple(m + share * (v - m) for v, m in zip(now, self._means, strict=True))
        if self._still >= STILL_TIME:
            self._judge_standing()

    def _judge_standing(self) -> None:
        self._still = 0.0
        means = self._means
        self._bias = ""
        for name, rate in (("shank", means[0:3]), ("foot", means[3:6])):
            if (worst := max(map(abs, rate))) > LARGEST_BIAS:
                self._bias = (
                    f"the {name}'s gyro reads {worst:.2f} rad/s at rest with the calibration in use: its gyro_bias is "
                    f"wrong; {REMEDY}"
                )
        if not self._is_confirmed:
            self._judge_posture(
                {"shank": tilt_of(means[6:9]), "foot": tilt_of(means[9:12])},
                ankle_of(means[6:9], means[9:12]) + self._zero,
            )

    def _judge_posture(self, tilts: dict[str, float], angle: float) -> None:
        worst_name = max(tilts, key=lambda name: tilts[name])
        if tilts[worst_name] > POSTURE:
            self._posture = (
                f"gravity at the {worst_name} is {math.degrees(tilts[worst_name]):.0f} degrees from the calibration in "
                f"use: if you stand upright it is wrong; {REMEDY}, or walk a few steps if you sit"
            )
        elif abs(angle) > STANDING_ANKLE:
            self._posture = (
                f"the ankle would stand at {math.degrees(angle):.0f} degrees with the calibration in use: walk a few "
                f"steps straight ahead, or {REMEDY}"
            )
        elif tilts[worst_name] < SAME and not self._bias:
            self._confirm()

    def _confirm(self) -> None:
        self._is_confirmed, self._posture, self._strides = True, "", ""

    def _walk(
        self, dt: float, pair: PairSample, raw: RawPair, strides: Sequence[StrideEvidence], heading: float
    ) -> None:
        assert self._turns is not None
        before = self._track[-1][1] if self._track else 0.0
        self._track.append((pair.joint.stamp, before + dt * pair.joint.angle))
        if self._turns.push(dt, raw):
            self._tilts.append(tilt_of(pair.foot.accel))
        count = min(len(strides), STRIDES)
        if not count or strides[-1] is self._judged:
            return
        biases = self._turns.biases(max(1, count - 1))  # the first stride may lack the rest before it
        if len(self._tilts) < count or biases is None:
            return
        self._judged = strides[-1]
        self._judge_strides(list(strides)[-count:], heading, biases)

    def _judge_strides(self, strides: Sequence[StrideEvidence], heading: float, biases: tuple[float, float]) -> None:
        seen = self._seen(strides, heading, biases)
        found = _contradictions(seen, CONFIRM[len(strides)])
        if not found:
            self._confirm()
        elif len(strides) == STRIDES:  # later strides may show that the first ones were odd
            self._posture = (
                f"the strides do not confirm the calibration that was given: {' and '.join(found)}; {REMEDY}"
            )
            what = " and ".join(_contradictions(seen, BEYOND))
            self._strides = what and f"the first strides contradict the calibration in use: {what}; {REMEDY}"

    def _seen(self, strides: Sequence[StrideEvidence], heading: float, biases: tuple[float, float]) -> Seen:
        seconds = sum(stride.duration for stride in strides)
        x, y, z = (sum(s.duration * s.shank_force[k] for s in strides) / seconds for k in range(3))
        cosine, sine = math.cos(heading), math.sin(heading)
        return Seen(
            lean=math.atan2(-(cosine * x + sine * y), z),
            roll=math.atan2(cosine * y - sine * x, z),
            tilt=median(list(self._tilts)[-len(strides) :]),
            angle=self._mean_angle(strides[-1].stamp - seconds),
            biases=biases,
        )

    def _mean_angle(self, since: float) -> float:
        newest = self._track[-1]
        first = next((point for point in self._track if point[0] >= since), newest)
        return (newest[1] - first[1]) / max(newest[0] - first[0], TIME_RESOLUTION)


@dataclass(frozen=True)
class Seen:
    """What strides show, in rad and rad/s; see ``Limits``."""

    lean: float
    roll: float
    tilt: float
    angle: float
    biases: tuple[float, float]


def _contradictions(seen: Seen, limits: Limits) -> list[str]:
    found = []
    if not limits.lean[0] <= seen.lean <= limits.lean[1]:
        found.append(f"the shank would lean by {math.degrees(seen.lean):.0f} degrees")
    if abs(seen.roll) > limits.roll:
        found.append(f"the shank would lean sideways by {abs(math.degrees(seen.roll)):.0f} degrees")
    if seen.tilt > limits.flat:
        found.append(f"the foot would rest with a tilt of {math.degrees(seen.tilt):.0f} degrees")
    if abs(seen.angle) > limits.ankle:
        found.append(f"the ankle would be at {math.degrees(seen.angle):.0f} degrees on average")
    for name, bias, limit in zip(SENSORS, seen.biases, limits.biases, strict=True):
        if bias > limit:
            found.append(f"the {name} would turn by {bias:.2f} rad/s for ever, so its gyro_bias is wrong")
    return found
