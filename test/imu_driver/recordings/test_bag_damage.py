"""Bags as they come from anywhere: interrupted, damaged, incomplete, foreign, hostile."""

from __future__ import annotations

import hashlib
import os
import re
import resource
import sqlite3
import struct
import time
from pathlib import Path
from typing import Any

import lz4.frame
import numpy as np
import pytest
import yaml
from backports import zstd
from rigs.bags import (
    BOTH,
    ENCODER_TOPIC,
    FOOT_TOPIC,
    IMU,
    JOINT,
    MAGIC,
    PERIOD,
    SHANK_TOPIC,
    chunk,
    definitions,
    imu,
    joint,
    mcap,
    message,
    record,
    text,
    walk_of,
    write_bag,
)
from rosbags.rosbag2 import CompressionMode, StoragePlugin

from ankle_imu_driver.recordings.read_recording import read_recording
from ankle_imu_driver.recordings.recording import Recording, RecordingError

COUNT = 300
SQLITE, MCAP = StoragePlugin.SQLITE3, StoragePlugin.MCAP
LOST_POWER = "as when a recorder loses its power"


def refusal(path: Path, sentence: str) -> None:
    began, before = time.process_time(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(RecordingError, match=sentence) as caught:
        read_recording(path)
    assert "\n" not in str(caught.value)
    assert time.process_time() - began < 5.0
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 400_000  # KiB


def assert_walk(recording: Recording, count: int = COUNT, start: int = 0) -> None:
    """It is the walk's samples from ``start`` on, value by value."""
    k = np.arange(start, start + count)
    for sensor in (recording.shank, recording.foot):
        assert sensor.stamp == pytest.approx(0.01 * k)
        assert sensor.accel == pytest.approx(np.stack([k % 50, 0 * k, 0 * k + 9.8], axis=1))
        assert not sensor.gyro.any()


def file_of(tmp_path: Path, data: bytes, name: str = "walk.mcap") -> Path:
    path = tmp_path / name
    path.write_bytes(data)
    return path


def change_metadata(bag: Path, **changes: Any) -> None:
    document = yaml.safe_load((bag / "metadata.yaml").read_text())
    document["rosbag2_bagfile_information"] |= changes
    (bag / "metadata.yaml").write_text(yaml.safe_dump(document))


# Interrupted.


@pytest.mark.parametrize("method", ["", "zstd", "lz4"])
def test_an_mcap_without_footer_is_read_to_its_last_whole_chunk(tmp_path: Path, method: str) -> None:
    chunks = [chunk(walk_of(300), method), chunk(walk_of(300), method)]
    path = file_of(tmp_path, mcap(chunks[0], chunks[1][:-1], whole=False))
    recording = read_recording(path)
    assert_walk(recording)
    assert recording.name == "walk"
    assert len(recording.notes) == 1
    assert LOST_POWER in recording.notes[0]
    assert "walk.mcap ends or is damaged at byte" in recording.notes[0]
    assert recording.notes[0].endswith("600 messages")


def test_an_mcap_cut_anywhere_gives_the_walk_up_to_there_or_a_sentence(tmp_path: Path) -> None:
    parts = [chunk(b"".join(message(c, imu(k)) for k in range(s, s + 50) for c in (1, 2))) for s in range(0, 300, 50)]
    whole = mcap(*parts)
    begin = len(mcap(whole=False))
    for cut in [*range(0, len(whole), 7919), len(whole) - 1, len(whole) - 30]:
        path = file_of(tmp_path, whole[:cut])
        chunks = sum(begin + sum(map(len, parts[: k + 1])) <= cut for k in range(6))
        if chunks:
            assert_walk(read_recording(path), 50 * chunks)
        else:
            refusal(path, "is empty|is damaged at its start|lacks shank|but no message on it")


def test_zeros_at_the_end_of_an_interrupted_file_are_its_end(tmp_path: Path) -> None:
    path = file_of(tmp_path, mcap(chunk(walk_of(300)), whole=False))
    with path.open("r+b") as file:
        file.truncate(2 * 2**30)  # sparse
    assert_walk(read_recording(path))


def test_messages_outside_of_chunks_are_read_one_by_one(tmp_path: Path) -> None:
    data = mcap(walk_of(300), whole=False)
    recording = read_recording(file_of(tmp_path, data + message(1, imu(300))[:-1]))
    assert_walk(recording)
    assert LOST_POWER in recording.notes[0]


@pytest.mark.parametrize("plugin", [MCAP, SQLITE])
def test_a_directory_without_metadata_is_read_with_a_note(tmp_path: Path, plugin: StoragePlugin) -> None:
    bag = write_bag(tmp_path / "bag", plugin=plugin)
    (bag / "metadata.yaml").unlink()
    recording = read_recording(bag)
    assert_walk(recording)
    assert recording.notes == (
        f"metadata.yaml is missing, {LOST_POWER}; the storage files are read in the order of their names",
    )


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("", "names no file"),
        ("rosbag2_bagfile_information: [", "it is not YAML"),
        ("- 1", "names no file"),
        ("rosbag2_bagfile_information: {relative_file_paths: 3}", "names no file"),
        ("a: &a [*a]", "alias"),
        ("[" * 5000, "nested too deeply"),
        ("\0\0\0", "a character that YAML does not allow"),
        ("a: " + "9" * 5000, "impossible"),
    ],
)
def test_a_broken_metadata_file_costs_a_note(tmp_path: Path, content: str, why: str) -> None:
    bag = write_bag(tmp_path / "bag")
    (bag / "metadata.yaml").write_text(content)
    recording = read_recording(bag)
    assert_walk(recording)
    assert why in recording.notes[0]


