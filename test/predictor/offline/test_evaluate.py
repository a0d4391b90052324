"""``evaluate``: the figures by hand, and causality to the last sample."""

from __future__ import annotations

import dataclasses
import json
import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rigs.tiny_bundle import CHANGE, HORIZON, MARGIN, write_tiny_bundle
from rigs.walks import swinging

from ankle_imu_driver.recordings.recording import ImuSamples, Recording
from ankle_imu_driver.recordings.rosbag_writer import write_bag
from ankle_predictor.forecasting.forecaster import Forecaster
from ankle_predictor.model.bundle import load_bundle
from ankle_predictor.model.engine import InferenceEngine, load_engine
from ankle_predictor.model.features import FeatureSpec
from ankle_predictor.model.manifest import MemorySettings
from ankle_predictor.offline.evaluate import forecast_log, main
from ankle_predictor.offline.pipeline import pairs_of, run_chain, windows_of

pytest.importorskip("onnx", reason="onnx, which comes with the training requirements, is not installed")

SPEC = FeatureSpec()
SECONDS = 6.0


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    models = tmp_path_factory.mktemp("models")
    write_tiny_bundle(models)
    return models


@pytest.fixture(scope="module")
def engine(models: Path) -> InferenceEngine:
    return load_engine(load_bundle("tiny", [models]))


@pytest.fixture(scope="module", params=["network alone", "with memory"])
def either(request: pytest.FixtureRequest, engine: InferenceEngine) -> InferenceEngine:
    """The network, without a memory and with one."""
    if request.param == "network alone":
        return engine
    manifest = dataclasses.replace(engine.manifest, memory=MemorySettings())
    return load_engine(dataclasses.replace(engine.bundle, manifest=manifest))


@pytest.fixture(scope="module")
def bag(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("bags") / "walk"
    write_bag(path, swinging(SECONDS))
    return path


def figures(models: Path, tmp_path: Path, *arguments: str) -> dict[str, Any]:
    out = tmp_path / "out.json"
    assert main(["--model", "tiny", "--models-dir", str(models), "--json", str(out), *arguments]) == 0
    return dict(json.loads(out.read_text()))


def test_the_json_is_what_the_design_says_and_the_figures_are_right(models: Path, bag: Path, tmp_path: Path) -> None:
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


def test_the_chain_runs_from_the_first_sample_whatever_the_span(either: InferenceEngine) -> None:
    recording = swinging(SECONDS)
    whole, late = forecast_log(either, recording), forecast_log(either, recording, (4.0, math.inf))
    np.testing.assert_array_equal(whole.forecast.angle[-len(late.stamp) :], late.forecast.angle)


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 2**31), st.floats(2.1, 5.0))
def test_shuffling_the_future_changes_no_forecast(either: InferenceEngine, seed: int, now: float) -> None:
    recording = swinging(SECONDS)
    order = np.arange(len(recording.shank.stamp))
    future = order[recording.shank.stamp > now]
    order[future] = np.random.default_rng(seed).permutation(future)

    def shuffled(samples: ImuSamples) -> ImuSamples:
        return ImuSamples(samples.stamp, samples.accel[order], samples.gyro[order])

    changed = dataclasses.replace(recording, shank=shuffled(recording.shank), foot=shuffled(recording.foot))
    before, after = forecast_log(either, recording), forecast_log(either, changed)
    past = before.stamp <= now
    assert past.any()
    np.testing.assert_array_equal(before.forecast.angle[past], after.forecast.angle[past])
    assert not np.array_equal(before.forecast.angle[~past], after.forecast.angle[~past])


def test_a_log_is_forecast_as_the_node_would_have(either: InferenceEngine) -> None:
    recording = swinging(SECONDS, jitter=0.002)
    forecaster = Forecaster(either.manifest.side, either.manifest.features.filter)
    forecaster.use(forecaster.prepare(either))
    live = {p.joint.stamp: forecaster.forecast() for p in pairs_of(recording) if forecaster.push(p)}
    log = forecast_log(either, recording)
    assert log.stamp.tolist() == list(live)
    for name in ("angle", "lower", "upper"):
        one_by_one = np.array([getattr(forecast, name) for forecast in live.values()])
        np.testing.assert_allclose(getattr(log.forecast, name), one_by_one, atol=1e-9)
    windows = np.array([window for _, window in windows_of(run_chain(recording), SPEC)])
    moved = np.max(np.abs(log.forecast.angle - either.forecast_batch(windows).angle))
    assert (moved > 1e-3) == (either.manifest.memory is not None)


def test_a_bundle_may_be_named_by_its_path(models: Path, bag: Path) -> None:
    assert main(["--model", str(models / "tiny"), "--log", str(bag)]) == 0


def test_what_cannot_be_scored_is_one_sentence(
    models: Path, bag: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
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


@pytest.mark.parametrize("wrong", ["nan", "-1", "soon"])
def test_a_time_that_is_none_is_refused(
    models: Path, bag: Path, wrong: str, capsys: pytest.CaptureFixture[str]
) -> None:
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
