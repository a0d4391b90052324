"""Reads a walk from a rosbag2 (MCAP or sqlite3), without ROS."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ankle_imu_driver.arrays import FloatArray
from ankle_imu_driver.calibration import FORMAT as CALIBRATION_FORMAT
from ankle_imu_driver.calibration import Calibration, CalibrationError, load_calibration
from ankle_imu_driver.conventions import ENCODER, ENCODER_TOPIC, FOOT, RAW_TOPICS, SHANK
from ankle_imu_driver.recordings.recording import EncoderSamples, ImuSamples, Recording, RecordingError

TOPICS = {**RAW_TOPICS, ENCODER: ENCODER_TOPIC}
IMU_TYPE, JOINT_TYPE = "sensor_msgs/msg/Imu", "sensor_msgs/msg/JointState"
STORAGE = (".mcap", ".db3")
METADATA = "metadata.yaml"
RESTART = 1.0  # s; if a stamp goes back further, the source was restarted; less is reordering by the transport


def is_bag(path: Path) -> bool:
    """Return whether a path is a rosbag2: its directory, its metadata, or one of its storage files."""
    if path.is_dir():
        return (path / METADATA).exists() or any(p.suffix in STORAGE for p in path.iterdir())
    return path.suffix in STORAGE or path.name == METADATA


def read_bag(path: Path) -> Recording:
    """Read the two sensors, and the encoder if there is one, in any namespace.

    Times are the stamps of the headers. The encoder's angle is assumed to be dorsiflexion positive with zero at
    standing, which is the driver's default. The calibration is the calibration file inside the bag's directory,
    otherwise ``<bag>.yaml`` or ``calibration.yaml`` next to it. If the source was restarted during the recording, only
    the longest session is returned. ``notes`` reports this, and counts the messages that were left out.

    Args:
        path: the bag's directory, its ``metadata.yaml``, or one ``.mcap`` or ``.db3`` file.

    Raises:
        RecordingError: the bag cannot be read, lacks a topic, or contains two legs; one sentence says which.
    """
    if path.name == METADATA:
        path = path.parent
    calibration = _find_calibration(path)
    try:
        streams, sessions = _read_streams(path)
    except RecordingError:
        raise
    except Exception as error:  # a damaged file may make the library raise any exception
        raise RecordingError(f"{path} cannot be read as a rosbag2: {' '.join(str(error).split())}") from error
    notes: list[str] = []
    session = _longest_session(sessions, streams, notes)
    shank, foot = (_imu(path, streams[stream], TOPICS[stream], session, notes) for stream in (SHANK, FOOT))
    encoder = None
    if len(streams[ENCODER].stamp):
        stamp, values = streams[ENCODER].ordered(session, ENCODER_TOPIC, notes)
        encoder = EncoderSamples(stamp, values[:, 0]) if len(stamp) else None
    return Recording(path.stem, shank, foot, encoder, calibration, tuple(notes))


@dataclass
class _Stream:
    """The messages of one topic in the order in which they were received."""

    columns: int
    stamp: array[float] = field(default_factory=lambda: array("d"))
    values: array[float] = field(default_factory=lambda: array("d"))
    session: array[int] = field(default_factory=lambda: array("q"))

    def ordered(self, session: int, topic: str, notes: list[str]) -> tuple[FloatArray, FloatArray]:
        """Return a session's strictly increasing stamps (N,) and finite values (N, columns); note what is left out."""
        chosen = np.frombuffer(self.session, dtype=np.int64) == session
        stamp = np.frombuffer(self.stamp, dtype=np.float64)[chosen]
        values = np.frombuffer(self.values, dtype=np.float64).reshape(-1, self.columns)[chosen]
        finite = np.isfinite(values).all(axis=1)
        if not finite.all():
            notes.append(f"{topic}: messages left out because a value is not finite: {np.count_nonzero(~finite)}")
        stamp, values = stamp[finite], values[finite]
        late = np.count_nonzero(np.diff(stamp) < 0)
        unique, first = np.unique(stamp, return_index=True)
        if late:
            notes.append(f"{topic}: messages received out of order and put in order: {late}")
        if len(unique) < len(stamp):
            notes.append(f"{topic}: messages left out because they repeat a stamp: {len(stamp) - len(unique)}")
        return unique, values[first]


