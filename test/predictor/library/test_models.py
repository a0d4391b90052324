"""The command ``models``: many users on one computer, and their models on the way from one computer to the next."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
from rigs import hostile_models
from rigs.tiny_bundle import KERAS, tiny_manifest, tiny_onnx, write_tiny_bundle
from rigs.trials import leave_out_trials

from ankle_imu_driver.calibration import Calibration, SensorCalibration, load_calibration, save_calibration
from ankle_predictor.library import models as models_module
from ankle_predictor.library import pages
from ankle_predictor.library.archive import read_archive
from ankle_predictor.library.catalogue import Entry
from ankle_predictor.library.models import main
from ankle_predictor.model.bundle import load_bundle, write_bundle
from ankle_predictor.model.features import FeatureSpec
from ankle_predictor.model.manifest import Metric

SPEC = FeatureSpec(window=20)
STANDING = SensorCalibration((0.0, 0.0, 0.0), (0.0, 0.0, 9.81))
MADE = 1_790_000_000  # s, a date in 2026


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A robot without models of its own; the working directory is beside its home."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("AMENT_PREFIX_PATH", "")
    monkeypatch.chdir(tmp_path)
    return tmp_path / "home" / ".ros" / "ankle_predictor" / "models"


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    leave_out_trials(monkeypatch)


def add_user(models: Path, name: str, error: float = 1.5, parent: str = "base") -> Path:
    """A user's model as ``finetune`` leaves it, with a report and a calibration."""
    metrics = (Metric("walk", 20.0, 50.0, "the user's seconds", 300, error, error + 0.5, 0.9),)
    manifest = dataclasses.replace(tiny_manifest(name, SPEC), parent=parent, metrics=metrics)
    write_bundle(models / name, manifest, tiny_onnx(SPEC), KERAS)
    (models / f"{name}_report.txt").write_text(f"Adaptation of {parent} to {name}\n")
    (models / f"{name}_report.png").write_bytes(b"a picture")
    save_calibration(models / f"{name}_calibration.yaml", Calibration(STANDING, STANDING, source=f"{name} stood"))
    os.utime(models / name / "bundle.json", (MADE, MADE))
    return models / name


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_all_models_are_listed_with_parent_date_and_figures(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for number in range(30):
        add_user(here, f"user_{number:02}", error=1.0 + number / 100)
    write_tiny_bundle(here / "clinic" / "left", "tom", SPEC)
    assert main(["list", "--json", "all.json"]) == 0
    lines = {line.split()[0]: line.split() for line in capsys.readouterr().out.splitlines()}
    assert next(iter(lines)) == "model"
    assert {*lines} >= {"base", "clinic/left/tom", "user_00", "user_29"}
    assert lines["user_07"][1:] == ["base", "2026-09-21", "14:13Z", "right", "1.07", "1.57", "report,", "calibration"]
    models = {model["model"]: model for model in json.loads(Path("all.json").read_text())["models"]}
    assert len(models) == 32
    assert models["user_07"]["mae_h50_deg"] == pytest.approx(1.57)
    assert (models["user_07"]["parent"], models["user_07"]["windows"]) == ("base", 300)
    assert models["base"]["parent"] is None


def test_figures_are_weighted_by_windows(here: Path) -> None:
    metrics = (Metric("a", 0.0, 1.0, "", 100, 1.0, 2.0, 0.8), Metric("b", 0.0, 1.0, "", 300, 2.0, 4.0, 1.0))
    manifest = dataclasses.replace(tiny_manifest("tiny", SPEC), metrics=metrics)
    write_bundle(here / "tiny", manifest, tiny_onnx(SPEC), KERAS)
    assert main(["show", "tiny", "--json", "tiny.json"]) == 0
    figures = json.loads(Path("tiny.json").read_text())
    assert (figures["mae_h20_deg"], figures["mae_h50_deg"], figures["coverage_90"]) == (1.75, 3.5, 0.95)


def test_of_two_models_with_one_name_the_one_that_is_loaded_is_listed(here: Path) -> None:
    add_user(Path("first").absolute(), "anna")
    add_user(here, "anna")
    assert main(["list", "--models-dir", "first", "--json", "all.json"]) == 0
    (anna,) = [m for m in json.loads(Path("all.json").read_text())["models"] if m["model"] == "anna"]
    assert anna["path"] == str(Path("first/anna").absolute())


def test_a_damaged_model_is_listed_as_damaged_and_can_be_removed(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (add_user(here, "anna") / "model.onnx").write_bytes(b"other")
    add_user(here, "ben")
    (here / "linked").symlink_to(here / "ben")
    assert main(["list"]) == 0
    output = capsys.readouterr().out
    assert "DAMAGED: model anna: model.onnx is not the file that was written" in output
    assert "ben" in output
    assert "linked" not in output
    assert main(["show", "anna"]) == 1
    assert main(["export", "anna"]) == 1
    assert "model.onnx is not the file that was written" in capsys.readouterr().err
    assert main(["remove", "anna", "--yes"]) == 0
    assert {path.name.partition("_")[0] for path in here.iterdir()} == {"ben", "linked"}


def test_what_a_bundle_says_does_not_steer_the_terminal(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    evil = "\x1b[2J\x1b]0;owned\x07\nuser  fake"
    manifest = tiny_manifest("tiny", SPEC)
    metrics = tuple(dataclasses.replace(metric, log=evil, role=evil) for metric in manifest.metrics)
    training = dataclasses.replace(manifest.training, logs={evil: "1" * 64}, software={evil: evil})
    manifest = dataclasses.replace(manifest, name=evil, parent=evil, metrics=metrics, training=training)
    write_bundle(here / "tiny", manifest, tiny_onnx(SPEC), KERAS)
    for command in (["list"], ["show", "tiny"]):
        assert main(command) == 0
        output = capsys.readouterr().out
        assert not [c for c in output if not c.isprintable() and c != "\n"]
        assert not [line for line in output.splitlines() if line.startswith("user")]


def test_a_user_moves_to_another_robot_with_all_that_belongs_to_them(
    here: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With the real trial, and by what other programs are told: the command's exit status and output."""
    add_user(here, "anna")
    before = files(here)
    assert main(["export", "anna"]) == 0
    assert main(["remove", "anna", "--yes"]) == 0
    assert files(here) == {}
    assert main(["import", "anna.tar"]) == 0
    assert "on the reference walk it is" in capsys.readouterr().out
    assert files(here) == before
    assert load_bundle("anna", [here]).manifest.parent == "base"
    assert load_calibration(here / "anna_calibration.yaml").source == "anna stood"
    assert (here / "anna" / "bundle.json").stat().st_mtime == MADE
    assert main(["export", "anna", "--folder", str(here.parent)]) == 0
    assert (here.parent / "anna.tar").read_bytes() == Path("anna.tar").read_bytes()


@pytest.mark.usefixtures("quick")
def test_a_whole_robot_moves(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for number in range(20):
        add_user(here, f"user_{number:02}")
    Path("stick").mkdir()
    assert main(["export", "--all", "--folder", "stick"]) == 0
    assert len(list(Path("stick").iterdir())) == 20
    before = files(here)
    shutil.rmtree(here)
    Path("stick/user_07.tar").write_bytes(b"other")
    assert main(["import", *map(str, sorted(Path("stick").iterdir()))]) == 1
    error = capsys.readouterr().err
    assert "user_07.tar is not a model as 'models export' writes it" in error
    assert "1 of 20 were not imported" in error
    after = {name: data for name, data in before.items() if not name.startswith("user_07")}
    assert files(here) == after


@pytest.mark.usefixtures("quick")
def test_a_name_that_is_taken_is_replaced_only_if_asked(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    add_user(here, "anna", error=1.0)
    assert main(["export", "anna"]) == 0
    shutil.rmtree(here)
    add_user(here, "anna", error=3.0)
    (here / "ben_calibration.yaml").write_text("ben's")
    before = files(here)
    assert main(["import", "anna.tar"]) == 1
    assert main(["import", "anna.tar", "--name", "ben"]) == 1
    assert "ben_calibration.yaml is already there" in capsys.readouterr().err
    assert files(here) == before
    assert main(["import", "anna.tar", "--replace"]) == 0
    assert load_bundle("anna", [here]).manifest.metrics[0].mae_h20_deg == 1.0
    assert main(["import", "anna.tar", "--name", "ben", "--replace"]) == 0
    assert load_bundle("ben", [here]).manifest.name == "anna"  # as it was made
    assert load_calibration(here / "ben_calibration.yaml").source == "anna stood"


@pytest.mark.usefixtures("quick")
def test_the_report_of_a_replaced_model_goes_and_the_calibration_of_its_user_stays(here: Path) -> None:
    write_tiny_bundle(here, "anna", SPEC)
    assert main(["export", "anna"]) == 0
    shutil.rmtree(here)
    add_user(here, "anna")
    assert main(["import", "anna.tar", "--replace"]) == 0
    assert {path.name for path in here.iterdir()} == {"anna", "anna_calibration.yaml"}


def bad_network(bundle: Path) -> None:
    """A network that agrees with its canary, and forecasts what no ankle does."""
    tried = hostile_models.constant(0.4)
    shutil.rmtree(bundle)
    write_bundle(bundle, tried.manifest, tried.onnx, KERAS)


def bad_calibration(bundle: Path) -> None:
    bundle.with_name("anna_calibration.yaml").write_text("format: ankle_calibration\nversion: 1\n")


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [(bad_network, "clearly worse than no change"), (bad_calibration, "calibration")],
)
def test_what_load_weights_would_refuse_is_not_imported(
    here: Path, capsys: pytest.CaptureFixture[str], spoil: Callable[[Path], None], sentence: str
) -> None:
    spoil(add_user(here, "anna"))
    assert main(["export", "anna"]) == 0
    shutil.rmtree(here)
    assert main(["import", "anna.tar"]) == 1
    error = capsys.readouterr().err
    assert sentence in error
    assert error.count("\n") == 1
    assert list(here.iterdir()) == []


@pytest.mark.parametrize("name", ["../anna", "/tmp/anna", "a/b", ".hidden", "", "a" * 65, "anna\n"])
def test_no_name_leaves_the_directory(here: Path, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    add_user(here, "anna")
    assert main(["export", "anna"]) == 0
    before = files(here.parents[2])
    assert main(["import", "anna.tar", "--name", name]) == 1
    assert "is no name for a model" in capsys.readouterr().err
    assert files(here.parents[2]) == before


def test_a_link_in_place_of_a_report_is_not_exported(here: Path, tmp_path: Path) -> None:
    add_user(here, "anna")
    (tmp_path / "secret").write_text("a password")
    (here / "anna_report.txt").unlink()
    (here / "anna_report.txt").symlink_to(tmp_path / "secret")
    assert main(["export", "anna"]) == 0
    assert "report.txt" not in read_archive(Path("anna.tar")).contents


def test_removing_asks_and_leaves_the_shipped_models_alone(
    here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    add_user(here, "anna")
    add_user(here, "old")  # the name of what is being replaced in a scratch folder
    before = files(here)
    monkeypatch.setattr(sys.stdin, "isatty", lambda: False, raising=False)
    assert main(["remove", "anna"]) == 1
    assert "--yes" in capsys.readouterr().err
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
    monkeypatch.setattr("builtins.input", lambda _question: "n")
    assert main(["remove", "anna"]) == 1
    assert main(["remove", "base", "--yes"]) == 1
    assert main(["remove", "anna", "nobody", "--yes"]) == 1
    assert files(here) == before
    monkeypatch.setattr("builtins.input", lambda _question: "y")
    assert main(["remove", "anna", "old"]) == 0
    assert list(here.iterdir()) == []


def test_a_model_that_is_nowhere_is_one_sentence(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for command in (["show", "nobody"], ["export", "nobody"], ["remove", "nobody", "--yes"], ["import", "none.tar"]):
        assert main(command) == 1
        error = capsys.readouterr().err
        assert error.count("\n") == 1, error
        assert "no" in error
    assert main(["export"]) == 1
    assert main(["export", "--all"]) == 1


def test_two_hundred_users_are_listed_at_once(here: Path) -> None:
    first = add_user(here, "user_000")
    for number in range(1, 200):
        shutil.copytree(first, here / f"user_{number:03}")
    start = time.process_time()
    assert main(["list"]) == 0
    assert time.process_time() - start < 10.0  # 0.6 s on the development machine


def test_it_is_a_command_of_its_own_and_imports_no_ros(here: Path) -> None:
    code = (
        "import sys; from ankle_predictor.library.models import main; status = main(['list']); "
        "assert not {'rclpy', 'tensorflow', 'matplotlib'} & set(sys.modules); sys.exit(status)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split("\n")[1].startswith("base ")


def test_a_table_of_many_users_holds_none_of_their_weights(
    here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    weights = os.urandom(2**20)
    shown: list[Entry] = []

    def table(found: Iterable[Entry]) -> str:
        shown.extend(found)
        return pages.table(shown)

    monkeypatch.setattr(models_module, "table", table)
    for k in range(8):
        write_bundle(here / f"user{k}", tiny_manifest(f"user{k}", SPEC), tiny_onnx(SPEC), weights)
    tracemalloc.start()
    try:
        assert main(["list"]) == 0
        held, _peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(shown) == 8 + 1  # and the base
    assert held < len(weights)
    assert capsys.readouterr().out.count("user") == 8


def test_a_folder_that_is_not_there_is_said_once_for_all_models(
    here: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("anna", "ben"):
        add_user(here, name)
    assert main(["export", "--all", "--folder", str(tmp_path / "nowhere")]) == 1
    assert capsys.readouterr().err.count("there is no folder") == 1


def test_of_many_models_those_like_the_one_that_was_asked_for_are_named(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for k in range(30):
        write_bundle(here / f"user{k:02d}", tiny_manifest(f"user{k:02d}", SPEC), tiny_onnx(SPEC), KERAS)
    write_bundle(here / "wanda", tiny_manifest("wanda", SPEC), tiny_onnx(SPEC), KERAS)
    assert main(["show", "wnda"]) == 1
    assert "there is no model 'wnda'; there are wanda, base, user00, " in capsys.readouterr().err
