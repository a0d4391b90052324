"""Which models can be chosen."""

from __future__ import annotations

from pathlib import Path

from ankle_predictor.dashboard.model_list import model_names


def test_models_of_all_directories_base_first(tmp_path: Path) -> None:
    mine, shared = tmp_path / "mine", tmp_path / "shared"
    for path in (
        mine / "zoe",
        mine / "anna",
        shared / "base",
        shared / "clinic" / "bert",
        mine / ".scratch",
        shared / "anna",
    ):
        path.mkdir(parents=True)
        (path / "bundle.json").write_text("{}")
    (mine / "empty").mkdir()
    (mine / "file").write_text("")
    assert model_names([mine, shared, tmp_path / "missing"]) == ["base", "anna", "clinic/bert", "zoe"]
