"""Starts driver, filter and predictor of one leg: ``ros2 launch ankle_predictor ankle.launch.py source:=simulator``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ament_index_python.packages import get_package_share_directory
from launch.actions import DeclareLaunchArgument, OpaqueFunction
from launch.logging import get_logger
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node
from launch_ros.parameter_descriptions import ParameterValue

from ankle_imu_driver.parameter_file import read_parameter_file, sections_of, untaken_warning
from ankle_predictor.nodes.source_defaults import source_defaults
from launch import LaunchContext, LaunchDescription

PACKAGE = "ankle_predictor"
FROM_FILE = "; empty: as in params_file"
# Default and description of each argument.
ARGUMENTS = {
    "source": ("", "replay, simulator or mpu6050" + FROM_FILE + ", or replay if log is given"),
    "log": ("", "recording to replay: a logger's TXT or a rosbag2" + FROM_FILE),
    "rate": (
        "",
        "seconds of the source per second; if not 1, the nodes use the simulated time of the driver" + FROM_FILE,
    ),
    "calibration_file": ("", "standing calibration" + FROM_FILE + ", or that of the log"),
    "model": ("", "name or path of the model bundle" + FROM_FILE),
    "side": ("", "leg that wears the sensors, left or right" + FROM_FILE),
    "namespace": ("", "namespace of the nodes and topics, e.g. right_ankle"),
    "params_file": (str(Path(get_package_share_directory(PACKAGE), "config", "ankle.yaml")), "parameters of all nodes"),
    "composed": ("false", "true: all three nodes in one process; false: one process for each node"),
}


def generate_launch_description() -> LaunchDescription:
    arguments = [DeclareLaunchArgument(n, default_value=d, description=t) for n, (d, t) in ARGUMENTS.items()]
    return LaunchDescription([*arguments, OpaqueFunction(function=start)])


def start(context: LaunchContext) -> list[Node]:
    given = {name: LaunchConfiguration(name).perform(context) for name in ARGUMENTS}
    for name in ("params_file", "log", "calibration_file"):
        if given[name]:
            given[name] = str(Path(given[name]).expanduser())
    if given["log"]:
        given["source"] = given["source"] or "replay"
    warn_of_sections(Path(given["params_file"]), given["namespace"])
    own: dict[str, Any] = {n: given[n] for n in ("source", "log", "calibration_file", "model", "side") if given[n]}
    if given["rate"]:
        own |= {"rate": number("rate", given["rate"]), "use_sim_time": False}
    # Later entries override earlier ones; each node ignores parameters that it does not declare.
    parameters = [given["params_file"], own, following(Path(given["params_file"]), given["namespace"], own)]
    return [
        Node(
            package=PACKAGE,
            executable=executable,
            namespace=given["namespace"],
            parameters=[typed(part) if isinstance(part, dict) else part for part in parameters if part],
            output="screen",
        )
        for executable in executables(given["composed"].lower())
    ]


def executables(composed: str) -> list[str]:
    if composed not in ("true", "false"):
        raise ValueError(f"composed must be true or false, not {composed!r}")
    return ["bringup"] if composed == "true" else ["imu_driver", "orientation_filter", "predictor"]


def warn_of_sections(file: Path, namespace: str) -> None:
    if warning := untaken_warning(file, sections_of(file), [namespace]):
        get_logger("ankle.launch").warning(warning)


def following(file: Path, namespace: str, own: dict[str, Any]) -> dict[str, Any]:
    """Return the settings of filter and predictor that follow from the driver's source."""
    driver, orientation = (read_parameter_file(file, node, namespace) for node in ("imu_driver", "orientation_filter"))
    given = ("calibration_file", "calibration_save")
    settings = driver | {name: orientation[name] for name in given if name in orientation} | own
    names = ("source", "log", "bus", "rate", *given)
    return source_defaults(**{name: settings[name] for name in names if name in settings}, namespace=namespace)


def number(name: str, value: str) -> float:
    try:
        return float(value)
    except ValueError:
        raise ValueError(f"{name} must be a number, not {value!r}") from None


def typed(parameters: dict[str, Any]) -> dict[str, Any]:
    """Mark strings as strings; otherwise launch would parse a path such as ``10`` as a number."""
    return {n: ParameterValue(v, value_type=str) if isinstance(v, str) else v for n, v in parameters.items()}
