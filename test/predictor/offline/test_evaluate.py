"""``evaluate``: its figures, computed here by hand, and its refusals."""

from __future__ import annotations

import dataclasses
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rigs.models import write_linear_bundle
from rigs.tiny_bundle import CHANGE, HORIZON, MARGIN, write_tiny_bundle
from rigs.walks import part, swinging

from ankle_imu_driver.recordings.mirror import mirrored
from ankle_imu_driver.recordings.recording import ImuSamples, Recording
from ankle_imu_driver.recordings.rosbag_writer import write_bag
from ankle_imu_driver.refusal import Refusal
from ankle_predictor.model.features import FeatureSpec
from ankle_predictor.offline.evaluate import main
from ankle_predictor.offline.pipeline import run_chain

pytest.importorskip("onnx", reason="onnx, which comes with the training requirements, is not installed")

SPEC = FeatureSpec()
SECONDS = 6.0
FIGURES = {
    "label", "encoder_role", "mae_h20_deg", "mae_h50_deg", "mae_by_step_deg", "angle_mae_deg", "coverage_90", "windows",
    "persistence_h20_deg", "persistence_h50_deg", "last_stride_h20_deg", "last_stride_h50_deg", "unfamiliar_share",
    "withheld_share", "width_90_deg", "interval_score_deg", "change_per_tick_deg", "change_p99_deg",
    "roughness_200ms_deg", "roughness_200ms_truth_deg",
}  # fmt: skip


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    models = tmp_path_factory.mktemp("models")
    write_tiny_bundle(models)
    return models


