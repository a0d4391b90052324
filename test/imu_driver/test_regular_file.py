"""Files from anywhere are opened only if they are regular and small enough."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from ankle_imu_driver.regular_file import KIB, FileError, exists, open_regular, read_regular


def refusal(path: Path, most: int = KIB) -> str:
    with pytest.raises(FileError) as caught:
        read_regular(path, most)
    return str(caught.value).removeprefix(f"{path} ")


def test_a_file_is_read_up_to_its_limit(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x" * KIB)
    (tmp_path / "link").symlink_to("file")
    assert read_regular(tmp_path / "file", KIB) == read_regular(tmp_path / "link", KIB) == b"x" * KIB
    assert refusal(tmp_path / "file", KIB - 1) == "is too large: at most 1023 bytes are read"
    assert read_regular(Path("/proc/self/status"), KIB * KIB).startswith(b"Name:")  # its size is said to be 0
    assert refusal(Path("/proc/self/status"), 10) == "is too large: at most 10 bytes are read"


def test_a_sparse_file_is_refused_by_its_size(tmp_path: Path) -> None:
    with (tmp_path / "sparse").open("wb") as file:
        file.truncate(3 * 2**30)
    assert refusal(tmp_path / "sparse", 2**20) == "is too large: at most 1 MiB are read"


def test_what_is_no_file_is_named(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "socket"))
        assert refusal(tmp_path / "socket") == "cannot be read: it is a socket, not a file"
    assert refusal(tmp_path / "fifo") == "cannot be read: it is a FIFO, not a file"
    assert refusal(tmp_path) == "cannot be read: it is a directory, not a file"
    assert refusal(Path("/dev/zero")) == "cannot be read: it is a device, not a file"
    assert refusal(tmp_path / "none") == "cannot be read: No such file or directory"
    assert refusal(tmp_path / ("x" * 300)) == "cannot be read: File name too long"
    (tmp_path / "loop").symlink_to("loop")
    assert refusal(tmp_path / "loop") == "cannot be read: Too many levels of symbolic links"
    with pytest.raises(FileError, match="is no path of a file"):
        read_regular(Path("a\0b"), KIB)


def test_a_file_that_is_exchanged_for_a_fifo_is_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"x")
    before = path.stat()
    path.unlink()
    os.mkfifo(path)
    monkeypatch.setattr(Path, "stat", lambda self: before)
    with pytest.raises(FileError, match="it is a FIFO"):
        open_regular(path, KIB)


def test_whether_a_path_exists(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    assert exists(tmp_path)
    assert exists(tmp_path / "file")
    assert not exists(tmp_path / "none")
    assert not exists(tmp_path / "file" / "below")
    with pytest.raises(FileError, match="File name too long"):
        exists(tmp_path / ("x" * 300))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody without permission")
def test_a_folder_without_permission_is_named(tmp_path: Path) -> None:
    (tmp_path / "closed").mkdir(mode=0o700)
    script = (
        "import os, sys; from pathlib import Path; from ankle_imu_driver.regular_file import exists, read_regular\n"
        "os.setuid(65534)\n"
        "for ask in (exists, lambda path: read_regular(path, 10)):\n"
        "    try: print(ask(Path(sys.argv[1])))\n"
        "    except ValueError as error: print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "closed" / "file")], capture_output=True, text=True, check=True
    )
    assert done.stdout.count("cannot be read: Permission denied") == 2
