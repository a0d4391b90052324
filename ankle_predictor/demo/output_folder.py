"""The folder with the results of one demo."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ankle_imu_driver.refusal import Refusal


@dataclass(frozen=True)
class OutputFolder:
    """A folder and the files in it.

    Attributes:
        path: of the folder.
    """

    path: Path

    @property
    def recording(self) -> Path:
        """The rosbag2 with all topics."""
        return self.path / "recording"

    @property
    def picture(self) -> Path:
        """The picture of the forecasts."""
        return self.path / "forecast.png"

    @property
    def calibration(self) -> Path:
        """The calibration of the walk: from its recording, or from standing."""
        return self.path / "calibration.yaml"

    @property
    def nodes_log(self) -> Path:
        """The output of the nodes."""
        return self.path / "nodes.log"

    @property
    def web_recordings(self) -> Path:
        """What is recorded by the button of the web page."""
        return self.path / "web_recordings"

    @property
    def web_log(self) -> Path:
        """The output of the web page's process."""
        return self.path / "dashboard.log"

    @property
    def models(self) -> Path:
        """The model directory for an adapted model, so that it does not get among the user's own models."""
        return self.path / "models"


def new_output_folder(path: Path) -> OutputFolder:
    """Make the folder; results of an earlier run are never overwritten.

    Raises:
        Refusal: the folder is not empty, or cannot be made.
    """
    try:
        if path.exists() and (not path.is_dir() or any(path.iterdir())):
            raise Refusal(f"{path} is already there and not empty; name another folder with --output")
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Refusal(f"folder {path} cannot be made: {error.strerror}") from error
    return OutputFolder(path)