def _read_streams(path: Path) -> tuple[dict[int, _Stream], int]:
    """Return the messages of each stream and the number of sessions."""
    # Imported here because it loads 12 MB that a node which reads no bag does not need.
    from rosbags.rosbag2 import Reader  # noqa: PLC0415
    from rosbags.typesys import Stores, get_typestore  # noqa: PLC0415

    types = get_typestore(Stores.ROS2_HUMBLE)  # the three types have never changed since
    streams = {SHANK: _Stream(6), FOOT: _Stream(6), ENCODER: _Stream(1)}
    session, newest = 0, -np.inf
    with Reader(path) as reader:
        namespace = _namespace(path, {c.topic for c in reader.connections if c.msgtype == IMU_TYPE})
        wanted = {f"{namespace}{topic}": stream for stream, topic in TOPICS.items()}
        connections = [c for c in reader.connections if c.topic in wanted and c.msgtype in (IMU_TYPE, JOINT_TYPE)]
        for connection, _, data in reader.messages(connections=connections):
            message: Any = types.deserialize_cdr(data, connection.msgtype)
            row = _row(message, connection.msgtype)
            if not len(row):
                continue
            stamp = (message.header.stamp.sec * 10**9 + message.header.stamp.nanosec) / 10**9
            if stamp < newest - RESTART:
                session, newest = session + 1, -np.inf
            newest = max(newest, stamp)
            stream = streams[wanted[connection.topic]]
            stream.stamp.append(stamp)
            stream.values.extend(row)
            stream.session.append(session)
    return streams, session + 1


def _row(message: Any, kind: str) -> Sequence[float]:
    """Return the values of a message; empty for a joint state without a position."""
    if kind == IMU_TYPE:
        a, w = message.linear_acceleration, message.angular_velocity
        return a.x, a.y, a.z, w.x, w.y, w.z
    position: Sequence[float] = message.position[:1]
    return position


def _namespace(path: Path, topics: set[str]) -> str:
    """Return the prefix of both sensors' topics, including its last slash."""
    shank, foot = ({t.removesuffix(raw) for t in topics if t.endswith(f"/{raw}")} for raw in RAW_TOPICS.values())
    both = sorted(shank & foot)
    if len(both) > 1:
        raise RecordingError(
            f"{path} contains {len(both)} legs, in {', '.join(both)}; record or filter each leg into a bag of its own"
        )
    if not both:
        raise RecordingError(
            f"{path} lacks {' and '.join(RAW_TOPICS.values())} of type {IMU_TYPE} in one namespace; its Imu topics "
            f"are: {', '.join(sorted(topics)) or 'none'}"
        )
    return both[0]


def _longest_session(sessions: int, streams: dict[int, _Stream], notes: list[str]) -> int:
    size = np.bincount(np.concatenate([np.frombuffer(s.session, dtype=np.int64) for s in streams.values()]))
    longest = int(np.argmax(size)) if len(size) else 0
    if sessions > 1:
        notes.append(
            f"the source was restarted during the recording; of {sessions} sessions only the longest is read, "
            f"{size[longest]} of {size.sum()} messages"
        )
    return longest


def _imu(path: Path, stream: _Stream, topic: str, session: int, notes: list[str]) -> ImuSamples:
    if not stream.stamp:
        raise RecordingError(f"{path} has the topic {topic}, but no message on it; record the walk again")
    stamp, values = stream.ordered(session, topic, notes)
    if not len(stamp):
        raise RecordingError(f"{path} has no usable message on {topic}: {notes[-1]}")
    return ImuSamples(stamp, values[:, :3], values[:, 3:])


def _find_calibration(bag: Path) -> Calibration | None:
    folder = bag if bag.is_dir() else bag.parent
    inside = [p for p in folder.glob("*.y*ml") if p.name != METADATA] if is_bag(folder) else []
    beside = [bag.parent / name for name in (f"{bag.stem}.yaml", "calibration.yaml")]
    for place in (inside, beside):
        found = [p for p in place if p.is_file() and CALIBRATION_FORMAT in p.read_text("utf-8", "replace")]
        if len(found) > 1 and place is inside:
            names = ", ".join(path.name for path in sorted(found))
            raise RecordingError(f"{bag} has more than one calibration: {names}; keep one of them")
        if found:
            try:
                return load_calibration(found[0])
            except CalibrationError as error:
                raise RecordingError(f"the calibration of {bag} cannot be used: {error}") from error
    return None
