"""``finetune`` writes a better model, or keeps the base if there is none, or refuses in one sentence."""

from __future__ import annotations

import dataclasses
import json
import math
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rigs.tiny_bundle import write_tiny_bundle
from rigs.user_walks import FASTER, standing, walking
from rigs.walks import swinging

from ankle_imu_driver.recordings.recording import EncoderSamples, ImuSamples
from ankle_imu_driver.recordings.rosbag_writer import write_bag
from ankle_predictor.adaptation import finetune as finetune_module
from ankle_predictor.adaptation.finetune import main
from ankle_predictor.model.bundle import load_bundle
from ankle_predictor.model.engine import load_engine
from ankle_predictor.model.features import FeatureSpec
from ankle_predictor.offline.evaluate import EvaluationSettings, evaluate
from ankle_predictor.training.train import main as train


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model directory with ``base``, made from somebody else, and the user's walk."""
    for library in ("tensorflow", "onnx"):
        if find_spec(library) is None:
            pytest.skip(f"{library} (requirements-train.txt) is not installed")
    folder = tmp_path_factory.mktemp("finetune")
    write_bag(folder / "other", swinging(20.0, seed=0, jitter=0.002))
    write_bag(folder / "walk", walking())
    assert (
        train(
            [
                "--log",
                str(folder / "other"),
                "--output",
                str(folder / "models" / "base"),
                "--epochs",
                "1",
                "--workers",
                "0",
            ]
        )
        == 0
    )
    return folder


def arguments(folder: Path, **changes: str) -> list[str]:
    options = {
        "model": "base", "log": str(folder / "walk"), "start": "2", "seconds": "20", "labels": "encoder",
        "user": "anna", "models-dir": str(folder / "models"), "json": str(folder / "out.json"),
    } | changes  # fmt: skip
    return [word for key, value in options.items() for word in (f"--{key}", value)]


def figures(folder: Path, **changes: str) -> dict[str, Any]:
    assert main(arguments(folder, **changes)) == 0
    return dict(json.loads((folder / "out.json").read_text()))


