"""Makes rosbag2 recordings of a short walk record by record, so that any part of them can be wrong."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import lz4.frame
import numpy as np
from backports import zstd
from rosbags.rosbag2 import CompressionFormat, CompressionMode, StoragePlugin, Writer
from rosbags.typesys import Stores, get_typestore

IMU, JOINT = "sensor_msgs/msg/Imu", "sensor_msgs/msg/JointState"
SHANK_TOPIC, FOOT_TOPIC, ENCODER_TOPIC = "/shank/imu/data_raw", "/foot/imu/data_raw", "/encoder/joint_states"
MAGIC = b"\x89MCAP0\r\n"
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


def text(value: str) -> bytes:
    return struct.pack("<I", len(value.encode())) + value.encode()


def record(code: int, body: bytes) -> bytes:
    return struct.pack("<BQ", code, len(body)) + body


def definitions(topics: dict[str, str], encoding: str = "cdr") -> bytes:
    """Schema and channel of each topic, numbered from 1."""
    parts = []
    for number, (topic, kind) in enumerate(topics.items(), 1):
        parts.append(record(3, struct.pack("<H", number) + text(kind) + text("ros2msg") + text("")))
        parts.append(record(4, struct.pack("<HH", number, number) + text(topic) + text(encoding) + text("")))
    return b"".join(parts)


def message(channel: int, data: bytes, time: int = 0) -> bytes:
    return record(5, struct.pack("<HIQQ", channel, 0, time, time) + data)


def chunk(
    records: bytes, method: str = "", *, data: bytes | None = None, size: int | None = None, crc: bool = True
) -> bytes:
    """A chunk; ``data`` and ``size`` replace what it holds and what it says."""
    packers: dict[str, Callable[[bytes], bytes]] = {"": bytes, "zstd": zstd.compress, "lz4": lz4.frame.compress}
    data = packers[method](records) if data is None else data
    head = struct.pack("<QQQI", 0, 0, len(records) if size is None else size, zlib.crc32(records) if crc else 0)
    return record(6, head + text(method) + struct.pack("<Q", len(data)) + data)


BOTH = {SHANK_TOPIC: IMU, FOOT_TOPIC: IMU}


def mcap(*parts: bytes, topics: dict[str, str] = BOTH, whole: bool = True, encoding: str = "cdr") -> bytes:
    """An MCAP file of these records, with the definitions before them and, if whole, the footer."""
    begin = MAGIC + record(1, text("ros2") + text("")) + definitions(topics, encoding)
    end = record(15, b"\0" * 4) + record(2, b"\0" * 20) + MAGIC if whole else b""
    return begin + b"".join(parts) + end


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
