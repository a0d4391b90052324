"""Reads a walk from a rosbag2 (MCAP or sqlite3), without ROS."""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ankle_imu_driver.arrays import FloatArray
from ankle_imu_driver.calibration import Calibration, CalibrationError, load_calibration
from ankle_imu_driver.recordings.recording import EncoderSamples, ImuSamples, Recording, RecordingError

SHANK, FOOT, ENCODER = "shank/imu/data_raw", "foot/imu/data_raw", "encoder/joint_states"
IMU_TYPE, JOINT_TYPE = "sensor_msgs/msg/Imu", "sensor_msgs/msg/JointState"
STORAGE = (".mcap", ".db3")
METADATA = "metadata.yaml"
RESTART = 1.0  # s that a stamp lies back at which the source has started again; less is the transport's reordering


def is_bag(path: Path) -> bool:
    """Tell a rosbag2 (its directory, its metadata or a storage file of it) from other files."""
    if path.is_dir():
        return (path / METADATA).exists() or any(p.suffix in STORAGE for p in path.iterdir())
    return path.suffix in STORAGE or path.name == METADATA


def read_bag(path: Path) -> Recording:
    """Read the two sensors, and the encoder if there is one, under whatever namespace.

    Times are the headers'. The encoder's angle is taken as dorsiflexion positive with zero at standing, which is what
    the driver publishes unless it was told otherwise. The calibration is the one file in our format inside the bag's
    directory, else ``<bag>.yaml`` or ``calibration.yaml`` beside it. If the source was restarted while the bag ran,
    only the longest stretch is returned; ``notes`` says so, and counts whatever else was left out.

    Args:
        path: the bag's directory, its ``metadata.yaml``, or one ``.mcap`` or ``.db3`` file.

    Raises:
        RecordingError: it cannot be read, lacks a topic, or holds two legs; one sentence says which.
    """
    if path.name == METADATA:
        path = path.parent
    calibration = _find_calibration(path)
    try:
        streams, sessions = _read_streams(path)
    except RecordingError:
        raise
    except Exception as error:  # what a damaged file makes the library raise is not bounded
        raise RecordingError(f"{path} cannot be read as a rosbag2: {' '.join(str(error).split())}") from error
    notes: list[str] = []
    session = _longest(sessions, streams, notes)
    shank, foot = (_imu(path, streams[topic], topic, session, notes) for topic in (SHANK, FOOT))
    encoder = None
    if len(streams[ENCODER].stamp):
        stamp, values = streams[ENCODER].ordered(session, ENCODER, notes)
        encoder = EncoderSamples(stamp, values[:, 0]) if len(stamp) else None
    return Recording(path.stem, shank, foot, encoder, calibration, tuple(notes))


@dataclass
class _Stream:
    """The messages of one topic as they came."""

    columns: int
    stamp: array[float] = field(default_factory=lambda: array("d"))
    values: array[float] = field(default_factory=lambda: array("d"))
    session: array[int] = field(default_factory=lambda: array("q"))

    def ordered(self, session: int, topic: str, notes: list[str]) -> tuple[FloatArray, FloatArray]:
        """Return (N,) strictly increasing stamps and (N, columns) finite values of a session; note what is left out."""
        chosen = np.frombuffer(self.session, dtype=np.int64) == session
        stamp = np.frombuffer(self.stamp, dtype=np.float64)[chosen]
        values = np.frombuffer(self.values, dtype=np.float64).reshape(-1, self.columns)[chosen]
        finite = np.isfinite(values).all(axis=1)
        if not finite.all():
            notes.append(f"{topic}: messages left out for values that are not finite: {np.count_nonzero(~finite)}")
        stamp, values = stamp[finite], values[finite]
        late = np.count_nonzero(np.diff(stamp) < 0)
        unique, first = np.unique(stamp, return_index=True)
        if late:
            notes.append(f"{topic}: messages that came after a later one, put in order: {late}")
        if len(unique) < len(stamp):
            notes.append(f"{topic}: messages left out for repeating a stamp: {len(stamp) - len(unique)}")
        return unique, values[first]


