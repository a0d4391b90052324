"""Reads a walk from a rosbag2 (MCAP or sqlite3), without ROS."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from ankle_imu_driver.conventions import (
    CALIBRATION_TOPIC,
    ENCODER,
    ENCODER_JOINT,
    ENCODER_TOPIC,
    FOOT,
    SHANK,
    JointConvention,
)
from ankle_imu_driver.document import shown
from ankle_imu_driver.recordings.bag_files import METADATA, BagFiles, bag_name, is_bag
from ankle_imu_driver.recordings.bag_legs import chosen_leg, few, find_calibration, legs_of, told_calibration
from ankle_imu_driver.recordings.bag_period import common_period
from ankle_imu_driver.recordings.bag_streams import IMU_TYPE, JOINT_TYPE, TOPICS, Legs, Stream, find_sessions
from ankle_imu_driver.recordings.recording import EncoderSamples, ImuSamples, Recording, RecordingError
from ankle_imu_driver.regular_file import FileError

__all__ = ["IMU_TYPE", "JOINT_TYPE", "TOPICS", "is_bag", "read_bag"]


def read_bag(
    path: Path, encoder_joint: JointConvention = ENCODER_JOINT, leg: str = "", namespace: str = ""
) -> Recording:
    """Read the two sensors, and the encoder if there is one, in any namespace.

    Times are the stamps of the headers. The encoder's joint is found by its name, as live. The calibration is the
    calibration file inside the bag's directory, otherwise ``<bag>.yaml`` or ``calibration.yaml`` next to it; of a bag
    with several legs the one that is named after the leg. Without such a file it is the last one that the leg's filter
    told on its topic. If the source was restarted during the recording, only the
    longest session is returned. An interrupted or damaged recording is read as far as it goes. ``notes`` reports all
    this, and counts the messages that were left out.

    Args:
        path: the bag's directory, its ``metadata.yaml``, or one storage file.
        encoder_joint: name, sign and offset of the encoder's joint; the default has zero at standing.
        leg: namespace of the leg to read, whole or its last part; empty for the only one.
        namespace: the reader's own, which chooses among several legs if ``leg`` is empty.

    Raises:
        RecordingError: the bag cannot be read, lacks a topic, the leg or the encoder's joint, or contains several legs
            and nobody says which; one sentence says what.
    """
    try:
        files = BagFiles(path)
        legs = Legs(files.path, encoder_joint)
        legs.read(files)
        prefixes = legs_of(files.path, legs.topics)
        prefix = chosen_leg(files.path, prefixes, leg, namespace)
        notes = list(files.notes)
        calibration = find_calibration(files.path, prefix, prefixes, notes)
    except FileError as error:
        raise RecordingError(str(error)) from error
    except OSError as error:
        raise RecordingError(f"{path} cannot be read: {error.strerror}") from error
    streams = legs.streams.get(prefix, {})
    for stream in (SHANK, FOOT):
        if stream not in streams or not len(streams[stream].stamp):
            raise RecordingError(_without_messages(files.path, TOPICS[stream], streams.get(stream)))
    if streams[ENCODER].other_joints and not streams[ENCODER].stamp:
        raise RecordingError(
            f"{files.path} has no joint {shown(encoder_joint.name)} on {ENCODER_TOPIC}, only "
            f"{few(sorted(streams[ENCODER].other_joints))}; set encoder.joint_name"
        )
    notes += _counts(files, prefix, streams)
    session = _longest_session(files.path, streams, notes)
    if calibration is None and prefix in legs.calibrations:
        until = max(
            int(np.frombuffer(s.time, dtype=np.int64)[s.session == session].max(initial=0)) for s in streams.values()
        )
        topic = f"{prefix}{CALIBRATION_TOPIC}"
        calibration = told_calibration(topic, legs.calibrations[prefix], until, notes)
    shank, foot = (_imu(files.path, streams[stream], TOPICS[stream], session, notes) for stream in (SHANK, FOOT))
    encoder = None
    if len(streams[ENCODER].stamp):
        stamp, values = streams[ENCODER].ordered(session, ENCODER_TOPIC, notes)
        encoder = EncoderSamples(stamp, values[:, 0]) if len(stamp) else None
    period = common_period(files.path, legs.streams, prefix) if len(prefixes) > 1 else None
    return Recording(bag_name(files.path), shank, foot, encoder, calibration, tuple(notes), period)


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
