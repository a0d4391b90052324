"""Parameters that the filter node and the predictor node declare alike."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import fields

from rcl_interfaces.msg import SetParametersResult
from rclpy.parameter import Parameter

from ankle_imu_driver.conventions import JointConvention, check_side
from ankle_imu_driver.managed_node import ManagedNode
from ankle_imu_driver.mounting import FOOT_MOUNTING, FOOT_TILT, SHANK_MOUNTING, SHANK_TILT
from ankle_imu_driver.refusal import Refusal
from ankle_predictor.estimation.filter_config import FilterConfig
from ankle_predictor.estimation.leg_estimator import LegConfig
from ankle_predictor.estimation.pair_matcher import PAIR_TOLERANCE


def declare_filter(node: ManagedNode) -> None:
    """Declare every constant of the filter under its own name."""
    for constant in fields(FilterConfig):
        assert isinstance(constant.default, float)
        node.declare_number(constant.name, constant.default)


def read_filter(node: ManagedNode) -> FilterConfig:
    """Read what ``declare_filter`` declared.

    Raises:
        Refusal: a constant makes no filter.
    """
    return FilterConfig(**{constant.name: node.number(constant.name) for constant in fields(FilterConfig)})


def declare_leg(node: ManagedNode) -> None:
    """Declare which leg it is, how the sensors sit on it, and the constants of the filter."""
    node.declare_parameter("side", "right")
    for name, mounting, tilt in (("shank", SHANK_MOUNTING, SHANK_TILT), ("foot", FOOT_MOUNTING, FOOT_TILT)):
        node.declare_parameter(f"{name}.mounting", mounting)
        node.declare_parameter(f"{name}.tilt", list(tilt))
    node.declare_number("pair_tolerance", PAIR_TOLERANCE)
    declare_filter(node)


def read_leg(node: ManagedNode) -> LegConfig:
    """Read what ``declare_leg`` declared.

    Raises:
        Refusal: there is no such side, or a tilt is not two numbers, or a constant makes no filter.
    """
    mirrored = read_side(node) == "left"
    tilts = []
    for name in ("shank", "foot"):
        tilt = node.get_parameter(f"{name}.tilt").value
        if len(tilt) != 2:
            raise Refusal(f"{name}.tilt must be [roll, pitch] in rad, not {list(tilt)}")
        # Given for a right leg: on the left one the same strap leans to the other side.
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
    """Read which leg it is.

    Raises:
        Refusal: neither of the two.
    """
    side = str(node.get_parameter("side").value)
    check_side(side)
    return side


def declare_joint(node: ManagedNode, prefix: str = "") -> None:
    """Declare how others call and count the joint."""
    node.declare_parameter(f"{prefix}joint_name", "ankle")
    node.declare_number(f"{prefix}joint_sign", 1.0)
    node.declare_number(f"{prefix}joint_offset", 0.0)


def read_joint(node: ManagedNode, prefix: str = "") -> JointConvention:
    """Read what ``declare_joint`` declared.

    Raises:
        Refusal: the name, sign or offset is none.
    """
    name = str(node.get_parameter(f"{prefix}joint_name").value)
    return JointConvention(name, node.number(f"{prefix}joint_sign"), node.number(f"{prefix}joint_offset"))


def fix_while(node: ManagedNode, busy: Callable[[], bool], free: Iterable[str] = ("autostart", "use_sim_time")) -> None:
    """Refuse changes of a node's parameters while ``busy`` says that it works with the old ones."""
    kept = frozenset(free)

    def guard(parameters: list[Parameter]) -> SetParametersResult:
        names = sorted(p.name for p in parameters if p.name not in kept)
        if names and busy():
            reason = f"{', '.join(names)} cannot change while {node.get_name()} is configured; clean it up first"
            return SetParametersResult(successful=False, reason=reason)
        return SetParametersResult(successful=True)

    node.add_on_set_parameters_callback(guard)
