"""Collects the samples of every leg in a rosbag2, and puts them in order."""

from __future__ import annotations

import struct
from array import array
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from ankle_imu_driver.arrays import FloatArray, IntArray
from ankle_imu_driver.conventions import (
    CALIBRATION_TOPIC,
    ENCODER,
    ENCODER_JOINT,
    ENCODER_TOPIC,
    FOOT,
    RAW_TOPICS,
    SHANK,
    JointConvention,
)
from ankle_imu_driver.document import shown
from ankle_imu_driver.recordings.bag_files import BagFiles
from ankle_imu_driver.recordings.bag_storage import Message, unpack_message
from ankle_imu_driver.recordings.recording import RecordingError

TOPICS = {**RAW_TOPICS, ENCODER: ENCODER_TOPIC}
IMU_TYPE, JOINT_TYPE = "sensor_msgs/msg/Imu", "sensor_msgs/msg/JointState"
TEXT_TYPE = "std_msgs/msg/String"
TYPES = {SHANK: IMU_TYPE, FOOT: IMU_TYPE, ENCODER: JOINT_TYPE}
RESTART = 1.0  # s; if a stamp goes back further, the source was restarted; less is reordering by the transport
OLD_ENCODER_JOINT = "ankle_encoder"  # what version 0.1.0 of this package wrote for ``ENCODER_JOINT``
MOST_OTHER_JOINTS = 20  # names that are kept for a message
MOST_RESTARTS = 100
MOST_CALIBRATIONS = 100  # the last ones that are kept of a leg; a filter tells one when it changes
MOST_SAMPLES = 2_000_000  # of one stream: five hours at 100 Hz
MOST_UNREADABLE = 1000  # messages of a stream, if they are more than those that can be read
# What no sensor measures, far beyond the largest ranges (16 g, 2000 deg/s): damage, or another unit.
LARGEST = {SHANK: (1000.0,) * 3 + (100.0,) * 3, FOOT: (1000.0,) * 3 + (100.0,) * 3, ENCODER: (100.0,)}


@dataclass
class Stream:
    """The samples of one topic.

    Attributes:
        limits: largest magnitude in each column of ``values``.
        time: time of reception of each, in ns.
        place: place of each among all samples of the bag's files.
        stamp: time of each, in s.
        values: the columns of all, one sample after the other.
        unreadable: number of messages that are not of their type.
        empty: number of messages without a value.
        other_joints: names in the messages that have other joints than the one that was asked for.
        session: of each sample, counted from 0; set by ``find_sessions``.
    """

    limits: tuple[float, ...]
    time: array[int] = field(default_factory=lambda: array("q"))
    place: array[int] = field(default_factory=lambda: array("q"))
    stamp: array[float] = field(default_factory=lambda: array("d"))
    values: array[float] = field(default_factory=lambda: array("d"))
    unreadable: int = 0
    empty: int = 0
    other_joints: set[str] = field(default_factory=set)
    session: IntArray = field(default_factory=lambda: np.zeros(0, dtype=np.int64))

    def ordered(self, session: int, topic: str, notes: list[str]) -> tuple[FloatArray, FloatArray]:
        """Return a session's strictly increasing stamps (N,) and good values (N, columns); note what is left out."""
        chosen = np.flatnonzero(self.session == session)
        chosen = chosen[np.argsort(np.frombuffer(self.time, dtype=np.int64)[chosen], kind="stable")]
        stamp = np.frombuffer(self.stamp, dtype=np.float64)[chosen]
        values = np.frombuffer(self.values, dtype=np.float64).reshape(-1, len(self.limits))[chosen]
        finite = np.isfinite(values).all(axis=1)
        wild = finite & (np.abs(values) > self.limits).any(axis=1)
        for bad, why in ((~finite, "a value is not finite"), (wild, "no sensor measures such a value")):
            if bad.any():
                notes.append(f"{topic}: messages left out because {why}: {np.count_nonzero(bad)}")
        stamp, values = stamp[finite & ~wild], values[finite & ~wild]
        late = np.count_nonzero(np.diff(stamp) < 0)
        unique, first = np.unique(stamp, return_index=True)
        if late:
            notes.append(f"{topic}: messages received out of order and put in order: {late}")
        if len(unique) < len(stamp):
            notes.append(f"{topic}: messages left out because they repeat a stamp: {len(stamp) - len(unique)}")
        return unique, values[first]


