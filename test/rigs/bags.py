"""Makes rosbag2 recordings of a short walk record by record, so that any part of them can be wrong."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from rosbags.rosbag2 import CompressionFormat, CompressionMode, StoragePlugin, Writer
from rosbags.typesys import Stores, get_typestore

from benchmarks import mcap_records
from benchmarks.mcap_records import MAGIC, chunk, definitions, message, record, text

__all__ = [
    "MAGIC", "chunk", "definitions", "imu", "joint", "mcap", "message", "record", "text", "walk_of", "write_bag",
]  # fmt: skip

IMU, JOINT = "sensor_msgs/msg/Imu", "sensor_msgs/msg/JointState"
SHANK_TOPIC, FOOT_TOPIC, ENCODER_TOPIC = "/shank/imu/data_raw", "/foot/imu/data_raw", "/encoder/joint_states"
PERIOD = 10_000_000  # ns
STORE = get_typestore(Stores.ROS2_HUMBLE)


def imu(k: int, order: str = "<") -> bytes:
    """The CDR bytes of sample ``k``: stamp 10 ms * k, accel (k, 0, 9.8), gyro 0."""
    head = bytes([0, order == "<", 0, 0]) + struct.pack(f"{order}iI", *divmod(k * PERIOD, 10**9))
    head += struct.pack(f"{order}I", 1) + b"\0" + b"\0" * 3
    values = [0.0, 0.0, 0.0, 1.0, *[0.0] * 9, 0.0, 0.0, 0.0, *[0.0] * 9, float(k % 50), 0.0, 9.8, *[0.0] * 9]
    return head + struct.pack(f"{order}37d", *values)


def joint(k: int, names: Iterable[str] = ("ankle",)) -> bytes:
    """The CDR bytes of encoder sample ``k``: 0.001 rad * k."""
    t = STORE.types
    header = t["std_msgs/msg/Header"](t["builtin_interfaces/msg/Time"](*divmod(k * PERIOD, 10**9)), "")
    position = np.full(len(list(names)), 0.001 * k)
    return bytes(STORE.serialize_cdr(t[JOINT](header, list(names), position, np.zeros(0), np.zeros(0)), JOINT))


def samples(count: int) -> Iterator[tuple[int, bytes]]:
    """Channel number and data of a walk of ``count`` samples: shank 1, foot 2."""
    for k in range(count):
        yield 1, imu(k)
        yield 2, imu(k)


BOTH = {SHANK_TOPIC: IMU, FOOT_TOPIC: IMU}


def mcap(*parts: bytes, topics: dict[str, str] | None = None, whole: bool = True, encoding: str = "cdr") -> bytes:
    """An MCAP file of these records; by default with the topics of both sensors."""
    return mcap_records.mcap(*parts, topics=BOTH if topics is None else topics, whole=whole, encoding=encoding)


def walk_of(count: int, start: int = 0) -> bytes:
    """The message records of a walk, one after the other."""
    return b"".join(message(channel, data, start + k) for k, (channel, data) in enumerate(samples(count)))


def write_bag(
    path: Path,
    count: int = 300,
    plugin: StoragePlugin = StoragePlugin.MCAP,
    mode: CompressionMode = CompressionMode.NONE,
    encoder: bool = False,
    version: Any = 8,
) -> Path:
    """Write a whole bag of a walk with the library."""
    writer = Writer(path, version=version, storage_plugin=plugin)
    if mode != CompressionMode.NONE:
        writer.set_compression(mode, CompressionFormat.ZSTD)
    with writer:
        outputs = [writer.add_connection(topic, IMU, typestore=STORE) for topic in BOTH]
        outputs += [writer.add_connection(ENCODER_TOPIC, JOINT, typestore=STORE)] if encoder else []
        for k in range(count):
            for output in outputs:
                writer.write(output, k * PERIOD, joint(k) if output.topic == ENCODER_TOPIC else imu(k))
    return path
