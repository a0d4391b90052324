"""The ``JointTrajectory`` of a forecast."""

from __future__ import annotations

import numpy as np
from trajectory_msgs.msg import JointTrajectory, JointTrajectoryPoint

from ankle_imu_driver.arrays import FloatArray
from ankle_imu_driver.conventions import JointConvention
from ankle_predictor.model.forecast import Forecast
from ankle_predictor.nodes.stamps import SECOND, set_stamp


class TrajectoryMessage:
    """A message that is made once and filled for every forecast. Point k is due (k+1) periods after the stamp."""

    def __init__(self, joint: JointConvention, horizon: int, period: float, velocities: bool = False) -> None:
        """Make the message.

        Args:
            joint: name and sign of the published joint.
            horizon: number of points.
            period: s between two points.
            velocities: whether each point also has a velocity; see ``curve_rates``.
        """
        self._joint = joint
        self._period = period
        self._message = JointTrajectory(joint_names=[joint.name])
        step = round(period * SECOND)
        for k in range(1, horizon + 1):
            point = JointTrajectoryPoint(positions=[0.0], velocities=[0.0] * velocities)
            point.time_from_start.sec, point.time_from_start.nanosec = divmod(k * step, SECOND)
            self._message.points.append(point)
        self._positions = [point.positions for point in self._message.points]
        self._velocities = [point.velocities for point in self._message.points] if velocities else []

    def fill(self, nanoseconds: int, forecast: Forecast) -> JointTrajectory:
        """Return the message of a forecast of (H,) rad; it is valid until the next call."""
        set_stamp(self._message, nanoseconds)
        for positions, angle in zip(self._positions, self._joint.published(forecast.angle).tolist(), strict=True):
            positions[0] = angle
        if self._velocities:
            rates = self._joint.sign * curve_rates(forecast.angle, self._period)
            for velocities, rate in zip(self._velocities, rates.tolist(), strict=True):
                velocities[0] = rate
        return self._message


def curve_rates(angle: FloatArray, period: float) -> FloatArray:
    """Return the slope of a forecast at each of its points, in rad/s.

    Central differences, one-sided at the first point. The last slope is always zero: a trajectory controller
    refuses a trajectory that ends in motion, and holds the last point if no other trajectory comes.

    Args:
        angle: (H,) rad.
        period: s between two points.
    """
    rates = np.zeros(len(angle))
    if len(angle) > 1:
        rates[0] = (angle[1] - angle[0]) / period
        rates[1:-1] = (angle[2:] - angle[:-2]) / (2.0 * period)
    return rates