@pytest.mark.parametrize("plugin", [MCAP, SQLITE])
@pytest.mark.parametrize(
    "changes",
    [
        {"storage_identifier": ""},
        {"storage_identifier": "my_plugin"},
        {"storage_identifier": None},
        {"version": 1},
        {"version": 99},
        {"version": "x"},
        {"topics_with_message_count": []},
        {"topics_with_message_count": [3, {"topic_metadata": 4}, {"topic_metadata": {"name": []}}]},
        {"files": None, "duration": None, "starting_time": 3},
        {"compression_format": "", "compression_mode": ""},
        {"compression_format": "lz4", "compression_mode": "NONE"},
    ],
)
def test_what_the_metadata_say_wrongly_does_no_harm(
    tmp_path: Path, changes: dict[str, Any], plugin: StoragePlugin
) -> None:
    bag = write_bag(tmp_path / "bag", plugin=plugin)
    change_metadata(bag, **changes)
    recording = read_recording(bag)
    assert_walk(recording)
    assert recording.notes == ()


def test_a_wrong_count_is_noted(tmp_path: Path) -> None:
    bag = write_bag(tmp_path / "bag")
    metadata = (bag / "metadata.yaml").read_text()
    (bag / "metadata.yaml").write_text(metadata.replace("message_count: 300", "message_count: 299"))
    recording = read_recording(bag)
    assert_walk(recording)
    assert "shank/imu/data_raw: metadata.yaml counts 299 messages, there are 300" in recording.notes


def test_paths_in_the_metadata_do_not_lead_out_of_the_bag(tmp_path: Path) -> None:
    bag = write_bag(tmp_path / "bag")
    (tmp_path / "other.mcap").write_bytes(mcap(walk_of(10)))
    change_metadata(bag, relative_file_paths=["../other.mcap", "/etc/passwd"])
    recording = read_recording(bag)
    assert_walk(recording)
    assert "files of the recording are missing: 'other.mcap', 'passwd'" in recording.notes


# Several files.


def split_bag(tmp_path: Path, plugin: StoragePlugin = MCAP) -> Path:
    """Files 0 to 10 with 30 samples each; their names sort otherwise than their numbers."""
    bag = tmp_path / "split"
    bag.mkdir()
    for part in range(11):
        data = b"".join(message(c, imu(k), k) for k in range(30 * part, 30 * part + 30) for c in (1, 2))
        (bag / f"split_{part}.mcap").write_bytes(mcap(chunk(data)))
    return bag


def test_split_files_are_read_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    recording = read_recording(split_bag(tmp_path))
    assert_walk(recording, 330)
    assert len(recording.notes) == 1


