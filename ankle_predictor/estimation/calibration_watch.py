"""Watches the values of a calibration that was given against the first standing and the first strides.

A file may be of another day, another strap or another person. Whoever stands as the file says has confirmed it. Who
walks shows it, too: the foot rests flat on the ground in each stride, and shank and ankle are on average not far from
where they are in standing. Limits are beyond what three successive strides gave in 24 recordings of level walking,
stairs and running.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import median

from ankle_imu_driver.arrays import Vector
from ankle_predictor.estimation.samples import PairSample
from ankle_predictor.estimation.segment_filter import GRAVITY
from ankle_predictor.estimation.stride_evidence import StrideEvidence

STRIDES = 3
STILL_TIME = 1.0  # s
STILL_RATE = 0.1  # rad/s, largest change of the rate
STILL_FORCE = 0.5  # m/s^2, largest change of the specific force
LARGEST_BIAS = 0.1  # rad/s, what an MPU6050 drifts by over 25 degrees of temperature (PS-MPU-6000A-00, section 6.1)
POSTURE = math.radians(15.0)  # of gravity at rest to the calibration's
SAME = math.radians(10.0)  # a standing that is as near confirms it
LEAN = (math.radians(-8.0), math.radians(25.0))  # mean pitch of the shank over strides
ROLL = math.radians(17.0)  # of the shank over strides
FLAT = math.radians(17.0)  # tilt of the foot when it comes to rest, median of three
ANKLE = math.radians(17.0)  # mean angle over strides
REST_RATE, REST_FORCE, REST_TIME = 1.0, 0.12, 0.035  # rad/s, share of g, s: as in ``FilterConfig``, at the first moment
SWING_RATE = 2.0  # rad/s, of the foot between two rests
LARGEST_GAP = 0.1  # s
REMEDY = "stand still and upright and call calibrate, or leave calibration_file empty and stand for two seconds"


class CalibrationWatch:
    """Watches one leg from the moment at which a calibration comes into use.

    Attributes:
        problem: one sentence; empty if nothing speaks against the calibration.
    """

    def __init__(self, *, is_given: bool) -> None:
        """Make a watch; ``is_given`` says that the calibration was not made by this standing."""
        self._posture = self._bias = ""
        self._confirmed = not is_given
        self._last = math.nan
        self._still = 0.0
        self._means: tuple[float, ...] = ()
        self._rest, self._has_swung = 0.0, False
        self._tilts: list[float] = []
        self._angle = self._seconds = 0.0
        self._judged: StrideEvidence | None = None

    @property
    def problem(self) -> str:
        """What speaks against the calibration."""
        return self._bias or self._posture

    def push(self, pair: PairSample, strides: Sequence[StrideEvidence], headings: tuple[float, float]) -> None:
        """Process one pair.

        Args:
            pair: in the frames of the segments.
            strides: the newest ones since the calibration came into use, in the levelled frames.
            headings: of shank and foot in rad, from the levelled frames to the segments'.
        """
        stamp = pair.joint.stamp
        dt, self._last = stamp - self._last, stamp
        if not 0.0 < dt <= LARGEST_GAP:
            self._still = self._rest = 0.0
            return
        self._stand(dt, pair)
        if not self._confirmed:
            self._walk(dt, pair, strides, headings[0])

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
        tilts = {"shank": _tilt(means[6:9]), "foot": _tilt(means[9:12])}
        for name, rate in (("shank", means[0:3]), ("foot", means[3:6])):
            if (worst := max(map(abs, rate))) > LARGEST_BIAS:
                self._bias = (
                    f"the {name}'s gyro reads {worst:.2f} rad/s at rest with the calibration in use: its gyro_bias is "
                    f"wrong; {REMEDY}"
                )
        if self._confirmed:
            return
        worst_name = max(tilts, key=lambda name: tilts[name])
        if tilts[worst_name] > POSTURE:
            self._posture = (
                f"gravity at the {worst_name} is {math.degrees(tilts[worst_name]):.0f} degrees from the calibration in "
                f"use: if you stand upright it is wrong; {REMEDY}, or walk a few steps if you sit"
            )
        elif tilts[worst_name] < SAME:
            self._confirmed, self._posture = True, ""

    def _walk(self, dt: float, pair: PairSample, strides: Sequence[StrideEvidence], heading: float) -> None:
        self._angle += dt * pair.joint.angle
        self._seconds += dt
        self._notice_rest(dt, pair)
        if len(strides) < STRIDES or len(self._tilts) < STRIDES or strides[-1] is self._judged:
            return
        self._judged = strides[-1]
        contradictions = self._contradictions(strides, heading)
        self._confirmed, self._posture = not contradictions, ""
        if contradictions:  # later strides may show that the first ones were odd
            what = " and ".join(contradictions)
            self._posture = f"the first strides contradict the calibration in use: {what}; {REMEDY}"

    def _notice_rest(self, dt: float, pair: PairSample) -> None:
        rate, force = math.hypot(*pair.foot.gyro), math.hypot(*pair.foot.accel)
        self._has_swung |= rate > SWING_RATE
        if rate >= REST_RATE or abs(force / GRAVITY - 1.0) >= REST_FORCE:
            self._rest = 0.0
            return
        self._rest += dt
        if self._rest >= REST_TIME and self._has_swung:
            self._has_swung = False
            self._tilts.append(_tilt(pair.foot.accel))

    def _contradictions(self, strides: Sequence[StrideEvidence], heading: float) -> list[str]:
        seconds = sum(stride.duration for stride in strides)
        x, y, z = (sum(s.duration * s.shank_force[k] for s in strides) / seconds for k in range(3))
        cosine, sine = math.cos(heading), math.sin(heading)
        lean, roll = math.atan2(-(cosine * x + sine * y), z), math.atan2(cosine * y - sine * x, z)
        tilt, angle = median(self._tilts), self._angle / self._seconds
        found = []
        if not LEAN[0] <= lean <= LEAN[1]:
            found.append(f"the shank would lean by {math.degrees(lean):.0f} degrees")
        if abs(roll) > ROLL:
            found.append(f"the shank would lean sideways by {abs(math.degrees(roll)):.0f} degrees")
        if tilt > FLAT:
            found.append(f"the foot would rest with a tilt of {math.degrees(tilt):.0f} degrees")
        if abs(angle) > ANKLE:
            found.append(f"the ankle would be at {math.degrees(angle):.0f} degrees on average")
        return found


def _tilt(force: Sequence[float] | Vector) -> float:
    """Return the angle in rad between a specific force and the z axis."""
    return math.atan2(math.hypot(force[0], force[1]), force[2])
