"""Reading the logger's text: every variant in the data set, and every kind of damage."""

from __future__ import annotations

import math
import os
import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rigs import synthetic_log

from ankle_imu_driver.recordings.logger_txt import read_logger_txt
from ankle_imu_driver.recordings.read_recording import read_calibration, read_recording
from ankle_imu_driver.recordings.recording import Recording, RecordingError


def test_units_sensors_and_calibration(tmp_path: Path) -> None:
    lines = synthetic_log.rows()
    recording = read_logger_txt(synthetic_log.write(tmp_path / "walk.TXT", lines))
    numbers = [float(v) for v in re.findall(rb"(?<![U\d.])-?\d+(?:\.\d+)?", lines[7])]
    _, angle, *imu, time = numbers
    assert recording.name == "walk"
    assert len(recording.shank) == len(recording.foot) == len(lines)
    assert recording.encoder is not None
    assert recording.encoder.angle[7] == pytest.approx(math.radians(angle))
    assert recording.shank.stamp[7] == time / 1000
    assert recording.calibration is not None
    assert recording.foot.accel[7] == pytest.approx(np.add(imu[0:3], recording.calibration.foot.gravity))
    assert recording.foot.gyro[7] == pytest.approx(np.radians(imu[3:6]))
    assert recording.shank.accel[7] == pytest.approx(np.add(imu[6:9], recording.calibration.shank.gravity))
    assert recording.shank.gyro[7] == pytest.approx(np.radians(imu[9:12]))
    assert recording.calibration.foot.gravity == pytest.approx(synthetic_log.FOOT_GRAVITY, abs=0.05)
    assert recording.calibration.shank.gravity == pytest.approx(synthetic_log.SHANK_GRAVITY, abs=0.05)
    assert recording.calibration.foot.gyro_bias == recording.calibration.shank.gyro_bias == (0.0, 0.0, 0.0)
    assert recording.calibration.angle_zero == 0.0


@pytest.mark.parametrize("end", [b"\r\n", b"\n"])
@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"MPU1 Acc:", b"MPU1 A cc:"),
        ("°".encode(), "Â°".encode()),
        ("°".encode(), b"\xb0"),
        ("°".encode(), b"\xef\xbf\xbd"),
        ("°".encode(), b""),
        (b" | ", b"  |  "),
    ],
)
def test_all_spellings_give_the_same_recording(tmp_path: Path, old: bytes, new: bytes, end: bytes) -> None:
    lines = synthetic_log.rows(120)
    plain = read_logger_txt(synthetic_log.write(tmp_path / "plain.TXT", lines))
    spelled = read_logger_txt(synthetic_log.write(tmp_path / "s.TXT", [s.replace(old, new) for s in lines], end))
    _assert_same(plain, spelled)


def test_header_and_footer_may_be_missing_and_blank_lines_are_ignored(tmp_path: Path) -> None:
    path = tmp_path / "bare.TXT"
    path.write_bytes(b"\r\n\r\n".join([b"", *synthetic_log.rows(150), b""]))
    recording = read_logger_txt(path)
    assert len(recording.shank) == 150
    assert not any("left out" in note for note in recording.notes)


def test_an_incomplete_last_line_is_left_out_and_reported(tmp_path: Path) -> None:
    lines = synthetic_log.rows(60)
    for keep in range(1, len(lines[-1]), 7):
        path = tmp_path / "cut.TXT"
        path.write_bytes(b"\r\n".join([synthetic_log.HEADER, *lines[:-1], lines[-1][:keep]]))
        recording = read_logger_txt(path)
        assert len(recording.shank) == 59
        assert "the last line (61) is cut off and left out" in recording.notes


def test_malformed_lines_are_reported_by_number(tmp_path: Path) -> None:
    lines = synthetic_log.rows(400)
    lines[100] = b"\xff\xfe garbage"
    lines[200] = lines[200].replace(b"Gyro: ", b"Gyro: nan, ", 1)
    lines[300] = re.sub(rb"MPU2 Acc: \S+,", b"MPU2 Acc: 99.99,", lines[300])  # beyond the sensor's range
    recording = read_logger_txt(synthetic_log.write(tmp_path / "walk.TXT", lines))
    assert len(recording.shank) == 397
    assert "malformed lines left out: 102, 202, 302" in recording.notes


