"""Records what is heard as a rosbag2 (MCAP), started and stopped by a person."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from ankle_imu_driver.calibration import Calibration, CalibrationError, save_calibration
from ankle_imu_driver.recordings.bag_legs import calibration_name
from ankle_imu_driver.recordings.recording import RecordingError
from ankle_imu_driver.recordings.rosbag_writer import BagWriter

Calibrations = Callable[[], Mapping[str, Calibration]]
"""Returns the calibration of each leg that has one, by the leg's namespace."""


@dataclass(frozen=True)
class RecorderState:
    """What a person wants to know of a recording.

    Attributes:
        is_on: whether it runs.
        seconds: its length.
        messages: how many it has.
        path: its directory; None before the first one.
        error: why it ended by itself; empty if it did not.
    """

    is_on: bool = False
    seconds: float = 0.0
    messages: int = 0
    path: Path | None = None
    error: str = ""


class Recorder:
    """One recording at a time; ``write`` may be called in another thread. A disk that fails ends only the recording."""

    def __init__(self, folder: Path) -> None:
        """Record below ``folder``, which is made with the first recording."""
        self._folder = folder
        self._calibrations: Calibrations = dict
        self._lock = threading.Lock()
        self._bag: BagWriter | None = None
        self._began = 0.0
        self._state = RecorderState()

    @property
    def state(self) -> RecorderState:
        """How the recording stands."""
        with self._lock:
            if self._bag is None:
                return self._state
            s = self._state
            return RecorderState(True, time.monotonic() - self._began, s.messages, s.path, "")

    def start(
        self, topics: Mapping[str, str], definitions: Mapping[str, str], calibrations: Calibrations = dict
    ) -> None:
        """Start a recording named by the time of day.

        Args:
            topics: message type of each topic.
            definitions: ``.msg`` text of each type that is not part of ROS itself.
            calibrations: asked at the end, when walking has shown which way is forward; they are put into the bag's
                directory.

        Raises:
            RecordingError: it cannot be written, or one runs already.
        """
        with self._lock:
            if self._bag is not None:
                raise RecordingError("a recording runs already; stop it first")
            path = self._folder / time.strftime("ankle-%Y%m%d-%H%M%S")
            try:
                self._folder.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise RecordingError(f"folder {self._folder} cannot be made: {error.strerror}") from error
            self._bag = BagWriter(path, topics, definitions)
            self._calibrations = calibrations
            self._began = time.monotonic()
            self._state = RecorderState(True, path=path)

    def write(self, topic: str, received: int, data: bytes) -> None:
        """Add a message, ``received`` in ns; ignored while nothing is recorded."""
        with self._lock:
            if self._bag is None:
                return
            s = self._state
            try:
                self._bag.write(topic, received, data)
                self._state = RecorderState(True, 0.0, s.messages + 1, s.path)
            except RecordingError as error:
                self._end(str(error))

    def stop(self) -> RecorderState:
        """End the recording, if one runs, and return how it ended."""
        with self._lock:
            if self._bag is not None:
                self._end("")
            return self._state

    def _end(self, error: str) -> None:
        bag, self._bag = self._bag, None
        assert bag is not None
        try:
            bag.close()
        except OSError as problem:
            error = error or f"recording {self._state.path} cannot be completed: {problem.strerror}"
        s = self._state
        try:
            for namespace, calibration in self._calibrations().items():
                assert s.path is not None
                save_calibration(s.path / calibration_name(namespace), calibration)
        except CalibrationError as problem:
            error = error or str(problem)
        self._state = RecorderState(False, time.monotonic() - self._began, s.messages, s.path, error)
