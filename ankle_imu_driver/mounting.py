"""The mounting of a sensor on its segment: axes, tilt, and levelling by the gravity measured at standing.

Segment frames follow REP-103: x forward, y left, z up, for a person who stands upright.
"""

from __future__ import annotations

import math

import numpy as np

from ankle_imu_driver.arrays import FloatArray
from ankle_imu_driver.calibration import SensorCalibration
from ankle_imu_driver.refusal import Refusal

SHANK_MOUNTING = "-X,-Z,-Y"  # as in the recordings: Y down, X backward, Z to the right
FOOT_MOUNTING = "+Y,-Z,-X"  # as in the recordings: X down, Y forward, Z to the right
SHANK_TILT = (math.radians(-4.0), math.radians(18.0))  # roll and pitch: the calf tilts the sensor forward
FOOT_TILT = (math.radians(12.5), math.radians(4.0))  # roll and pitch: the instep slopes outward and forward
_AXES = {sign + axis: value * np.eye(3)[k] for sign, value in (("+", 1.0), ("-", -1.0)) for k, axis in enumerate("XYZ")}


class MountingError(Refusal):
    """A mounting is impossible or does not fit gravity; the message says why and what to do."""


def parse_mounting(text: str) -> FloatArray:
    """Parse a mounting such as ``-X,-Z,-Y``: the sensor axes that point forward, left and up.

    Returns:
        (3, 3) rotation R with ``segment vector = R @ sensor vector``.

    Raises:
        MountingError: the text is not three signed axes, names an axis twice, or gives a left-handed frame.
    """
    names = [name.strip().upper() for name in text.split(",")]
    names = [name if name[:1] in "+-" else f"+{name}" for name in names]
    if len(names) != 3 or any(name not in _AXES for name in names):
        raise MountingError(
            f"mounting {text!r} must name the sensor axes that point forward, left and up, as '-X,-Z,-Y'"
        )
    rotation = np.array([_AXES[name] for name in names])
    determinant = round(float(np.linalg.det(rotation)))
    if determinant == 0:
        raise MountingError(f"mounting {text!r} names one sensor axis twice; name three different axes")
    if determinant < 0:
        raise MountingError(f"mounting {text!r} is left-handed, but sensors are right-handed; correct one of the signs")
    return rotation


def gravity_at_standing(mounting: FloatArray, roll: float, pitch: float) -> FloatArray:
    """Return the expected direction of the accelerometer reading at standing (up).

    Args:
        mounting: (3, 3) nominal rotation, sensor to segment.
        roll: tilt of the mounted sensor about the forward axis in rad.
        pitch: tilt of the mounted sensor about the left axis in rad.

    Returns:
        (3,) unit vector in the sensor's frame.
    """
    up = (-math.sin(pitch) * math.cos(roll), math.sin(roll), math.cos(pitch) * math.cos(roll))
    gravity: FloatArray = np.array(up) @ mounting
    return gravity


def levelled(mounting: FloatArray, calibration: SensorCalibration) -> FloatArray:
    """Rotate a nominal mounting by the smallest angle that makes the gravity measured at standing point up.

    An accelerometer cannot measure the rotation about the vertical, which stays nominal.

    Args:
        mounting: (3, 3) nominal rotation, sensor to segment.
        calibration: the sensor's gravity at standing.

    Returns:
        (3, 3) rotation R with ``segment vector = R @ sensor vector``.

    Raises:
        MountingError: the measured gravity is more than 60 degrees from the mounting's up axis.
    """
    up = mounting @ np.asarray(calibration.gravity)
    up = up / np.linalg.norm(up)
    tilt = float(np.degrees(np.arccos(np.clip(up[2], -1.0, 1.0))))
    if tilt > 60.0:
        raise MountingError(
            f"gravity at standing is {tilt:.0f} degrees from the mounting's up axis; "
            "correct the mounting, or exchange the two sensors if they are swapped"
        )
    # Rodrigues' formula for the rotation about up x z that takes up to z.
    cross = np.array([[0.0, 0.0, -up[0]], [0.0, 0.0, -up[1]], [up[0], up[1], 0.0]])
    rotation: FloatArray = (np.eye(3) + cross + cross @ cross / (1.0 + up[2])) @ mounting
    return rotation


def quaternion_of(rotation: FloatArray) -> tuple[float, float, float, float]:
    """Return x, y, z, w of a (3, 3) rotation, w not negative.

    The quaternion is an eigenvector of a symmetric matrix (Bar-Itzhack 2000). This is stable for every rotation.
    """
    (a, b, c), (d, e, f), (g, h, i) = rotation.tolist()
    matrix = [[a - e - i, b + d, c + g, h - f], [b + d, e - a - i, f + h, c - g], [c + g, f + h, i - a - e, d - b]]
    matrix.append([h - f, c - g, d - b, a + e + i])
    x, y, z, w = np.linalg.eigh(np.array(matrix))[1][:, -1].tolist()
    return (x, y, z, w) if w >= 0.0 else (-x, -y, -z, -w)
