"""What the filter and the predictor must know of the source that the driver plays."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ankle_imu_driver.recordings.read_recording import read_recording


def follow_source(
    source: str = "replay",
    log: str = "",
    bus: str = "smbus2",
    rate: float = 1.0,
    *,
    calibration_file: str = "",
    calibration_save: str = "",
) -> dict[str, Any]:
    """Return the parameters of the filter and the predictor that follow from the driver's.

    A recording brings its calibration unless ``calibration_file`` names another one: ``calibration_file`` is then the
    log, or empty if the log brings none. A person who does not exist must not overwrite what the wearer's standing
    gave. At any rate but 1 the time is the one that the driver tells on ``/clock``.

    Args:
        source: of the driver.
        log: the recording that it plays, or that moves the emulated sensors.
        bus: of source mpu6050.
        rate: seconds of the source per second.
        calibration_file: what the filter was given.
        calibration_save: where it was told to save, empty for the wearer's own file.

    Raises:
        RecordingError: the log cannot be read.
    """
    following: dict[str, Any] = {}
    emulated = source == "mpu6050" and bus == "emulated"
    if log and (source == "replay" or emulated):
        if not calibration_file:
            following["calibration_file"] = log if read_recording(Path(log)).calibration else ""
    elif (source == "simulator" or emulated) and not calibration_save:
        following["calibration_save"] = ""
    if rate != 1.0:
        following["use_sim_time"] = True
    return following
