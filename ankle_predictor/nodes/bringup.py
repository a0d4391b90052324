"""The executable ``bringup``: runs driver, filter and predictor, of one leg or both, in one process on one executor."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from rclpy.parameter import Parameter
from rclpy.utilities import remove_ros_args

from ankle_imu_driver.conventions import RAW_TOPICS, SIDES
from ankle_imu_driver.driver_node import ImuDriverNode
from ankle_imu_driver.managed_node import ManagedNode, spin_nodes
from ankle_imu_driver.raw_imu_message import raw_imu_message
from ankle_imu_driver.refusal import Refusal
from ankle_predictor.nodes.filter_node import OrientationFilterNode
from ankle_predictor.nodes.predictor_node import PredictorNode
from ankle_predictor.nodes.sample_executor import SampleExecutor
from ankle_predictor.nodes.source_defaults import source_defaults
from ankle_predictor.nodes.topics import JOINT_TOPIC, SEGMENT_TOPICS
from ankle_predictor.nodes.two_legs import BOTH, SINGLE_LEG, leg_defaults, leg_namespace

Chain = tuple[ImuDriverNode, OrientationFilterNode, PredictorNode]


def make_nodes(executor: SampleExecutor, legs: Sequence[tuple[str, str]] = (("", ""),)) -> list[ManagedNode]:
    """Make the three nodes of each leg; some parameters of filter and predictor depend on the driver's source.

    Args:
        executor: the one that they will run on.
        legs: side and namespace of each leg; empty for a single leg, which has both from its parameters and remappings.

    Raises:
        Refusal: there is no log, or it cannot be read.
    """
    nodes: list[ManagedNode] = []
    chains: list[Chain] = []
    for side, namespace in legs:
        made = _make_leg(side, namespace)
        # In simulated time the direct samples would arrive before their time on /clock.
        if made[0].parameters.value("rate") == 1 and not any(node.get_parameter("use_sim_time").value for node in made):
            chains.append(made)
        nodes += reversed(made)  # receivers before senders, so that no sample is lost
    connect_all(executor, chains)
    for node in nodes:
        node.autostart()
    return nodes


def _make_leg(side: str, namespace: str) -> Chain:
    own = {"namespace": namespace} if namespace else {}
    driver, orientation, predictor = ImuDriverNode(**own), OrientationFilterNode(**own), PredictorNode(**own)
    chain = (driver, orientation, predictor)
    for node in chain:
        node.parameters.check_start()
    if side:
        _set_unless_given(chain, leg_defaults(side, namespace.rpartition("/")[0]))
    source, log, leg, bus = (driver.get_parameter(name).value for name in ("source", "log", "leg", "bus"))
    if source == "replay" and not log:
        raise Refusal("source replay needs the parameter log, the recording to play")
    given = orientation.get_parameter("calibration_file").value
    save = orientation.get_parameter("calibration_save").value
    defaults = source_defaults(
        source,
        log,
        bus,
        driver.parameters.value("rate"),
        calibration_file=given,
        calibration_save=save,
        leg=leg,
        namespace=orientation.get_namespace(),
    )
    if defaults.get("calibration_file") == "":
        driver.get_logger().info(f"{log} has no calibration: the filter waits for two seconds of standing")
    for node in (orientation, predictor):
        node.set_parameters([Parameter(n, value=v) for n, v in defaults.items() if node.has_parameter(n)])
    if "use_sim_time" in defaults and driver.get_parameter("follow").value:
        driver.set_parameters([Parameter("use_sim_time", value=True)])
    return chain


def _set_unless_given(nodes: Sequence[ManagedNode], defaults: Mapping[str, Any]) -> None:
    """Set parameters that still are what they are for a single leg."""
    for node in nodes:
        for name, value in defaults.items():
            if node.has_parameter(name) and node.get_parameter(name).value == SINGLE_LEG[name]:
                node.set_parameters([Parameter(name, value=value)])


def connect_all(executor: SampleExecutor, chains: Sequence[Chain]) -> None:
    """Pass each leg's samples directly from node to node instead of over DDS, unless a remapping separates topics."""
    direct = [chain for chain in chains if _is_one_chain(*chain)]
    for driver, orientation, predictor in direct:
        _connect(executor, driver, orientation, predictor)
    if not direct:
        return
    drains = [orientation.inputs.drain for _, orientation, _ in direct]
    drivers = [driver for driver, *_ in direct]
    sends = [driver.guarded(driver.send_waiting) for driver in drivers]

    def process() -> bool:
        for driver in drivers:  # what comes while this is processed is sent after its own forecast
            driver.hold_later()
        return sum(drain() for drain in drains) > 0  # all of them, whichever leg rang

    def afterwards() -> None:
        for send in sends:
            send()

    executor.serve(process, afterwards)


def _is_one_chain(driver: ImuDriverNode, orientation: OrientationFilterNode, predictor: PredictorNode) -> bool:
    hops = [(topic, driver, orientation) for topic in RAW_TOPICS.values()]
    hops += [(topic, orientation, predictor) for topic in (*SEGMENT_TOPICS.values(), JOINT_TOPIC)]
    return all(a.resolve_topic_name(topic) == b.resolve_topic_name(topic) for topic, a, b in hops)


def _connect(
    executor: SampleExecutor, driver: ImuDriverNode, orientation: OrientationFilterNode, predictor: PredictorNode
) -> None:
    orientation.inputs.is_direct = predictor.inputs.is_direct = True
    orientation.predictor_inputs = predictor.inputs
    predictor.time = orientation.time
    for covariance in orientation.covariances.values():  # samples that are passed directly have no message
        covariance.note(raw_imu_message(""))

    def tap(stream: int, frame: str, stamp: int, values: Sequence[float]) -> None:
        ax, ay, az, gx, gy, gz = values
        orientation.inputs.post((stream, frame, stamp, (ax, ay, az), (gx, gy, gz)))

    driver.tap, driver.ring = tap, executor.notify


def main() -> int:
    """Run the three nodes, of one leg or of both."""
    parser = argparse.ArgumentParser(prog="bringup", description="Driver, filter and predictor in one process.")
    parser.add_argument("--sides", choices=(*SIDES, BOTH), default="", help="one leg by name, or both")
    parser.add_argument("--parent", default="", metavar="NAMESPACE", help="namespace of both legs")
    given = parser.parse_args(remove_ros_args(sys.argv)[1:])
    sides = SIDES if given.sides == BOTH else (given.sides,)
    legs = [(side, leg_namespace(side, given.parent) if side else "") for side in sides]
    return spin_nodes(lambda executor: make_nodes(executor, legs), make_executor=SampleExecutor)
