"""A kept result is used as long as the recordings, models and code that it depends on are the same, and only then."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
from rigs.repository import REPOSITORY

from ankle_imu_driver.refusal import Refusal
from ankle_predictor.model.bundle import Bundle, load_bundle, write_bundle
from ankle_predictor.training.tasks import ThisProcess
from benchmarks import accuracy, kept_results
from benchmarks.kept_results import LEARNING_CODE, LIVE_CODE, Cell, code_digest, key_of, run_cells


@pytest.fixture(scope="module")
def base() -> Bundle:
    return load_bundle("base", [REPOSITORY / "models"])


def test_a_result_is_measured_once_and_kept(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    calls: list[int] = []

    def measure(value: int) -> dict[str, int]:
        calls.append(value)
        if value < 0:
            raise Refusal("no such walk")
        return {"value": value}

    def cells(key: str) -> dict[str, Cell]:
        return {f"cell {k}": Cell(tmp_path / f"cell {k}.{key}.json", measure, (k,)) for k in (1, -1)}

    for _ in range(2):
        assert run_cells(cells("a"), ThisProcess(), "stage") == ({"cell 1": {"value": 1}}, {"cell -1": "no such walk"})
    assert calls == [1, -1, -1]
    assert "not used" not in capsys.readouterr().err
    assert run_cells(cells("b"), None, "stage") == ({}, {})
    assert "1 kept results of other recordings, models or code are not used" in capsys.readouterr().err


def test_the_key_changes_with_recording_model_and_code(tmp_path: Path, base: Bundle) -> None:
    for name in ("a.TXT", "b.TXT"):
        (tmp_path / name).write_text(name)
    other = dataclasses.replace(base, manifest=dataclasses.replace(base.manifest, parent="x"))
    one, two = tmp_path / "a.TXT", tmp_path / "b.TXT"
    given = [("code", [one], [base]), ("other", [one], [base]), ("code", [two], [base]), ("code", [one, two], [base])]
    given += [("code", [two, one], [base]), ("code", [one], [other]), ("code", [one], [])]
    assert len({key_of(*what) for what in given}) == len(given)
    assert key_of("code", [one], [base]) == key_of("code", [one], [base])


def test_code_is_what_lies_in_the_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept_results, "ROOT", tmp_path)
    (tmp_path / "room" / "deep").mkdir(parents=True)
    (tmp_path / "bench_a.py").write_text("a")
    before = code_digest(["room", "bench*.py"])
    digests = {before}
    for path in (tmp_path / "room" / "deep" / "x.py", tmp_path / "bench_b.py"):
        path.write_text("b")
        digests.add(code_digest(["room", "bench*.py"]))
    assert len(digests) == 3
    (tmp_path / "elsewhere.py").write_text("c")
    assert code_digest(["room", "bench*.py"]) in digests


def test_every_folder_of_the_code_is_there() -> None:
    parts = (*LIVE_CODE, *LEARNING_CODE, *accuracy.OWN_CODE)
    assert [part for part in parts if not list(REPOSITORY.glob(part))] == []


def test_the_accuracy_of_another_model_is_measured_again(tmp_path: Path, base: Bundle) -> None:
    logs = [tmp_path / f"LOG{k}.TXT" for k in (1, 2)]
    for log in logs:
        log.write_text(log.name)

    def names(parent: str | None) -> dict[str, str]:
        manifest = dataclasses.replace(base.manifest, parent=parent)
        for log in logs:
            named = dataclasses.replace(manifest, name=f"not_{log.stem}")
            write_bundle(tmp_path / "models" / named.name, named, base.onnx, base.keras, replace=True)
        models, after = accuracy.tasks(logs)
        return {name: cell.path.name for name, cell in accuracy.cells_of(models | after, tmp_path).items()}

    first, again, changed = names(None), names(None), names("x")
    assert first == again
    assert {name.split()[0] for name in first if first[name] != changed[name]} == {"ours", "transfer"}
