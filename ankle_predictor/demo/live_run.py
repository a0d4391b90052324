"""One run of the nodes: starts them, records what they publish, and watches them until the end."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import nullcontext
from dataclasses import dataclass, field, replace

from ankle_imu_driver.conventions import RAW_TOPICS
from ankle_imu_driver.recordings.rosbag_writer import BagWriter
from ankle_imu_driver.refusal import Refusal
from ankle_predictor.demo.adapting import Adapting
from ankle_predictor.demo.monitor_node import ACTIVATE, CONFIGURE, MonitorNode, listening
from ankle_predictor.demo.output_folder import OutputFolder
from ankle_predictor.demo.plan import Plan
from ankle_predictor.demo.view import LiveView, status_words
from ankle_predictor.demo.web_page import web_page
from ankle_predictor.nodes.child_process import NodesProcess, private_environment
from ankle_predictor.nodes.recorded_topics import message_definitions
from ankle_predictor.nodes.topics import DETAIL_TOPIC, FORECAST_TOPIC, JOINT_TOPIC, TOPICS

START_PATIENCE = 60.0  # s for the nodes to import, load the model and be discovered, on a small computer
ERROR_PATIENCE = 4.0  # s in which errors in diagnostics are ignored, as other nodes still start
ANSWER_PATIENCE = 10.0  # s for the driver to open a recording
REASON_PATIENCE = 3.0  # s for the driver to report in diagnostics why it failed
SILENCE = 5.0  # s without a sample, after which the run fails
TAIL = 0.2  # s beyond the requested time, for the last forecasts and the encoder's next sample
MOST_BEHIND = 2.0  # s of samples that slow nodes may still have to process
POLL_PERIOD = 0.02  # s
LEVELS = ("ok", "warning", "error", "stale")
ERROR = 2


class RunError(Refusal):
    """A run without results; the message gives the reason, and the last messages of the nodes."""


@dataclass
class Outcome:
    """Result of a run.

    Attributes:
        seconds: of the walk that were watched.
        adapted: whether the model was adapted.
        message: why, or why not.
        mountings: how each sensor sits, as the filter said last, by ``shank.mounting`` and ``foot.mounting``.
        began: start of the demo in s on the monotonic clock.
    """

    seconds: float
    adapted: bool = False
    message: str = ""
    mountings: dict[str, str] = field(default_factory=dict)
    began: float = field(default_factory=time.monotonic)


def run_nodes(plan: Plan, folder: OutputFolder, view: LiveView | None, outcome: Outcome) -> None:
    """Run the nodes on a ROS domain of their own, and record all topics.

    Args:
        plan: of the demo.
        folder: takes the recording and the output of the nodes.
        view: shows the run; None for a run without a view.
        outcome: filled in, also if the run is interrupted.

    Raises:
        RunError: the nodes do not start, fall silent or end.
        Refusal: the web page does not start.
        RecordingError: the recording cannot be written.
    """
    environment = private_environment(os.environ)
    os.environ.clear()
    os.environ.update(environment)
    with (
        BagWriter(folder.recording, TOPICS, message_definitions()) as bag,
        NodesProcess(plan.parameters(folder), environment, folder.nodes_log) as nodes,
        listening(bag.write) as (monitor, listener),
        web_page(folder, environment) if plan.web else nullcontext(),
    ):
        adapting = None
        if plan.adapts:
            adapting = Adapting(monitor, monitor.adapt_client(), outcome.began, fixed_length=plan.seconds is not None)
        run = LiveRun(monitor, listener, nodes, view, outcome.seconds, adapting)
        try:
            run.watch()
        finally:
            outcome.seconds, outcome.mountings = run.seconds, monitor.mountings
            if adapting is not None:
                result = adapting.close()
                outcome.adapted = result is not None and result.success
                unfinished = f"the adaptation was not finished when the run ended ({adapting.progress})"
                outcome.message = unfinished if result is None else result.message


class LiveRun:
    """Starts the driver once everybody listens, and watches until the run is over.

    Attributes:
        seconds: of the walk to watch.
    """

    def __init__(  # noqa: PLR0917 - the arguments have nothing in common
        self,
        monitor: MonitorNode,
        listener: Future[None],
        nodes: NodesProcess,
        view: LiveView | None,
        seconds: float,
        adapting: Adapting | None = None,
    ) -> None:
        """Set the run up.

        Args:
            monitor: receives what the nodes publish.
            listener: done when the monitor's thread has ended.
            nodes: started without the driver's ``autostart``, so that not even the first sample is missed.
            view: shows the run; None for a run without a view.
            seconds: of the walk to watch.
            adapting: adapts the model meanwhile; the run may end earlier once it has shown the result.
        """
        self._monitor = monitor
        self._listener = listener
        self._nodes = nodes
        self._view = view
        self.seconds = seconds
        self._adapting = adapting
        self._first_diagnostics: float | None = None

    def watch(self) -> None:
        """Watch until enough samples have come, or the recording has ended.

        Raises:
            RunError: the nodes do not start, fall silent or end.
            RecordingError: the recording cannot be written.
        """
        monitor = self._monitor
        self._start_driver()
        # A slow computer may need longer, up to a limit.
        while monitor.elapsed < self.seconds + TAIL + min(monitor.behind, MOST_BEHIND):
            if self._adapting is not None:
                self._adapting.update()
                self.seconds = min(self.seconds, self._adapting.end)
            if self._nodes.status == 0:
                break  # the recording has ended
            self._step()
            if time.monotonic() - monitor.last_sample > SILENCE:
                raise RunError(f"no sample came for {SILENCE:.0f} s\n{self.report()}")
        if not monitor.counts[FORECAST_TOPIC]:
            raise RunError(f"no forecast came in {monitor.elapsed:.1f} s of samples\n{self.report()}")

    def report(self) -> str:
        """Return the last message of each node, one line each."""
        lines = [
            f"  {name}: {LEVELS[level]}, {message}"
            for name, (level, message) in sorted(self._monitor.diagnostics.items())
        ]
        detail = self._monitor.detail()
        status = "nothing" if detail is None else status_words(detail.status)
        return "\n".join([*lines, f"  forecast_detail: {status}"])

    def _start_driver(self) -> None:
        monitor = self._monitor
        self._wait(self._nodes_are_up, START_PATIENCE, "the nodes did not start")
        self._change_driver(CONFIGURE, "the driver does not accept its source")
        self._wait(
            lambda: monitor.has_publishers(*RAW_TOPICS.values()), ANSWER_PATIENCE, "the driver was not discovered"
        )
        self._change_driver(ACTIVATE, "the driver does not start")
        self._wait(lambda: monitor.first_stamp is not None, ANSWER_PATIENCE, "the driver sends no sample")

    def _nodes_are_up(self) -> bool:
        monitor = self._monitor
        up = {"orientation_filter": monitor.has_publishers(JOINT_TOPIC), "predictor": monitor.counts[DETAIL_TOPIC] > 0}
        if all(up.values()):
            return monitor.has_publishers(FORECAST_TOPIC) and monitor.driver_is_there()
        if monitor.diagnostics:
            self._first_diagnostics = self._first_diagnostics or time.monotonic()
            for node in (name for name, is_up in up.items() if not is_up):
                level, message = monitor.diagnostics.get(node, (0, ""))
                if level == ERROR and time.monotonic() - self._first_diagnostics > ERROR_PATIENCE:
                    raise RunError(f"{node}: {message}")
        return False

    def _change_driver(self, transition: int, complaint: str) -> None:
        answer = self._monitor.change_driver(transition)
        self._wait(answer.done, ANSWER_PATIENCE, "the driver does not answer")
        if not answer.result():
            self._wait(self._driver_gives_reason, REASON_PATIENCE, complaint)

    def _driver_gives_reason(self) -> bool:
        level, message = self._monitor.diagnostics.get("imu_driver", (0, ""))
        if level == ERROR:
            raise RunError(f"imu_driver: {message}")
        return False

    def _wait(self, condition: Callable[[], bool], patience: float, complaint: str) -> None:
        until = time.monotonic() + patience
        while not condition():
            if time.monotonic() > until:
                raise RunError(f"{complaint} within {patience:.0f} s\n{self.report()}")
            if self._nodes.status == 0:
                raise RunError(f"the nodes ended before the walk began\n{self.report()}")
            self._step()

    def _step(self) -> None:
        """Wait a moment, check that everything still runs, and update the view."""
        if self._listener.done():
            self._listener.result()
            raise RunError("the demo stopped listening")
        if self._nodes.status:
            raise RunError(f"the nodes ended with status {self._nodes.status}:\n{self._nodes.last_words()}")
        if self._view is not None and self._view.due:
            snapshot = self._monitor.snapshot(self.seconds)
            note = "" if self._adapting is None else self._adapting.progress
            self._view.show(replace(snapshot, note=note))
        time.sleep(POLL_PERIOD)
