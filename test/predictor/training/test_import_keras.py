"""``import_keras`` and the reference's scoring, compared with the steps of the reference's notebook."""

from __future__ import annotations

import csv
import json
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rigs.synthetic_log import rows, write
from scipy.signal import butter, filtfilt

from ankle_imu_driver.recordings.read_recording import read_recording
from ankle_predictor.estimation.filter_config import FilterConfig
from ankle_predictor.forecasting.forecaster import Forecaster
from ankle_predictor.model.bundle import load_bundle
from ankle_predictor.model.engine import load_engine
from ankle_predictor.model.feature_family import FAMILIES, family_called, family_of
from ankle_predictor.model.features import FeatureError, FeatureSpec
from ankle_predictor.model.manifest import BundleError
from ankle_predictor.offline.evaluate import main as evaluate
from ankle_predictor.offline.feature_tables import feature_table
from ankle_predictor.offline.log_forecasts import forecast_log
from ankle_predictor.offline.offline_reference import offline_table, truth_in_rows
from ankle_predictor.offline.pipeline import windows_of
from ankle_predictor.training.import_keras import main

SPEC = family_called("reference16").spec
ROWS, HORIZON = 400, 20


@pytest.fixture(scope="module")
def keras() -> Any:
    for library in ("tensorflow", "onnx"):
        if find_spec(library) is None:
            pytest.skip(f"{library} (requirements-train.txt) is not installed")
    from ankle_predictor.training import network  # noqa: PLC0415 - imports tensorflow

    return network.keras


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("logs") / "LOG99.TXT", rows(600))


