"""The page's link to ROS: a node on an executor of its own, in a thread of its own."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TypeVar

import rclpy
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.node import Node
from rclpy.signals import SignalHandlerOptions

from ankle_imu_driver.calibration import Calibration
from ankle_imu_driver.recordings.recording import RecordingError
from ankle_predictor.dashboard.leg_link import LegLink
from ankle_predictor.dashboard.recorder import Recorder
from ankle_predictor.nodes.recorded_topics import Subscriptions, message_definitions
from ankle_predictor.nodes.topics import DETAIL_TOPIC, TOPICS

DETAIL_TYPE = TOPICS[DETAIL_TOPIC]
SEARCH_PERIOD = 1.0  # s
DECODE_PERIOD = 0.04  # s; faster than that nobody sees
ResultT = TypeVar("ResultT")


class RosLink:
    """Finds the legs and listens to them. Everything that uses the node runs in its thread.

    Attributes:
        legs: by namespace, in the order of their names.
        recorder: records all topics of all legs.
    """

    def __init__(
        self, node: Node, executor: SingleThreadedExecutor, namespaces: Sequence[str], recorder: Recorder
    ) -> None:
        """Listen with a node that is in the executor.

        Args:
            node: a node of this process.
            executor: runs it in a thread of its own.
            namespaces: of the legs, such as "left_ankle"; empty to find them by their topics.
            recorder: is written to.
        """
        self._node, self._executor, self._given = node, executor, [_absolute(name) for name in namespaces]
        self.recorder = recorder
        self.legs: dict[str, LegLink] = {}
        self._recording: Subscriptions | None = None
        node.create_timer(SEARCH_PERIOD, self._search)
        node.create_timer(DECODE_PERIOD, self._decode)
        self._search()

    def start_recording(self) -> None:
        """Record all topics of the legs that are known now.

        Raises:
            RecordingError: it cannot be written, one runs already, or there is no leg.
        """
        if not self.legs:
            raise RecordingError("no leg is heard yet, so there is nothing to record")
        topics = {f"{namespace.rstrip('/')}/{topic}": kind for namespace in self.legs for topic, kind in _leg_topics()}
        topics["/diagnostics"] = TOPICS["diagnostics"]
        legs = tuple(self.legs.values())

        def calibrations() -> dict[str, Calibration]:
            return {leg.namespace: leg.calibration for leg in legs if leg.calibration is not None}

        self.recorder.start(topics, message_definitions(), calibrations)

        def listen() -> None:
            self._recording = Subscriptions(self._node, topics, self.recorder.write)

        self._executor.create_task(listen)

    def stop_recording(self) -> None:
        """End the recording."""
        self.recorder.stop()

        def deafen() -> None:
            if self._recording is not None:
                self._recording.close()
                self._recording = None

        self._executor.create_task(deafen)

    def _search(self) -> None:
        if self._given:
            found = self._given
        else:
            suffix = f"/{DETAIL_TOPIC}"
            topics = self._node.get_topic_names_and_types()
            found = [
                n.removesuffix(suffix) or "/" for n, kinds in topics if n.endswith(suffix) and DETAIL_TYPE in kinds
            ]
        missing = [namespace for namespace in found if namespace not in self.legs]
        if missing:
            added = {namespace: LegLink(self._node, self._executor, namespace) for namespace in missing}
            self.legs = dict(sorted({**self.legs, **added}.items()))
        for leg in self.legs.values():
            leg.ask_parameters()

    def _decode(self) -> None:
        now = time.monotonic()
        for leg in self.legs.values():
            leg.decode(now)


def _leg_topics() -> Iterator[tuple[str, str]]:
    for topic, kind in TOPICS.items():
        if topic != "diagnostics":
            yield topic, kind


def _absolute(namespace: str) -> str:
    return f"/{namespace.strip('/')}"


@contextmanager
def ros_link(
    namespaces: Sequence[str], recorder: Recorder, ros_arguments: Sequence[str], failed: Callable[[], None]
) -> Iterator[RosLink]:
    """Run a link in a thread.

    Args:
        namespaces: see ``RosLink``.
        recorder: is written to.
        ros_arguments: the command line, for ``--ros-args``.
        failed: called in the thread if a bug ends it; the bug's traceback is printed.
    """
    rclpy.init(args=list(ros_arguments), signal_handler_options=SignalHandlerOptions.NO)
    try:
        node = rclpy.create_node("dashboard", enable_rosout=False, start_parameter_services=False)
        executor = SingleThreadedExecutor()
        executor.add_node(node)
        link = RosLink(node, executor, namespaces, recorder)

        def spin() -> None:
            try:
                executor.spin()
            except ExternalShutdownException:
                return
            except BaseException:
                failed()
                raise

        thread = threading.Thread(target=spin, name="ros", daemon=True)
        thread.start()
        try:
            yield link
        finally:
            recorder.stop()
            executor.shutdown()
            thread.join(5.0)
        node.destroy_node()
    finally:
        rclpy.try_shutdown()
