"""The rules by which joint_trajectory_controller of ros2_controllers accepts or refuses a message.

The rules are those of ``JointTrajectoryController::validate_trajectory_msg`` in ros2_controllers,
``joint_trajectory_controller/src/joint_trajectory_controller.cpp``, read on the branches humble (ad559d9c), jazzy
(ed360c97), kilted (0f8eb14e) and master (94e74de3, version 6.9.0). They are the same on all four except for their order
and for effort, which later branches accept with an effort command interface. This is new code, not a copy.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from trajectory_msgs.msg import JointTrajectory

from rigs.node_bench import stamp_of

STANDSTILL = float(np.finfo(np.float32).eps)  # rad/s, std::numeric_limits<float>::epsilon()


@dataclass(frozen=True)
class Controller:
    """The parameters of the controller on which its rules depend, with their defaults.

    Attributes:
        joints: the joints that it controls.
        allow_partial_joints_goal: whether a trajectory may omit joints.
        allow_nonzero_velocity_at_trajectory_end: whether it may end in motion.
        allow_integration_in_goal_trajectories: whether velocities or accelerations alone are enough.
    """

    joints: tuple[str, ...] = ("ankle",)
    allow_partial_joints_goal: bool = False
    allow_nonzero_velocity_at_trajectory_end: bool = False
    allow_integration_in_goal_trajectories: bool = False

    def refusals(self, message: JointTrajectory, now: int) -> list[str]:
        """All rules that a message violates; empty if the controller accepts it. ``now`` in ns."""
        if not message.points:
            return ["it has no points"]
        return [*self._of_joints(message), *self._of_times(message, now), *self._of_values(message)]

    def _of_joints(self, message: JointTrajectory) -> Iterator[str]:
        names = message.joint_names
        if not self.allow_partial_joints_goal and len(names) != len(self.joints):
            yield f"it is for {len(names)} joints, the controller for {len(self.joints)}"
        if not names:
            yield "it names no joint"
        for name in names:
            if name not in self.joints:
                yield f"{name} is not a joint of the controller"

    def _of_times(self, message: JointTrajectory, now: int) -> Iterator[str]:
        times = [p.time_from_start.sec * 10**9 + p.time_from_start.nanosec for p in message.points]
        # A stamp of zero means "start now". Any other stamp is a time, and a trajectory that has ended is refused.
        if stamp_of(message) and stamp_of(message) + times[-1] < now:
            yield "it ends in the past"
        for k in range(1, len(times)):
            if times[k] <= times[k - 1]:
                yield f"the time of point {k} is not after the one before"

    def _of_values(self, message: JointTrajectory) -> Iterator[str]:
        joints = len(message.joint_names)
        for k, point in enumerate(message.points):
            given = {"positions": point.positions, "velocities": point.velocities, "accelerations": point.accelerations}
            for what, values in given.items():
                required = what == "positions" and not self.allow_integration_in_goal_trajectories
                if len(values) != joints and (len(values) or required):
                    yield f"point {k} has {len(values)} {what} for {joints} joints"
            if not any(map(len, given.values())):
                yield f"point {k} has no values"
            if len(point.effort):
                yield f"point {k} has effort"
        last = message.points[-1].velocities
        if not self.allow_nonzero_velocity_at_trajectory_end and any(abs(v) > STANDSTILL for v in last):
            yield "its last point is in motion"
        if not all(math.isfinite(v) for p in message.points for v in (*p.positions, *p.velocities)):
            yield "a value is not finite"  # not a rule of the controller: it would pass the value to the motor
