"""Fuzzer of rosbag2 recordings: every storage, every compression, every file of a bag."""

from __future__ import annotations

import functools
import math
import shutil
import struct
import tempfile
from pathlib import Path
from random import Random
from types import SimpleNamespace
from typing import Any

import numpy as np

from ankle_imu_driver.calibration import Calibration, SensorCalibration, save_calibration
from ankle_imu_driver.recordings.bag_streams import IMU_TYPE, JOINT_TYPE, TOPICS
from ankle_imu_driver.recordings.read_recording import read_recording
from benchmarks.fuzz_files import TOKENS, bombs
from benchmarks.fuzz_kind import Kind, damaged, odd_entry
from benchmarks.mcap_records import MAGIC, chunk, definitions, mcap, message, record, text

SAMPLES = 150
BASES = (
    "mcap",
    "sqlite3",
    "mcap file",
    "sqlite3 file",
    "mcap message",
    "sqlite3 message",
    "mcap storage",
    "split",
    "log",
)
INTEGERS = (0, 1, 39, 2**16, 2**26, 2**31 - 1, 2**32 - 1, 2**40, 2**63 - 1, 2**63, 2**64 - 1)
NAMES = (
    "",
    "/",
    "\0",
    "/shank/imu/data_raw",
    "/a/foot/imu/data_raw",
    "x" * 5000,
    IMU_TYPE,
    JOINT_TYPE,
    "std_msgs/msg/String",
)
_FOLDER = SimpleNamespace(bases=None)


