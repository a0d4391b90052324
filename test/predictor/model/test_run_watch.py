"""A run of the network that does not end is ended, by the CPU time that it took and not by the clock."""

from __future__ import annotations

import os
import signal
import threading
import time
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from rigs import hostile_models as hostile
from rigs.tiny_bundle import KERAS, tiny_manifest

from ankle_predictor.model import engine as engine_module
from ankle_predictor.model import run_watch
from ankle_predictor.model.bundle import Bundle
from ankle_predictor.model.engine import InferenceEngine, ModelFailure
from ankle_predictor.model.features import FeatureSpec
from ankle_predictor.model.onnx_guard import OnnxGuardError, checked_onnx
from ankle_predictor.model.run_watch import RunWatch

SPEC = FeatureSpec(window=20)
CALM, REAL = np.zeros((20, 16)), np.full((20, 16), 9.81)


@pytest.fixture
def without_guard(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_module, "checked_onnx", lambda data: data)


def engine_of(network: bytes) -> InferenceEngine:
    return InferenceEngine(Bundle("odd", Path(), tiny_manifest("odd", SPEC), network, KERAS))


@pytest.mark.parametrize("network", [hostile.hanging(SPEC), hostile.failing(SPEC)])
def test_the_guard_refuses_networks_that_depend_on_data(network: bytes) -> None:
    with pytest.raises(OnnxGuardError):
        checked_onnx(network)


@pytest.mark.usefixtures("without_guard")
def test_a_run_that_hangs_is_ended_while_other_threads_go_on() -> None:
    engine, turns = engine_of(hostile.hanging(SPEC)), list[float]()
    engine.forecast(CALM)
    stop = threading.Event()

    def work() -> None:
        while not stop.wait(0.01):
            turns.append(time.monotonic())

    thread = threading.Thread(target=work)
    thread.start()
    before = time.thread_time()
    with pytest.raises(ModelFailure, match="model odd took too long for a window"):
        engine.forecast(REAL)
    took = time.thread_time() - before
    stop.set()
    thread.join()
    assert run_watch.CPU_TIME < took < 20 * run_watch.CPU_TIME
    assert len(turns) >= 3


@pytest.mark.usefixtures("without_guard")
def test_ctrl_c_is_heard_after_a_run_that_hangs(request: pytest.FixtureRequest) -> None:
    # A shell starts what runs in the background with Ctrl-C ignored.
    request.addfinalizer(
        partial(signal.signal, signal.SIGINT, signal.signal(signal.SIGINT, signal.default_int_handler))
    )
    engine = engine_of(hostile.hanging(SPEC))
    threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGINT)).start()
    with pytest.raises(KeyboardInterrupt):  # noqa: PT012 - it comes within the call or right after it
        with pytest.raises(ModelFailure):
            engine.forecast(REAL)
        time.sleep(1.0)


@pytest.mark.usefixtures("without_guard")
def test_a_network_that_fails_on_a_window_says_so_and_works_on_the_next_one() -> None:
    engine = engine_of(hostile.failing(SPEC))
    with pytest.raises(ModelFailure, match=r"model odd failed on a window: .*indices element out of data bounds"):
        engine.forecast(REAL)
    with pytest.raises(ModelFailure):
        engine.forecast_batch(np.stack([CALM, REAL]))
    assert np.all(np.isfinite(engine.forecast(CALM).angle))


def test_a_slow_computer_ends_no_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the CPU time of the run counts, and what the watching thread itself has seen pass."""
    watch = RunWatch()
    watch.begin(1)
    clock = [0.0]
    monkeypatch.setattr(time, "clock_gettime", lambda _clock: clock[0])
    for _ in range(run_watch.LOOKS):
        watch.look()
    assert not watch.ended
    watch.end()
    watch.look()
    watch.begin(1)
    for clock[0] in (0.0, 0.09):
        watch.look()
    assert not watch.ended
    clock[0] = 0.11
    watch.look()
    assert watch.ended
    assert watch.options.terminate


def test_more_windows_may_take_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    watch, clock = RunWatch(), [0.0]
    monkeypatch.setattr(time, "clock_gettime", lambda _clock: clock[0])
    watch.begin(16)
    for clock[0] in (0.0, 1.5):
        watch.look()
    assert not watch.ended
    clock[0] = 1.7
    watch.look()
    assert watch.ended


def test_watching_costs_next_to_nothing() -> None:
    watch, calls, before = RunWatch(), 2000, time.thread_time()
    for _ in range(calls):
        watch.begin(1)
        watch.end()
    assert (time.thread_time() - before) / calls < 1e-4