def test_one_missing_split_file_is_noted(tmp_path: Path) -> None:
    bag = split_bag(tmp_path)
    names = [f"split_{k}.mcap" for k in range(11)]
    (bag / "metadata.yaml").write_text(yaml.safe_dump({"rosbag2_bagfile_information": {"relative_file_paths": names}}))
    (bag / "split_10.mcap").unlink()
    recording = read_recording(bag)
    assert_walk(recording, 300)
    assert recording.notes == ("files of the recording are missing: 'split_10.mcap'",)


@pytest.mark.parametrize("content", [b"", b"\0" * 100, b"text"])
def test_a_split_file_that_is_none_is_left_out_with_a_note(tmp_path: Path, content: bytes) -> None:
    bag = split_bag(tmp_path)
    (bag / "split_10.mcap").write_bytes(content)
    recording = read_recording(bag)
    assert_walk(recording, 300)
    assert any(note.startswith("left out: ") and "split_10.mcap" in note for note in recording.notes)


def test_a_directory_without_its_storage_files_is_refused(tmp_path: Path) -> None:
    bag = write_bag(tmp_path / "bag")
    (bag / "bag.mcap").unlink()
    refusal(bag, r"has no storage file .*; copy the whole directory")


# Damaged.


def test_a_damaged_chunk_is_left_out_and_the_rest_is_read(tmp_path: Path) -> None:
    first, second = (b"".join(message(c, imu(k), k) for k in range(s, s + 100) for c in (1, 2)) for s in (0, 100))
    for method in ("", "zstd", "lz4"):
        bad = bytearray(chunk(first, method))
        bad[len(bad) // 2] ^= 0x55
        recording = read_recording(file_of(tmp_path, mcap(bytes(bad), chunk(second, method))))
        assert_walk(recording, 100, 100)
        assert recording.notes == ("walk.mcap: damaged chunks left out: 1",)


def test_the_definitions_at_the_end_serve_if_those_at_the_start_are_damaged(tmp_path: Path) -> None:
    inside = chunk(definitions(BOTH) + walk_of(10), "zstd")
    bad = bytearray(inside)
    bad[-20] ^= 0x55
    summary = definitions(BOTH)
    for end in (True, False):
        data = mcap(bytes(bad), chunk(walk_of(300), "zstd"), topics={}, whole=False)
        footer = record(2, struct.pack("<QQI", len(data), 0, 0)) + MAGIC
        path = file_of(tmp_path, data + (summary + footer if end else b""))
        if end:
            recording = read_recording(path)
            assert_walk(recording)
            assert recording.notes == ("walk.mcap: damaged chunks left out: 1",)
        else:
            refusal(path, "its Imu topics are: none")


def test_messages_that_are_not_of_their_type_are_left_out_and_counted(tmp_path: Path) -> None:
    data = walk_of(300) + b"".join(message(1, bad) for bad in (b"", b"\0\1\0\0", imu(300)[:-1], b"\0\7" + imu(301)[2:]))
    recording = read_recording(file_of(tmp_path, mcap(data)))
    assert_walk(recording)
    assert recording.notes == ("shank/imu/data_raw: messages that are not of their type left out: 4",)


def test_a_bag_of_garbage_is_refused(tmp_path: Path) -> None:
    data = b"".join(message(c, b"\xff" * 300) for _ in range(300) for c in (1, 2))
    refusal(file_of(tmp_path, mcap(data)), "no usable message on shank/imu/data_raw: none of 300 is of its type")
    refusal(file_of(tmp_path, mcap(data * 10)), "most messages of /shank/imu/data_raw are not of its type")


def test_values_that_no_sensor_measures_are_left_out(tmp_path: Path) -> None:
    wild = bytearray(imu(300))
    wild[-96:-88] = struct.pack("<d", 1e300)  # accel x
    recording = read_recording(file_of(tmp_path, mcap(walk_of(300) + message(1, bytes(wild), 1000))))
    assert_walk(recording)
    assert recording.notes == ("shank/imu/data_raw: messages left out because no sensor measures such a value: 1",)


def test_a_message_of_an_undefined_channel_is_counted(tmp_path: Path) -> None:
    recording = read_recording(file_of(tmp_path, mcap(walk_of(300) + message(9, imu(0)))))
    assert_walk(recording)
    assert recording.notes == ("walk.mcap: messages of an undefined channel left out: 1",)


# Of another kind.


def test_big_endian_messages_are_read(tmp_path: Path) -> None:
    data = b"".join(message(c, imu(k, ">"), k) for k in range(300) for c in (1, 2))
    assert_walk(read_recording(file_of(tmp_path, mcap(data))))


def test_topics_without_a_leading_slash_are_the_same(tmp_path: Path) -> None:
    topics = {topic.lstrip("/"): kind for topic, kind in BOTH.items()}
    assert_walk(read_recording(file_of(tmp_path, mcap(walk_of(300), topics=topics))))


def test_chunks_of_one_topic_each_are_no_restart(tmp_path: Path) -> None:
    chunks = [chunk(b"".join(message(c, imu(k), k) for k in range(300))) for c in (1, 2)]
    recording = read_recording(file_of(tmp_path, mcap(*chunks)))
    assert_walk(recording)
    assert recording.notes == ()


def test_the_encoder_may_have_messages_without_a_position(tmp_path: Path) -> None:
    data = walk_of(300) + b"".join(message(3, joint(k, names=("ankle",) if k % 2 else ()), 2 * k) for k in range(300))
    recording = read_recording(file_of(tmp_path, mcap(data, topics={**BOTH, ENCODER_TOPIC: JOINT})))
    assert recording.encoder is not None
    assert recording.encoder.angle == pytest.approx(0.001 * np.arange(1, 300, 2))


@pytest.mark.parametrize(
    ("topics", "sentence"),
    [
        ({SHANK_TOPIC: "geometry_msgs/msg/Twist", FOOT_TOPIC: IMU}, "/shank/imu/data_raw is 'geometry_msgs/msg/Twist'"),
        ({SHANK_TOPIC: "", FOOT_TOPIC: IMU}, "lacks shank/imu/data_raw"),
        ({SHANK_TOPIC: IMU}, "lacks shank/imu/data_raw and foot/imu/data_raw"),
        ({}, "its Imu topics are: none"),
        ({f"/n{k}{t}": IMU for k in range(50) for t in BOTH}, "contains 50 legs, in /n0/, .* and 40 more"),
    ],
)
def test_the_wrong_topics_are_named(tmp_path: Path, topics: dict[str, str], sentence: str) -> None:
    refusal(file_of(tmp_path, mcap(walk_of(10), topics=topics)), sentence)


def test_another_encoding_is_named(tmp_path: Path) -> None:
    refusal(file_of(tmp_path, mcap(walk_of(10), encoding="protobuf")), "is encoded as 'protobuf'; only cdr is read")


@pytest.mark.parametrize("mode", [CompressionMode.FILE, CompressionMode.MESSAGE])
@pytest.mark.parametrize("plugin", [MCAP, SQLITE])
@pytest.mark.parametrize("metadata", [True, False])
def test_bags_that_rosbag2_compressed_are_read(
    tmp_path: Path, plugin: StoragePlugin, mode: CompressionMode, metadata: bool
) -> None:
    bag = write_bag(tmp_path / "bag", plugin=plugin, mode=mode)
    if not metadata:
        (bag / "metadata.yaml").unlink()
    assert_walk(read_recording(bag))


def test_other_compression_is_named(tmp_path: Path) -> None:
    body = struct.pack("<QQQI", 0, 0, 10, 0) + text("brotli") + struct.pack("<Q", 1) + b"x"
    refusal(file_of(tmp_path, mcap(record(6, body))), "is compressed by 'brotli'; only zstd and lz4 are read")
    bag = write_bag(tmp_path / "bag")
    change_metadata(bag, compression_format="lz4", compression_mode="FILE")
    refusal(bag, "is compressed by 'lz4'; only zstd is read")


@pytest.mark.parametrize("name", ["walk.mcap", "walk.db3", "walk.mcap.zstd"])
@pytest.mark.parametrize("data", [b"", b"\0" * 1000, b"a text", b"\x28\xb5\x2f\xfd", b"SQLite format 3\0" + b"x" * 500])
def test_another_file_by_a_bags_name_is_refused(tmp_path: Path, name: str, data: bytes) -> None:
    refusal(file_of(tmp_path, data, name), "is empty|is damaged")


# sqlite3.


def rows_in_log(tmp_path: Path) -> Path:
    """A database whose last 100 samples are in the write-ahead log only, as after a power loss."""
    bag = write_bag(tmp_path / "bag", 200, SQLITE)
    database = sqlite3.connect(bag / "bag.db3")
    database.execute("PRAGMA journal_mode = WAL")
    database.execute("PRAGMA wal_autocheckpoint = 0")
    for k in range(200, 300):
        for topic in (1, 2):
            database.execute(
                "INSERT INTO messages (topic_id, timestamp, data) VALUES (?, ?, ?)", (topic, k * PERIOD, imu(k))
            )
    database.commit()
    left = {path.name: path.read_bytes() for path in bag.iterdir()}
    database.close()  # this would put the log into the database
    for name, data in left.items():
        (bag / name).write_bytes(data)
    return bag


def test_the_write_ahead_log_of_an_interrupted_recording_is_read(tmp_path: Path) -> None:
    bag = rows_in_log(tmp_path)
    before = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in bag.iterdir()}
    recording = read_recording(bag)
    assert_walk(recording)
    assert "bag.db3 was not closed: its write-ahead log is read, too" in recording.notes
    assert {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in bag.iterdir()} == before


