"""Saves calibrations in a thread of its own: a disk may take longer than the samples can wait."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from ankle_imu_driver.calibration import Calibration, CalibrationError, save_calibration


class CalibrationSaver:
    """Saves one calibration after the other, so that the newest one is saved last."""

    def __init__(self, path: Path | None, warn: Callable[[str], object]) -> None:
        """Start the thread.

        Args:
            path: the file; None to save nothing.
            warn: called in that thread with a sentence if a calibration cannot be saved.
        """
        self._path, self._warn = path, warn
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="calibration")

    def save(self, calibration: Calibration, sentence: str) -> Future[str]:
        """Save a calibration; the result is a sentence about it that goes on with whether it was saved."""
        return self._thread.submit(self._save, calibration, sentence)

    def _save(self, calibration: Calibration, sentence: str) -> str:
        if self._path is None:
            return f"{sentence}; not saved, calibration_save can name a file"
        try:
            save_calibration(self._path, calibration)
        except CalibrationError as error:
            self._warn(str(error))
            return f"{sentence}, but not saved: {error}"
        return f"{sentence}, saved as {self._path}"

    def close(self) -> None:
        """Wait until everything is saved, and save nothing more."""
        self._thread.shutdown()
