"""Reads a walk from a rosbag2 (MCAP or sqlite3), without ROS."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from ankle_imu_driver.calibration import FORMAT as CALIBRATION_FORMAT
from ankle_imu_driver.calibration import MOST_BYTES, Calibration, CalibrationError, load_calibration
from ankle_imu_driver.conventions import (
    ENCODER,
    ENCODER_JOINT,
    ENCODER_TOPIC,
    FOOT,
    RAW_TOPICS,
    SHANK,
    JointConvention,
)
from ankle_imu_driver.document import shown
from ankle_imu_driver.recordings.bag_files import METADATA, BagFiles, bag_name, is_bag
from ankle_imu_driver.recordings.bag_streams import IMU_TYPE, JOINT_TYPE, TOPICS, Legs, Stream, find_sessions
from ankle_imu_driver.recordings.recording import EncoderSamples, ImuSamples, Recording, RecordingError
from ankle_imu_driver.regular_file import FileError, exists, read_regular

__all__ = ["IMU_TYPE", "JOINT_TYPE", "TOPICS", "is_bag", "read_bag"]

MOST_LISTED = 10  # names in one sentence
MOST_YAMLS = 100  # files in a bag's directory that are looked through for a calibration


def read_bag(path: Path, encoder_joint: JointConvention = ENCODER_JOINT) -> Recording:
    """Read the two sensors, and the encoder if there is one, in any namespace.

    Times are the stamps of the headers. The encoder's joint is found by its name, as live. The calibration is the
    calibration file inside the bag's directory, otherwise ``<bag>.yaml`` or ``calibration.yaml`` next to it. If the
    source was restarted during the recording, only the longest session is returned. An interrupted or damaged recording
    is read as far as it goes. ``notes`` reports all this, and counts the messages that were left out.

    Args:
        path: the bag's directory, its ``metadata.yaml``, or one storage file.
        encoder_joint: name, sign and offset of the encoder's joint; the default has zero at standing.

    Raises:
        RecordingError: the bag cannot be read, lacks a topic or the encoder's joint, or contains two legs; one sentence
            says which.
    """
    try:
        files = BagFiles(path)
        calibration = _find_calibration(files.path)
        legs = Legs(files.path, encoder_joint)
        legs.read(files)
    except FileError as error:
        raise RecordingError(str(error)) from error
    except OSError as error:
        raise RecordingError(f"{path} cannot be read: {error.strerror}") from error
    prefix = _namespace(files.path, legs.topics)
    streams = legs.streams.get(prefix, {})
    for stream in (SHANK, FOOT):
        if stream not in streams or not len(streams[stream].stamp):
            raise RecordingError(_without_messages(files.path, TOPICS[stream], streams.get(stream)))
    if streams[ENCODER].other_joints and not streams[ENCODER].stamp:
        raise RecordingError(
            f"{files.path} has no joint {shown(encoder_joint.name)} on {ENCODER_TOPIC}, only "
            f"{_few(sorted(streams[ENCODER].other_joints))}; set encoder.joint_name"
        )
    notes = [*files.notes, *_counts(files, prefix, streams)]
    session = _longest_session(files.path, streams, notes)
    shank, foot = (_imu(files.path, streams[stream], TOPICS[stream], session, notes) for stream in (SHANK, FOOT))
    encoder = None
    if len(streams[ENCODER].stamp):
        stamp, values = streams[ENCODER].ordered(session, ENCODER_TOPIC, notes)
        encoder = EncoderSamples(stamp, values[:, 0]) if len(stamp) else None
    return Recording(bag_name(files.path), shank, foot, encoder, calibration, tuple(notes))


def _namespace(path: Path, topics: Mapping[str, str]) -> str:
    """Return the prefix of both sensors' topics, including its last slash."""
    imus = {topic for topic, kind in topics.items() if kind == IMU_TYPE}
    shank, foot = ({t.removesuffix(raw) for t in imus if t.endswith(f"/{raw}")} for raw in RAW_TOPICS.values())
    both = sorted(shank & foot)
    if len(both) > 1:
        raise RecordingError(
            f"{path} contains {len(both)} legs, in {_few(both)}; record or filter each leg into a bag of its own"
        )
    if not both:
        others = [
            f"{topic} is {shown(kind)}"
            for topic, kind in sorted(topics.items())
            if kind != IMU_TYPE and topic.endswith(tuple(f"/{raw}" for raw in RAW_TOPICS.values()))
        ]
        raise RecordingError(
            f"{path} lacks {' and '.join(RAW_TOPICS.values())} of type {IMU_TYPE} in one namespace; its Imu topics "
            f"are: {_few(sorted(imus)) or 'none'}{'; ' if others else ''}{_few(others)}"
        )
    return both[0]


