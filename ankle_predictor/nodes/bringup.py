"""The executable ``bringup``: runs driver, filter and predictor in one process, on one executor."""

from __future__ import annotations

from collections.abc import Sequence

from rclpy.parameter import Parameter

from ankle_imu_driver.conventions import RAW_TOPICS
from ankle_imu_driver.driver_node import ImuDriverNode
from ankle_imu_driver.managed_node import ManagedNode, spin_nodes
from ankle_imu_driver.raw_imu_message import raw_imu_message
from ankle_imu_driver.refusal import Refusal
from ankle_predictor.nodes.filter_node import OrientationFilterNode
from ankle_predictor.nodes.predictor_node import PredictorNode
from ankle_predictor.nodes.sample_executor import SampleExecutor
from ankle_predictor.nodes.source_defaults import source_defaults
from ankle_predictor.nodes.topics import JOINT_TOPIC, SEGMENT_TOPICS


def make_nodes(executor: SampleExecutor) -> list[ManagedNode]:
    """Make the three nodes; some parameters of filter and predictor depend on the driver's source.

    Raises:
        Refusal: there is no log, or it cannot be read.
    """
    driver, orientation, predictor = ImuDriverNode(), OrientationFilterNode(), PredictorNode()
    source, log, leg, bus = (driver.get_parameter(name).value for name in ("source", "log", "leg", "bus"))
    if source == "replay" and not log:
        raise Refusal("source replay needs the parameter log, the recording to play")
    given = orientation.get_parameter("calibration_file").value
    save = orientation.get_parameter("calibration_save").value
    rate = driver.number("rate")
    namespace = orientation.get_namespace()
    defaults = source_defaults(
        source, log, bus, rate, calibration_file=given, calibration_save=save, leg=leg, namespace=namespace
    )
    if defaults.get("calibration_file") == "":
        driver.get_logger().info(f"{log} has no calibration: the filter waits for two seconds of standing")
    for node in (orientation, predictor):
        node.set_parameters([Parameter(n, value=v) for n, v in defaults.items() if node.has_parameter(n)])
    nodes = [predictor, orientation, driver]  # receivers before senders, so that no sample is lost
    # In simulated time the direct samples would arrive before their time on /clock.
    if rate == 1 and not any(node.get_parameter("use_sim_time").value for node in nodes):
        connect(executor, driver, orientation, predictor)
    for node in nodes:
        node.autostart()
    return nodes


def connect(
    executor: SampleExecutor, driver: ImuDriverNode, orientation: OrientationFilterNode, predictor: PredictorNode
) -> None:
    """Pass samples directly from node to node instead of over DDS, unless a remapping separates their topics."""
    hops = [(topic, driver, orientation) for topic in RAW_TOPICS.values()]
    hops += [(topic, orientation, predictor) for topic in (*SEGMENT_TOPICS.values(), JOINT_TOPIC)]
    if any(sender.resolve_topic_name(topic) != receiver.resolve_topic_name(topic) for topic, sender, receiver in hops):
        return
    orientation.inputs.is_direct = predictor.inputs.is_direct = True
    orientation.predictor_inputs = predictor.inputs
    predictor.time = orientation.time
    for covariance in orientation.covariances.values():  # samples that are passed directly have no message
        covariance.note(raw_imu_message(""))
    executor.serve(orientation.inputs.drain, driver.guarded(driver.send_waiting))

    def tap(stream: int, frame: str, stamp: int, values: Sequence[float]) -> None:
        ax, ay, az, gx, gy, gz = values
        orientation.inputs.post((stream, frame, stamp, (ax, ay, az), (gx, gy, gz)))
        executor.notify()

    driver.tap = tap


def main() -> int:
    """Run the three nodes."""
    return spin_nodes(make_nodes, make_executor=SampleExecutor)
