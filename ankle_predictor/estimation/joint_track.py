"""Keeps the joint's recent past from the IMUs, to look up what they said at the time of an encoder sample."""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

KEPT = 0.5  # s; an encoder sample that is older is of no use


class TrackPoint(NamedTuple):
    """The joint at one time, as the IMUs see it.

    Attributes:
        stamp: s.
        turned: rad, integral of the gyros' hinge rate since an arbitrary start.
        angle: rad, the IMUs' own ankle angle.
    """

    stamp: float
    turned: float
    angle: float


class JointTrack:
    """The last half second of the joint. The newest point is ``newest``, None before the first."""

    def __init__(self) -> None:
        self._points: deque[TrackPoint] = deque()
        self._rate = 0.0
        self.newest: TrackPoint | None = None

    def push(self, stamp: float, angle: float, rate: float) -> TrackPoint:
        """Add the joint of the next pair: s, rad and rad/s. The stamp must increase."""
        turned = 0.0
        if self.newest is not None:
            turned = self.newest.turned + 0.5 * (rate + self._rate) * (stamp - self.newest.stamp)
        self._rate = rate
        self.newest = point = TrackPoint(stamp, turned, angle)
        points = self._points
        points.append(point)
        while points[0].stamp < stamp - KEPT:
            points.popleft()
        return point

    def clear(self) -> None:
        """Remove all points."""
        self._points.clear()
        self.newest = None

    def at(self, stamp: float) -> TrackPoint | None:
        """Return the joint at a time in s, interpolated; None if the points do not cover it."""
        after: TrackPoint | None = None
        for point in reversed(self._points):
            if point.stamp <= stamp:
                if after is None:
                    return point if point.stamp == stamp else None
                share = (stamp - point.stamp) / (after.stamp - point.stamp)
                return TrackPoint(
                    stamp,
                    point.turned + share * (after.turned - point.turned),
                    point.angle + share * (after.angle - point.angle),
                )
            after = point
        return None

    def turns(self) -> tuple[list[float], list[float]]:
        """Return stamps in s and ``turned`` in rad of all points, oldest first."""
        return [p.stamp for p in self._points], [p.turned for p in self._points]
