"""A model that comes into use knows the wearer as if it had been in use all the time."""

from __future__ import annotations

import dataclasses
import threading

import numpy as np
import pytest
from rigs.tiny_bundle import write_tiny_bundle
from rigs.walks import swinging

from ankle_predictor.estimation.samples import AngleSource, JointSample, PairSample
from ankle_predictor.forecasting.forecaster import Forecaster
from ankle_predictor.forecasting.walk_history import SECONDS, WalkHistory
from ankle_predictor.model.bundle import load_bundle, model_directories
from ankle_predictor.model.engine import InferenceEngine, load_engine
from ankle_predictor.model.features import SEGMENT_FEATURES, FeatureSpec
from ankle_predictor.model.manifest import MemorySettings
from ankle_predictor.offline.pipeline import pairs_of

pytest.importorskip("onnx", reason="onnx, which comes with the training requirements, is not installed")

SWAP = 600  # pairs; 6 s


@pytest.fixture(scope="module")
def walked() -> list[PairSample]:
    return list(pairs_of(swinging(9.0)))


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> InferenceEngine:
    """A network with a shorter window than the second one's."""
    folder = tmp_path_factory.mktemp("models")
    write_tiny_bundle(folder, "first", FeatureSpec(window=20))
    return with_memory(load_engine(load_bundle("first", [folder])))


@pytest.fixture(scope="module")
def second() -> InferenceEngine:
    return with_memory(load_engine(load_bundle("base", model_directories())))


def with_memory(engine: InferenceEngine) -> InferenceEngine:
    manifest = dataclasses.replace(engine.manifest, memory=MemorySettings(every=1))
    return load_engine(dataclasses.replace(engine.bundle, manifest=manifest))


def forecaster_for(engine: InferenceEngine, side: str = "right") -> Forecaster:
    made = Forecaster(side, engine.manifest.features.filter)
    made.use(made.prepare(engine))
    return made


def walk(forecaster: Forecaster, pairs: list[PairSample]) -> np.ndarray:
    made = []
    for pair in pairs:
        if forecaster.push(pair):
            made.append(forecaster.forecast().angle)
        forecaster.settle()
    return np.array(made)


@pytest.mark.parametrize("side", ["right", "left"])
def test_after_a_swap_it_forecasts_as_if_it_had_been_in_use_all_the_time(
    walked: list[PairSample], first: InferenceEngine, second: InferenceEngine, side: str
) -> None:
    swapped, steady = forecaster_for(first, side), forecaster_for(second, side)
    walk(swapped, walked[:SWAP])
    swapped.use(swapped.prepare(second))
    walk(steady, walked[:SWAP])
    after = walk(swapped, walked[SWAP:])
    assert len(after) == len(walked) - SWAP, "the window was full at once"
    # A new model learns from every fourth pair of the past, live from every second.
    np.testing.assert_allclose(after, walk(steady, walked[SWAP:]), atol=0.02)
    cold = forecaster_for(second, side)
    fresh = walk(cold, walked[SWAP:])
    assert np.max(np.abs(after[-len(fresh) :] - fresh)) > 0.01, "the walk before the swap makes a difference"


def test_only_the_moments_during_the_preparation_are_missing(
    walked: list[PairSample], first: InferenceEngine, second: InferenceEngine
) -> None:
    swapped, steady = forecaster_for(first), forecaster_for(second)
    walk(swapped, walked[: SWAP - 50])
    ready = swapped.prepare(second)
    walk(swapped, walked[SWAP - 50 : SWAP])
    swapped.use(ready)
    assert ready.newest == walked[SWAP - 51].joint.stamp
    walk(steady, walked[:SWAP])
    # It has learned from half as many moments, and not from those of the last half second.
    off = np.abs(walk(swapped, walked[SWAP:]) - walk(steady, walked[SWAP:]))
    assert np.mean(off) < 0.005
    assert np.max(off) < 0.05


def test_a_restart_during_the_preparation_discards_what_was_learned(
    walked: list[PairSample], first: InferenceEngine, second: InferenceEngine
) -> None:
    forecaster, cold = forecaster_for(first), forecaster_for(second)
    walk(forecaster, walked[:SWAP])
    ready = forecaster.prepare(second)
    forecaster.restart()
    forecaster.use(ready)
    np.testing.assert_allclose(walk(forecaster, walked[SWAP:]), walk(cold, walked[SWAP:]), atol=1e-9)


def test_a_restart_just_when_the_preparation_begins_discards_it_too(
    walked: list[PairSample], first: InferenceEngine, second: InferenceEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    forecaster, cold = forecaster_for(first), forecaster_for(second)
    walk(forecaster, walked[:SWAP])
    ready, clear = [], WalkHistory.clear

    def meanwhile(history: WalkHistory) -> None:
        """What another thread may do while this one restarts."""
        ready.append(forecaster.prepare(second))
        clear(history)

    with monkeypatch.context() as patch:
        patch.setattr(WalkHistory, "clear", meanwhile)
        forecaster.restart()
    forecaster.use(ready[0])
    np.testing.assert_allclose(walk(forecaster, walked[SWAP:]), walk(cold, walked[SWAP:]), atol=1e-9)


def test_what_another_predictor_has_learned_is_not_used(
    walked: list[PairSample], first: InferenceEngine, second: InferenceEngine
) -> None:
    """As when the node is cleaned up and configured again while a model is being loaded."""
    before, now, cold = forecaster_for(first), forecaster_for(first, "left"), forecaster_for(second, "left")
    walk(before, walked[:SWAP])
    now.use(before.prepare(second))
    np.testing.assert_allclose(walk(now, walked[SWAP:]), walk(cold, walked[SWAP:]), atol=1e-9)


def test_the_forecasts_are_the_same_without_calls_of_settle(walked: list[PairSample], second: InferenceEngine) -> None:
    lazy = forecaster_for(second)
    never = np.array([lazy.forecast().angle for pair in walked if lazy.push(pair)])
    np.testing.assert_array_equal(never, walk(forecaster_for(second), walked))


def test_it_keeps_a_minute_and_starts_over_when_the_clock_jumps_back() -> None:
    history = WalkHistory()
    row = np.zeros(len(SEGMENT_FEATURES))
    for k in range(10_000):
        history.push(JointSample(k / 100, float(k), 0.0, AngleSource(k % 2)), row)
    past = history.since()
    assert past.stamps[0] == pytest.approx(99.99 - SECONDS)
    assert (past.angles[-1], past.features.shape) == (9999.0, (len(past.stamps), len(row)))
    assert past.from_encoder[-2:].tolist() == [0.0, 1.0]
    assert history.since(99.9).stamps.tolist() == pytest.approx([99.91 + k / 100 for k in range(9)])
    history.push(JointSample(5.0, 1.0, 0.0), row)
    assert history.since().stamps.tolist() == [5.0]
    history.clear()
    assert not len(history.since().stamps)


def test_it_may_be_read_while_it_grows() -> None:
    history, finished = WalkHistory(), threading.Event()

    def read() -> None:
        while not finished.is_set():
            past = history.since()
            if not (np.array_equal(past.stamps, past.angles) and np.all(np.diff(past.stamps) > 0.0)):
                torn.append(past.stamps)

    torn: list[np.ndarray] = []
    reader = threading.Thread(target=read)
    reader.start()
    for k in range(20_000):
        history.push(JointSample(float(k), float(k), 0.0), np.zeros(len(SEGMENT_FEATURES)))
    finished.set()
    reader.join()
    assert not torn
