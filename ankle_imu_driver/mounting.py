"""The mounting of a sensor on its segment: axes, tilt, and levelling by the gravity measured at standing.

A mounting is given as three axes, or ``auto``: any orientation, up from standing and forward from walking.

Segment frames follow REP-103: x forward, y left, z up, for a person who stands upright.
"""

from __future__ import annotations

import math
from itertools import permutations

import numpy as np

from ankle_imu_driver.arrays import FloatArray, Vector
from ankle_imu_driver.calibration import SensorCalibration
from ankle_imu_driver.refusal import Refusal

AUTO = "auto"
MOUNTING_MEANING = "sensor axes that point forward, left and up, as -X,-Z,-Y; auto: found from standing and walking"
SHANK_MOUNTING = "-X,-Z,-Y"  # as in the recordings: Y down, X backward, Z to the right
FOOT_MOUNTING = "+Y,-Z,-X"  # as in the recordings: X down, Y forward, Z to the right
SHANK_TILT = (math.radians(-4.0), math.radians(18.0))  # roll and pitch: the calf tilts the sensor forward
FOOT_TILT = (math.radians(12.5), math.radians(4.0))  # roll and pitch: the instep slopes outward and forward
LARGEST_TILT = 60.0  # degrees of gravity at standing from the up axis of a mounting that is set
_UPSIDE_DOWN = 150.0  # degrees, beyond which the smallest rotation that levels a sensor depends on chance
_STEEP = 0.3  # sine of the angle between forward and up, below which forward says nothing
_AXES = {sign + axis: value * np.eye(3)[k] for sign, value in (("+", 1.0), ("-", -1.0)) for k, axis in enumerate("XYZ")}
_MOUNTINGS = {
    ",".join(names): rotation
    for names in permutations(_AXES, 3)
    if np.linalg.det(rotation := np.array([_AXES[name] for name in names])) > 0.5
}


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


def axes_of(text: str, documented: str) -> FloatArray:
    """Return the rotation of a mounting; for ``auto`` the documented one, which is right until something else is known.

    Raises:
        MountingError: the text is neither ``auto`` nor a mounting.
    """
    return parse_mounting(documented if is_auto(text) else text)


def is_auto(text: str) -> bool:
    """Return whether a mounting is to be found from standing and walking."""
    return text.strip().lower() == AUTO


def check_mounting(text: str) -> None:
    """Check the value of a parameter such as ``shank.mounting``.

    Raises:
        MountingError: the text is neither ``auto`` nor a mounting.
    """
    axes_of(text, SHANK_MOUNTING)


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


def usual_mounting(mounting: FloatArray, roll: float, pitch: float) -> FloatArray:
    """Return the rotation, sensor to segment, of a sensor that is tilted as usual from its mounting.

    Args:
        mounting: (3, 3) nominal rotation, sensor to segment.
        roll: see ``gravity_at_standing``.
        pitch: see ``gravity_at_standing``.
    """
    up = gravity_at_standing(mounting, roll, pitch).tolist()
    return _level(mounting, (up[0], up[1], up[2]))


def tilt_of(mounting: FloatArray, calibration: SensorCalibration) -> float:
    """Return the angle in degrees between gravity at standing and the mounting's up axis."""
    up = mounting @ np.asarray(calibration.gravity)
    return float(np.degrees(np.arccos(np.clip(up[2] / np.linalg.norm(up), -1.0, 1.0))))


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
    tilt = tilt_of(mounting, calibration)
    if tilt > LARGEST_TILT:
        how = "the sensor is upside down" if tilt > _UPSIDE_DOWN else "the sensors may be swapped"
        raise MountingError(
            f"gravity at standing is {tilt:.0f} degrees from the mounting's up axis: {how}; "
            "correct the mounting or the sensor, or set the mounting to auto"
        )
    return _level(mounting, calibration.gravity)


def found_mounting(documented: FloatArray, calibration: SensorCalibration) -> FloatArray:
    """Return the mounting of a sensor that sits in any orientation: up from standing, forward as far as it is known.

    Args:
        documented: (3, 3) rotation of the documented mounting, sensor to segment. Without ``calibration.forward`` the
            result is the one that is nearest to it.
        calibration: gravity at standing, and forward if walking has shown it.

    Returns:
        (3, 3) rotation R with ``segment vector = R @ sensor vector``.
    """
    upside_down = tilt_of(documented, calibration) > _UPSIDE_DOWN
    if calibration.forward is None and not upside_down:
        return _level(documented, calibration.gravity)
    up = np.asarray(calibration.gravity) / np.linalg.norm(calibration.gravity)
    choices = [documented[0], documented[1]] if calibration.forward is None else [np.asarray(calibration.forward)]
    for forward in choices:
        level = forward - (forward @ up) * up
        if (norm := float(np.linalg.norm(level))) > _STEEP:
            break
    else:
        raise MountingError("forward and gravity of the calibration have the same direction; calibrate again")
    x = level / norm
    rotation: FloatArray = np.array([x, np.cross(up, x), up])
    return rotation


def turned_about_up(mounting: FloatArray, heading: float) -> FloatArray:
    """Turn a mounting so that x points where ``heading`` (rad, about up) was.

    Args:
        mounting: (3, 3) rotation, sensor to segment.
        heading: rad from its x axis to the new one.
    """
    c, s = math.cos(heading), math.sin(heading)
    rotation: FloatArray = np.array([[c, s, 0.0], [-s, c, 0.0], [0.0, 0.0, 1.0]]) @ mounting
    return rotation


def described(rotation: FloatArray) -> str:
    """Return a mounting as its nearest axes and how far they are off, such as ``-X,-Z,-Y within 18 degrees``."""
    text, nearest = max(_MOUNTINGS.items(), key=lambda named: float(np.sum(named[1] * rotation)))
    worst = math.degrees(math.acos(min(1.0, float(np.sum(nearest * rotation, axis=1).min()))))
    return f"{text} within {worst:.0f} degrees"


def _level(mounting: FloatArray, gravity: Vector) -> FloatArray:
    """Apply Rodrigues' formula for the rotation about up x z that takes up to z."""
    up = mounting @ np.asarray(gravity)
    up = up / np.linalg.norm(up)
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
