"""One run of the nodes, from their start to the last second that was asked for."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import replace

from ankle_imu_driver.refusal import Refusal
from ankle_predictor.demo.adapting import Adapting
from ankle_predictor.demo.monitor_node import ACTIVATE, CONFIGURE, MonitorNode
from ankle_predictor.demo.view import LiveView, status_words
from ankle_predictor.nodes.child_process import NodesProcess
from ankle_predictor.nodes.topics import ANGLE, DETAIL, FOOT_RAW, FORECAST, SHANK_RAW

START_PATIENCE = 60.0  # s for the nodes to import, load the model and be found, on a small computer
REFUSAL_PATIENCE = 4.0  # s that a node may complain after the first one spoke; each does so while others still start
ANSWER_PATIENCE = 10.0  # s for the driver to open a recording
SILENCE = 5.0  # s without a sample after which nothing more is expected
TAIL = 0.2  # s longer than asked for, so that the last forecasts and the encoder's next sample are in
MOST_BEHIND = 2.0  # s of samples that the nodes may still have to deal with
LOOK_PERIOD = 0.02  # s
LEVELS = ("ok", "warning", "error", "stale")
ERROR = 2


class RunError(Refusal):
    """A run that gave nothing; the message says why, in a sentence and in the nodes' own words."""


class LiveRun:
    """Starts the driver once everybody listens, and watches until the run is over.

    Attributes:
        seconds: that are watched.
    """

    def __init__(  # noqa: PLR0917 - each is another thing
        self,
        monitor: MonitorNode,
        listening: Future[None],
        nodes: NodesProcess,
        view: LiveView | None,
        seconds: float,
        adapting: Adapting | None = None,
    ) -> None:
        """Take what runs already.

        Args:
            monitor: that hears the nodes.
            listening: done if the monitor's thread ends.
            nodes: started without the driver's ``autostart``, so that not even its first sample is missed.
            view: shows the run, None to run without.
            seconds: of samples to watch.
            adapting: what happens meanwhile; the run may end before ``seconds`` when that has been shown.
        """
        self._monitor = monitor
        self._listening = listening
        self._nodes = nodes
        self._view = view
        self.seconds = seconds
        self._adapting = adapting
        self._spoken = 0.0

    def watch(self) -> None:
        """Run until enough samples came, or the recording has ended.

        Raises:
            RunError: the nodes did not come up, fell silent or broke.
            RecordingError: the disk refuses the recording.
        """
        monitor = self._monitor
        self._wait(self._nodes_are_up, START_PATIENCE, "the nodes did not come up")
        self._change_driver(CONFIGURE, "the driver refuses its source")
        self._wait(lambda: monitor.has_publishers(SHANK_RAW, FOOT_RAW), ANSWER_PATIENCE, "the driver was not found")
        self._change_driver(ACTIVATE, "the driver does not start")
        self._wait(lambda: monitor.first_stamp is not None, ANSWER_PATIENCE, "the driver sends nothing")
        # A computer that is too slow is waited for, but not for ever.
        while monitor.elapsed < self.seconds + TAIL + min(monitor.behind, MOST_BEHIND):
            if self._adapting is not None:
                self._adapting.look()
                self.seconds = min(self.seconds, self._adapting.enough)
            if self._nodes.status == 0:
                break  # with the recording
            self._look()
            if time.monotonic() - monitor.last_sample > SILENCE:
                raise RunError(f"no sample came for {SILENCE:.0f} s\n{self.report()}")
        if not monitor.counts[FORECAST]:
            raise RunError(f"no forecast came in {monitor.elapsed:.1f} s of samples\n{self.report()}")

    def report(self) -> str:
        """Return what the nodes said last, a line each."""
        lines = [
            f"  {name}: {LEVELS[level]}, {message}"
            for name, (level, message) in sorted(self._monitor.diagnostics.items())
        ]
        detail = self._monitor.detail()
        status = "nothing" if detail is None else status_words(detail.status)
        return "\n".join([*lines, f"  forecast_detail: {status}"])

    def _nodes_are_up(self) -> bool:
        monitor = self._monitor
        up = {"orientation_filter": monitor.has_publishers(ANGLE), "predictor": monitor.counts[DETAIL] > 0}
        if all(up.values()):
            return monitor.has_publishers(FORECAST) and monitor.driver_is_there()
        if monitor.diagnostics:
            self._spoken = self._spoken or time.monotonic()
            for node in (name for name, is_up in up.items() if not is_up):
                level, message = monitor.diagnostics.get(node, (0, ""))
                if level == ERROR and time.monotonic() - self._spoken > REFUSAL_PATIENCE:
                    raise RunError(f"{node}: {message}")
        return False

    def _change_driver(self, transition: int, complaint: str) -> None:
        answer = self._monitor.change_driver(transition)
        self._wait(answer.done, ANSWER_PATIENCE, "the driver does not answer")
        if not answer.result():
            self._wait(self._driver_said_why, 3.0, complaint)

    def _driver_said_why(self) -> bool:
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
                raise RunError(f"the nodes ended before they began\n{self.report()}")
            self._look()

    def _look(self) -> None:
        """Let a moment pass, and see that all is well."""
        if self._listening.done():
            self._listening.result()
            raise RunError("the demo stopped listening")
        if self._nodes.status:
            raise RunError(f"the nodes ended with status {self._nodes.status}:\n{self._nodes.last_words()}")
        if self._view is not None and self._view.due:
            shown = self._monitor.snapshot(self.seconds)
            self._view.show(shown if self._adapting is None else replace(shown, note=self._adapting.words))
        time.sleep(LOOK_PERIOD)
