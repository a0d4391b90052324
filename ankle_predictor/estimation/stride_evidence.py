"""Collects, stride by stride, what a walk tells about the direction in which the sensors are strapped.

Every figure is a sum over products of the horizontal rates and of the foot's path, in the levelled frames of both
sensors (z up at standing, any heading). So what is found from them turns with the sensor, whatever heading the frames
have.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from ankle_imu_driver.arrays import Quaternion, Vector
from ankle_predictor.estimation.filter_config import TIME_RESOLUTION
from ankle_predictor.estimation.samples import SegmentSample

RESTING_RATE = 1.0  # rad/s, the foot is on the ground and hardly turns while its rate is below this
SHORTEST_REST = 0.05  # s; the rate also passes through zero within a swing, but for less time
SHORTEST_SWING = 0.2  # s, between two rests of the foot
LONGEST_SWING = 1.6  # s
LONGEST_STANCE = 1.5  # s, of a rest only this much belongs to the stride that follows
SHORTEST_STEP = 0.1  # m, the foot moves this far in a stride, or it was not a stride
LEAST_TURN = 1.0  # rad/s, root mean square of the shank's horizontal rate over a swing, which shows where forward is
SMOOTHING = 1.0 / (2.0 * math.pi * 6.0)  # s: 6 Hz contains the swing and not the impact of the heel
STANCE_RATE = 0.5  # rad/s of the foot, at which a sample counts half as much for the shank's axis as at rest
LARGEST_GAP = 0.1  # s, a stride with a longer gap is not used

Plane = tuple[float, float]
Plane2 = tuple[float, float, float, float]


@dataclass(frozen=True)
class StrideEvidence:
    """What one stride tells, in the levelled frames of the two sensors.

    Attributes:
        stamp: s, the end of the stride.
        shank_turn: second moments xx, xy, yy of the shank's horizontal rate, most of it from where the foot is at rest.
        foot_turn: second moments xx, xy, yy of the foot's horizontal rate in rad^2/s.
        shank_foot: sums of shank x times foot x, x times y, y times x, y times y, in rad^2/s.
        shank_spread: second moments of the shank's horizontal rate without weights, in rad^2/s.
        shank_skew: third moments xxx, xxy, xyy, yyy of the shank's horizontal rate, in rad^3/s^2.
        step: (x, y) of the foot's path from rest to rest in m, in the foot's frame at the first rest.
        shank_force: mean specific force in m/s^2.
        shank_rate, foot_rate: mean angular rate in rad/s.
        duration: s, of the swing and of the rest before it.
        is_clear: whether the shank turns enough to show where forward is.
    """

    stamp: float
    shank_turn: Vector
    foot_turn: Vector
    shank_foot: Plane2
    shank_spread: Vector
    shank_skew: Plane2
    step: Plane
    shank_force: Vector
    shank_rate: Vector
    foot_rate: Vector
    duration: float
    is_clear: bool = True


class StrideCollector:
    """Cuts the walk where the foot rests, and sums up each stride from the end of a rest to the begin of the next one.

    The step is the double integral of the foot's acceleration between two rests, at which its velocity is zero (Foxlin
    2005: zero-velocity updates). This shows which way is forward, on stairs and in slow or unusual gait as well.
    """

    def __init__(self) -> None:
        self._start()

    def _start(self) -> None:
        self._last: float | None = None  # s
        self._shank = self._foot = (0.0, 0.0)  # smoothed horizontal rates
        self._rest_since: float | None = None
        self._clear()

    def _clear(self) -> None:
        """Forget the present stride."""
        self._sums = [0.0] * 17
        self._means = [0.0] * 9
        self._duration = 0.0
        self._swing_since: float | None = None
        self._heading: Plane | None = None  # of the foot at its last rest, in the level frame
        self._velocity = self._path = (0.0, 0.0)

    def push(self, shank: SegmentSample, foot: SegmentSample) -> StrideEvidence | None:
        """Process one pair in the levelled frames; return the stride that it completes, or None.

        Args:
            shank: with its orientation.
            foot: with its orientation.
        """
        stamp = foot.stamp
        if self._last is None or not 0.0 < stamp - self._last <= LARGEST_GAP + TIME_RESOLUTION:
            self._start()
            self._last = stamp
            return None
        dt, self._last = stamp - self._last, stamp
        self._smooth(dt, shank.gyro, foot.gyro)
        rests = math.hypot(*foot.gyro) < RESTING_RATE
        evidence = None
        if not rests:
            self._rest_since = None
        elif self._rest_since is None:
            self._rest_since = stamp
        if self._rest_since is not None and stamp - self._rest_since >= SHORTEST_REST - TIME_RESOLUTION:
            evidence = self._rest(stamp, foot)
        elif self._heading is not None:
            self._move(dt, stamp, foot)
        self._add(dt, shank, foot)
        return evidence

    def _smooth(self, dt: float, shank: Vector, foot: Vector) -> None:
        share = dt / (dt + SMOOTHING)
        (sx, sy), (fx, fy) = self._shank, self._foot
        self._shank = sx + share * (shank[0] - sx), sy + share * (shank[1] - sy)
        self._foot = fx + share * (foot[0] - fx), fy + share * (foot[1] - fy)

    def _rest(self, stamp: float, foot: SegmentSample) -> StrideEvidence | None:
        evidence = None
        if self._swing_since is not None:
            evidence = self._finish(stamp)
            self._clear()
        elif self._duration > LONGEST_STANCE + TIME_RESOLUTION:
            self._clear()
        assert foot.orientation is not None
        x, y, _ = rotated(foot.orientation, (1.0, 0.0, 0.0))
        norm = math.hypot(x, y)
        self._heading = (x / norm, y / norm) if norm > 0.1 else None
        return evidence

    def _move(self, dt: float, stamp: float, foot: SegmentSample) -> None:
        if self._swing_since is None:
            self._swing_since = stamp - dt
        assert foot.orientation is not None
        ax, ay, _ = rotated(foot.orientation, foot.accel)
        (vx, vy), (px, py) = self._velocity, self._path
        self._path = px + dt * (vx + 0.5 * dt * ax), py + dt * (vy + 0.5 * dt * ay)
        self._velocity = vx + dt * ax, vy + dt * ay

    def _add(self, dt: float, shank: SegmentSample, foot: SegmentSample) -> None:
        (sx, sy), (fx, fy) = self._shank, self._foot
        # While the foot is on the ground the shank turns about the ankle. In the swing it turns about the knee and the
        # hip as well, whose axes differ from the ankle's: in the recorded walks by 5 to 15 degrees.
        w = dt / (STANCE_RATE**2 + sum(v * v for v in foot.gyro))
        values = (
            w * sx * sx, w * sx * sy, w * sy * sy, dt * fx * fx, dt * fx * fy, dt * fy * fy,
            dt * sx * fx, dt * sx * fy, dt * sy * fx, dt * sy * fy, dt * sx * sx, dt * sx * sy, dt * sy * sy,
            dt * sx**3, dt * sx * sx * sy, dt * sx * sy * sy, dt * sy**3,
        )  # fmt: skip
        for k, value in enumerate(values):
            self._sums[k] += value
        for k, value in enumerate((*shank.accel, *shank.gyro, *foot.gyro)):
            self._means[k] += dt * value
        self._duration += dt

    def _finish(self, stamp: float) -> StrideEvidence | None:
        assert self._swing_since is not None
        assert self._heading is not None
        swing, (vx, vy), (hx, hy), sums = stamp - self._swing_since, self._velocity, self._heading, self._sums
        # The velocity at the second rest is zero too: what the integral has instead is taken back linearly.
        px, py = self._path[0] - 0.5 * swing * vx, self._path[1] - 0.5 * swing * vy
        step = hx * px + hy * py, hx * py - hy * px
        turn = math.sqrt((sums[10] + sums[12]) / self._duration)
        is_swing = SHORTEST_SWING - TIME_RESOLUTION <= swing <= LONGEST_SWING + TIME_RESOLUTION
        if not is_swing or math.hypot(*step) < SHORTEST_STEP:
            return None
        means = [value / self._duration for value in self._means]
        return StrideEvidence(
            stamp,
            shank_turn=(sums[0], sums[1], sums[2]),
            foot_turn=(sums[3], sums[4], sums[5]),
            shank_foot=(sums[6], sums[7], sums[8], sums[9]),
            shank_spread=(sums[10], sums[11], sums[12]),
            shank_skew=(sums[13], sums[14], sums[15], sums[16]),
            step=step,
            shank_force=(means[0], means[1], means[2]),
            shank_rate=(means[3], means[4], means[5]),
            foot_rate=(means[6], means[7], means[8]),
            duration=self._duration,
            is_clear=turn >= LEAST_TURN,
        )


def rotated(q: Quaternion, v: Vector) -> Vector:
    """Rotate a vector by a quaternion x, y, z, w."""
    x, y, z, w = q
    tx, ty, tz = 2.0 * (y * v[2] - z * v[1]), 2.0 * (z * v[0] - x * v[2]), 2.0 * (x * v[1] - y * v[0])
    return (
        v[0] + w * tx + y * tz - z * ty,
        v[1] + w * ty + z * tx - x * tz,
        v[2] + w * tz + x * ty - y * tx,
    )
