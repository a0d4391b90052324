"""A model as one file: what was written is read, and every other file is refused in a sentence, before much is read."""

from __future__ import annotations

import os
import subprocess
import tarfile
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ankle_imu_driver.refusal import Refusal
from ankle_imu_driver.regular_file import FileError
from ankle_predictor.library.archive import BUNDLE, EXTRAS, LIMITS, Archive, ArchiveError, read_archive, write_archive

CONTENTS = {"bundle.json": b"{}", "model.onnx": b"o" * 700, "model.keras": b"k" * 512, "calibration.yaml": b"c: 1\n"}
WRITTEN = 1_790_000_000


@pytest.fixture
def whole(tmp_path: Path) -> Path:
    write_archive(tmp_path / "anna.tar", Archive(CONTENTS, WRITTEN))
    return tmp_path / "anna.tar"


def refusal(path: Path) -> str:
    with pytest.raises(ArchiveError) as caught:
        read_archive(path)
    sentence = str(caught.value)
    assert sentence.startswith(f"{path} ")
    assert "\n" not in sentence
    assert sentence.isprintable()
    assert len(sentence) < 400 + len(str(path))
    return sentence


def test_what_was_written_is_read_and_every_tar_can_read_it(whole: Path) -> None:
    archive = read_archive(whole)
    assert (archive.contents, archive.written) == (CONTENTS, WRITTEN)
    with tarfile.open(whole) as file:
        assert set(file.getnames()) == set(CONTENTS)
        assert file.extractfile("model.onnx").read() == CONTENTS["model.onnx"]
    assert [path.name for path in whole.parent.iterdir()] == ["anna.tar"]


def test_the_same_model_is_the_same_bytes(whole: Path, tmp_path: Path) -> None:
    backwards = dict(reversed(CONTENTS.items()))
    write_archive(tmp_path / "again.tar", Archive(backwards, WRITTEN))
    assert (tmp_path / "again.tar").read_bytes() == whole.read_bytes()


def test_a_file_that_is_there_is_replaced_only_if_asked(whole: Path) -> None:
    before = whole.read_bytes()
    with pytest.raises(ArchiveError, match="already there"):
        write_archive(whole, Archive({**CONTENTS, "model.onnx": b""}, WRITTEN))
    assert whole.read_bytes() == before
    write_archive(whole, Archive({**CONTENTS, "model.onnx": b""}, WRITTEN), replace=True)
    assert read_archive(whole).contents["model.onnx"] == b""


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Refusal, match="no folder"):
        write_archive(tmp_path / "none" / "anna.tar", Archive(CONTENTS, WRITTEN))


@pytest.mark.parametrize("program", ["tar --format=gnu -cf", "tar --format=ustar -cf", "tar --format=v7 -cf"])
def test_what_other_programs_write_of_the_same_files_is_read_if_it_is_plain(tmp_path: Path, program: str) -> None:
    for name, data in CONTENTS.items():
        (tmp_path / name).write_bytes(data)
    subprocess.run([*program.split(), "anna.tar", *CONTENTS], cwd=tmp_path, check=True)
    assert read_archive(tmp_path / "anna.tar").contents == CONTENTS


def member(name: str, kind: bytes = tarfile.REGTYPE, size: int = 0, link: str = "", data: bytes = b"") -> bytes:
    info = tarfile.TarInfo(name)
    info.type, info.size, info.linkname = kind, size or len(data), link
    return info.tobuf(tarfile.GNU_FORMAT) + data + bytes(-len(data) % 512)


PLAIN = b"".join(member(name, data=data) for name, data in CONTENTS.items())
END = bytes(1024)


