"""Reads a walk or a calibration from any supported kind of file."""

from __future__ import annotations

from pathlib import Path

from ankle_imu_driver.calibration import Calibration, CalibrationError, load_calibration
from ankle_imu_driver.conventions import ENCODER_JOINT, JointConvention
from ankle_imu_driver.recordings.bag_files import METADATA
from ankle_imu_driver.recordings.logger_txt import read_logger_txt
from ankle_imu_driver.recordings.recording import Recording, RecordingError
from ankle_imu_driver.recordings.rosbag_reader import is_bag, read_bag
from ankle_imu_driver.regular_file import FileError, exists, expanded

__all__ = ["RecordingError", "is_calibration_file", "read_calibration", "read_recording"]


def read_recording(
    path: Path, encoder_joint: JointConvention = ENCODER_JOINT, leg: str = "", namespace: str = ""
) -> Recording:
    """Read the logger's TXT or a rosbag2.

    Args:
        path: a TXT, a rosbag2's directory, its ``metadata.yaml``, or one of its ``.mcap`` or ``.db3`` files.
        encoder_joint: the encoder's joint in a rosbag2. A TXT has one encoder, without a name.
        leg: namespace of the leg in a rosbag2, whole or its last part; empty for the only one. A TXT has one leg.
        namespace: the reader's own, which chooses among several legs if ``leg`` is empty.

    Raises:
        RecordingError: the file does not exist or is not a recording of a walk; one sentence says why.
    """
    try:
        path = expanded(path)
        found, bag = exists(path), is_bag(path)
    except FileError as error:
        raise RecordingError(str(error)) from error
    if not found:
        raise RecordingError(f"{path} does not exist; give a logger's TXT or a rosbag2")
    if bag:
        return read_bag(path, encoder_joint, leg, namespace)
    if path.is_dir():
        raise RecordingError(
            f"{path} is a directory without a recording's files, not a rosbag2; give a TXT or a rosbag2"
        )
    return read_logger_txt(path)


def is_calibration_file(path: Path) -> bool:
    """Return whether a path is that of a calibration file, by its name, and not that of a recording."""
    return path.suffix.lower() in (".yaml", ".yml") and path.name != METADATA


def read_calibration(path: Path, leg: str = "", namespace: str = "") -> Calibration:
    """Read a calibration file, or the calibration that belongs to a recording, of a leg as in ``read_recording``.

    Raises:
        CalibrationError: the file cannot be read, or the recording has no calibration; one sentence says why.
    """
    try:
        path = expanded(path)
    except FileError as error:
        raise CalibrationError(str(error)) from error
    if is_calibration_file(path):
        return load_calibration(path)
    try:
        calibration = read_recording(path, leg=leg, namespace=namespace).calibration
    except RecordingError as error:
        raise CalibrationError(str(error)) from error
    if calibration is None:
        raise CalibrationError(f"{path} has no calibration; put a calibration YAML next to it")
    return calibration
