"""Derives parameters of filter and predictor from the source of the driver."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ankle_imu_driver.recordings.read_recording import read_recording

AUTO = "auto"
"""Default of the filter's ``calibration_save``: the wearer's file with real sensors, otherwise none."""
SAVE_FOLDER = "~/.ros/ankle_predictor"


def source_defaults(
    source: str = "replay",
    log: str = "",
    bus: str = "smbus2",
    rate: float = 1.0,
    *,
    calibration_file: str = "",
    calibration_save: str = AUTO,
    leg: str = "",
    namespace: str = "",
) -> dict[str, Any]:
    """Return the parameters of filter and predictor that depend on those of the driver.

    - ``calibration_file`` is the recording if it contains a calibration, otherwise empty. If the filter has another
      calibration file, the parameter is not returned.
    - ``calibration_save``, if it is ``auto``, is the wearer's file for real sensors and empty for all others: the
      calibration of a simulated person or of a replayed walk must not overwrite the wearer's.
    - ``use_sim_time`` is true at any rate but 1: the driver then publishes the time on ``/clock``.

    Args:
        source: the driver's source.
        log: the recording that the driver replays, or that moves the emulated sensors.
        bus: the bus of source mpu6050.
        rate: seconds of the source per second.
        calibration_file: the filter's calibration file, empty if none is set.
        calibration_save: the filter's file to save to, ``auto`` if none is set.
        leg: the leg in the log, as for ``read_recording``.
        namespace: of the nodes, with or without slashes around it.

    Raises:
        RecordingError: the log cannot be read.
    """
    defaults: dict[str, Any] = {}
    emulated = source == "mpu6050" and bus == "emulated"
    if log and (source == "replay" or emulated) and not calibration_file:
        recording = read_recording(Path(log), leg=leg, namespace=namespace)
        defaults["calibration_file"] = log if recording.calibration else ""
    if calibration_save == AUTO:
        defaults["calibration_save"] = wearers_file(namespace) if source == "mpu6050" and not emulated else ""
    if rate != 1.0:
        defaults["use_sim_time"] = True
    return defaults


def wearers_file(namespace: str) -> str:
    """Return the file of the wearer's calibration, one for each leg by its namespace."""
    leg = namespace.strip("/").replace("/", "_")
    return f"{SAVE_FOLDER}/calibration{leg and '_' + leg}.yaml"
