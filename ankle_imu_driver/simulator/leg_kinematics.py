"""Kinematics of a leg over its ground contact, and the readings of an ideal inertial sensor on a rigid body.

World: x, y level, z up. A segment's orientation is Rz(yaw) Rx(roll) Ry(pitch): x forward, y left, z up, so a positive
pitch leans the shank forward and points the toes down, and ankle dorsiflexion = shank pitch - foot pitch.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ankle_imu_driver.arrays import FloatArray

GRAVITY = 9.81


@dataclass(frozen=True)
class FootGeometry:
    """The contact points of the foot, in m, in the foot's frame, relative to the ankle's axis.

    Attributes:
        heel: distance of the heel's contact behind the ankle.
        ball: distance of the ball's contact in front of the ankle.
        height: distance of both contacts below the ankle.
    """

    heel: float
    ball: float
    height: float

    def contact(self, toes_down: bool) -> FloatArray:
        """Return the point about which the foot pivots, (3,) in m: the ball if the toes point down, else the heel."""
        return np.array([self.ball if toes_down else -self.heel, 0.0, -self.height])


def rotation(yaw: FloatArray, roll: FloatArray, pitch: FloatArray) -> FloatArray:
    """Return the rotation matrices (N, 3, 3) from segment to world; the angles are (N,) in rad."""
    sy, cy, sr, cr, sp, cp = (f(a) for a in (yaw, roll, pitch) for f in (np.sin, np.cos))
    return np.stack(
        [
            np.stack([cy * cp - sy * sr * sp, -sy * cr, cy * sp + sy * sr * cp], axis=-1),
            np.stack([sy * cp + cy * sr * sp, cy * cr, sy * sp - cy * sr * cp], axis=-1),
            np.stack([-cr * sp, sr, cr * cp], axis=-1),
        ],
        axis=-2,
    )


def ankle_over_contact(
    ground: FloatArray, point: FloatArray, yaw: FloatArray, roll: FloatArray, pitch: FloatArray
) -> FloatArray:
    """Return the ankle positions (N, 3) in m while the foot pivots without slip.

    Args:
        ground: (3,) position of the contact in the world, in m.
        point: (3,) position of the same contact in the foot's frame, relative to the ankle, in m.
        yaw: (N,) yaw of the foot in rad.
        roll: (N,) roll of the foot in rad.
        pitch: (N,) pitch of the foot in rad.
    """
    position: FloatArray = ground - rotation(yaw, roll, pitch) @ point
    return position


def swing_path(start: FloatArray, end: FloatArray, n: int) -> FloatArray:
    """Return the path of a swing from one contact to the next, as a polynomial of fifth order in time.

    This is the minimum-jerk path between given ends (Flash and Hogan 1985). It differs by 2 to 3 mm from the feet of
    the recordings, integrated from one foot-flat to the next.

    Args:
        start: (3, 3) position, velocity, acceleration, in m and with the swing's duration as the unit of time.
        end: (3, 3) the same at the end.
        n: number of samples; the first is one step after the start, the last at the end.

    Returns:
        (n, 3) positions in m.
    """
    u = (np.arange(1, n + 1) / n)[:, None]
    p0, v0, a0 = start
    p1, v1, a1 = end
    # Differences at the end from a motion that continues with the start's velocity and acceleration.
    p, v, a = p1 - p0 - v0 - a0 / 2, v1 - v0 - a0, a1 - a0
    path: FloatArray = p0 + u * (v0 + u * a0 / 2)
    path += u**3 * (10 * p - 4 * v + a / 2 + u * (-15 * p + 7 * v - a + u * (6 * p - 3 * v + a / 2)))
    return path


def hann_kernel(width: int) -> FloatArray:
    """Return a symmetric Hann kernel of odd width in samples, with sum 1."""
    kernel: FloatArray = np.hanning(width + 2)[1:-1]
    kernel /= kernel.sum()
    return kernel


def smooth(values: FloatArray, width: int, margin: int) -> FloatArray:
    """Smooth with a Hann kernel and remove ``margin`` rows at each end, so that results of different widths align.

    Args:
        values: (N, C) one column per channel.
        width: odd kernel width in samples, at most 2 * margin + 1.
        margin: number of rows to remove at each end.

    Returns:
        (N - 2 * margin, C).
    """
    kernel = hann_kernel(width)
    inset = margin - width // 2
    rows = values[inset : len(values) - inset]
    return np.stack([np.convolve(column, kernel, mode="valid") for column in rows.T], axis=-1)


def rigid_body_imu(
    origin: FloatArray, angles: FloatArray, lever: FloatArray, period: float
) -> tuple[FloatArray, FloatArray]:
    """Return the readings of an ideal sensor on a rigid segment.

    The positions are calculated in closed form, so their differences contain no noise. The remaining error is that of a
    central difference of a curve that is smooth on the scale of ``period``.

    Args:
        origin: (N, 3) world position of the segment's origin in m.
        angles: (N, 3) yaw, roll, pitch of the segment in rad.
        lever: (3,) position of the sensor in the segment's frame in m.
        period: time step in s.

    Returns:
        Specific force (N - 2, 3) in m/s^2 and angular rate (N - 2, 3) in rad/s, both in the segment's frame, for all
        samples except the first and the last.
    """
    orientation = rotation(*angles.T)
    place = origin + orientation @ lever
    acceleration = (place[2:] - 2 * place[1:-1] + place[:-2]) / period**2
    acceleration[:, 2] += GRAVITY
    force = np.einsum("nij,ni->nj", orientation[1:-1], acceleration)
    yaw_rate, roll_rate, pitch_rate = ((angles[2:] - angles[:-2]) / (2 * period)).T
    _, roll, pitch = angles[1:-1].T
    vertical = yaw_rate * np.cos(roll)
    rate = np.stack(
        [
            roll_rate * np.cos(pitch) - vertical * np.sin(pitch),
            pitch_rate + yaw_rate * np.sin(roll),
            roll_rate * np.sin(pitch) + vertical * np.cos(pitch),
        ],
        axis=-1,
    )
    return force, rate
