"""The executable ``bringup``: driver, filter and predictor in one process, on one executor."""

from __future__ import annotations

from collections.abc import Sequence

from rclpy.parameter import Parameter

from ankle_imu_driver.driver_node import ImuDriverNode
from ankle_imu_driver.managed_node import ManagedNode, spin_nodes
from ankle_imu_driver.refusal import Refusal
from ankle_predictor.nodes.filter_node import JOINT_TOPIC, RAW_TOPICS, SEGMENT_TOPICS, OrientationFilterNode
from ankle_predictor.nodes.predictor_node import PredictorNode
from ankle_predictor.nodes.sample_executor import Doorbell, SampleExecutor
from ankle_predictor.nodes.source_defaults import follow_source


def make_nodes(executor: SampleExecutor) -> list[ManagedNode]:
    """Make the three nodes for an executor, and let the others follow what the driver plays.

    Raises:
        Refusal: there is no log, or it cannot be read.
    """
    driver, orientation, predictor = ImuDriverNode(), OrientationFilterNode(), PredictorNode()
    source, log, bus = (driver.get_parameter(name).value for name in ("source", "log", "bus"))
    if source == "replay" and not log:
        raise Refusal("source replay needs the parameter log, the recording to play")
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
    # In simulated time samples would overtake /clock, and there is no hurry.
    if rate == 1 and not any(node.get_parameter("use_sim_time").value for node in nodes):
        connect(executor, driver, orientation, predictor)
    for node in nodes:
        node.autostart()
    return nodes


def connect(
    executor: SampleExecutor, driver: ImuDriverNode, orientation: OrientationFilterNode, predictor: PredictorNode
) -> None:
    """Have the samples handed on from node to node, beside DDS; not if a remapping has parted any of their topics."""
    ways = [(topic, driver, orientation) for topic in RAW_TOPICS.values()]
    ways += [(topic, orientation, predictor) for topic in (*SEGMENT_TOPICS.values(), JOINT_TOPIC)]
    if any(sender.resolve_topic_name(topic) != hearer.resolve_topic_name(topic) for topic, sender, hearer in ways):
        return
    for topic, _, hearer in ways:
        hearer.inputs.expect(topic)
    orientation.neighbour = predictor.inputs
    bell = Doorbell()
    executor.serve(bell.wait, orientation.inputs.take, driver.send_waiting, bell.is_ringing)

    def tap(stream: int, frame: str, stamp: int, values: Sequence[float]) -> None:
        ax, ay, az, gx, gy, gz = values
        orientation.inputs.post_unpacked(RAW_TOPICS[stream], (frame, stamp, (ax, ay, az), (gx, gy, gz)))
        bell.ring()

    driver.tap = tap


def main() -> int:
    """Run the three nodes."""
    return spin_nodes(make_nodes, make_executor=SampleExecutor)
