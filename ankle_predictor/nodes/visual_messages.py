"""Messages for viewers: transforms, markers, the cloud of the toe's path, the robot's description.

Each kind needs a package that a robot may lack; ``missing_packages`` tells which, and what goes without it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from geometry_msgs.msg import Point, TransformStamped
from sensor_msgs.msg import JointState, PointCloud2, PointField
from std_msgs.msg import ColorRGBA, Header, String

from ankle_imu_driver.arrays import FloatArray, Quaternion
from ankle_imu_driver.conventions import FOOT, SEGMENT_FRAMES, SHANK
from ankle_predictor.nodes.stamps import SECOND, set_stamp
from ankle_predictor.nodes.topics import CLOUD_TOPIC, DESCRIPTION_TOPIC, MARKERS_TOPIC, TF_TOPIC
from ankle_predictor.visualization.leg_geometry import LegPose, LegShape, fan, foot_after, on_foot, toe_path

try:
    from tf2_msgs.msg import TFMessage
except ImportError:  # not available as a pip package
    TFMessage = None
try:
    from visualization_msgs.msg import Marker, MarkerArray
except ImportError:
    MarkerArray = None
try:
    from sensor_msgs_py.point_cloud2 import create_cloud
except ImportError:  # not available as a pip package
    create_cloud = None
try:
    import xacro
except ImportError:
    xacro = None

GHOSTS = {0.2: (0.10, 0.45, 0.85), 0.5: (0.85, 0.35, 0.10)}
"""Horizons in s that are drawn as a ghost of the foot, with their colours (red, green, blue)."""
GHOST_ALPHA, FAN_ALPHA, DOUBTED_ALPHA = 0.55, 0.35, 0.15
BLADES = 6  # triangles of a fan
SOLE = (0.09, 0.02)  # m, width and thickness; the same in urdf/leg.urdf.xacro
LIFETIME = 500_000_000  # ns, after which a viewer drops the markers of a node that has died
CLOUD_FIELDS = ("x", "y", "z", "t", "lower", "upper")


NEEDS = {
    TF_TOPIC: ("tf2_msgs", TFMessage),
    MARKERS_TOPIC: ("visualization_msgs", MarkerArray),
    CLOUD_TOPIC: ("sensor_msgs_py", create_cloud),
    DESCRIPTION_TOPIC: ("xacro", xacro),
}
"""The package that each topic needs, and something of it; None where it is not installed."""


def possible_topics() -> dict[str, Any]:
    """Return the topics whose package is installed, with their message types."""
    kinds = {TF_TOPIC: TFMessage, MARKERS_TOPIC: MarkerArray, CLOUD_TOPIC: PointCloud2, DESCRIPTION_TOPIC: String}
    return {topic: kinds[topic] for topic, (_, found) in NEEDS.items() if found is not None}


def missing_packages() -> list[str]:
    """Return a sentence for each package that is not installed: what goes without it, and what to do."""
    return [
        f"{package} is not installed, so that {topic} is not published: "
        f"sudo apt install ros-$ROS_DISTRO-{package.replace('_', '-')}"
        for topic, (package, found) in NEEDS.items()
        if found is None
    ]


@dataclass(frozen=True)
class Outlook:
    """A forecast, as changes of the ankle from the moment that it was made; dorsiflexion is positive.

    Attributes:
        period: s between two steps.
        angle, lower, upper: (H,) in rad.
        published: (H, 2) the ends of the interval as they were published, in rad.
        is_doubted: whether the forecast came with a warning.
    """

    period: float
    angle: FloatArray
    lower: FloatArray
    upper: FloatArray
    published: FloatArray
    is_doubted: bool


class LegMessages:
    """Fills the messages of one leg."""

    def __init__(self, shape: LegShape, side: str, fixed_frame: str, prefix: str) -> None:
        """Make empty messages.

        Args:
            shape: the leg.
            side: "left" or "right".
            fixed_frame: the frame that both legs stand in, without prefix.
            prefix: of the leg's frames.
        """
        self._shape = shape
        self._knee = shape.knee(side)
        self._fixed = fixed_frame
        self._shank, self._foot = f"{prefix}{SEGMENT_FRAMES[SHANK]}", f"{prefix}{SEGMENT_FRAMES[FOOT]}"

    def transforms(self, nanoseconds: int, pose: LegPose) -> Any:
        """Return the ``TFMessage`` of a pose: the fixed frame, the shank, the foot."""
        return TFMessage(
            transforms=[
                _transform(nanoseconds, self._fixed, self._shank, self._knee, pose.shank),
                _transform(nanoseconds, self._shank, self._foot, self._shape.ankle, pose.foot),
            ]
        )

    def markers(self, nanoseconds: int, pose: LegPose, outlook: Outlook) -> Any:
        """Return the ``MarkerArray`` of a forecast: at each horizon a ghost of the foot, its fan and its label."""
        markers = []
        for k, (horizon, color) in enumerate(GHOSTS.items()):
            step = round(horizon / outlook.period) - 1
            if 0 <= step < len(outlook.angle):
                foot = foot_after(pose.foot, outlook.angle[step])
                ends = outlook.lower[step], outlook.upper[step]
                markers += self._ghost(nanoseconds, 3 * k, foot, horizon, _rgba(color, GHOST_ALPHA, outlook))
                corners = fan(self._shape, pose.foot, *ends, BLADES)
                corners[:, 1] += (k - 0.5) * SOLE[0]  # side by side, or they would flicker
                markers.append(self._fan(nanoseconds, 3 * k + 2, corners, _rgba(color, FAN_ALPHA, outlook)))
        return MarkerArray(markers=markers)

    def no_markers(self, nanoseconds: int) -> Any:
        """Return the ``MarkerArray`` that removes all markers."""
        return MarkerArray(markers=[self._marker(nanoseconds, 0, Marker.ARROW, action=Marker.DELETEALL)])

    def cloud(self, nanoseconds: int, pose: LegPose, outlook: Outlook) -> Any:
        """Return the ``PointCloud2`` of the toe's path."""
        path = toe_path(self._shape, pose.foot, outlook.angle)
        times = outlook.period * np.arange(1, len(path) + 1)
        return self._cloud(nanoseconds, np.column_stack([path, times, outlook.published]))

    def no_cloud(self, nanoseconds: int) -> Any:
        """Return a ``PointCloud2`` without points, which replaces the last one."""
        return self._cloud(nanoseconds, np.zeros((0, len(CLOUD_FIELDS))))

    def _cloud(self, nanoseconds: int, rows: FloatArray) -> Any:
        kind = PointField.FLOAT32
        fields = [PointField(name=name, offset=4 * k, datatype=kind, count=1) for k, name in enumerate(CLOUD_FIELDS)]
        points = np.zeros(len(rows), dtype=[(name, np.float32) for name in CLOUD_FIELDS])
        for name, column in zip(CLOUD_FIELDS, rows.T, strict=True):
            points[name] = column
        return create_cloud(self._header(nanoseconds), fields, points)

    def _header(self, nanoseconds: int) -> Header:
        header = Header(frame_id=self._shank)
        header.stamp.sec, header.stamp.nanosec = divmod(nanoseconds, SECOND)
        return header

    def _marker(self, nanoseconds: int, number: int, kind: int, **fields: Any) -> Any:
        marker = Marker(header=self._header(nanoseconds), ns="forecast", id=number, type=kind, **fields)
        marker.lifetime.nanosec = LIFETIME
        return marker

    def _ghost(self, stamp: int, number: int, foot: Quaternion, horizon: float, color: ColorRGBA) -> list[Any]:
        """Return the sole of a ghost, and its label at the toe."""
        sole = self._marker(stamp, number, Marker.CUBE, color=color)
        label = self._marker(stamp, number + 1, Marker.TEXT_VIEW_FACING, text=f"{horizon * 1e3:.0f} ms")
        label.color = ColorRGBA(r=color.r, g=color.g, b=color.b, a=1.0)
        for marker, point in ((sole, self._shape.sole_center), (label, self._shape.toe)):
            place, q = marker.pose.position, marker.pose.orientation
            place.x, place.y, place.z = on_foot(self._shape, foot, point)
            q.x, q.y, q.z, q.w = foot
        sole.scale.x, sole.scale.y, sole.scale.z = self._shape.foot_length, *SOLE
        label.scale.z = 0.03
        return [sole, label]

    def _fan(self, stamp: int, number: int, corners: FloatArray, color: ColorRGBA) -> Any:
        marker = self._marker(stamp, number, Marker.TRIANGLE_LIST, color=color)
        marker.pose.orientation.w = 1.0
        marker.scale.x = marker.scale.y = marker.scale.z = 1.0
        marker.points = [Point(x=x, y=y, z=z) for x, y, z in corners.tolist()]
        return marker