def test_more_than_one_percent_malformed_lines_are_refused_with_the_first(tmp_path: Path) -> None:
    lines = synthetic_log.rows(400)
    for k in (50, 51, 52, 53, 54):
        lines[k] = b"garbage"
    path = synthetic_log.write(tmp_path / "walk.TXT", lines)
    with pytest.raises(
        RecordingError, match=r"5 of its 402 lines are malformed, the first is line 52; .* 1%"
    ) as caught:
        read_recording(path)
    assert "\n" not in str(caught.value)


def test_lines_with_repeated_times_are_left_out_and_reported(tmp_path: Path) -> None:
    lines = synthetic_log.rows(100)
    lines[41:41] = [lines[40], lines[40]]
    recording = read_logger_txt(synthetic_log.write(tmp_path / "walk.TXT", lines))
    assert len(recording.shank) == 100
    assert "lines that repeat the previous time left out: 43, 44" in recording.notes


@pytest.mark.parametrize("time", [b"Time: 3 ms", b"Time: 912345 ms"])
def test_a_line_whose_time_jumps_away_and_back_is_left_out_and_reported(tmp_path: Path, time: bytes) -> None:
    lines = synthetic_log.rows(100)
    lines[50] = re.sub(rb"Time: \d+ ms", time, lines[50])
    recording = read_logger_txt(synthetic_log.write(tmp_path / "walk.TXT", lines))
    assert len(recording.shank) == 99
    assert "lines whose time is out of order left out: 52" in recording.notes


@pytest.mark.parametrize("header", [True, False])
def test_the_longest_of_two_sessions_is_read_and_the_other_reported(tmp_path: Path, header: bool) -> None:
    first, second = synthetic_log.rows(100, seed=1), synthetic_log.rows(300, seed=2)
    between = [synthetic_log.FOOTER, synthetic_log.HEADER] if header else []
    both = read_logger_txt(synthetic_log.write(tmp_path / "a.TXT", [*first, *between, *second]))
    alone = read_logger_txt(synthetic_log.write(tmp_path / "b.TXT", second))
    _assert_same(both, alone)
    assert sum("the session of lines 2 to 101" in note for note in both.notes) == 1


def test_after_a_small_backward_step_of_the_clock_lines_are_left_out_until_it_has_caught_up(tmp_path: Path) -> None:
    lines = synthetic_log.rows(300)
    lines[150:] = [
        re.sub(rb"Time: (\d+) ms", lambda found: b"Time: %d ms" % (int(found[1]) - 205), line) for line in lines[150:]
    ]
    recording = read_logger_txt(synthetic_log.write(tmp_path / "walk.TXT", lines))
    assert 270 <= len(recording.shank) <= 290
    assert any("out of order left out: 152, 153, " in note and " more" in note for note in recording.notes)


def test_a_file_that_ends_with_the_footer_without_a_newline_is_complete(tmp_path: Path) -> None:
    path = tmp_path / "walk.TXT"
    path.write_bytes(b"\r\n".join([synthetic_log.HEADER, *synthetic_log.rows(60), synthetic_log.FOOTER]))
    assert not any("cut off" in note for note in read_logger_txt(path).notes)


def test_gaps_and_jitter_are_kept(tmp_path: Path) -> None:
    lines = synthetic_log.rows(300)
    times = [int(re.search(rb"Time: (\d+)", s)[1]) for s in lines]  # type: ignore[index]
    recording = read_logger_txt(synthetic_log.write(tmp_path / "walk.TXT", lines))
    assert np.array_equal(recording.foot.stamp, np.array(times) / 1000.0)
    assert max(np.diff(times)) == 37


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "is empty"),
        (b"\x7fELF\x02\x01\x01\0\0\0\0" * 50, "it is a binary file"),
        (bytes(range(1, 256)) * 40, "none of its"),
        (b"a novel\nof three\nlines\n", "none of its 3 lines is a sample"),
        (synthetic_log.HEADER + b"\r\n" + synthetic_log.FOOTER + b"\r\n", "none of its 2 lines is a sample"),
        (b"no newline at all", "none of its 0 lines is a sample"),
    ],
)
def test_other_files_are_refused_with_one_sentence(tmp_path: Path, content: bytes, sentence: str) -> None:
    path = tmp_path / "walk.TXT"
    path.write_bytes(content)
    with pytest.raises(RecordingError, match=sentence) as caught:
        read_recording(path)
    assert "\n" not in str(caught.value)