def pax(**values: str) -> bytes:
    info = tarfile.TarInfo("bundle.json")
    info.pax_headers = values
    return info.tobuf(tarfile.PAX_FORMAT)


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"", "ends early"),
        (END, "has no bundle.json and no model.onnx and no model.keras"),
        (member("bundle.json", data=b"{}") + END, "has no model.onnx and no model.keras"),
        (PLAIN, "ends early"),
        (PLAIN + END + b"x", "something follows"),
        (PLAIN + END + member("../evil", data=b"x") + END, "something follows"),
        (PLAIN + bytes(512) + bytes(10240) + b"\0", "something follows"),
        (PLAIN + member("model.onnx", data=b"other") + END, "model.onnx twice"),
        (member("model.onnx", tarfile.SYMTYPE, link="/etc/passwd") + PLAIN, "'model.onnx' in it is not a plain file"),
        (member("model.onnx", tarfile.LNKTYPE, link="../../secret") + PLAIN, "not a plain file"),
        (member("model.onnx", tarfile.FIFOTYPE) + PLAIN, "not a plain file"),
        (member("model.onnx", tarfile.CHRTYPE) + PLAIN, "not a plain file"),
        (member("model.onnx", tarfile.DIRTYPE) + PLAIN, "not a plain file"),
        (member("model.onnx", tarfile.GNUTYPE_SPARSE) + PLAIN, "not a plain file"),
        (member("model.onnx/", tarfile.AREGTYPE) + PLAIN, "not a plain file"),
        (member("../model.onnx", data=b"x") + PLAIN, "it has '../model.onnx'"),
        (member("/etc/cron.d/x", data=b"x") + PLAIN, "it has '/etc/cron.d/x'"),
        (member("./bundle.json", data=b"x") + PLAIN, "it has './bundle.json'"),
        (member("users/bundle.json", data=b"x") + PLAIN, "it has 'users/bundle.json'"),
        (member("\x1b[2Jx", data=b"x") + PLAIN, r"it has '\x1b[2Jx'"),
        (member("n" * 300, data=b"x") + PLAIN, "not a plain file"),  # a GNU long name
        (pax(path="bundle.json") + PLAIN, "not a plain file"),
        (pax(size="9" * 400) + PLAIN, "not a plain file"),
        (member("model.onnx", size=16 * 2**20 + 1), "model.onnx has 16777217 bytes, allowed are 16777216"),
        (member("model.onnx", size=2**60), "allowed are 16777216"),
        (member("report.txt", size=2**21), "allowed are 1048576"),
        (member("model.onnx", size=5000) + b"short", "ends early"),
        (b"PK\x03\x04" + bytes(600), "not an uncompressed tar archive"),
        (b"\x1f\x8b\x08" + bytes(range(256)) * 4, "not an uncompressed tar archive"),
        (b"\xff" * 2048, "not an uncompressed tar archive"),
    ],
)
def test_a_hostile_file_is_refused_in_a_sentence(tmp_path: Path, data: bytes, sentence: str) -> None:
    path = tmp_path / "hostile.tar"
    path.write_bytes(data)
    assert sentence in refusal(path)


@pytest.mark.parametrize("size", [-1, -512, -(2**50)])
def test_a_negative_size_does_not_send_the_reader_back(tmp_path: Path, size: int) -> None:
    """As in CVE-2025-8194, where it kept ``tarfile`` itself in a loop."""
    header = bytearray(member("model.onnx"))
    header[124:136] = size.to_bytes(12, "big", signed=True)
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header[:512])
    path = tmp_path / "hostile.tar"
    path.write_bytes(bytes(header) + PLAIN + END)
    assert f"model.onnx has {size} bytes" in refusal(path)


def test_little_is_read_of_a_large_file(tmp_path: Path) -> None:
    path = tmp_path / "large.tar"
    path.write_bytes(member("bundle.json", size=2**30) + bytes(4096))
    os.truncate(path, sum(LIMITS.values()))  # a hole, so that the disk has nothing to hold
    tracemalloc.start()
    refusal(path)
    assert tracemalloc.get_traced_memory()[1] < 2**20
    tracemalloc.stop()
    os.truncate(path, 2**33)
    with pytest.raises(FileError, match="too large"):
        read_archive(path)


@pytest.mark.parametrize("make", [Path.mkdir, os.mkfifo], ids=["folder", "fifo"])
def test_what_is_no_file_is_refused_at_once(tmp_path: Path, make: Callable[[Path], object]) -> None:
    make(tmp_path / "anna.tar")
    with pytest.raises(FileError, match="it is a"):
        read_archive(tmp_path / "anna.tar")


def test_the_names_have_no_path(tmp_path: Path) -> None:
    assert not [name for name in LIMITS if "/" in name or name.startswith(".")]
    assert set(LIMITS) == {*BUNDLE, *EXTRAS}


@pytest.fixture(scope="module")
def changing(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("changed") / "changed.tar"


@settings(max_examples=300)
@given(st.data())
def test_whatever_is_changed_in_a_file_it_is_read_within_bounds_or_refused(changing: Path, data: st.DataObject) -> None:
    changed = bytearray(PLAIN + END)
    for _ in range(data.draw(st.integers(1, 4))):
        block = data.draw(st.sampled_from([0, 1024, 2560, 3584]))  # the headers
        field = data.draw(st.sampled_from([(0, 100), (100, 24), (124, 12), (136, 12), (148, 8), (156, 1), (257, 255)]))
        start = block + field[0]
        changed[start : start + field[1]] = data.draw(st.binary(min_size=field[1], max_size=field[1]))
        if data.draw(st.booleans()):  # with a right checksum, so that what is behind it is reached
            changed[block + 148 : block + 156] = b" " * 8
            changed[block + 148 : block + 156] = b"%06o\0 " % sum(changed[block : block + 512])
    end = data.draw(st.integers(0, len(changed)))
    changing.write_bytes(changed[:end] if data.draw(st.booleans()) else changed)
    sentence, contents = "", {}
    try:
        contents = dict(read_archive(changing).contents)
    except ArchiveError as error:
        sentence = str(error)
    assert sentence.isprintable()
    if not sentence:
        assert set(BUNDLE) <= set(contents) <= set(LIMITS)
        assert all(len(content) <= LIMITS[name] for name, content in contents.items())