@pytest.fixture(scope="module")
def weights(keras: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small network of the reference's kind."""
    keras.utils.set_random_seed(1)
    layers = [keras.Input((200, 16)), keras.layers.LSTM(4), keras.layers.Dense(HORIZON)]
    path = tmp_path_factory.mktemp("weights") / "best.keras"
    keras.Sequential(layers).save(path)
    return path


@pytest.fixture(scope="module")
def models(weights: Path, log: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    models = tmp_path_factory.mktemp("models")
    assert main(arguments(weights, log, models)) == 0
    return models


def arguments(weights: Path, log: Path, models: Path, **changes: str) -> list[str]:
    options = {"scaler-log": str(log), "scaler-rows": str(ROWS), "features": "reference16", "user": "theirs"} | changes
    options["models-dir"] = str(models)
    return [str(weights), *(word for key, value in options.items() for word in (f"--{key}", value))]


def as_their_notebook(network: Any, features: np.ndarray, degrees: np.ndarray, count: int) -> tuple[Any, Any]:
    """``tl-50horizon.ipynb`` on one log: forecasts and truths (N, H) in deg, scaled by its first ``count`` rows."""
    b, a = butter(2, 5 / 50, btype="low")

    def scaling(x: np.ndarray) -> tuple[Any, Any]:
        return x.min(axis=0), x.max(axis=0) - x.min(axis=0)

    filtered = np.stack([filtfilt(b, a, column) for column in features.T], axis=1)
    training = np.stack([filtfilt(b, a, column) for column in features[:count].T], axis=1)
    low, span = scaling(training)
    scaled = 2 * (filtered - low) / span - 1
    low, span = scaling(degrees[:count])
    horizon = network.outputs[0].shape[1]
    starts = range(len(features) - 200 - horizon + 1)
    windows = np.array([scaled[i : i + 200] for i in starts], np.float32)
    truth = np.array([degrees[i + 200 : i + 200 + horizon] for i in starts])
    return (network.predict(windows, verbose=0) + 1) / 2 * span + low, truth


def test_offline_scoring_equals_the_references_notebook(keras: Any, weights: Path, models: Path, log: Path) -> None:
    recording = read_recording(log)
    assert recording.encoder is not None
    features = feature_table(recording, SPEC).values
    degrees = np.degrees(recording.encoder.angle)
    expected, truth = as_their_notebook(keras.models.load_model(weights), features, degrees, ROWS)
    engine = load_engine(load_bundle("theirs", [models]))
    ours = forecast_log(engine, recording, table=offline_table(recording, SPEC))
    rows_truth = truth_in_rows(recording, ours.stamp, HORIZON, np.inf)
    known = np.isfinite(rows_truth).all(axis=1)
    assert known.sum() == len(truth)
    np.testing.assert_allclose(np.degrees(ours.forecast.angle[known]), expected, atol=1e-3)
    np.testing.assert_allclose(np.degrees(rows_truth[known]), truth, atol=1e-9)


def test_the_references_weights_on_the_references_features(keras: Any, data_dir: Path, tmp_path: Path) -> None:
    with (data_dir / "seed" / "LOG2_16features.csv").open(newline="") as file:
        table = list(csv.reader(file))[1:]
    features, degrees = np.array([[float(v) for v in r[1:17]] for r in table]), np.array([float(r[18]) for r in table])
    weights, walk = data_dir / "seed" / "transfer_h20.keras", data_dir / "walks" / "LOG2.TXT"
    assert main(arguments(weights, walk, tmp_path, **{"scaler-rows": "16500"})) == 0
    bundle = load_bundle("theirs", [tmp_path])
    filtered = np.stack([filtfilt(*butter(2, 0.1), column) for column in features[:16500].T], axis=1)
    scaler = bundle.manifest.scaler
    np.testing.assert_allclose(np.array(scaler.offset) - scaler.scale, filtered.min(axis=0), atol=1e-6)
    np.testing.assert_allclose(np.array(scaler.offset) + scaler.scale, filtered.max(axis=0), atol=1e-6)
    window = filtered[16000:16200]
    scaled = (window - filtered.min(axis=0)) / np.ptp(filtered, axis=0) * 2 - 1
    output = keras.models.load_model(weights).predict(scaled[None].astype(np.float32), verbose=0)[0]
    low, high = degrees[:16500].min(), degrees[:16500].max()
    ours = load_engine(bundle).forecast(offline_table(read_recording(walk), SPEC).values[16000:16200]).angle
    np.testing.assert_allclose(np.degrees(ours), (output + 1) / 2 * (high - low) + low, atol=2e-3)


def test_live_windows_are_filtered_without_the_future(log: Path) -> None:
    recording = read_recording(log)
    table = feature_table(recording, SPEC)
    live = dict(windows_of(table, SPEC))
    b, a = butter(2, 0.1)
    np.testing.assert_allclose(live[300], filtfilt(b, a, table.values[101:301], axis=0))
    offline = dict(windows_of(offline_table(recording, SPEC), SPEC))
    assert not np.allclose(live[300], offline[300])


def test_evaluate_runs_it_both_ways_and_marks_the_offline_one(models: Path, log: Path, tmp_path: Path) -> None:
    options = [
        "--model",
        "theirs",
        "--models-dir",
        str(models),
        "--log",
        str(log),
        "--json",
        str(tmp_path / "out.json"),
    ]
    documents = []
    for extra in ([], ["--offline-reference"]):
        assert evaluate([*options, *extra]) == 0
        documents.append(json.loads((tmp_path / "out.json").read_text()))
    live, offline = documents
    for document in documents:
        figures = document["logs"]["LOG99"]
        assert figures["mae_h50_deg"] is None
        assert figures["angle_mae_deg"] is None
        assert len(figures["mae_by_step_deg"]) == HORIZON
        assert figures["mae_h20_deg"] > 0
    assert "not_live" not in live
    assert "sees the future" in offline["not_live"]
    assert live["logs"] != offline["logs"]


def test_a_model_of_ours_has_no_offline_reference(log: Path) -> None:
    with pytest.raises(ValueError, match="features segment exist only in causal form; leave --offline-reference out"):
        offline_table(read_recording(log), FeatureSpec())


def test_the_node_refuses_it_in_one_sentence(models: Path) -> None:
    bundle = load_bundle("theirs", [models])
    with pytest.raises(BundleError, match="cannot run live") as caught:
        Forecaster("right", FilterConfig()).prepare(load_engine(bundle))
    assert caught.value.code == "INCOMPATIBLE"


def test_a_refusal_is_one_sentence_and_leaves_no_files(
    keras: Any, weights: Path, log: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "no.keras").write_bytes(b"no weights")
    recurrent = [keras.Input((200, 16)), keras.layers.GRU(3), keras.layers.Dense(HORIZON)]
    keras.Sequential(recurrent).save(tmp_path / "gru.keras")
    models = tmp_path / "models"
    for file, changes, sentence in (
        (tmp_path / "nowhere.keras", {}, "cannot be read"),
        (tmp_path / "no.keras", {}, "cannot be read by Keras"),
        (tmp_path / "gru.keras", {}, "gru.keras cannot be imported: its layer gru"),
        (weights, {"features": "reference12"}, "choose other --features"),
        (weights, {"features": "mine"}, "there are no features 'mine'"),
        (weights, {"scaler-rows": "601"}, "no more than the 600 rows"),
        (weights, {"scaler-rows": "10"}, "more than a window"),
        (weights, {"scaler-log": str(tmp_path / "x.TXT")}, "does not exist"),
        (weights, {"user": "../theirs"}, "no name for a model"),
    ):
        assert main(arguments(file, log, models, **changes)) == 1, sentence
        message = capsys.readouterr().err
        assert sentence in message
        assert "Traceback" not in message
    assert not models.exists() or not list(models.iterdir())


def test_families_are_found_by_their_features() -> None:
    assert [family_of(f.spec) for f in FAMILIES] == list(FAMILIES)
    assert [len(f.spec.names) for f in FAMILIES] == [16, 16, 12]
    with pytest.raises(FeatureError, match="other features"):
        family_of(FeatureSpec(names=("one",)))