def test_without_its_log_the_database_is_read(tmp_path: Path) -> None:
    bag = rows_in_log(tmp_path)
    for path in bag.glob("*.db3-*"):
        path.unlink()
    recording = read_recording(bag)
    assert_walk(recording, 200)


def test_a_cut_or_damaged_database_gives_the_walk_up_to_there_or_a_sentence(tmp_path: Path) -> None:
    bag = write_bag(tmp_path / "bag", plugin=SQLITE)
    whole = (bag / "bag.db3").read_bytes()
    for cut in range(0, len(whole), len(whole) // 12):
        (bag / "bag.db3").write_bytes(whole[:cut])
        try:
            recording = read_recording(bag)
        except RecordingError as error:
            assert "\n" not in str(error)  # noqa: PT017 - both outcomes are right
        else:
            assert_walk(recording, len(recording.shank))


def test_a_program_in_the_place_of_a_table_is_not_run(tmp_path: Path) -> None:
    endless = (
        "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT x AS topic_id, x, x AS data FROM c"
    )
    columns = "CREATE TABLE topics (id, name, type, serialization_format)"
    for script in (
        f"{columns}; CREATE VIEW messages AS {endless}",
        f"{columns}; CREATE TABLE messages (topic_id, timestamp, data AS (zeroblob(1000000000)))",
        "CREATE TABLE topics (id); CREATE VIRTUAL TABLE messages USING fts5(topic_id, timestamp, data)",
        "CREATE TABLE other (x)",
    ):
        path = tmp_path / "walk.db3"
        path.unlink(missing_ok=True)
        database = sqlite3.connect(path)
        database.executescript(script)
        database.close()
        refusal(path, "is not the database of a rosbag2|is damaged, or not the database")


def test_odd_rows_do_no_harm(tmp_path: Path) -> None:
    bag = write_bag(tmp_path / "bag", plugin=SQLITE)
    database = sqlite3.connect(bag / "bag.db3")
    database.executescript("ALTER TABLE messages RENAME TO old; CREATE TABLE messages (topic_id, timestamp, data);")
    database.execute("INSERT INTO messages SELECT topic_id, timestamp, data FROM old")
    odd = [(1, 0, None), (1, 0, "text"), (1, 0, 3.5), (99, 0, imu(0)), (1, "x", imu(0)), (1, 0, bytes(10**7))]
    database.executemany("INSERT INTO messages (topic_id, timestamp, data) VALUES (?, ?, ?)", odd)
    database.execute("INSERT INTO topics VALUES (9, CAST(x'ff2f' AS TEXT), 'a', 'cdr', '', '')")
    database.commit()
    database.close()
    assert_walk(read_recording(bag))


def test_a_path_with_odd_characters_is_read(tmp_path: Path) -> None:
    folder = tmp_path / "100% walk? #1"
    folder.mkdir()
    write_bag(tmp_path / "bag", plugin=SQLITE).rename(folder / "bag")
    assert_walk(read_recording(folder / "bag"))


# Bombs.

GIGABYTE = 2**30


@pytest.mark.parametrize("declared", [1000, 64 * 2**20, 65 * 2**20, 10 * GIGABYTE, 2**63])
@pytest.mark.parametrize("method", ["zstd", "lz4"])
def test_a_chunk_that_unpacks_to_gigabytes_is_stopped(tmp_path: Path, method: str, declared: int) -> None:
    packed = PACKED[method]
    path = file_of(tmp_path, mcap(chunk(b"", method, data=packed, size=declared, crc=False), chunk(walk_of(10))))
    try:
        assert_walk(read_recording(path), 10)  # the chunk contradicts its size and is left out
    except RecordingError:
        refusal(path, "a chunk of .* bytes, at most|unpacks to more than")


def packed_gigabyte(method: str) -> bytes:
    if method == "zstd":
        packer = zstd.ZstdCompressor()
        return b"".join(packer.compress(bytes(2**24)) for _ in range(64)) + packer.flush()
    lz4_packer = lz4.frame.LZ4FrameCompressor()
    parts = [lz4_packer.begin(), *(lz4_packer.compress(bytes(2**24)) for _ in range(64)), lz4_packer.flush()]
    return b"".join(parts)


PACKED = {method: packed_gigabyte(method) for method in ("zstd", "lz4")}


def test_many_chunks_together_are_bounded(tmp_path: Path) -> None:
    zeros = chunk(bytes(32 * 2**20), "zstd")
    refusal(file_of(tmp_path, mcap(*[zeros] * 200)), "unpacks to more than .* MiB, 100 times its size")


def test_a_compressed_file_or_message_is_bounded(tmp_path: Path) -> None:
    refusal(file_of(tmp_path, PACKED["zstd"], "walk.mcap.zstd"), "unpacks to more than|damaged at its start")
    data = walk_of(300) + message(1, PACKED["zstd"])
    recording = read_recording(file_of(tmp_path, mcap(data)))
    assert_walk(recording)
    assert recording.notes == ("shank/imu/data_raw: messages that are not of their type left out: 1",)


def test_records_of_unknown_kinds_are_passed_over_within_bounds(tmp_path: Path) -> None:
    assert_walk(read_recording(file_of(tmp_path, mcap(record(0x80, b"x") * 100 + walk_of(300)))))
    path = file_of(tmp_path, mcap(record(0x80, b"") * 210_000, walk_of(300)))
    refusal(path, "but no message on it")


def test_stamps_that_go_back_again_and_again_are_refused(tmp_path: Path) -> None:
    data = b"".join(message(c, imu(k % 2 * 1000)) for k in range(3000) for c in (1, 2))
    refusal(file_of(tmp_path, mcap(data)), "go back by more than 1 s again and again")


# Not files.


def test_what_is_no_regular_file_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "walk.mcap")
    refusal(tmp_path / "walk.mcap", "it is a FIFO, not a file")
    bag = write_bag(tmp_path / "bag")
    (bag / "bag.mcap").unlink()
    os.mkfifo(bag / "bag.mcap")
    refusal(bag, "it is a FIFO, not a file")
    (tmp_path / "folder.mcap").mkdir()
    refusal(tmp_path / "folder.mcap", "is a directory without a recording's files")
    for name in ("metadata.yaml", "calibration.yaml"):
        other = write_bag(tmp_path / f"with_{name}")
        (other / name).unlink(missing_ok=True)
        os.mkfifo(other / name)
        refusal(other, "it is a FIFO, not a file")


def test_large_and_odd_yaml_files_beside_a_bag_are_passed_over(tmp_path: Path) -> None:
    bag = write_bag(tmp_path / "bag")
    with (bag / "notes.yaml").open("wb") as file:
        file.truncate(3 * GIGABYTE)
    os.mkfifo(bag / "pipe.yaml")
    assert_walk(read_recording(bag))


def test_a_home_that_is_not_known_is_refused() -> None:
    refusal(Path("~nobody_of_this_name/walk.mcap"), "knows no home directory")


def test_no_sentence_is_a_librarys(tmp_path: Path) -> None:
    bag = write_bag(tmp_path / "bag")
    for data in (b"", b"x", mcap(whole=False), mcap(chunk(b"", data=b"x", size=9)), b"SQLite format 3\0" + bytes(4096)):
        (bag / "bag.mcap").write_bytes(data)
        with pytest.raises(RecordingError) as caught:
            read_recording(bag)
        assert not re.search("rosbags|Truncated|magic|database disk|struct|Error", str(caught.value))
