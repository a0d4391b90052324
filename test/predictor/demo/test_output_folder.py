"""The folder with the results of a demo."""

from __future__ import annotations

from pathlib import Path

import pytest

from ankle_imu_driver.refusal import Refusal
from ankle_predictor.demo.output_folder import new_output_folder


def test_a_new_or_an_empty_folder_is_used(tmp_path: Path) -> None:
    for _ in range(2):
        folder = new_output_folder(tmp_path / "a" / "b")
        assert folder.path.is_dir()
        assert folder.recording.parent == folder.path


def test_earlier_results_are_never_overwritten(tmp_path: Path) -> None:
    (tmp_path / "forecast.png").touch()
    for path in (tmp_path, tmp_path / "forecast.png"):
        with pytest.raises(Refusal, match="is already there and not empty; name another folder with --output"):
            new_output_folder(path)


def test_a_folder_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(Refusal, match=r"folder .*/file/out cannot be made: Not a directory"):
        new_output_folder(tmp_path / "file" / "out")
