"""Starts driver, filter and predictor of one leg or of both.

``ros2 launch ankle_predictor ankle.launch.py source:=simulator``, and ``sides:=both`` for two legs. To include it twice
in a launch file of your own, put each include into a scoped group, as ``examples/exo.launch.py`` does.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import yaml
from ament_index_python.packages import get_package_share_directory
from launch.actions import DeclareLaunchArgument, GroupAction, OpaqueFunction
from launch.logging import get_logger
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node

from ankle_imu_driver.parameter_file import sections_of, untaken_warning
from ankle_predictor.nodes.launch_plan import LegPlan, check_arguments, expanded_paths, plan_legs
from launch import LaunchContext, LaunchDescription

PACKAGE = "ankle_predictor"
SHARE = Path(get_package_share_directory(PACKAGE))
FROM_FILE = "; empty: as in params_file"
RESPAWN_DELAY = 2.0  # s; a device that was unplugged needs a moment
# Default and description of each argument.
ARGUMENTS = {
    "sides": ("", "both: two legs, in the namespaces left_ankle and right_ankle; left or right: one of them"),
    "source": ("", "replay, simulator or mpu6050" + FROM_FILE + ", or replay if log is given"),
    "log": ("", "recording to replay: a logger's TXT or a rosbag2" + FROM_FILE),
    "leg": ("", "namespace of the leg in a rosbag2 with several legs; empty: the nodes' own"),
    "rate": (
        "",
        "seconds of the source per second; if not 1, the nodes use the simulated time of the driver" + FROM_FILE,
    ),
    "calibration_file": ("", "standing calibration" + FROM_FILE + ", or that of the log"),
    "left_calibration_file": ("", "that of the left leg, with sides"),
    "right_calibration_file": ("", "that of the right leg, with sides"),
    "model": ("", "name or path of the model bundle" + FROM_FILE),
    "left_model": ("", "that of the left leg, with sides; empty: as model"),
    "right_model": ("", "that of the right leg, with sides; empty: as model"),
    "side": ("", "leg that wears the sensors, left or right" + FROM_FILE),
    "namespace": ("", "namespace of the nodes and topics, e.g. right_ankle; with sides, that of both legs"),
    "frame_prefix": ("", "prefix of all frames" + FROM_FILE + "; with sides, before left_ and right_"),
    "joint_name": ("", "name of the joint" + FROM_FILE + "; with sides, after left_ and right_"),
    "params_file": (str(SHARE / "config" / "ankle.yaml"), "parameters of all nodes"),
    "composed": ("false", "true: all nodes in one process; false: one process for each node"),
    "driver": ("true", "false: the raw samples come from your own driver"),
    "autostart": ("", "false: leave configuring and activating to a lifecycle manager" + FROM_FILE),
    "use_sim_time": ("", "true: use /clock" + FROM_FILE),
    "respawn": ("true", "false: a process that ended is not started again"),
    "log_level": ("", "debug, info, warn, error or fatal"),
    "rviz": ("false", "true: start rviz2 and the visualizer"),
}


def generate_launch_description() -> LaunchDescription:
    arguments = [DeclareLaunchArgument(n, default_value=d, description=t) for n, (d, t) in ARGUMENTS.items()]
    return LaunchDescription([*arguments, OpaqueFunction(function=start)])


def start(context: LaunchContext) -> list[GroupAction | Node]:
    given = expanded_paths(check_arguments({name: LaunchConfiguration(name).perform(context) for name in ARGUMENTS}))
    file = Path(given["params_file"])
    sections = sections_of(file)
    legs = plan_legs(given, sections, context.launch_configurations.get("ros_namespace", ""))
    if warning := untaken_warning(file, sections, [leg.namespace for leg in legs]):
        get_logger("ankle.launch").warning(warning)
    if given["composed"] == "true" and len(legs) == 2:
        actions: list[GroupAction | Node] = [both_in_one_process(legs, given)]
        if given["rviz"] == "true":
            actions += [node("visualizer", given, parameter_file([leg]), leg.namespace) for leg in legs]
    else:
        # A scope of its own for each leg: nothing that is set for one reaches the other.
        actions = [GroupAction(nodes_of(leg, given), scoped=True) for leg in legs]
    if given["rviz"] == "true":
        view = SHARE / "rviz" / "ankle.rviz"
        actions.append(Node(package="rviz2", executable="rviz2", arguments=["-d", str(view)], output="screen"))
    return actions


def nodes_of(leg: LegPlan, given: dict[str, str]) -> list[Node]:
    executables = ["bringup"] if given["composed"] == "true" else ["imu_driver", "orientation_filter", "predictor"]
    if given["driver"] == "false":
        executables = ["orientation_filter", "predictor"]
    if given["rviz"] == "true":
        executables.append("visualizer")
    own = parameter_file([leg])
    return [node(executable, given, own, leg.namespace, respawn=leg.respawns) for executable in executables]


def both_in_one_process(legs: list[LegPlan], given: dict[str, str]) -> Node:
    parent = legs[0].namespace.rpartition("/")[0]
    arguments = ["--sides", "both", "--parent", parent or "/"]
    return node("bringup", given, parameter_file(legs), respawn=all(leg.respawns for leg in legs), arguments=arguments)


def node(executable: str, given: dict[str, str], own: str, namespace: str = "", **options: Any) -> Node:
    if namespace:
        options["namespace"] = namespace
    if executable != "bringup":  # which has several nodes; a name would be given to all of them
        options["name"] = executable
    level = ["--log-level", given["log_level"]] if given["log_level"] else []
    return Node(
        package=PACKAGE,
        executable=executable,
        parameters=[given["params_file"], own],
        ros_arguments=level,
        output="screen",
        respawn_delay=RESPAWN_DELAY,
        **options,
    )


def parameter_file(legs: list[LegPlan]) -> str:
    """Write what the launch arguments say as a parameter file with a section for each node, and return its path.

    launch_ros would write ``/**`` for an executable with several nodes, which loses against a section for one node.
    """
    content = {name: section for leg in legs for name, section in leg.sections().items()}
    with tempfile.NamedTemporaryFile("w", prefix="launch_params_", suffix=".yaml", delete=False) as file:
        yaml.safe_dump(content, file)
    return file.name
