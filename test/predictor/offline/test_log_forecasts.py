"""Forecasts of a whole log: the same as the node's, and causal to the last sample."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rigs.tiny_bundle import write_tiny_bundle
from rigs.walks import swinging

from ankle_imu_driver.recordings.recording import ImuSamples
from ankle_predictor.forecasting.forecaster import Forecaster
from ankle_predictor.model.bundle import load_bundle
from ankle_predictor.model.engine import InferenceEngine, load_engine
from ankle_predictor.model.features import FeatureSpec
from ankle_predictor.model.manifest import MemorySettings
from ankle_predictor.offline.log_forecasts import forecast_log
from ankle_predictor.offline.pipeline import pairs_of, run_chain, windows_of

pytest.importorskip("onnx", reason="onnx, which comes with the training requirements, is not installed")

SPEC = FeatureSpec()
SECONDS = 6.0


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> InferenceEngine:
    models = tmp_path_factory.mktemp("models")
    write_tiny_bundle(models)
    return load_engine(load_bundle("tiny", [models]))


@pytest.fixture(scope="module", params=["network alone", "with memory"])
def either(request: pytest.FixtureRequest, engine: InferenceEngine) -> InferenceEngine:
    """The network without a memory and with one."""
    if request.param == "network alone":
        return engine
    manifest = dataclasses.replace(engine.manifest, memory=MemorySettings())
    return load_engine(dataclasses.replace(engine.bundle, manifest=manifest))


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


def test_a_log_is_forecast_as_the_node_does(either: InferenceEngine) -> None:
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
