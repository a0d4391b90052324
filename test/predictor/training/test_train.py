"""``train`` and the network: the result is a bundle that runs, and an interruption leaves no files."""

from __future__ import annotations

import dataclasses
import random
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rigs.array_examples import ArrayExamples
from rigs.walks import swinging

from ankle_imu_driver.recordings.rosbag_writer import write_bag
from ankle_imu_driver.refusal import Refusal
from ankle_predictor.model.bundle import load_bundle
from ankle_predictor.model.engine import load_engine
from ankle_predictor.model.features import SEGMENT_FEATURES
from ankle_predictor.offline.catalogue_check import Checked
from ankle_predictor.training import train as train_module
from ankle_predictor.training.settings import TrainSettings
from ankle_predictor.training.train import main, train

SECONDS = 18.0  # the held-out end must contain a window of 2 s


@pytest.fixture(scope="module")
def logs(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Two bags of a swinging leg."""
    folder = tmp_path_factory.mktemp("logs")
    for seed in (0, 1):
        write_bag(folder / f"swing{seed}", swinging(SECONDS, seed=seed, jitter=0.002))
    return [folder / "swing0", folder / "swing1"]


@pytest.fixture(scope="module")
def models(network_module: Any, logs: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model directory with ``swing``, trained for eight short epochs."""
    models = tmp_path_factory.mktemp("models")
    arguments = [
        "--log",
        *map(str, logs),
        "--output",
        str(models / "swing"),
        "--epochs",
        "8",
        "--stride",
        "5",
        "--workers",
        "0",
    ]
    assert main(arguments) == 0
    return models


def test_help_is_fast_and_does_not_import_tensorflow() -> None:
    code = (
        "import sys\nfrom ankle_predictor.training.train import main\n"
        "try:\n    main(['--help'])\nfinally:\n    print([m for m in ('tensorflow', 'keras') if m in sys.modules])\n"
    )
    start = time.monotonic()
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert result.stdout.rstrip().endswith("[]"), result.stderr
    assert "--output" in result.stdout
    assert time.monotonic() - start < 20


def test_the_bundle_runs_names_its_origin_and_has_learned(models: Path, logs: list[Path]) -> None:
    bundle = load_bundle("swing", [models])
    manifest = bundle.manifest
    load_engine(bundle)
    assert (manifest.name, manifest.parent, manifest.side, manifest.horizon) == ("swing", None, "right", 50)
    assert manifest.features.names == SEGMENT_FEATURES
    assert set(manifest.training.logs) == {"swing0", "swing1"}
    assert len(manifest.training.digest) == 64
    assert manifest.training.settings["epochs"] == 8
    assert {m.log for m in manifest.metrics} == {"swing0", "swing1"}
    angle = swinging(SECONDS).encoder
    assert angle is not None
    constant = np.degrees(np.mean(np.abs(angle.angle)))
    for metric in manifest.metrics:
        assert metric.mae_h50_deg < 0.5 * constant
        assert "model of other people" in metric.role
        assert metric.start == pytest.approx(manifest.features.window * 0.01, abs=0.05)
        assert metric.end <= SECONDS + 0.01
    coverage = np.average([m.coverage_90 for m in manifest.metrics], weights=[m.windows for m in manifest.metrics])
    assert coverage >= 0.9
    assert sum(p.stat().st_size for p in bundle.path.iterdir()) < 5e6
    assert sorted(p.name for p in models.iterdir()) == ["swing"]


def test_the_same_seed_gives_the_same_weights_and_another_seed_others(network_module: Any) -> None:
    rng = np.random.default_rng(0)
    window, change = rng.normal(size=(90, 16, 3)).astype(np.float32), rng.normal(size=(90, 5)).astype(np.float32)
    shape = network_module.NetworkShape(16, 3, 5, units=3)
    shares: list[float] = []

    def trained() -> list[np.ndarray]:
        network = network_module.build_network(shape, seed=1)
        shares.clear()
        network_module.fit(
            network,
            lambda _: ArrayExamples(window, change),
            network_module.FitSettings(epochs=2, seed=1),
            shares.append,
        )
        return list(network.get_weights())

    first = trained()
    assert shares == pytest.approx([0.5, 1.0])
    assert all(map(np.array_equal, first, trained()))
    untrained = [network_module.build_network(shape, seed).get_weights() for seed in (1, 2)]
    assert not any(np.array_equal(a, b) for a, b in zip(*untrained, strict=True) if a.ndim > 1)


def test_a_network_is_the_same_while_other_threads_draw_random_numbers(network_module: Any) -> None:
    """Those of Dask do."""
    shape = network_module.NetworkShape(16, 3, 5, units=3)
    expected = network_module.build_network(shape, seed=1).get_weights()
    ended = threading.Event()

    def draw() -> None:
        while not ended.is_set():
            random.random()

    other = threading.Thread(target=draw)
    other.start()
    try:
        for _ in range(3):
            assert all(map(np.array_equal, expected, network_module.build_network(shape, seed=1).get_weights()))
    finally:
        ended.set()
        other.join()


def test_a_networks_file_does_not_depend_on_what_its_process_has_built_before(network_module: Any) -> None:
    shape = network_module.NetworkShape(16, 3, 5, units=3)
    first, second = (network_module.onnx_bytes(network_module.build_network(shape, seed=1)) for _ in range(2))
    assert first == second


def test_a_shift_of_a_whole_feature_changes_nothing(network_module: Any) -> None:
    network = network_module.build_network(network_module.NetworkShape(16, 3, 5, units=3), 0)
    window = np.random.default_rng(0).normal(size=(4, 16, 3)).astype(np.float32)
    shifted = window + np.array([0.0, 3.0, -1.0], np.float32)
    assert np.allclose(network_module.predict(network, window), network_module.predict(network, shifted), atol=1e-5)


@pytest.mark.parametrize("failure", [KeyboardInterrupt(), RuntimeError("a crash")])
def test_an_interruption_leaves_the_old_model_only(
    models: Path, logs: list[Path], monkeypatch: pytest.MonkeyPatch, network_module: Any, failure: BaseException
) -> None:
    def fail(*_: Any) -> None:
        raise failure

    monkeypatch.setattr(network_module, "fit", fail)
    before = load_bundle("swing", [models])
    for name in ("swing", "other"):
        with pytest.raises(type(failure)):
            train(logs, models / name, TrainSettings(epochs=1, seed=7))
    assert sorted(p.name for p in models.iterdir()) == ["swing"]
    assert load_bundle("swing", [models]).onnx == before.onnx
    if isinstance(failure, KeyboardInterrupt):
        assert main(["--log", str(logs[0]), "--output", str(models / "other"), "--workers", "0", "--seed", "7"]) == 130


def test_a_refusal_is_one_sentence(
    logs: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(train_module, "_training", lambda *_: None)  # the logs are refused before it is used
    write_bag(tmp_path / "blind", dataclasses.replace(swinging(), encoder=None))
    write_bag(tmp_path / "short", swinging(4.0))
    write_bag(tmp_path / "swing0", swinging(SECONDS))
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "thesis.tex").write_text("x")
    for names, output, sentence in (
        (["nowhere.TXT"], "m", "does not exist"),
        (["blind"], "m", "has no encoder"),
        (["short"], "m", "too short"),
        ([str(logs[0]), "swing0"], "m", "same name"),
        ([str(logs[0])], "taken", "already there"),
        ([str(logs[0])], "bad name", "no name for a model"),
    ):
        status = main(
            ["--log", *(str(tmp_path / n) for n in names), "--output", str(tmp_path / output), "--workers", "0"]
        )
        lines = [line for line in capsys.readouterr().err.splitlines() if sentence in line]
        assert (status, len(lines)) == (1, 1), sentence
    assert not (tmp_path / "m").exists()


def test_what_a_damaged_recording_lacks_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(train_module, "_training", lambda *_: None)  # it is refused before that is used
    write_bag(tmp_path / "damaged", swinging(4.0))
    (tmp_path / "damaged" / "metadata.yaml").unlink()
    notes: list[tuple[str, str]] = []
    with pytest.raises(Refusal, match="too short"):
        train(
            [tmp_path / "damaged"], tmp_path / "m", TrainSettings(), on_note=lambda log, note: notes.append((log, note))
        )
    assert any(log == "damaged" and "metadata.yaml" in note for log, note in notes)


def test_without_tensorflow_the_requirements_file_is_named(
    logs: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, "ankle_predictor.training.network", raising=False)
    monkeypatch.setitem(sys.modules, "keras", None)
    assert main(["--log", str(logs[0]), "--output", str(tmp_path / "m"), "--workers", "0"]) == 1
    assert "requirements-train.txt" in capsys.readouterr().err


def test_a_catalogue_is_left_out_by_person_and_what_cannot_be_used_by_name(
    logs: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, network_module: Any
) -> None:
    write_bag(tmp_path / "short", swinging(1.0))
    rows = [f"{logs[0]},anna,right,CC0-1.0", f"{logs[1]},anna,left,", f"{tmp_path / 'short'},ben,,"]
    (tmp_path / "list.csv").write_text("\n".join(["path,person,side,licence", *rows]) + "\n")
    people: list[list[str]] = []
    checks: list[Checked] = []

    def capture(found: Any, *_: Any) -> Any:
        people.extend([walk.name for walk in person] for person in found)
        raise KeyboardInterrupt

    monkeypatch.setattr(train_module, "train_and_measure", capture)
    write_bag(tmp_path / "alone", swinging(5.0))
    with pytest.raises(KeyboardInterrupt):
        train(
            [tmp_path / "alone"],
            tmp_path / "m",
            TrainSettings(),
            catalogue=tmp_path / "list.csv",
            on_check=checks.append,
        )
    assert people == [["alone"], ["swing0", "swing1"]]
    assert checks[0].persons == {"swing0": "anna", "swing1": "anna"}
    assert checks[0].licences == {"swing0": "CC0-1.0"}
    assert [(entry.name, "1.0 s" in why) for entry, why in checks[0].left_out] == [("short", True)]
