"""``evaluate``: its figures, computed here by hand, and its refusals."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rigs.tiny_bundle import CHANGE, HORIZON, MARGIN, write_tiny_bundle
from rigs.walks import swinging

from ankle_imu_driver.recordings.recording import Recording
from ankle_imu_driver.recordings.rosbag_writer import write_bag
from ankle_imu_driver.refusal import Refusal
from ankle_predictor.model.features import FeatureSpec
from ankle_predictor.offline.evaluate import main
from ankle_predictor.offline.pipeline import run_chain

pytest.importorskip("onnx", reason="onnx, which comes with the training requirements, is not installed")

SPEC = FeatureSpec()
SECONDS = 6.0


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


def figures(models: Path, tmp_path: Path, *arguments: str) -> dict[str, Any]:
    out = tmp_path / "out.json"
    assert main(["--model", "tiny", "--models-dir", str(models), "--json", str(out), *arguments]) == 0
    return dict(json.loads(out.read_text()))


def test_the_figures_are_right(models: Path, bag: Path, tmp_path: Path) -> None:
    document = figures(models, tmp_path, "--log", str(bag))
    assert list(document) == ["logs"]
    (name, result), *rest = document["logs"].items()
    assert (name, rest) == ("walk", [])
    assert set(result) == {
        "mae_h20_deg", "mae_h50_deg", "mae_by_step_deg", "angle_mae_deg", "coverage_90", "windows",
    }  # fmt: skip
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
        ({"--log": str(tmp_path / "blind")}, "has no encoder"),
        ({"--log": str(tmp_path / "nowhere.TXT")}, "does not exist"),
        ({"--log": str(tmp_path / "empty.TXT")}, "is empty"),
        ({"--start": "60"}, "has no forecast between"),
        ({"--start": "3", "--end": "3.2"}, "has no forecast between"),
        ({"--model": "nobody"}, "there is no model 'nobody'"),
        ({"--model": "../tiny"}, "neither the name of a model"),
        ({"--models-dir": str(tmp_path / "models")}, "bundle.json cannot be read"),
        ({"--json": str(tmp_path / "no" / "out.json")}, "cannot be written"),
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
    monkeypatch.setattr("ankle_predictor.offline.evaluate.forecast_log", lambda *_: np.zeros(3) + np.zeros(2))
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
