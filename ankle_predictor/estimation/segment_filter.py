"""Where is up, seen from one body segment: a complementary filter on the gravity direction.

The state is the gravity direction in the segment frame, a vector and not Euler angles, so nothing is singular. The gyro
turns it, the accelerometer draws it back (Mahony et al. 2008, with the direction itself as the state), as fast as it
is to be trusted. While the foot rests on the ground it is used less what it feels of the segment's own motion about the
resting ankle, and the gyro's bias is learned, as zero-velocity updates do in pedestrian navigation (Foxlin 2005).
Everything is plain floats: for three-vectors that is several times faster than numpy.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from ankle_imu_driver.arrays import FloatArray, Quaternion, Vector
from ankle_imu_driver.calibration import SensorCalibration
from ankle_imu_driver.mounting import levelled
from ankle_predictor.estimation.filter_config import TIME_RESOLUTION, FilterConfig
from ankle_predictor.estimation.samples import SegmentSample

GRAVITY = 9.80665  # m/s^2
FREE_FALL = 0.1  # share of g below which the accelerometer says nothing of where up is
FORGOTTEN = 1.0  # s of silence after which the old orientation says nothing of the new one
FIRST_MEAN = 0.05  # s, the start-up mean weighs its first samples as if it were this old
RATE_SMOOTHING = 1.0 / 3.0  # share of a new angular acceleration, against the gyro's quantisation


@dataclass(frozen=True)
class Trust:
    """How far the accelerometers are to be trusted now.

    Attributes:
        resting: whether the foot rests on the ground.
        tau: s, time constant by which gravity follows the accelerometer.
    """

    resting: bool
    tau: float


class Intake:
    """Takes raw samples of one sensor in: refuses what is no measurement, saturates, turns into the segment frame.

    Attributes:
        counts: how many samples were refused or noted, by reason.
    """

    def __init__(self, mounting: FloatArray, calibration: SensorCalibration | None, config: FilterConfig) -> None:
        rotation = mounting if calibration is None else levelled(mounting, calibration)
        self._rows = [tuple(float(v) for v in row) for row in rotation]
        self._bias = (0.0, 0.0, 0.0) if calibration is None else calibration.gyro_bias
        self._scale = 1.0 if calibration is None else GRAVITY / math.hypot(*calibration.gravity)
        self._accel_limit = config.accel_limit
        self._gyro_limit = config.gyro_limit
        self.counts = {"not_finite": 0, "all_zero": 0, "saturated": 0}

    def accepts(self, accel: Vector, gyro: Vector) -> bool:
        """Tell whether this is a measurement at all; what is none is counted."""
        if not all(map(math.isfinite, (*accel, *gyro))):
            self.counts["not_finite"] += 1
            return False
        if not any(accel) and not any(gyro):
            self.counts["all_zero"] += 1
            return False
        return True

    def take(self, accel: Vector, gyro: Vector) -> tuple[Vector, Vector]:
        """Return specific force (m/s^2) and angular rate (rad/s) in the segment frame.

        Args:
            accel: specific force in m/s^2, sensor frame.
            gyro: angular rate in rad/s, sensor frame.
        """
        a = [min(max(v, -self._accel_limit), self._accel_limit) * self._scale for v in accel]
        g = [min(max(v, -self._gyro_limit), self._gyro_limit) - b for v, b in zip(gyro, self._bias, strict=True)]
        if max(map(abs, accel)) >= self._accel_limit or max(map(abs, gyro)) >= self._gyro_limit:
            self.counts["saturated"] += 1
        return self._turn(a), self._turn(g)

    def _turn(self, v: list[float]) -> Vector:
        (a, b, c), (d, e, f), (g, h, i) = self._rows
        x, y, z = v
        return (a * x + b * y + c * z, d * x + e * y + f * z, g * x + h * y + i * z)


class SegmentFilter:
    """The gravity direction and orientation of one segment, sample by sample.

    Attributes:
        gyro_bias: rad/s, what the filter learned beside the calibration, segment frame.
        counts: how often it started afresh or felt free fall.
    """

    def __init__(self, config: FilterConfig, lever_arm: float) -> None:
        """Make a filter.

        Args:
            config: the constants.
            lever_arm: m, sensor above the point that stands still while the foot rests.
        """
        self._config = config
        self._lever_arm = lever_arm
        self.gyro_bias = (0.0, 0.0, 0.0)
        self.counts = {"restarts": 0, "free_fall": 0}
        self._up = (0.0, 0.0, 1.0)
        self._orientation: Quaternion = (0.0, 0.0, 0.0, 1.0)
        self._last_stamp: float | None = None
        self._last_gyro = (0.0, 0.0, 0.0)
        self._rate_change = (0.0, 0.0)
        self._age = 0.0

    def step(self, stamp: float, accel: Vector, gyro: Vector, trust: Trust) -> SegmentSample:
        """Take one sample and return it with bias removed and the orientation.

        A gap over ``max_gap`` leaves the orientation where it was, which is nearer than what one sample of a moving
        accelerometer shows; after ``FORGOTTEN``, or when the stamps jump back, it starts afresh from that sample.

        Args:
            stamp: s.
            accel: specific force in m/s^2, segment frame.
            gyro: angular rate in rad/s, segment frame.
            trust: how far the accelerometer is to be trusted now.
        """
        dt = -1.0 if self._last_stamp is None else stamp - self._last_stamp
        if 0.0 < dt <= self._config.max_gap + TIME_RESOLUTION:
            self._advance(dt, accel, gyro, trust)
        elif 0.0 < dt <= FORGOTTEN:
            self.counts["restarts"] += 1
            self._rate_change = (0.0, 0.0)
        else:
            self._restart(accel)
        self._last_stamp = stamp
        self._last_gyro = gyro
        bx, by, bz = self.gyro_bias
        return SegmentSample(stamp, accel, (gyro[0] - bx, gyro[1] - by, gyro[2] - bz), self._orientation)

    def _restart(self, accel: Vector) -> None:
        if self._last_stamp is not None:
            self.counts["restarts"] += 1
        norm = math.hypot(*accel)
        self._up = (
            (accel[0] / norm, accel[1] / norm, accel[2] / norm) if norm > FREE_FALL * GRAVITY else (0.0, 0.0, 1.0)
        )
        self._orientation = _tilted_to((0.0, 0.0, 0.0, 1.0), self._up)
        self._rate_change = (0.0, 0.0)
        self._age = FIRST_MEAN

    def _advance(self, dt: float, accel: Vector, gyro: Vector, trust: Trust) -> None:
        # The mean of both ends of the interval: exact for a rate that changes evenly, also over the longer gaps.
        rate = tuple(
            0.5 * (now + last) - bias for now, last, bias in zip(gyro, self._last_gyro, self.gyro_bias, strict=True)
        )
        self._age += dt
        turn = _rotation(rate[0] * dt, rate[1] * dt, rate[2] * dt)
        up = _rotate_back(self._up, turn)
        orientation = _product(self._orientation, turn)
        self._rate_change = (
            self._rate_change[0] + RATE_SMOOTHING * ((gyro[0] - self._last_gyro[0]) / dt - self._rate_change[0]),
            self._rate_change[1] + RATE_SMOOTHING * ((gyro[1] - self._last_gyro[1]) / dt - self._rate_change[1]),
        )
        if math.hypot(*accel) < FREE_FALL * GRAVITY:
            self.counts["free_fall"] += 1
        else:
            up = self._corrected(up, dt, accel, gyro, trust)
        self._up = up
        self._orientation = _tilted_to(orientation, up)

    def _corrected(self, up: Vector, dt: float, accel: Vector, gyro: Vector, trust: Trust) -> Vector:
        config = self._config
        ax, ay, az = accel
        if trust.resting:
            # Specific force at (0, 0, arm) less that at the still ankle: change of rate x arm + rate x (rate x arm).
            (wx, wy, wz), (cx, cy), arm = gyro, self._rate_change, self._lever_arm
            ax -= arm * (cy + wx * wz)
            ay -= arm * (wy * wz - cx)
            az += arm * (wx * wx + wy * wy)
        # Right after a start the mean of all samples so far is the best estimate, whatever the time constant.
        gain = min(1.0, dt / min(trust.tau, self._age))
        ex, ey, ez = ax / GRAVITY - up[0], ay / GRAVITY - up[1], az / GRAVITY - up[2]
        if trust.resting:
            bx, by, bz = self.gyro_bias
            step, limit = config.bias_gain * dt, config.bias_limit
            # A segment that pitches by +y sends up along -x; what is left of it is the bias's doing.
            self.gyro_bias = (_clip(bx - step * ey, limit), _clip(by + step * ex, limit), bz)
        return (up[0] + gain * ex, up[1] + gain * ey, up[2] + gain * ez)


def _clip(value: float, limit: float) -> float:
    return min(max(value, -limit), limit)


def _rotation(rx: float, ry: float, rz: float) -> Quaternion:
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


def _rotate_back(v: Vector, q: Quaternion) -> Vector:
    """Return the world-fixed ``v`` as a body sees it that has turned by ``q``."""
    x, y, z, w = q
    tx, ty, tz = 2.0 * (y * v[2] - z * v[1]), 2.0 * (z * v[0] - x * v[2]), 2.0 * (x * v[1] - y * v[0])
    return (
        v[0] - w * tx + y * tz - z * ty,
        v[1] - w * ty + z * tx - x * tz,
        v[2] - w * tz + x * ty - y * tx,
    )


def _tilted_to(q: Quaternion, up: Vector) -> Quaternion:
    """Turn ``q`` by the least angle after which the body sees ``up`` upward; its heading stays."""
    norm = math.hypot(*up)
    if norm < 1e-6:
        return q
    x, y, z, w = q
    # What q alone takes for up (the third row of its matrix), and the turn from there to where up is.
    sx, sy, sz = 2.0 * (x * z - w * y), 2.0 * (y * z + w * x), 1.0 - 2.0 * (x * x + y * y)
    ux, uy, uz = up[0] / norm, up[1] / norm, up[2] / norm
    half = 1.0 + sx * ux + sy * uy + sz * uz
    if half < 1e-9:  # upside down: any axis across will do
        turn = (1.0, 0.0, 0.0, 0.0) if abs(ux) < 0.9 else (0.0, 1.0, 0.0, 0.0)
    else:
        turn = (uy * sz - uz * sy, uz * sx - ux * sz, ux * sy - uy * sx, half)
    x, y, z, w = _product(q, turn)
    scale = 1.0 / math.sqrt(x * x + y * y + z * z + w * w)
    return (x * scale, y * scale, z * scale, w * scale)
