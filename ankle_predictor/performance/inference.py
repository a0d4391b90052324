"""Time of one tick: our model, and the reference's network with our engine and with ``keras.predict``."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from importlib.util import find_spec
from itertools import chain, count
from pathlib import Path
from typing import Any

import numpy as np

from ankle_imu_driver.recordings.recording import Recording
from ankle_predictor.forecasting.forecaster import Forecaster
from ankle_predictor.model.bundle import load_bundle, model_directories
from ankle_predictor.model.engine import load_engine, make_session
from ankle_predictor.offline.pipeline import pairs_of
from ankle_predictor.performance.timing import Progress, on_one_core, timed

CLAIMED = 6.25  # real-time factor that the reference's publication states
KERAS_PREDICT = "ankle_predictor.performance.keras_predict"
PATIENCE = 300.0  # s for TensorFlow to load, compile and export, on a small computer


def measure_inference(
    model: str, walk: Recording, seconds: float, progress: Progress, keras: bool = True
) -> dict[str, Any]:
    """Measure all of them, each for some seconds.

    Args:
        model: name of ours.
        walk: that is played to it.
        seconds: of each measurement.
        progress: called as the measurements go on.
        keras: whether to measure ``keras.predict``, and with it the reference's network.

    Returns:
        Figures by name. What cannot be measured here has only ``absent``, the reason.
    """
    figures: dict[str, Any] = {
        name: _ours(model, walk, seconds / 2, progress, pause)
        for name, pause in (("ours", True), ("ours_back_to_back", False))
    }
    with tempfile.TemporaryDirectory() as folder:
        onnx = Path(folder, "reference.onnx")
        left_out = {"absent": "left out by --no-keras"}
        figures["reference_keras_predict"] = _keras_predict(onnx, seconds) if keras else left_out
        progress(seconds)
        figures["reference_engine"] = (
            _reference_engine(onnx.read_bytes(), seconds, progress)
            if onnx.exists()
            else figures["reference_keras_predict"]
        )
    return figures | {"reference_claimed": {"real_time_factor": CLAIMED}}


def _ours(model: str, walk: Recording, seconds: float, progress: Progress, pause: bool) -> dict[str, float]:
    """Time a tick, from a pair of samples to a forecast: features, window and network, on one core.

    The filter runs right before each tick, as in the live node, and its time is not counted.
    """
    engine = load_engine(load_bundle(model, model_directories()))
    forecaster = Forecaster(engine.manifest.side, engine.manifest.features.filter)
    forecaster.use(forecaster.prepare(engine))
    pairs = chain.from_iterable(pairs_of(walk) for _ in count())
    while not forecaster.push(pair := next(pairs)):
        pass

    def filter_next() -> None:
        nonlocal pair
        pair = next(pairs)

    def tick() -> None:
        if forecaster.push(pair):
            forecaster.forecast()

    def settle() -> None:
        _ = forecaster.unfamiliarity
        forecaster.settle()

    with on_one_core():
        return timed(tick, seconds, progress, pause=pause, beforehand=filter_next, afterwards=settle)


def _reference_engine(onnx: bytes, seconds: float, progress: Progress) -> dict[str, float]:
    session = make_session(onnx)
    network_input = session.get_inputs()[0]
    window = np.random.default_rng(0).normal(size=(1, *network_input.shape[1:])).astype(np.float32)
    with on_one_core():
        return timed(lambda: session.run(None, {network_input.name: window}), seconds, progress)


def _keras_predict(onnx: Path, seconds: float) -> dict[str, Any]:
    """Time it in a child process, so that this one never imports tensorflow; the child writes the network, too."""
    if find_spec("tensorflow") is None:
        return {"absent": "TensorFlow is not installed (requirements-train.txt)"}
    command = [sys.executable, "-m", KERAS_PREDICT, str(onnx), "--seconds", str(seconds)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=PATIENCE + seconds)
    except subprocess.CalledProcessError as error:
        return {"absent": f"it failed: {(error.stderr.strip().splitlines() or ['no reason given'])[-1]}"}
    except subprocess.TimeoutExpired:
        return {"absent": f"it took longer than {PATIENCE:.0f} s to start"}
    figures: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return figures