def imu(k: int) -> bytes:
    """Return the CDR bytes of an Imu."""
    values = [0.0] * 37
    values[13:16], values[25:28] = [0.1, math.sin(0.05 * k), 0.0], [1.0, 0.0, 9.8]
    head = b"\0\1\0\0" + struct.pack("<iII", k // 100, k % 100 * 10_000_000, 1) + b"\0" * 4
    return head + struct.pack("<37d", *values)


@functools.cache
def bases() -> Path:
    """Write one whole bag of each kind, once in a process, and return their folder."""
    from rosbags.rosbag2 import CompressionFormat, CompressionMode, StoragePlugin, Writer  # noqa: PLC0415
    from rosbags.typesys import Stores, get_typestore  # noqa: PLC0415

    _FOLDER.bases = tempfile.TemporaryDirectory(prefix="fuzz_bases_")
    folder, store = Path(_FOLDER.bases.name), get_typestore(Stores.ROS2_HUMBLE)
    for name in BASES:
        plugin, _, mode = name.partition(" ")
        path = folder / name
        if name == "split":
            path.mkdir()
            for part in range(3):
                rows = range(part * 50, part * 50 + 50)
                records = b"".join(message(c, imu(k), k) for k in rows for c in (1, 2))
                (path / f"split_{part}.mcap").write_bytes(mcap(chunk(records, "lz4"), topics=_topics()))
            continue
        writer = Writer(
            path,
            version=8,
            storage_plugin=StoragePlugin.SQLITE3 if plugin in ("sqlite3", "log") else StoragePlugin.MCAP,
        )
        if mode:
            writer.set_compression(CompressionMode[mode.upper()], CompressionFormat.ZSTD)
        with writer:
            outputs = [writer.add_connection(topic, kind, typestore=store) for topic, kind in _topics().items()]
            for k in range(SAMPLES):
                for output in outputs:
                    writer.write(output, k * 10_000_000, imu(k) if output.msgtype == IMU_TYPE else _joint(store, k))
    return folder


def _topics() -> dict[str, str]:
    return {f"/{TOPICS[0]}": IMU_TYPE, f"/{TOPICS[1]}": IMU_TYPE, f"/{TOPICS[2]}": JOINT_TYPE}


def _joint(store: Any, k: int) -> bytes:
    t = store.types
    header = t["std_msgs/msg/Header"](t["builtin_interfaces/msg/Time"](*divmod(k * 10_000_000, 10**9)), "")
    none = np.zeros(0)
    return bytes(store.serialize_cdr(t[JOINT_TYPE](header, ["ankle"], np.array([0.001 * k]), none, none), JOINT_TYPE))


def make_bag(random: Random, folder: Path) -> Path:
    """Write a bag and change some of it."""
    if random.randrange(3) == 0:
        path = folder / "walk.mcap"
        path.write_bytes(_records(random))
        return path
    bag = folder / "bag"
    shutil.copytree(bases() / random.choice(BASES), bag)
    if random.randrange(4) == 0:
        sensor = SensorCalibration((0.0, 0.0, 0.0), (0.0, 0.0, 9.8))
        save_calibration(bag / "calibration.yaml", Calibration(sensor, sensor))
    for _ in range(random.choice((1, 1, 2, 3))):
        _change(random, bag)
    files = sorted(bag.iterdir())
    return random.choice(files) if files and random.randrange(5) == 0 else bag


def _change(random: Random, bag: Path) -> None:
    """Damage, remove, exchange or add one file."""
    files = sorted(path for path in bag.iterdir() if path.is_file() and path.stat().st_size < 2**24)
    if not files:
        return
    path, other = random.choice(files), random.choice(files)
    how = random.randrange(10)
    if how < 5:
        path.write_bytes(damaged(random, path.read_bytes(), TOKENS))
    elif how == 5:
        path.unlink()
    elif how == 6:
        odd_entry(random, path)
    elif how == 7:
        shutil.copyfile(other, path) if other != path else path.write_bytes(b"")
    elif how == 8:
        name = f"{path.name}{random.choice(('-wal', '-journal', '.zstd', '.yaml'))}"
        (bag / name).write_bytes(random.choice((random.randbytes(5000), bombs(random).encode(), path.read_bytes())))
    else:
        lines = path.read_bytes().split(b"\n")
        k = random.randrange(len(lines))
        lines[k] = lines[k].partition(b":")[0] + b": " + random.choice(TOKENS)
        path.write_bytes(b"\n".join(lines))


def _records(random: Random) -> bytes:
    """Return an MCAP file with odd records."""
    parts = []
    for _ in range(random.choice((1, 3, 10))):
        rows = b"".join(
            message(random.choice((1, 1, 2, 2, 3, 9)), _data(random, k), k) for k in range(random.choice((0, 50)))
        )
        how, method = random.randrange(7), random.choice(("", "zstd", "lz4"))
        if how == 0:
            parts.append(rows)
        elif how == 1:
            parts.append(chunk(rows, method, size=random.choice(INTEGERS), crc=False))
        elif how == 2:
            parts.append(chunk(bytes(random.choice((2**10, 2**24, 2**26))), method if method else "zstd"))
        elif how == 3:
            parts.append(
                record(
                    random.choice((0, 1, 3, 4, 5, 6, 7, 8, 11, 15, 0x80, 0xFF)),
                    random.randbytes(random.choice((0, 3, 40))),
                )
            )
        elif how == 4:
            parts.append(
                definitions({random.choice(NAMES): random.choice(NAMES)}, random.choice(("cdr", "json", "", "\0")))
            )
        elif how == 5:
            parts.append(struct.pack("<BQ", random.choice((3, 4, 5, 6, 9)), random.choice(INTEGERS)))
        else:
            parts.append(chunk(chunk(rows), method))
    good = chunk(
        b"".join(message(c, imu(k), k) for k in range(SAMPLES) for c in (1, 2)), random.choice(("", "zstd", "lz4"))
    )
    parts.insert(random.randrange(len(parts) + 1), good)
    footer = record(2, struct.pack("<QQI", random.choice(INTEGERS), random.choice(INTEGERS), 0)) + MAGIC
    data = mcap(*parts, topics=_topics(), whole=False) + random.choice((b"", footer, text("x") * 20))
    return data if random.randrange(3) else damaged(random, data, TOKENS)


def _data(random: Random, k: int) -> bytes:
    how = random.randrange(4)
    if how == 0:
        return imu(k)
    if how == 1:
        return (
            b"\0\1\0\0" + struct.pack("<iIII", k, 0, 1, random.choice((0, 1, 2**31, 2**32 - 1))) + random.randbytes(40)
        )
    return damaged(random, imu(k))


BAGS = Kind("bags", 1000, make_bag, read_recording, bases)
