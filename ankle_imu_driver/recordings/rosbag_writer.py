"""Writes a rosbag2 (MCAP) that ``ros2 bag play`` reads, without ROS."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from rosbags.interfaces import Connection
from rosbags.rosbag2 import StoragePlugin, Writer
from rosbags.rosbag2.storage_mcap import McapWriter
from rosbags.typesys import Stores, get_types_from_msg, get_typestore

from ankle_imu_driver.calibration import save_calibration
from ankle_imu_driver.recordings.recording import Recording, RecordingError
from ankle_imu_driver.recordings.rosbag_reader import ENCODER, FOOT, IMU_TYPE, JOINT_TYPE, SHANK

METADATA_VERSION = 8  # the newest that every rosbag2 from Humble on reads
FLUSH_PERIOD = 1_000_000_000  # ns; a crash loses no more


class BagWriter:
    """A rosbag2 that is being written; a context manager, complete also when it is left by an exception.

    Messages go to disk every second, in chunks that are whole. After a crash (power, SIGKILL) the file lacks its index:
    ``mcap recover`` and ``ros2 bag reindex`` restore it, without the last second.

    Attributes:
        types: the ``rosbags`` type store, whose message classes ``write`` takes.
    """

    def __init__(self, path: Path, topics: Mapping[str, str], definitions: Mapping[str, str] | None = None) -> None:
        """Make the bag's directory.

        Args:
            path: a directory that does not exist yet.
            topics: message type of each topic, as in ``{"forecast": "trajectory_msgs/msg/JointTrajectory"}``; a leading
                slash is put where it is missing.
            definitions: ``.msg`` text of each type that is not part of ROS itself.

        Raises:
            RecordingError: the directory exists or cannot be made.
        """
        self.types = get_typestore(Stores.ROS2_HUMBLE)
        for name, text in (definitions or {}).items():
            self.types.register(get_types_from_msg(text, name))
        if path.exists():
            raise RecordingError(f"{path} exists already; give the recording another name")
        self._path = path
        self._writer = Writer(path, version=METADATA_VERSION, storage_plugin=StoragePlugin.MCAP)
        try:
            self._writer.open()
        except OSError as error:
            raise RecordingError(f"recording {path} cannot be made: {error.strerror}") from error
        self._connections: dict[str, Connection] = {
            topic: self._writer.add_connection(f"/{topic.lstrip('/')}", kind, typestore=self.types)
            for topic, kind in topics.items()
        }
        self._flushed = 0

    def write(self, topic: str, time: int, message: Any) -> None:
        """Append one message.

        Args:
            topic: one of ``topics``, as it was given.
            time: when it was received or is to be played, in ns.
            message: its CDR bytes (a raw subscription's, or ``rclpy.serialization.serialize_message``'s), or an object
                of a class in ``types``.

        Raises:
            RecordingError: the disk refuses it.
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
        """Write the index and the metadata; after that the bag is complete."""
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
    """Write a recording as a rosbag2 with its calibration inside, for ``read_bag`` and ``ros2 bag play``.

    Args:
        path: a directory that does not exist yet.
        recording: stamps are written as they are.
        namespace: prefix of the topics, as ``right_ankle``.

    Raises:
        RecordingError: the directory exists or cannot be written.
    """
    prefix = f"{namespace.strip('/')}/" if namespace.strip("/") else ""
    streams = [(SHANK, "shank_imu_link", recording.shank), (FOOT, "foot_imu_link", recording.foot)]
    topics = {f"{prefix}{SHANK}": IMU_TYPE, f"{prefix}{FOOT}": IMU_TYPE}
    if recording.encoder is not None:
        topics[f"{prefix}{ENCODER}"] = JOINT_TYPE
    with BagWriter(path, topics) as bag:
        t = bag.types.types
        header, time = t["std_msgs/msg/Header"], t["builtin_interfaces/msg/Time"]
        vector, unknown = t["geometry_msgs/msg/Vector3"], t["geometry_msgs/msg/Quaternion"](0.0, 0.0, 0.0, 1.0)
        no_orientation = np.array([-1.0, *[0.0] * 8])
        events = [(round(s * 1e9), k, i) for k, (_, _, v) in enumerate(streams) for i, s in enumerate(v.stamp)]
        if recording.encoder is not None:
            events += [(round(s * 1e9), 2, i) for i, s in enumerate(recording.encoder.stamp)]
        for ns, k, i in sorted(events):
            stamp = time(ns // 1_000_000_000, ns % 1_000_000_000)
            if k < 2:
                topic, frame, samples = streams[k]
                message = t[IMU_TYPE](
                    header(stamp, frame),
                    unknown,
                    no_orientation,
                    vector(*samples.gyro[i]),
                    np.zeros(9),
                    vector(*samples.accel[i]),
                    np.zeros(9),
                )
            else:
                assert recording.encoder is not None
                topic, none = ENCODER, np.zeros(0)
                angle = recording.encoder.angle[i : i + 1]
                message = t[JOINT_TYPE](header(stamp, ""), ["ankle_encoder"], angle, none, none)
            bag.write(f"{prefix}{topic}", ns, message)
    if recording.calibration is not None:
        save_calibration(path / "calibration.yaml", recording.calibration)
