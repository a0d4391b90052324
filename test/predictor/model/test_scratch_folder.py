"""Folders in the making: gone after a kill, never taken from a process that lives, and no bundle is lost with them."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from rigs.tiny_bundle import KERAS, tiny_manifest

from ankle_predictor.model import exchange as exchange_module
from ankle_predictor.model.bundle import SCRATCH, load_bundle, sweep_bundles, write_bundle
from ankle_predictor.model.exchange import exchange
from ankle_predictor.model.features import FeatureSpec
from ankle_predictor.model.scratch_folder import scratch_folder, sweep

MANIFEST = tiny_manifest("tiny", FeatureSpec(window=20))


def write(models: Path, onnx: bytes, name: str = "tiny") -> None:
    write_bundle(models / name, MANIFEST, onnx, KERAS, replace=True)


def killed_at(moment: str, models: Path, without_exchange: bool) -> None:
    """Replace a bundle in a process that kills itself right before or after a rename."""
    code = f"""
    import ctypes, os, signal, sys
    from pathlib import Path
    sys.path.insert(0, {str(Path(__file__).parents[2])!r})
    from rigs.tiny_bundle import KERAS, tiny_manifest
    from ankle_predictor.model import exchange as module
    from ankle_predictor.model.bundle import write_bundle
    from ankle_predictor.model.features import FeatureSpec
    def die(*_): os.kill(os.getpid(), signal.SIGKILL)
    rename, count = Path.rename, 0
    def counted(self, target):
        global count
        count += 1
        if f"before {{count}}" == {moment!r}: die()
        done = rename(self, target)
        if f"after {{count}}" == {moment!r}: die()
        return done
    Path.rename = counted
    if {without_exchange}:
        module.RENAME_EXCHANGE = 1 << 30  # a file system that does not know it
    else:
        library = ctypes.CDLL(None, use_errno=True).renameat2
        class Library:
            def __init__(self, *_, **__): pass
            def renameat2(self, *arguments):
                if {moment!r} == "before 1": die()
                library(*arguments)
                die()
        ctypes.CDLL = Library
    manifest = tiny_manifest("tiny", FeatureSpec(window=20))
    write_bundle(Path({str(models)!r}) / "tiny", manifest, b"new", KERAS, replace=True)
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr


@pytest.mark.parametrize(
    ("moment", "without_exchange", "expected"),
    [
        ("before 1", False, b"old"),
        ("after 1", False, b"new"),
        ("before 1", True, b"old"),
        ("after 1", True, b"old"),  # the moment with neither
        ("before 2", True, b"old"),
        ("after 2", True, b"new"),
    ],
)
def test_a_kill_during_a_replacement_leaves_one_of_both_and_no_scratch(
    tmp_path: Path, moment: str, without_exchange: bool, expected: bytes
) -> None:
    write(tmp_path, b"old")
    killed_at(moment, tmp_path, without_exchange)
    assert len(list(tmp_path.glob(f"{SCRATCH}*"))) == 1
    if not without_exchange:
        assert load_bundle("tiny", [tmp_path]).onnx == expected  # at any moment
    assert sweep_bundles(tmp_path) == 1
    assert [p.name for p in tmp_path.iterdir()] == ["tiny"]
    assert load_bundle("tiny", [tmp_path]).onnx == expected


def test_the_next_writer_sweeps(tmp_path: Path) -> None:
    write(tmp_path, b"old")
    for _ in range(3):
        killed_at("before 1", tmp_path, False)
    assert len(list(tmp_path.glob(f"{SCRATCH}*"))) <= 2  # each one has removed the one before
    write(tmp_path, b"other", "other")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["other", "tiny"]


@pytest.mark.parametrize("has_exchange", [True, False])
def test_a_folder_is_replaced_with_and_without_the_help_of_the_file_system(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, has_exchange: bool
) -> None:
    if not has_exchange:
        monkeypatch.setattr(exchange_module, "RENAME_EXCHANGE", 1 << 30)
    for name in ("fresh", "path"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "content").write_text(name)
    exchange(tmp_path / "fresh", tmp_path / "path", tmp_path / "old")
    assert (tmp_path / "path" / "content").read_text() == "fresh"


def test_an_exchange_that_fails_says_so(tmp_path: Path) -> None:
    (tmp_path / "fresh").mkdir()
    with pytest.raises(OSError, match="No such file"):
        exchange(tmp_path / "fresh", tmp_path / "missing", tmp_path / "old")
    assert ctypes.get_errno() >= 0


def test_the_folder_of_a_living_process_is_left_alone(tmp_path: Path) -> None:
    with scratch_folder(tmp_path, ".s_") as folder:
        assert sweep(tmp_path, ".s_") == 0
        assert folder.is_dir()
    assert list(tmp_path.iterdir()) == []


def test_only_folders_of_that_name_that_are_no_links_are_removed(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "kept").write_text("x")
    (tmp_path / ".s_link").symlink_to(tmp_path / "elsewhere")
    (tmp_path / ".s_file").write_text("x")
    (tmp_path / ".git").mkdir()
    (tmp_path / ".s_left").mkdir()
    assert sweep(tmp_path, ".s_") == 1
    assert sorted(p.name for p in tmp_path.iterdir()) == [".git", ".s_file", ".s_link", "elsewhere"]
    assert (tmp_path / "elsewhere" / "kept").exists()
    assert sweep(tmp_path / "missing", ".s_") == 0


def test_a_folder_that_is_swept_before_it_is_locked_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = list[str]()
    opened = os.open

    def swept_first(path: object, *arguments: object, **options: object) -> int:
        handle = opened(path, *arguments, **options)  # type: ignore[arg-type]
        made.append(str(path))
        if len(made) == 1:
            Path(str(path)).rmdir()
        return handle

    monkeypatch.setattr(os, "open", swept_first)
    with scratch_folder(tmp_path, ".s_") as folder:
        assert folder.is_dir()
    assert len(set(made)) == 2