class Legs:
    """The streams of each namespace of a bag.

    Attributes:
        topics: the type of each topic of the bag.
        streams: the streams by the namespace's prefix, such as ``/right_ankle/``.
        calibrations: time of reception in ns and text of what each leg's filter told of its calibration, in the order
            of the files.
    """

    def __init__(self, path: Path, encoder_joint: JointConvention) -> None:
        """Prepare to read the bag of this name, with the encoder's joint of that name, sign and offset."""
        # Imported here because it loads 12 MB that a node which reads no bag does not need.
        from rosbags.serde import SerdeError  # noqa: PLC0415
        from rosbags.typesys import Stores, get_typestore  # noqa: PLC0415

        self.topics: dict[str, str] = {}
        self.streams: dict[str, dict[int, Stream]] = {}
        self.calibrations: dict[str, deque[tuple[int, str]]] = {}
        self._path = path
        self._joints = [encoder_joint]
        if encoder_joint.name == ENCODER_JOINT.name:
            self._joints.append(replace(encoder_joint, name=OLD_ENCODER_JOINT))
        self._added = 0
        self._types = get_typestore(Stores.ROS2_HUMBLE)  # the four types have never changed since
        # ``rosbags`` decodes without checks of its own: each of these comes from bytes that are not of the type.
        self._unfit = (SerdeError, struct.error, ValueError, LookupError, OverflowError, TypeError, EOFError)

    def read(self, files: BagFiles) -> None:
        """Read all messages of the topics that a leg can have.

        Raises:
            RecordingError: no file can be read, it is too long, or a topic is not what its name says.
        """
        for message in files.messages(self._wanted):
            topic = _absolute(message.topic)
            if message.kind == TEXT_TYPE:
                self._add_calibration(topic.removesuffix(CALIBRATION_TOPIC), message)
                continue
            place = _place(topic, message.kind)
            assert place is not None
            prefix, kind = place
            if prefix not in self.streams:
                self.streams[prefix] = {stream: Stream(LARGEST[stream]) for stream in TOPICS}
            self._add(self.streams[prefix][kind], topic, message)

    def _wanted(self, topic: str, kind: str) -> bool:
        topic = _absolute(topic)
        self.topics[topic] = kind
        return _place(topic, kind) is not None or (topic.endswith(f"/{CALIBRATION_TOPIC}") and kind == TEXT_TYPE)

    def _add_calibration(self, prefix: str, message: Message) -> None:
        try:
            decoded: Any = self._types.deserialize_cdr(unpack_message(message.data), message.kind)
            text = decoded.data
        except self._unfit:
            text = "?"  # is counted with those that are no calibrations
        kept = self.calibrations.setdefault(prefix, deque(maxlen=MOST_CALIBRATIONS))
        kept.append((message.time, text))

    def _add(self, stream: Stream, topic: str, message: Message) -> None:
        if message.encoding != "cdr":
            raise RecordingError(f"{self._path}: {topic} is encoded as {shown(message.encoding)}; only cdr is read")
        try:
            decoded: Any = self._types.deserialize_cdr(unpack_message(message.data), message.kind)
            row = _imu_row(decoded) if message.kind == IMU_TYPE else self._joint_row(decoded, stream)
            stamp = (decoded.header.stamp.sec * 10**9 + decoded.header.stamp.nanosec) / 10**9
        except self._unfit:
            stream.unreadable += 1
            if stream.unreadable > max(MOST_UNREADABLE, len(stream.stamp)):
                raise RecordingError(
                    f"{self._path}: most messages of {topic} are not of its type {message.kind}; record the walk again"
                ) from None
            return
        if not len(row):
            stream.empty += 1
            return
        if len(stream.stamp) == MOST_SAMPLES:
            raise RecordingError(f"{self._path} has more than {MOST_SAMPLES} messages of {topic}; split the recording")
        self._added += 1
        stream.place.append(self._added)
        stream.time.append(min(message.time, 2**63 - 1))
        stream.stamp.append(stamp)
        stream.values.extend(row)

    def _joint_row(self, message: Any, stream: Stream) -> Sequence[float]:
        """Return the angle of the encoder's joint in rad, found by its name; empty for a message without it."""
        for joint in self._joints:
            values = joint.read(message.name, message.position, message.velocity)
            if values is not None:
                return values[:1]
        if len(stream.other_joints) < MOST_OTHER_JOINTS and all(
            joint.name not in message.name for joint in self._joints
        ):
            stream.other_joints.update(message.name[:MOST_OTHER_JOINTS] or ("a joint without a name",))
        return ()


def find_sessions(path: Path, streams: Iterable[Stream]) -> IntArray:
    """Set the session of each sample of a leg; a new one begins where the stamps go back by more than ``RESTART``.

    Returns:
        (S,) number of samples in each session.

    Raises:
        RecordingError: the stamps go back too often.
    """
    streams = list(streams)
    sizes = [len(stream.stamp) for stream in streams]
    time, place = (
        np.concatenate([np.frombuffer(kind, dtype=np.int64) for kind in kinds])
        for kinds in ([stream.time for stream in streams], [stream.place for stream in streams])
    )
    stamp = np.concatenate([np.frombuffer(stream.stamp, dtype=np.float64) for stream in streams])
    order = np.lexsort((place, time))
    session = np.zeros(len(order), dtype=np.int64)
    begin, restarts = 0, 0
    while len(back := np.flatnonzero(_goes_back(stamp[order[begin:]]))):
        begin, restarts = begin + int(back[0]), restarts + 1
        if restarts > MOST_RESTARTS:
            raise RecordingError(
                f"the stamps in {path} go back by more than {RESTART:g} s again and again; record again"
            )
        session[order[begin:]] = restarts
    for stream, part in zip(streams, np.split(session, np.cumsum(sizes)[:-1]), strict=True):
        stream.session = part
    return np.bincount(session, minlength=1)


def _goes_back(stamp: FloatArray) -> Any:
    """Return for each stamp whether it is far before the newest one so far."""
    return stamp < np.maximum.accumulate(stamp) - RESTART


def _absolute(topic: str) -> str:
    return f"/{topic.lstrip('/')}"


def _place(topic: str, kind: str) -> tuple[str, int] | None:
    """Return the prefix and the stream of a topic that a leg can have."""
    for stream, name in TOPICS.items():
        if topic.endswith(f"/{name}") and kind == TYPES[stream]:
            return topic.removesuffix(name), stream
    return None


def _imu_row(message: Any) -> Sequence[float]:
    a, w = message.linear_acceleration, message.angular_velocity
    return a.x, a.y, a.z, w.x, w.y, w.z
