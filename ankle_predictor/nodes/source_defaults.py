"""Derives parameters of filter and predictor from the source of the driver."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ankle_imu_driver.recordings.read_recording import read_recording


def source_defaults(
    source: str = "replay",
    log: str = "",
    bus: str = "smbus2",
    rate: float = 1.0,
    *,
    calibration_file: str = "",
    calibration_save: str = "",
) -> dict[str, Any]:
    """Return the parameters of filter and predictor that depend on those of the driver.

    - ``calibration_file`` is the recording if it contains a calibration, otherwise empty. If the filter has another
      calibration file, the parameter is not returned.
    - ``calibration_save`` is empty for a simulated wearer, whose calibration must not overwrite the real wearer's.
    - ``use_sim_time`` is true at any rate but 1: the driver then publishes the time on ``/clock``.

    Args:
        source: the driver's source.
        log: the recording that the driver replays, or that moves the emulated sensors.
        bus: the bus of source mpu6050.
        rate: seconds of the source per second.
        calibration_file: the filter's calibration file, empty if none is set.
        calibration_save: the filter's file to save to, empty if only the default is set.

    Raises:
        RecordingError: the log cannot be read.
    """
    defaults: dict[str, Any] = {}
    emulated = source == "mpu6050" and bus == "emulated"
    if log and (source == "replay" or emulated):
        if not calibration_file:
            defaults["calibration_file"] = log if read_recording(Path(log)).calibration else ""
    elif (source == "simulator" or emulated) and not calibration_save:
        defaults["calibration_save"] = ""
    if rate != 1.0:
        defaults["use_sim_time"] = True
    return defaults
