"""Writes a rosbag2 (MCAP) that ``ros2 bag play`` reads, without ROS."""

from __future__ import annotations

import heapq
from collections.abc import Mapping
from itertools import repeat
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from rosbags.interfaces import Connection
from rosbags.rosbag2 import StoragePlugin, Writer
from rosbags.rosbag2.storage_mcap import McapWriter
from rosbags.typesys import Stores, get_types_from_msg, get_typestore

from ankle_imu_driver.calibration import save_calibration
from ankle_imu_driver.conventions import ENCODER, ENCODER_JOINT, SENSOR_FRAMES
from ankle_imu_driver.recordings.bag_legs import calibration_name
from ankle_imu_driver.recordings.recording import Recording, RecordingError
from ankle_imu_driver.recordings.rosbag_reader import IMU_TYPE, JOINT_TYPE, TOPICS
from ankle_imu_driver.recordings.timeline import Sample, samples

METADATA_VERSION = 8  # the newest version that every rosbag2 since Humble reads
FLUSH_PERIOD = 1_000_000_000  # ns; a crash loses no more than this


class BagWriter:
    """A rosbag2 that is being written. A context manager; the bag is complete even if the block raises an exception.

    Complete chunks are written to disk every second. After a crash (power, SIGKILL) the file lacks its index:
    ``mcap recover`` and ``ros2 bag reindex`` restore it, without the last second.

    Attributes:
        types: the ``rosbags`` type store, whose message classes ``write`` takes.
    """

    def __init__(self, path: Path, topics: Mapping[str, str], definitions: Mapping[str, str] | None = None) -> None:
        """Make the bag's directory.

        Args:
            path: a directory that does not exist yet.
            topics: message type of each topic, as in ``{"forecast": "trajectory_msgs/msg/JointTrajectory"}``; a missing
                leading slash is added.
            definitions: ``.msg`` text of each type that is not part of ROS itself.

        Raises:
            RecordingError: the directory exists or cannot be created.
        """
        self.types = get_typestore(Stores.ROS2_HUMBLE)
        for name, text in (definitions or {}).items():
            self.types.register(get_types_from_msg(text, name))
        if path.exists():
            raise RecordingError(f"{path} already exists; give the recording another name")
        self._path = path
        self._writer = Writer(path, version=METADATA_VERSION, storage_plugin=StoragePlugin.MCAP)
        try:
            self._writer.open()
        except OSError as error:
            raise RecordingError(f"recording {path} cannot be created: {error.strerror}") from error
        self._connections: dict[str, Connection] = {
            topic: self._writer.add_connection(f"/{topic.lstrip('/')}", kind, typestore=self.types)
            for topic, kind in topics.items()
        }
        self._flushed = 0

    def write(self, topic: str, time: int, message: Any) -> None:
        """Append one message.

        Args:
            topic: one of ``topics``, spelled as in the constructor.
            time: time of reception, in ns; playback uses it.
            message: its CDR bytes (from a raw subscription or ``rclpy.serialization.serialize_message``), or an object
                of a class in ``types``.

        Raises:
            RecordingError: the message cannot be written to disk.
        """
        connection = self._connections[topic]
        if not isinstance(message, bytes | memoryview):
            message = self.types.serialize_cdr(message, connection.msgtype)
        try:
            self._writer.write(connection, time, message)
            if not 0 <= time - self._flushed < FLUSH_PERIOD:
                self._flushed = time
                self._flush()
        except OSError as error:
            raise RecordingError(f"recording {self._path} cannot be written: {error.strerror}") from error

    def close(self) -> None:
        """Write the index and the metadata, which completes the bag."""
        self._writer.close()

    def __enter__(self) -> BagWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _flush(self) -> None:
        storage = self._writer.storage
        assert isinstance(storage, McapWriter)
        if storage.chunk.msgs:
            storage.close_chunk()
        storage.bio.flush()


def write_bag(path: Path, recording: Recording, namespace: str = "") -> None:
    """Write a recording and its calibration as a rosbag2, for ``read_bag`` and ``ros2 bag play``.

    Args:
        path: a directory that does not exist yet.
        recording: the recording; its stamps are not changed.
        namespace: namespace of the topics, such as ``right_ankle``.

    Raises:
        RecordingError: the directory exists or cannot be written.
    """
    write_legs(path, {namespace: recording})


def write_legs(path: Path, legs: Mapping[str, Recording]) -> None:
    """Write the recordings of several legs as one rosbag2, with the calibration of each.

    Args:
        path: a directory that does not exist yet.
        legs: the recordings by namespace, on one clock; their stamps are not changed.

    Raises:
        RecordingError: the directory exists or cannot be written.
    """
    names = {namespace: namespace.strip("/") for namespace in legs}
    topics = {
        (leg, stream): f"{name and name + '/'}{topic}"
        for leg, name in names.items()
        for stream, topic in TOPICS.items()
    }
    types = {
        topic: JOINT_TYPE if stream == ENCODER else IMU_TYPE
        for (leg, stream), topic in topics.items()
        if stream != ENCODER or legs[leg].encoder is not None
    }
    with BagWriter(path, types) as bag:
        merged = heapq.merge(*(zip(samples([legs[leg]]), repeat(leg)) for leg in legs))
        for sample, leg in merged:
            bag.write(topics[leg, sample.stream], sample.time, sample_message(bag.types.types, sample))
    for leg, recording in legs.items():
        if recording.calibration is not None:
            save_calibration(path / calibration_name("" if len(legs) == 1 else leg), recording.calibration)


def sample_message(types: Mapping[str, Any], sample: Sample) -> Any:
    """Return the message of a sample; ``types`` are the message classes by name."""
    stamp = types["builtin_interfaces/msg/Time"](*divmod(sample.time, 1_000_000_000))
    header = types["std_msgs/msg/Header"]
    if sample.stream == ENCODER:
        nothing = np.zeros(0)
        return types[JOINT_TYPE](header(stamp, ""), [ENCODER_JOINT.name], np.array(sample.values), nothing, nothing)
    vector, unknown = types["geometry_msgs/msg/Vector3"], types["geometry_msgs/msg/Quaternion"](0.0, 0.0, 0.0, 1.0)
    no_orientation = np.array([-1.0, *[0.0] * 8])  # REP-145
    accel, gyro = vector(*sample.values[:3]), vector(*sample.values[3:])
    frame = SENSOR_FRAMES[sample.stream]
    return types[IMU_TYPE](header(stamp, frame), unknown, no_orientation, gyro, np.zeros(9), accel, np.zeros(9))
