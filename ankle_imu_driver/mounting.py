"""How a sensor sits on its segment: axes, levelling at standing, and the mirror image of the other leg.

Segment frames follow REP-103: x forward, y left, z up, for a person who stands upright.
"""

from __future__ import annotations

import math

import numpy as np

from ankle_imu_driver.arrays import FloatArray
from ankle_imu_driver.calibration import SensorCalibration
from ankle_imu_driver.refusal import Refusal

SHANK_MOUNTING = "-X,-Z,-Y"  # the recordings': Y down, X backward, Z to the right
FOOT_MOUNTING = "+Y,-Z,-X"  # the recordings': X down, Y forward, Z to the right
SHANK_TILT = (math.radians(-4.0), math.radians(18.0))  # roll and pitch: the calf's bulge leans the sensor forward
FOOT_TILT = (math.radians(12.5), math.radians(4.0))  # the instep falls off to the outside and to the front
_AXES = {sign + axis: value * np.eye(3)[k] for sign, value in (("+", 1.0), ("-", -1.0)) for k, axis in enumerate("XYZ")}


class MountingError(Refusal):
    """A mounting that no sensor can have; the message says why and what to write instead."""


def parse_mounting(text: str) -> FloatArray:
    """Read which sensor axes point forward, left and up, such as ``-X,-Z,-Y``.

    Returns:
        (3, 3) rotation R with ``segment vector = R @ sensor vector``.

    Raises:
        MountingError: not three signed axes, an axis twice, or a left-handed frame.
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
        raise MountingError(f"mounting {text!r} names one sensor axis twice; forward, left and up are three axes")
    if determinant < 0:
        raise MountingError(f"mounting {text!r} is left-handed, which no sensor is; one of its signs is wrong")
    return rotation


def gravity_at_standing(mounting: FloatArray, roll: float, pitch: float) -> FloatArray:
    """Return where gravity usually points at standing, as a (3,) unit vector in the sensor's frame.

    Args:
        mounting: (3, 3) nominal rotation, sensor to segment.
        roll: tilt of the strapped sensor about forward in rad.
        pitch: its tilt about left in rad.
    """
    up = (-math.sin(pitch) * math.cos(roll), math.sin(roll), math.cos(pitch) * math.cos(roll))
    gravity: FloatArray = np.array(up) @ mounting
    return gravity


def levelled(mounting: FloatArray, calibration: SensorCalibration) -> FloatArray:
    """Turn a nominal mounting by the least angle that puts the gravity measured at standing upright.

    The turn about the vertical cannot be seen by an accelerometer and stays nominal.

    Args:
        mounting: (3, 3) nominal rotation, sensor to segment.
        calibration: the sensor's gravity at standing.

    Returns:
        (3, 3) rotation R with ``segment vector = R @ sensor vector``.

    Raises:
        MountingError: the measured gravity lies more than 60 degrees off the mounting's up axis.
    """
    up = mounting @ np.asarray(calibration.gravity)
    up = up / np.linalg.norm(up)
    tilt = float(np.degrees(np.arccos(np.clip(up[2], -1.0, 1.0))))
    if tilt > 60.0:
        raise MountingError(
            f"gravity at standing lies {tilt:.0f} degrees off the mounting's up axis; "
            "the mounting is wrong, or the two sensors are swapped"
        )
    # Rodrigues' formula for the rotation about up x z that takes up to z.
    cross = np.array([[0.0, 0.0, -up[0]], [0.0, 0.0, -up[1]], [up[0], up[1], 0.0]])
    rotation: FloatArray = (np.eye(3) + cross + cross @ cross / (1.0 + up[2])) @ mounting
    return rotation


def quaternion_of(rotation: FloatArray) -> tuple[float, float, float, float]:
    """Return x, y, z, w of a (3, 3) rotation, w not negative.

    The quaternion is the eigenvector of a symmetric matrix (Bar-Itzhack 2000), which is sound for every rotation.
    """
    (a, b, c), (d, e, f), (g, h, i) = rotation.tolist()
    matrix = [[a - e - i, b + d, c + g, h - f], [b + d, e - a - i, f + h, c - g], [c + g, f + h, i - a - e, d - b]]
    matrix.append([h - f, c - g, d - b, a + e + i])
    x, y, z, w = np.linalg.eigh(np.array(matrix))[1][:, -1].tolist()
    return (x, y, z, w) if w >= 0.0 else (-x, -y, -z, -w)
