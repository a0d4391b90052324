"""Declares and reads the parameters that filter node and predictor node have in common."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import fields

from rcl_interfaces.msg import SetParametersResult
from rclpy.parameter import Parameter

from ankle_imu_driver.conventions import JointConvention, check_side
from ankle_imu_driver.managed_node import ManagedNode
from ankle_imu_driver.mounting import AUTO, FOOT_TILT, SHANK_TILT
from ankle_imu_driver.refusal import Refusal
from ankle_predictor.estimation.filter_config import FilterConfig
from ankle_predictor.estimation.leg_estimator import LegConfig
from ankle_predictor.estimation.pair_matcher import PAIR_TOLERANCE


def declare_filter(node: ManagedNode) -> None:
    """Declare a parameter for each constant of the filter, with the same name and unit."""
    for constant in fields(FilterConfig):
        assert isinstance(constant.default, float)
        node.declare_number(constant.name, constant.default)


def read_filter(node: ManagedNode) -> FilterConfig:
    """Read what ``declare_filter`` declared.

    Raises:
        Refusal: a constant is out of its bounds.
    """
    return FilterConfig(**{constant.name: node.number(constant.name) for constant in fields(FilterConfig)})


def declare_leg(node: ManagedNode) -> None:
    """Declare the side of the leg, the mounting of the sensors, and the constants of the filter."""
    node.declare_parameter("side", "right")
    for name, tilt in (("shank", SHANK_TILT), ("foot", FOOT_TILT)):
        node.declare_parameter(f"{name}.mounting", AUTO)
        node.declare_parameter(f"{name}.tilt", list(tilt))
    node.declare_number("pair_tolerance", PAIR_TOLERANCE)
    declare_filter(node)


def read_leg(node: ManagedNode) -> LegConfig:
    """Read what ``declare_leg`` declared.

    Raises:
        Refusal: the side is unknown, a tilt is not two numbers, or a constant is out of its bounds.
    """
    mirrored = read_side(node) == "left"
    tilts = []
    for name in ("shank", "foot"):
        tilt = node.get_parameter(f"{name}.tilt").value
        if len(tilt) != 2:
            raise Refusal(f"{name}.tilt must be [roll, pitch] in rad, not {list(tilt)}")
        # Tilts are given for a right leg. On a left leg the roll has the opposite sign.
        tilts.append((-tilt[0] if mirrored else tilt[0], tilt[1]))
    return LegConfig(
        shank_mounting=node.get_parameter("shank.mounting").value,
        foot_mounting=node.get_parameter("foot.mounting").value,
        shank_tilt=tilts[0],
        foot_tilt=tilts[1],
        pair_tolerance=node.number("pair_tolerance"),
        filter=read_filter(node),
    )


def read_side(node: ManagedNode) -> str:
    """Read the side of the leg, "left" or "right".

    Raises:
        Refusal: the side is neither of the two.
    """
    side = str(node.get_parameter("side").value)
    check_side(side)
    return side


def declare_joint(node: ManagedNode, prefix: str = "") -> None:
    """Declare the name, sign and offset (rad) of the joint in messages."""
    node.declare_parameter(f"{prefix}joint_name", "ankle")
    node.declare_number(f"{prefix}joint_sign", 1.0)
    node.declare_number(f"{prefix}joint_offset", 0.0)


def read_joint(node: ManagedNode, prefix: str = "") -> JointConvention:
    """Read what ``declare_joint`` declared.

    Raises:
        Refusal: the name, sign or offset is invalid.
    """
    name = str(node.get_parameter(f"{prefix}joint_name").value)
    return JointConvention(name, node.number(f"{prefix}joint_sign"), node.number(f"{prefix}joint_offset"))


def lock_parameters(
    node: ManagedNode, in_use: Callable[[], bool], exempt: Iterable[str] = ("autostart", "use_sim_time")
) -> None:
    """Reject changes of a node's parameters, except the exempt ones, while ``in_use`` returns True."""
    always_free = frozenset(exempt)

    def guard(parameters: list[Parameter]) -> SetParametersResult:
        names = sorted(p.name for p in parameters if p.name not in always_free)
        if names and in_use():
            reason = f"{', '.join(names)} cannot change while {node.get_name()} is configured; clean it up first"
            return SetParametersResult(successful=False, reason=reason)
        return SetParametersResult(successful=True)

    node.add_on_set_parameters_callback(guard)
