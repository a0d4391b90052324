"""Estimates the gravity direction and the orientation of one body segment with a complementary filter.

The state is the gravity direction in the segment frame: a vector, not Euler angles, so it has no singularity. The gyro
rotates it, and the accelerometer corrects it (Mahony et al. 2008, with the direction itself as the state) with a time
constant that depends on how much the accelerometer can be trusted. While the foot rests on the ground, the acceleration
of the segment's own rotation about the resting ankle is subtracted, and the gyro's bias is estimated, as zero-velocity
updates do in pedestrian navigation (Foxlin 2005). The code uses plain floats: for three-vectors they are several times
faster than numpy.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from ankle_imu_driver.arrays import Quaternion, Vector
from ankle_predictor.estimation.filter_config import TIME_RESOLUTION, FilterConfig
from ankle_predictor.estimation.gap_bridge import GapBridge
from ankle_predictor.estimation.samples import SegmentSample

GRAVITY = 9.80665  # m/s^2
FREE_FALL = 0.1  # share of g below which the accelerometer does not show the direction of gravity
BRIDGED_GAP = 0.4  # s; over a gap up to this the segment turned by about as much as a stride ago
RESTART_GAP = 1.0  # s, after a longer gap the old orientation is useless
FIRST_AGE = 0.05  # s, age that a new estimate starts with; it sets the weight of the first samples in the start-up mean
RATE_SMOOTHING = 1.0 / 3.0  # weight of a new angular acceleration, against the gyro's quantisation


@dataclass(frozen=True)
class AccelTrust:
    """How much the accelerometers are trusted at one time.

    Attributes:
        resting: whether the foot rests on the ground.
        tau: s, time constant with which the estimate follows the accelerometer.
    """

    resting: bool
    tau: float


class SegmentFilter:
    """Estimates the gravity direction and the orientation of one segment.

    Attributes:
        up: (x, y, z) upward direction in the segment frame, of about unit length.
        gyro_bias: rad/s, bias estimated in addition to the calibration's, segment frame.
        counts: number of restarts and of samples in free fall.
    """

    def __init__(self, config: FilterConfig, lever_arm: float) -> None:
        """Make a filter.

        Args:
            config: the constants of the filter.
            lever_arm: m, height of the sensor above the point that does not move while the foot rests.
        """
        self._config = config
        self._lever_arm = lever_arm
        self.gyro_bias = (0.0, 0.0, 0.0)
        self.counts = {"restarts": 0, "free_fall": 0}
        self.up = (0.0, 0.0, 1.0)
        self._orientation: Quaternion = (0.0, 0.0, 0.0, 1.0)
        self._last_stamp: float | None = None
        self._last_gyro = (0.0, 0.0, 0.0)
        self._bridge = GapBridge()
        self._rate_change = (0.0, 0.0)
        self._age = 0.0

    def step(self, stamp: float, accel: Vector, gyro: Vector, trust: AccelTrust) -> SegmentSample:
        """Process one sample and return it with its bias removed and with the orientation.

        Over a gap longer than ``max_gap`` the rates of a stride ago turn the orientation (``gap_bridge``), if it is at
        most ``BRIDGED_GAP``. After a longer one the orientation is kept: it is more accurate than one sample of a
        moving accelerometer. After a gap over ``RESTART_GAP``, or a stamp that goes back, the estimate restarts from
        the sample.

        Args:
            stamp: s.
            accel: specific force in m/s^2, segment frame.
            gyro: angular rate in rad/s, segment frame.
            trust: how much the accelerometer is trusted.
        """
        dt = -1.0 if self._last_stamp is None else stamp - self._last_stamp
        if 0.0 < dt <= self._config.max_gap + TIME_RESOLUTION:
            self._advance(dt, accel, gyro, trust)
        elif 0.0 < dt <= RESTART_GAP:
            self.counts["restarts"] += 1
            self._rate_change = (0.0, 0.0)
            if dt <= BRIDGED_GAP + TIME_RESOLUTION:
                turn = self._turn(dt, self._bridge.mean_rate(stamp, gyro))
                self.up = _rotate_inverse(self.up, turn)
                self._orientation = _align_up(_product(self._orientation, turn), self.up)
        else:
            self._restart(accel)
        self._bridge.push(stamp, gyro)
        self._last_stamp = stamp
        self._last_gyro = gyro
        bx, by, bz = self.gyro_bias
        return SegmentSample(stamp, accel, (gyro[0] - bx, gyro[1] - by, gyro[2] - bz), self._orientation)

    def _restart(self, accel: Vector) -> None:
        if self._last_stamp is not None:
            self.counts["restarts"] += 1
        norm = math.hypot(*accel)
        self.up = (accel[0] / norm, accel[1] / norm, accel[2] / norm) if norm > FREE_FALL * GRAVITY else (0.0, 0.0, 1.0)
        self._orientation = _align_up((0.0, 0.0, 0.0, 1.0), self.up)
        self._bridge.clear()
        self._rate_change = (0.0, 0.0)
        self._age = FIRST_AGE

    def _turn(self, dt: float, rate: Vector) -> Quaternion:
        (x, y, z), (bx, by, bz) = rate, self.gyro_bias
        return _from_rotation_vector((x - bx) * dt, (y - by) * dt, (z - bz) * dt)

    def _advance(self, dt: float, accel: Vector, gyro: Vector, trust: AccelTrust) -> None:
        self._age += dt
        # The mean of both ends of the interval is exact for a rate that changes linearly, also over a missing sample.
        (x, y, z), (lx, ly, lz) = gyro, self._last_gyro
        turn = self._turn(dt, (0.5 * (x + lx), 0.5 * (y + ly), 0.5 * (z + lz)))
        up = _rotate_inverse(self.up, turn)
        orientation = _product(self._orientation, turn)
        self._rate_change = (
            self._rate_change[0] + RATE_SMOOTHING * ((gyro[0] - self._last_gyro[0]) / dt - self._rate_change[0]),
            self._rate_change[1] + RATE_SMOOTHING * ((gyro[1] - self._last_gyro[1]) / dt - self._rate_change[1]),
        )
        if math.hypot(*accel) < FREE_FALL * GRAVITY:
            self.counts["free_fall"] += 1
        else:
            up = self._correct(up, dt, accel, gyro, trust)
        self.up = up
        self._orientation = _align_up(orientation, up)

    def _correct(self, up: Vector, dt: float, accel: Vector, gyro: Vector, trust: AccelTrust) -> Vector:
        config = self._config
        ax, ay, az = accel
        if trust.resting:
            # Subtract the acceleration at (0, 0, arm) about the ankle: rate' x arm + rate x (rate x arm).
            (wx, wy, wz), (cx, cy), arm = gyro, self._rate_change, self._lever_arm
            ax -= arm * (cy + wx * wz)
            ay -= arm * (wy * wz - cx)
            az += arm * (wx * wx + wy * wy)
        # Right after a start the mean of all samples so far is the best estimate, so the gain is at least dt / age.
        gain = min(1.0, dt / min(trust.tau, self._age))
        ex, ey, ez = ax / GRAVITY - up[0], ay / GRAVITY - up[1], az / GRAVITY - up[2]
        if trust.resting:
            bx, by, bz = self.gyro_bias
            step, limit = config.bias_gain * dt, config.bias_limit
            # Rotation about +y moves the up direction along -x: an error that remains at rest comes from the bias.
            self.gyro_bias = (_clip(bx - step * ey, limit), _clip(by + step * ex, limit), bz)
        return (up[0] + gain * ex, up[1] + gain * ey, up[2] + gain * ez)


def _clip(value: float, limit: float) -> float:
    return min(max(value, -limit), limit)


def _from_rotation_vector(rx: float, ry: float, rz: float) -> Quaternion:
    angle = math.sqrt(rx * rx + ry * ry + rz * rz)
    scale = math.sin(0.5 * angle) / angle if angle > 1e-9 else 0.5
    return (rx * scale, ry * scale, rz * scale, math.cos(0.5 * angle))


def _product(a: Quaternion, b: Quaternion) -> Quaternion:
    ax, ay, az, aw = a
    bx, by, bz, bw = b
    return (
        aw * bx + ax * bw + ay * bz - az * by,
        aw * by - ax * bz + ay * bw + az * bx,
        aw * bz + ax * by - ay * bx + az * bw,
        aw * bw - ax * bx - ay * by - az * bz,
    )


def _rotate_inverse(v: Vector, q: Quaternion) -> Vector:
    """Rotate ``v`` by the inverse of ``q``: a world-fixed vector, in the frame of a body that has turned by ``q``."""
    x, y, z, w = q
    tx, ty, tz = 2.0 * (y * v[2] - z * v[1]), 2.0 * (z * v[0] - x * v[2]), 2.0 * (x * v[1] - y * v[0])
    return (
        v[0] - w * tx + y * tz - z * ty,
        v[1] - w * ty + z * tx - x * tz,
        v[2] - w * tz + x * ty - y * tx,
    )


def _align_up(q: Quaternion, up: Vector) -> Quaternion:
    """Rotate ``q`` by the least angle so that ``up`` in the body frame points upward. The heading does not change."""
    norm = math.hypot(*up)
    if norm < 1e-6:
        return q
    x, y, z, w = q
    # The up direction according to q (third row of its matrix), and the rotation from there to ``up``.
    sx, sy, sz = 2.0 * (x * z - w * y), 2.0 * (y * z + w * x), 1.0 - 2.0 * (x * x + y * y)
    ux, uy, uz = up[0] / norm, up[1] / norm, up[2] / norm
    half = 1.0 + sx * ux + sy * uy + sz * uz
    if half < 1e-9:  # opposite directions: any perpendicular axis will do
        turn = (1.0, 0.0, 0.0, 0.0) if abs(ux) < 0.9 else (0.0, 1.0, 0.0, 0.0)
    else:
        turn = (uy * sz - uz * sy, uz * sx - ux * sz, ux * sy - uy * sx, half)
    x, y, z, w = _product(q, turn)
    scale = 1.0 / math.sqrt(x * x + y * y + z * z + w * w)
    return (x * scale, y * scale, z * scale, w * scale)
