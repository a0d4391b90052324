"""The names of two legs of one person, and which one follows which in a recording or the simulator. No ROS here."""

from __future__ import annotations

from typing import Any

BOTH = "both"
"""What ``sides`` is for both legs."""
LEADER = "right"
"""The leg whose recording or simulation sets the time; the other one keeps step with it."""
HALF_A_STRIDE = 0.5
SINGLE_LEG: dict[str, Any] = {
    "side": "right",
    "frame_prefix": "",
    "joint_name": "ankle",
    "follow": "",
    "simulator.phase": 0.0,
}
"""What the parameters that ``leg_defaults`` returns are for a single leg."""


def leg_namespace(side: str, parent: str = "") -> str:
    """Return the namespace of a leg's nodes, such as ``/exo/left_ankle``; the parent may have slashes around it."""
    return "/" + "/".join(part for part in (*parent.split("/"), f"{side}_ankle") if part)


def leg_prefix(side: str) -> str:
    """Return the prefix of a leg's frames."""
    return f"{side}_"


def joint_of_leg(side: str, joint: str = "") -> str:
    """Return the name of a leg's joint; ``joint`` is what it is called apart from the side."""
    return f"{side}_{joint or 'ankle'}"


def step_of_leg(side: str, parent: str = "") -> dict[str, Any]:
    """Return the driver's parameters by which two legs walk in step, half a stride apart in the simulator."""
    if side == LEADER:
        return {}
    return {"follow": leg_namespace(LEADER, parent), "simulator.phase": HALF_A_STRIDE}


def leg_defaults(side: str, parent: str = "") -> dict[str, Any]:
    """Return the parameters of a leg's nodes that tell it from the other one."""
    own = {"side": side, "frame_prefix": leg_prefix(side), "joint_name": joint_of_leg(side)}
    return own | step_of_leg(side, parent)