def _read_streams(path: Path) -> tuple[dict[str, _Stream], int]:
    # Imported only here: it brings 12 MB into every node that may be told to read a bag and hardly ever is.
    from rosbags.rosbag2 import Reader  # noqa: PLC0415
    from rosbags.typesys import Stores, get_typestore  # noqa: PLC0415

    types = get_typestore(Stores.ROS2_HUMBLE)  # the three types have never changed since
    streams = {SHANK: _Stream(6), FOOT: _Stream(6), ENCODER: _Stream(1)}
    session, newest = 0, -np.inf
    with Reader(path) as reader:
        namespace = _namespace(path, {c.topic for c in reader.connections if c.msgtype == IMU_TYPE})
        wanted = {f"{namespace}{SHANK}": SHANK, f"{namespace}{FOOT}": FOOT, f"{namespace}{ENCODER}": ENCODER}
        connections = [c for c in reader.connections if c.topic in wanted and c.msgtype in (IMU_TYPE, JOINT_TYPE)]
        for connection, _, data in reader.messages(connections=connections):
            message: Any = types.deserialize_cdr(data, connection.msgtype)
            if connection.msgtype == IMU_TYPE:
                a, w = message.linear_acceleration, message.angular_velocity
                row: Iterable[float] = (a.x, a.y, a.z, w.x, w.y, w.z)
            elif len(message.position):
                row = message.position[:1]
            else:
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


def _namespace(path: Path, topics: set[str]) -> str:
    """Return the prefix under which both sensors are, with its last slash."""
    found = {suffix: {t.removesuffix(suffix) for t in topics if t.endswith(f"/{suffix}")} for suffix in (SHANK, FOOT)}
    both = sorted(found[SHANK] & found[FOOT])
    if len(both) > 1:
        raise RecordingError(
            f"{path} holds {len(both)} legs, under {', '.join(both)}; record or filter them into a bag each"
        )
    if not both:
        raise RecordingError(
            f"{path} lacks {SHANK} and {FOOT} of type {IMU_TYPE} under one namespace; its Imu topics are: "
            f"{', '.join(sorted(topics)) or 'none'}"
        )
    return both[0]


def _longest(sessions: int, streams: dict[str, _Stream], notes: list[str]) -> int:
    size = np.bincount(np.concatenate([np.frombuffer(s.session, dtype=np.int64) for s in streams.values()]))
    longest = int(np.argmax(size)) if len(size) else 0
    if sessions > 1:
        notes.append(
            f"the source started again while the bag ran; of {sessions} stretches only the longest is read, "
            f"{size[longest]} of {size.sum()} messages"
        )
    return longest


def _imu(path: Path, stream: _Stream, topic: str, session: int, notes: list[str]) -> ImuSamples:
    if not stream.stamp:
        raise RecordingError(f"{path} has {topic}, but no message on it")
    stamp, values = stream.ordered(session, topic, notes)
    if not len(stamp):
        raise RecordingError(f"{path} has no usable message on {topic}: {notes[-1]}")
    return ImuSamples(stamp, values[:, :3], values[:, 3:])


def _find_calibration(bag: Path) -> Calibration | None:
    folder = bag if bag.is_dir() else bag.parent
    inside = [p for p in folder.glob("*.y*ml") if p.name != METADATA] if is_bag(folder) else []
    beside = [bag.parent / name for name in (f"{bag.stem}.yaml", "calibration.yaml")]
    for place in (inside, beside):
        ours = [p for p in place if p.is_file() and "ankle_calibration" in p.read_text("utf-8", "replace")]
        if len(ours) > 1 and place is inside:
            raise RecordingError(f"{bag} has more than one calibration: {', '.join(p.name for p in sorted(ours))}")
        if ours:
            try:
                return load_calibration(ours[0])
            except CalibrationError as error:
                raise RecordingError(f"the calibration of {bag} cannot be used: {error}") from error
    return None
