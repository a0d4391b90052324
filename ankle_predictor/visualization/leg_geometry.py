"""Where the leg is drawn: poses of shank and foot, the toe's path over a forecast, and the fan of its interval.

Frames follow REP-103: x forward, y left, z up. ``shank_link`` has its origin in the knee, ``foot_link`` in the ankle.
Only inclinations are measured. So the knee stays at standing height, and every heading is drawn forward: a gyro alone
lets the headings of shank and foot drift apart. A forecast is of the ankle angle, so that the shank of a forecast is
the one of now.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import TypeGuard

import numpy as np
from scipy.spatial.transform import Rotation

from ankle_imu_driver.arrays import FloatArray, Quaternion, Vector
from ankle_imu_driver.refusal import Refusal

HEEL_SHARE = 0.25  # of the foot's length, behind the ankle; FootGeometry of the simulator has 0.03 / (0.03 + 0.095)
LARGEST_LENGTH = 2.0  # m
UNIT_TOLERANCE = 0.01  # of a quaternion's norm; of 32-bit ones, too


@dataclass(frozen=True)
class LegShape:
    """Lengths of the drawn leg in m.

    Shank, foot and ankle are for a body height of 1.75 m, by the shares in Winter, Biomechanics and Motor Control of
    Human Movement (2009), figure 4.1: knee above the ground 0.285, ankle above the ground 0.039, foot 0.152.

    Attributes:
        shank_length: knee to ankle.
        foot_length: heel to toe.
        ankle_height: ankle above the sole.
        leg_spacing: distance of the two legs.
    """

    shank_length: float = 0.43
    foot_length: float = 0.27
    ankle_height: float = 0.07
    leg_spacing: float = 0.2

    def __post_init__(self) -> None:
        """Check the values.

        Raises:
            Refusal: a length is not positive, or longer than any leg.
        """
        for length in fields(self):
            value = getattr(self, length.name)
            if not 0.0 < value <= LARGEST_LENGTH:
                raise Refusal(f"{length.name} must be more than 0 and at most {LARGEST_LENGTH:g} m, not {value:g}")

    @property
    def toe(self) -> FloatArray:
        """(3,) the tip of the sole in the foot's frame, in m."""
        return np.array([(1.0 - HEEL_SHARE) * self.foot_length, 0.0, -self.ankle_height])

    @property
    def sole_center(self) -> FloatArray:
        """(3,) the middle of the sole in the foot's frame, in m."""
        return np.array([(0.5 - HEEL_SHARE) * self.foot_length, 0.0, -self.ankle_height])

    def knee(self, side: str) -> Vector:
        """Return where the knee of the "left" or the "right" leg is drawn, in the fixed frame, in m."""
        lateral = 0.5 * self.leg_spacing
        return (0.0, lateral if side == "left" else -lateral, self.shank_length + self.ankle_height)

    @property
    def ankle(self) -> Vector:
        """The ankle in the shank's frame, in m."""
        return (0.0, 0.0, -self.shank_length)


@dataclass(frozen=True)
class LegPose:
    """How the leg is turned at one time.

    Attributes:
        shank: x, y, z, w of the rotation from the shank's frame to the fixed frame.
        foot: x, y, z, w of the rotation from the foot's frame to the shank's frame.
    """

    shank: Quaternion
    foot: Quaternion


def is_rotation(orientation: Quaternion | None) -> TypeGuard[Quaternion]:
    """Whether there is an orientation, and it is one: a message that nobody filled has zeros."""
    return orientation is not None and abs(math.hypot(*orientation) - 1.0) < UNIT_TOLERANCE


def leg_pose(shank: Quaternion, foot: Quaternion) -> LegPose:
    """Return the pose of a leg whose segments have these orientations in level frames of any headings."""
    shank_turn, foot_turn = (without_heading(Rotation.from_quat(q)) for q in (shank, foot))
    return LegPose(_quaternion(shank_turn), _quaternion(shank_turn.inv() * foot_turn))


def without_heading(orientation: Rotation) -> Rotation:
    """Turn an orientation about the vertical until its y axis points left, as seen from above.

    With the y axis, unlike the x axis, this is unique for every inclination in the sagittal plane.
    """
    x, y, _ = orientation.apply((0.0, 1.0, 0.0))
    turned: Rotation = Rotation.from_euler("z", -math.atan2(-x, y)) * orientation
    return turned


def foot_after(foot: Quaternion, change: float) -> Quaternion:
    """Return the foot's rotation after the ankle has dorsiflexed by ``change`` rad about the foot's lateral axis."""
    return _quaternion(_dorsiflexed(foot, np.array([change]))[0])


def on_foot(shape: LegShape, foot: Quaternion, point: FloatArray) -> Vector:
    """Return a point of the foot, (3,) in m in its own frame, in the shank's frame; ``foot`` is foot to shank."""
    x, y, z = (Rotation.from_quat(foot).apply(point) + np.array(shape.ankle)).tolist()
    return (x, y, z)


def toe_path(shape: LegShape, foot: Quaternion, changes: FloatArray) -> FloatArray:
    """Return where the toe will be, in the shank's frame.

    Args:
        shape: the leg.
        foot: the foot's rotation now, foot to shank.
        changes: (N,) by how much the ankle will have dorsiflexed, in rad.

    Returns:
        (N, 3) in m.
    """
    path: FloatArray = _dorsiflexed(foot, changes).apply(shape.toe) + np.array(shape.ankle)
    return path


def fan(shape: LegShape, foot: Quaternion, least: float, most: float, blades: int) -> FloatArray:
    """Return the area between ankle and toe that an interval of the angle sweeps, as triangles in the shank's frame.

    Args:
        shape: the leg.
        foot: the foot's rotation now, foot to shank.
        least: lower end of the interval, as a change of the ankle from now, in rad; dorsiflexion positive.
        most: upper end, the same way.
        blades: number of triangles.

    Returns:
        (3 * blades, 3) the corners in m.
    """
    rim = toe_path(shape, foot, np.linspace(least, most, blades + 1))
    hub = np.broadcast_to(np.array(shape.ankle), (blades, 3))
    return np.stack([hub, rim[:-1], rim[1:]], axis=1).reshape(-1, 3)


def _dorsiflexed(foot: Quaternion, changes: FloatArray) -> Rotation:
    # A positive turn about y (left) points the toes down.
    turned: Rotation = Rotation.from_quat(foot) * Rotation.from_euler("y", -np.asarray(changes)[:, None])
    return turned


def _quaternion(rotation: Rotation) -> Quaternion:
    x, y, z, w = rotation.as_quat().tolist()
    return (x, y, z, w)