def due_message(nanoseconds: int, joint: str, angles: Mapping[float, float]) -> JointState:
    """Return the ``JointState`` of forecasts that are due, by horizon in s; the angles as they were published.

    Viewers pick a joint by its place, too, so that all horizons are there; one without a forecast is NaN.
    """
    message = JointState(name=[due_joint(joint, horizon) for horizon in GHOSTS])
    message.position = [angles.get(horizon, math.nan) for horizon in GHOSTS]
    set_stamp(message, nanoseconds)
    return message


def due_joint(joint: str, horizon: float) -> str:
    """Return the name of a joint's forecast of a horizon in s, such as ``ankle_200ms``."""
    return f"{joint}_{horizon * 1e3:.0f}ms"


def robot_description(file: Path, arguments: Mapping[str, object]) -> str:
    """Return the URDF that a xacro file gives with these arguments."""
    mappings = {name: str(value) for name, value in arguments.items()}
    return str(xacro.process_file(str(file), mappings=mappings).toxml())


def _transform(
    nanoseconds: int, parent: str, child: str, position: Sequence[float], turn: Quaternion
) -> TransformStamped:
    message = TransformStamped(child_frame_id=child)
    message.header.frame_id = parent
    set_stamp(message, nanoseconds)
    place, q = message.transform.translation, message.transform.rotation
    place.x, place.y, place.z = position
    q.x, q.y, q.z, q.w = turn
    return message


def _rgba(color: tuple[float, float, float], alpha: float, outlook: Outlook) -> ColorRGBA:
    red, green, blue = color
    return ColorRGBA(r=red, g=green, b=blue, a=DOUBTED_ALPHA if outlook.is_doubted else alpha)
