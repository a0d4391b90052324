"""The executable ``bringup``: driver, filter and predictor in one process, on one executor."""

from __future__ import annotations

from rclpy.parameter import Parameter

from ankle_imu_driver.driver_node import ImuDriverNode
from ankle_imu_driver.managed_node import ManagedNode, spin_nodes
from ankle_predictor.filter_node import OrientationFilterNode
from ankle_predictor.follow_source import follow_source
from ankle_predictor.predictor_node import PredictorNode


def make_nodes() -> list[ManagedNode]:
    """Make the three nodes, and let the others follow what the driver plays.

    Raises:
        ValueError: there is no log, or it cannot be read.
    """
    driver, orientation, predictor = ImuDriverNode(), OrientationFilterNode(), PredictorNode()
    source, log, bus = (driver.get_parameter(name).value for name in ("source", "log", "bus"))
    if source == "replay" and not log:
        raise ValueError("source replay needs the parameter log, the recording to play")
    given = orientation.get_parameter("calibration_file").value
    save = orientation.get_parameter("calibration_save").value
    save = "" if save == orientation.wearers_file else save
    rate = driver.number("rate")
    following = follow_source(source, log, bus, rate, calibration_file=given, calibration_save=save)
    if following.get("calibration_file") == "":
        driver.get_logger().info(f"{log} brings no calibration: the filter waits for two seconds of standing")
    for node in (orientation, predictor):
        node.set_parameters([Parameter(n, value=v) for n, v in following.items() if node.has_parameter(n)])
    nodes = [predictor, orientation, driver]  # whoever listens first, so that no sample is missed
    for node in nodes:
        node.autostart()
    return nodes


def main() -> int:
    """Run the three nodes."""
    return spin_nodes(make_nodes)