def test_help_does_not_import_tensorflow() -> None:
    code = (
        "import sys\nfrom ankle_predictor.adaptation.finetune import main\n"
        "try:\n    main(['--help'])\nfinally:\n    print([m for m in ('tensorflow', 'keras') if m in sys.modules])\n"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert result.stdout.rstrip().endswith("[]"), result.stderr
    assert "--labels" in result.stdout


def test_the_users_bundle_is_better_says_where_it_comes_from_and_can_be_adapted_again(folder: Path) -> None:
    started = time.monotonic()
    result = figures(folder)
    assert time.monotonic() - started < 60
    models = folder / "models"
    assert (result["model"], result["adapted"], result["base"], result["warnings"]) == ("anna", True, "base", [])
    assert result["after"]["mae_h50_deg"] < 0.7 * result["before"]["mae_h50_deg"]
    assert result["after"]["mae_h20_deg"] < result["before"]["mae_h20_deg"]
    assert result["strides"] == pytest.approx(20 * 0.9 * FASTER, abs=1)
    assert result["label_error_deg"] == 0.0
    bundle = load_bundle("anna", [models])
    load_engine(bundle)
    assert (bundle.manifest.name, bundle.manifest.parent) == ("anna", "base")
    assert bundle.manifest.metrics[0].start >= 4.0 + 0.25 * 17.4, (
        "the first quarter of what can be forecast is not scored"
    )
    assert bundle.manifest.metrics[0].end <= 22.01
    late = EvaluationSettings((22.0, math.inf))
    scores = [evaluate(m, [folder / "walk"], models, late).scores["walk"].forecasts for m in ("base", "anna")]
    assert scores[1].mae_deg(50) < 0.7 * scores[0].mae_deg(50)
    assert (models / "anna_report.png").read_bytes().startswith(b"\x89PNG")
    page = (models / "anna_report.txt").read_text()
    for words in ("adapted:", "strides", "the encoder", "no warnings"):
        assert words in page
    again = figures(folder, model="anna", user="anna2", start="10")
    assert again["base"] == "anna"
    if again["adapted"]:
        assert load_bundle("anna2", [models]).manifest.parent == "anna"


def test_without_an_encoder_the_imus_later_angle_is_the_label(folder: Path) -> None:
    write_bag(folder / "blind", dataclasses.replace(walking(), encoder=None))
    result = figures(folder, log=str(folder / "blind"), labels="imu", user="blind")
    assert result["model"] == ("blind" if result["adapted"] else "base")
    assert (result["label_error_deg"], result["before_encoder"]) == (None, None)
    with_encoder = figures(folder, labels="imu", user="imu")
    assert with_encoder["label_error_deg"] == pytest.approx(1.0, abs=0.5)
    assert with_encoder["after_encoder"]["mae_h50_deg"] > 0


def test_the_base_is_kept_if_the_last_seconds_are_worse(folder: Path) -> None:
    recording = walking()
    encoder = recording.encoder
    assert encoder is not None
    # What the encoder teaches until 17 s is wrong from then on.
    wrong = np.where(encoder.stamp < 17.0, encoder.angle + math.radians(20.0), encoder.angle)
    write_bag(folder / "wrong", dataclasses.replace(recording, encoder=EncoderSamples(encoder.stamp, wrong)))
    result = figures(folder, log=str(folder / "wrong"), user="wrong")
    assert (result["model"], result["adapted"]) == ("base", False)
    assert result["after"]["mae_h50_deg"] < result["before"]["mae_h50_deg"], "most of the seconds are as it has learned"
    assert any("off the IMU's angle" in warning for warning in result["warnings"])
    assert not (folder / "models" / "wrong").exists()
    assert "but worse in the last quarter" in (folder / "models" / "wrong_report.txt").read_text()


def test_only_the_given_seconds_are_learned_from(folder: Path) -> None:
    recording = walking()
    encoder = recording.encoder
    assert encoder is not None
    outside = (encoder.stamp < 2.0) | (encoder.stamp > 22.0)
    wild = np.where(outside, 1.0, encoder.angle)
    order = np.arange(len(recording.shank))
    later = order[recording.shank.stamp > 22.01]
    order[later] = np.random.default_rng(0).permutation(later)

    def shuffled(samples: ImuSamples) -> ImuSamples:
        return ImuSamples(samples.stamp, samples.accel[order], samples.gyro[order])

    changed = dataclasses.replace(
        recording,
        shank=shuffled(recording.shank),
        foot=shuffled(recording.foot),
        encoder=EncoderSamples(encoder.stamp, wild),
    )
    write_bag(folder / "changed" / "walk", changed)
    first, second = figures(folder, user="first"), figures(folder, log=str(folder / "changed" / "walk"), user="second")
    assert {k: v for k, v in first.items() if k not in ("user", "model")} == {
        k: v for k, v in second.items() if k not in ("user", "model")
    }


@pytest.mark.parametrize("failure", [KeyboardInterrupt(), RuntimeError("a crash")])
def test_an_interruption_leaves_no_files(folder: Path, monkeypatch: pytest.MonkeyPatch, failure: BaseException) -> None:
    def fail(*_: Any) -> None:
        raise failure

    before = sorted(p.name for p in (folder / "models").iterdir())
    monkeypatch.setattr(finetune_module, "adapt", fail)
    if isinstance(failure, KeyboardInterrupt):
        assert main(arguments(folder, user="nobody")) == 130
    else:
        with pytest.raises(RuntimeError):
            main(arguments(folder, user="nobody"))
    assert sorted(p.name for p in (folder / "models").iterdir()) == before


def test_a_refusal_is_one_sentence_and_leaves_no_files(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    recording = walking()
    encoder = recording.encoder
    assert encoder is not None
    lost = EncoderSamples(encoder.stamp, np.full(len(encoder), np.nan))
    write_bag(folder / "standing", standing())
    write_bag(folder / "lost", dataclasses.replace(recording, encoder=lost))
    write_bag(folder / "none", dataclasses.replace(recording, encoder=None))
    write_tiny_bundle(folder / "models", "strange", FeatureSpec(names=("a", "b"), window=50))
    (folder / "other.yaml").write_text("/**: {ros__parameters: {rest_rate: 2e-0}}")
    (folder / "set.yaml").write_text("/**/orientation_filter: {ros__parameters: {shank: {mounting: '+X,+Y,+Z'}}}")
    before = sorted(p.name for p in (folder / "models").iterdir())
    for changes, sentence in (
        ({"model": "strange"}, "model strange was trained on other features (2 from a to b)"),
        ({"seconds": "6"}, "too short"),
        ({"seconds": "3"}, "strides"),
        ({"seconds": "60"}, "so it has no 60 s from 2 s on"),
        ({"log": str(folder / "standing")}, "standing still"),
        ({"log": str(folder / "none")}, "has no encoder; use --labels imu"),
        ({"log": str(folder / "lost")}, "use --labels imu"),
        ({"log": str(folder / "nowhere")}, "does not exist"),
        ({"model": "nobody"}, "there is no model"),
        ({"user": "../anna"}, "no name for a model"),
        ({"user": "base"}, "another name"),
        ({"params-file": str(folder / "other.yaml")}, "constants differ from those that the model base was trained"),
        ({"params-file": str(folder / "set.yaml"), "side": "left"}, "gravity at standing is"),
    ):
        assert main(arguments(folder, **changes)) == 1, sentence
        message = capsys.readouterr().err
        assert sentence in message, message
        assert "Traceback" not in message
    assert sorted(p.name for p in (folder / "models").iterdir()) == before