def test_a_missing_file_and_a_directory_are_refused(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match="does not exist"):
        read_recording(tmp_path / "LOG99.TXT")
    with pytest.raises(RecordingError, match="is a directory without a recording"):
        read_recording(tmp_path)
    with pytest.raises(RecordingError, match="cannot be read: it is a directory, not a file"):
        read_logger_txt(tmp_path)


def test_the_calibration_is_read_from_a_log(tmp_path: Path) -> None:
    path = synthetic_log.write(tmp_path / "walk.TXT", synthetic_log.rows())
    assert read_calibration(path) == read_recording(path).calibration
    with pytest.raises(ValueError, match="does not exist"):
        read_calibration(tmp_path / "none.TXT")


@settings(max_examples=60, deadline=None)
@given(damage=st.binary(max_size=40), where=st.integers(0, 30_000), kept=st.integers(0, 40))
def test_any_damage_gives_a_recording_or_one_sentence(
    tmp_path_factory: pytest.TempPathFactory, damage: bytes, where: int, kept: int
) -> None:
    path = tmp_path_factory.mktemp("damage") / "walk.TXT"
    whole = b"\r\n".join([synthetic_log.HEADER, *synthetic_log.rows(150), synthetic_log.FOOTER, b""])
    where = min(where, len(whole))
    path.write_bytes(whole[:where] + damage + whole[where + kept :])
    try:
        recording = read_logger_txt(path)
    except RecordingError as error:
        refusal = str(error)
    else:
        assert len(recording.shank) >= 70
        assert np.isfinite(recording.shank.accel).all()
        return
    assert "\n" not in refusal


def _assert_same(one: Recording, other: Recording) -> None:
    assert one.encoder is not None
    assert other.encoder is not None
    for a, b in ((one.shank, other.shank), (one.foot, other.foot)):
        assert np.array_equal(a.stamp, b.stamp)
        assert np.array_equal(a.accel, b.accel)
        assert np.array_equal(a.gyro, b.gyro)
    assert np.array_equal(one.encoder.angle, other.encoder.angle)


def test_a_huge_file_is_refused_before_it_is_read(tmp_path: Path) -> None:
    with (tmp_path / "sparse.TXT").open("wb") as file:
        file.truncate(3 * 2**30)
    with pytest.raises(RecordingError, match=r"sparse\.TXT is too large: at most 256 MiB are read"):
        read_recording(tmp_path / "sparse.TXT")


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "walk.TXT")
    with pytest.raises(RecordingError, match="cannot be read: it is a FIFO, not a file"):
        read_recording(tmp_path / "walk.TXT")
    with pytest.raises(RecordingError, match="cannot be read: it is a device, not a file"):
        read_recording(Path("/dev/zero"))
    with pytest.raises(RecordingError, match="cannot be read: File name too long"):
        read_recording(tmp_path / ("x" * 300))


def test_a_log_that_a_power_loss_ended_is_read_up_to_there(tmp_path: Path) -> None:
    path = synthetic_log.write(tmp_path / "walk.TXT", synthetic_log.rows(300))
    whole = read_recording(path)
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size + 100 * 2**20)  # zero bytes, which such a loss leaves
    cut = read_recording(path)
    assert np.array_equal(cut.shank.accel, whole.shank.accel)
    assert "the last line (303) is cut off and left out" in cut.notes


def test_another_kind_of_text_is_refused_early(tmp_path: Path) -> None:
    path = tmp_path / "book.TXT"
    path.write_text("It was the best of times.\n" * 10_000)
    with pytest.raises(RecordingError, match="none of its first 1000 lines is a sample"):
        read_recording(path)


@pytest.mark.parametrize("line", ["x" * 10_000_000, "Enc Cnt: " + "9" * 5_000_000, "Enc Cnt: 1 | Angle: " + "1" * 900])
def test_a_line_without_end_is_malformed_like_any_other(tmp_path: Path, line: str) -> None:
    path = synthetic_log.write(tmp_path / "walk.TXT", synthetic_log.rows(300))
    path.write_text(path.read_text().replace("\n", f"\n{line}\n", 1))
    assert "malformed lines left out: 2" in read_recording(path).notes