@pytest.fixture(scope="module")
def bag(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("bags") / "walk"
    write_bag(path, swinging(SECONDS))
    return path


def test_what_a_damaged_recording_lacks_is_said(
    models: Path, bag: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    damaged = shutil.copytree(bag, tmp_path / "damaged")
    (damaged / "metadata.yaml").unlink()
    document = figures(models, tmp_path, "--log", str(bag), str(damaged))
    assert list(document["logs"]) == ["walk", "damaged"]
    assert not any("metadata.yaml" in note for note in document["notes"]["walk"])
    (note,) = (note for note in document["notes"]["damaged"] if "metadata.yaml" in note)
    assert f"damaged: {note}" in capsys.readouterr().err.splitlines()


def leaning(recording: Recording) -> Recording:
    """The recording with a lateral force and a turn about forward, which a mirror image changes."""
    shank = recording.shank
    sway = np.cos(5.0 * shank.stamp)[:, np.newaxis]  # an axis that says the same for ever is dead
    accel, gyro = shank.accel + sway * np.array([0.0, 0.0, 1.0]), shank.gyro + sway * np.array([0.3, 0.0, 0.0])
    return dataclasses.replace(recording, shank=ImuSamples(shank.stamp, accel, gyro))


def figures(models: Path, tmp_path: Path, *arguments: str) -> dict[str, Any]:
    out = tmp_path / "out.json"
    assert main(["--model", "tiny", "--models-dir", str(models), "--json", str(out), *arguments]) == 0
    return dict(json.loads(out.read_text()))


def test_the_encoder_as_an_input(models: Path, bag: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    scored = figures(models, tmp_path, "--log", str(bag))["logs"]["walk"]
    used = figures(models, tmp_path, "--log", str(bag), "--encoder", "input")["logs"]["walk"]
    assert (used["label"], used["encoder_role"]) == ("encoder", "input")
    assert used["angle_mae_deg"] < scored["angle_mae_deg"]
    assert main(
        ["--model", "tiny", "--models-dir", str(models), "--log", str(bag), "--encoder", "input", "--labels", "imu"]
    )
    assert "leave --labels out" in capsys.readouterr().err


def test_the_encoders_joint_is_that_of_the_parameter_file(models: Path, tmp_path: Path) -> None:
    log, out = tmp_path / "walk", tmp_path / "out.json"
    write_bag(log, swinging(SECONDS))
    other = tmp_path / "parameters.yaml"
    other.write_text("/**: {ros__parameters: {encoder.joint_name: knee}}")
    arguments = ["--model", "tiny", "--models-dir", str(models), "--log", str(log), "--params-file", str(other)]
    assert main([*arguments, "--json", str(out)]) == 1
    assert "no joint 'knee' on encoder/joint_states, only ankle" in json.loads(out.read_text())["failed"]["walk"]


def test_the_figures_are_right(models: Path, bag: Path, tmp_path: Path) -> None:
    document = figures(models, tmp_path, "--log", str(bag))
    assert list(document) == ["logs", "failed", "notes"]
    assert document["failed"] == {}
    (name, result), *rest = document["logs"].items()
    assert (name, rest) == ("walk", [])
    assert set(result) == FIGURES
    assert (result["label"], result["encoder_role"]) == ("encoder", "score")
    recording = swinging(SECONDS)
    table = run_chain(recording, SPEC)
    assert recording.encoder is not None
    since = table.stamp - recording.start
    made = (since >= 1.99 - 1e-9) & (since + 0.5 <= since[-1] + 1e-9)
    due = table.stamp[made][:, None] + 0.01 * np.arange(1, HORIZON + 1)
    error = np.abs(
        table.angle[made][:, None] + CHANGE - np.interp(due, recording.encoder.stamp, recording.encoder.angle)
    )
    assert result["windows"] == made.sum()
    np.testing.assert_allclose(result["mae_by_step_deg"], np.degrees(error.mean(axis=0)), rtol=1e-4)
    assert result["mae_h20_deg"] == pytest.approx(np.degrees(error[:, :20].mean()), rel=1e-4)
    assert result["mae_h50_deg"] == pytest.approx(np.degrees(error.mean()), rel=1e-4)
    assert result["coverage_90"] == pytest.approx(np.mean(error <= MARGIN), abs=1e-3)
    now = np.interp(table.stamp, recording.encoder.stamp, recording.encoder.angle)
    assert result["angle_mae_deg"] == pytest.approx(np.degrees(np.abs(table.angle - now).mean()))
    kept = np.abs(table.angle[made][:, None] - np.interp(due, recording.encoder.stamp, recording.encoder.angle))
    assert result["persistence_h50_deg"] == pytest.approx(np.degrees(kept.mean()), rel=1e-4)
    assert result["width_90_deg"] == pytest.approx(np.degrees(2.0 * MARGIN), rel=1e-4)
    # The tiny model forecasts the present angle plus a constant: it changes as the angle does.
    ticks = np.abs(np.diff(table.angle[since >= 1.99 - 1e-9]))
    assert result["change_per_tick_deg"] == pytest.approx(np.degrees(ticks.mean()), rel=1e-3)
    assert result["change_p99_deg"] == pytest.approx(np.degrees(np.quantile(ticks, 0.99)), rel=0.02)
    assert result["unfamiliar_share"] == 0.0  # it has no notion of familiar
    assert result["withheld_share"] == pytest.approx(np.mean(since < 1.99 - 1e-9))  # until its window was full


def test_without_an_encoder_the_label_is_the_imus_own_later_angle(models: Path, tmp_path: Path) -> None:
    recording = dataclasses.replace(swinging(SECONDS), encoder=None)
    write_bag(tmp_path / "blind", recording)
    document = figures(models, tmp_path, "--log", str(tmp_path / "blind"))
    result = document["logs"]["blind"]
    assert (result["label"], result["encoder_role"], result["angle_mae_deg"]) == ("imu", "off", None)
    table = run_chain(recording, SPEC)
    since = table.stamp - recording.start
    made = (since >= 1.99 - 1e-9) & (since + 0.5 <= since[-1] + 1e-9)
    due = table.stamp[made][:, None] + 0.01 * np.arange(1, HORIZON + 1)
    error = np.abs(table.angle[made][:, None] + CHANGE - np.interp(due, table.stamp, table.angle))
    assert result["mae_h50_deg"] == pytest.approx(np.degrees(error.mean()), rel=1e-4)
    assert result["last_stride_h50_deg"] < 0.3 * result["persistence_h50_deg"]  # it repeats exactly


def test_the_imus_may_be_asked_for_where_there_is_an_encoder(models: Path, bag: Path, tmp_path: Path) -> None:
    result = figures(models, tmp_path, "--log", str(bag), "--labels", "imu")["logs"]["walk"]
    assert (result["label"], result["encoder_role"], result["angle_mae_deg"]) == ("imu", "score", None)


def test_a_log_that_cannot_be_scored_is_named_and_ends_nothing_else(
    models: Path, bag: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recording = swinging(SECONDS)
    write_bag(tmp_path / "blind", dataclasses.replace(recording, encoder=None))
    write_bag(tmp_path / "unknown", dataclasses.replace(recording, calibration=None))
    write_bag(tmp_path / "short", part(recording, 2.2))
    (tmp_path / "empty.TXT").write_text("")
    logs = [tmp_path / name for name in ("blind", "unknown", "short", "empty.TXT", "nowhere.TXT")]
    document = figures(models, tmp_path, "--labels", "encoder", "--log", *map(str, logs), str(bag))
    assert list(document["logs"]) == ["walk"]
    sentences = {
        "blind": "has no encoder", "unknown": "has no calibration", "short": "has no sample in the time",
        "empty": "is empty", "nowhere": "does not exist",
    }  # fmt: skip
    assert list(document["failed"]) == list(sentences)
    for name, sentence in sentences.items():
        assert sentence in document["failed"][name]
    messages = capsys.readouterr().err
    assert all(f"{name} was not scored: " in messages for name in sentences)


def test_logs_of_which_none_can_be_scored_are_a_failure(models: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.json"
    logs = ["--log", str(tmp_path / "one.TXT"), str(tmp_path / "two.TXT")]
    assert main(["--model", "tiny", "--models-dir", str(models), "--json", str(out), *logs]) == 1
    document = json.loads(out.read_text())
    assert (document["logs"], sorted(document["failed"])) == ({}, ["one", "two"])


def test_a_mirrored_log_of_the_other_side_gives_the_same_figures(models: Path, bag: Path, tmp_path: Path) -> None:
    write_linear_bundle(tmp_path / "models", "linear", SPEC, seed=1)
    turned = leaning(swinging(SECONDS))
    write_bag(tmp_path / "walk", turned)
    write_bag(tmp_path / "other" / "walk", mirrored(turned))
    right, left, wrong = (
        figures(tmp_path / "models", tmp_path, "--model", "linear", "--log", str(log), "--side", side)["logs"]["walk"]
        for log, side in (
            (tmp_path / "walk", "right"),
            (tmp_path / "other" / "walk", "left"),
            (tmp_path / "walk", "left"),
        )
    )
    assert left["mae_h50_deg"] == pytest.approx(right["mae_h50_deg"], rel=1e-6)
    assert wrong["mae_h50_deg"] != pytest.approx(right["mae_h50_deg"], rel=1e-3)


def test_start_and_end_count_from_the_first_sample(models: Path, bag: Path, tmp_path: Path) -> None:
    whole = figures(models, tmp_path, "--log", str(bag))["logs"]["walk"]["windows"]
    parts = [
        figures(models, tmp_path, "--log", str(bag), *map(str, span))["logs"]["walk"]["windows"]
        for span in (("--end", 4.0), ("--start", 3.505), ("--start", 3.0, "--end", 4.0))
    ]
    # A forecast at 3.50 s is due until 4.00 s: the spans up to there and from 3.505 s share none and miss none.
    assert parts[0] + parts[1] == whole
    assert parts[2] == 51


def test_a_bundle_may_be_named_by_its_path(models: Path, bag: Path) -> None:
    assert main(["--model", str(models / "tiny"), "--log", str(bag)]) == 0


def test_a_refusal_is_one_sentence(models: Path, bag: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def blind(recording: Recording) -> Recording:
        return dataclasses.replace(recording, encoder=None)

    write_bag(tmp_path / "blind", blind(swinging(SECONDS)))
    write_bag(tmp_path / "walk", swinging(SECONDS))
    (tmp_path / "empty.TXT").write_text("")
    (tmp_path / "models" / "tiny").mkdir(parents=True)
    good = {"--model": "tiny", "--models-dir": str(models), "--log": str(bag)}
    for change, sentence in (
        ({"--log": str(tmp_path / "blind"), "--labels": "encoder"}, "has no encoder"),
        ({"--log": str(tmp_path / "nowhere.TXT")}, "does not exist"),
        ({"--log": str(tmp_path / "empty.TXT")}, "is empty"),
        ({"--start": "60"}, "has no forecast between"),
        ({"--start": "3", "--end": "3.2"}, "has no forecast between"),
        ({"--model": "nobody"}, "there is no model 'nobody'"),
        ({"--model": "../tiny"}, "neither the name of a model"),
        ({"--models-dir": str(tmp_path / "models")}, "bundle.json cannot be read"),
        ({"--json": str(tmp_path / "no" / "out.json")}, "there is no folder"),
    ):
        arguments = [word for pair in (good | change).items() for word in pair]
        assert main(arguments) == 1, sentence
        message = capsys.readouterr().err
        assert message.count("\n") == 1
        assert sentence in message
        assert "Traceback" not in message
    assert main([*(w for p in good.items() for w in p), str(tmp_path / "walk")]) == 1
    assert "two logs have the name walk" in capsys.readouterr().err


def test_a_bug_keeps_its_traceback(models: Path, bag: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Numpy raises a plain ``ValueError`` for arrays whose shapes do not fit: it must not look like a refusal."""
    monkeypatch.setattr("ankle_predictor.offline.evaluate.run_live", lambda *_: np.zeros(3) + np.zeros(2))
    with pytest.raises(ValueError, match="could not be broadcast") as raised:
        main(["--model", "tiny", "--models-dir", str(models), "--log", str(bag)])
    assert not isinstance(raised.value, Refusal)


@pytest.mark.parametrize("wrong", ["nan", "-1", "soon"])
def test_a_wrong_time_is_refused(models: Path, bag: Path, wrong: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["--model", "tiny", "--log", str(bag), "--start", wrong])
    assert caught.value.code == 2
    assert f"argument --start: must be seconds from the start, not '{wrong}'" in capsys.readouterr().err


def test_no_tensorflow_is_needed_to_evaluate() -> None:
    code = (
        "import sys, ankle_predictor.offline.evaluate; print([m for m in ('tensorflow', 'keras') if m in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert result.stdout.strip() == "[]", result.stderr
