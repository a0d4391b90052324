"""An exoskeleton with two ankles: our launch file once for each leg, each in a scope of its own.

``sides:=both`` of ``ankle.launch.py`` starts two legs with less. This shows how to include it twice, for robots that
want other settings for each leg, or each leg on a computer of its own. The scope of the group is what keeps the
arguments of one leg from the other one; ``forwarding=False`` keeps out those of this file, too.
"""

from __future__ import annotations

from pathlib import Path

from ament_index_python.packages import get_package_share_directory
from launch.actions import DeclareLaunchArgument, GroupAction, IncludeLaunchDescription, OpaqueFunction
from launch.launch_description_sources import PythonLaunchDescriptionSource
from launch.substitutions import LaunchConfiguration

from launch import LaunchContext, LaunchDescription

ANKLE = str(Path(get_package_share_directory("ankle_predictor"), "launch", "ankle.launch.py"))


def generate_launch_description() -> LaunchDescription:
    """Return what to start."""
    return LaunchDescription(
        [
            DeclareLaunchArgument("source", default_value="mpu6050", description="mpu6050 or simulator"),
            DeclareLaunchArgument("params_file", default_value="", description="as config/two_legs.yaml"),
            OpaqueFunction(function=both_legs),
        ]
    )


def both_legs(context: LaunchContext) -> list[GroupAction]:
    """Return the includes; called when the arguments are known."""
    source, params_file = (LaunchConfiguration(name).perform(context) for name in ("source", "params_file"))
    common = {"namespace": "exo", "source": source}
    if params_file:
        common["params_file"] = params_file
    return [
        leg({**common, "sides": "left", "model": "base", "joint_name": "ankle_pitch"}),
        leg({**common, "sides": "right"}),
    ]


def leg(arguments: dict[str, str]) -> GroupAction:
    """Return one leg, started with these arguments and no others."""
    include = IncludeLaunchDescription(PythonLaunchDescriptionSource(ANKLE), launch_arguments=arguments.items())
    return GroupAction([include], scoped=True, forwarding=False)