def _few(names: list[str]) -> str:
    more = f" and {len(names) - MOST_LISTED} more" if len(names) > MOST_LISTED else ""
    return ", ".join(name[:100] for name in names[:MOST_LISTED]) + more


def _without_messages(path: Path, topic: str, stream: Stream | None) -> str:
    if stream is not None and stream.unreadable:
        return f"{path} has no usable message on {topic}: none of {stream.unreadable} is of its type; record again"
    return f"{path} has the topic {topic}, but no message on it; record the walk again"


def _counts(files: BagFiles, prefix: str, streams: Mapping[int, Stream]) -> list[str]:
    """Return notes on messages that are missing or cannot be read."""
    notes = []
    for stream, found in streams.items():
        topic = TOPICS[stream]
        if found.unreadable:
            notes.append(f"{topic}: messages that are not of their type left out: {found.unreadable}")
        said, number = files.counts.get(f"{prefix}{topic}"), len(found.stamp) + found.unreadable + found.empty
        if said is not None and said != number:
            notes.append(f"{topic}: {METADATA} counts {shown(said)} messages, there are {number}")
    return notes


def _longest_session(path: Path, streams: Mapping[int, Stream], notes: list[str]) -> int:
    size = find_sessions(path, streams.values())
    longest = int(size.argmax())
    if len(size) > 1:
        notes.append(
            f"the source was restarted during the recording; of {len(size)} sessions only the longest is read, "
            f"{size[longest]} of {size.sum()} messages"
        )
    return longest


def _imu(path: Path, stream: Stream, topic: str, session: int, notes: list[str]) -> ImuSamples:
    stamp, values = stream.ordered(session, topic, notes)
    if not len(stamp):
        why = notes[-1] if notes else "it was silent"
        raise RecordingError(f"{path} has no usable message on {topic} in its longest session: {why}")
    return ImuSamples(stamp, values[:, :3], values[:, 3:])


def _find_calibration(bag: Path) -> Calibration | None:
    """Return the calibration inside the bag's directory or next to it.

    Raises:
        RecordingError: there are several, or it cannot be used.
        FileError: a folder must not be read.
    """
    folder = bag if bag.is_dir() else bag.parent
    inside = sorted(p for p in folder.glob("*.y*ml") if p.name != METADATA)[:MOST_YAMLS] if is_bag(folder) else []
    beside = [bag.parent / name for name in (f"{bag_name(bag)}.yaml", f"{bag.stem}.yaml", "calibration.yaml")]
    for place in (inside, beside):
        found = [path for path in place if exists(path) and _is_calibration(path)]
        if len(found) > 1 and place is inside:
            names = ", ".join(path.name for path in found)
            raise RecordingError(f"{bag} has more than one calibration: {names}; keep one of them")
        if found:
            try:
                return load_calibration(found[0])
            except CalibrationError as error:
                raise RecordingError(f"the calibration of {bag} cannot be used: {error}") from error
    return None


def _is_calibration(path: Path) -> bool:
    """Return whether a file calls itself a calibration, by its name or in its text."""
    try:
        return CALIBRATION_FORMAT.encode() in read_regular(path, MOST_BYTES)
    except FileError:
        return path.name == "calibration.yaml"  # to be refused by its reader, and not passed over
