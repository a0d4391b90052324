"""What one tick costs: ours, and the reference's network by this engine and by ``keras.predict``."""

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

CLAIMED = 6.25  # real-time factor that the reference's publication gives
REFERENCE = "ankle_predictor.performance.keras_predict"
PATIENCE = 300.0  # s for TensorFlow to load, compile and export, on a small computer


def measure_inference(
    model: str, walk: Recording, seconds: float, progress: Progress, keras: bool = True
) -> dict[str, Any]:
    """Measure all three, each for so many seconds; what cannot be measured here says why, under ``absent``."""
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
    """A pair of samples to a forecast: features, window and network, on one core, right after the filter made it."""
    engine = load_engine(load_bundle(model, model_directories()))
    forecaster = Forecaster(engine.manifest.side, engine.manifest.features.filter)
    forecaster.use(forecaster.prepare(engine))
    pairs = chain.from_iterable(pairs_of(walk) for _ in count())
    while not forecaster.push(pair := next(pairs)):
        pass

    def receive() -> None:
        nonlocal pair
        pair = next(pairs)

    def tick() -> None:
        if forecaster.push(pair):
            forecaster.forecast()

    def look_after() -> None:
        _ = forecaster.unfamiliarity
        forecaster.settle()

    with on_one_core():
        return timed(tick, seconds, progress, pause=pause, beforehand=receive, afterwards=look_after)


def _reference_engine(onnx: bytes, seconds: float, progress: Progress) -> dict[str, float]:
    session = make_session(onnx)
    entry = session.get_inputs()[0]
    window = np.random.default_rng(0).normal(size=(1, *entry.shape[1:])).astype(np.float32)
    with on_one_core():
        return timed(lambda: session.run(None, {entry.name: window}), seconds, progress)


def _keras_predict(onnx: Path, seconds: float) -> dict[str, Any]:
    """Let a process of its own time it, and leave the network there; this one never imports tensorflow."""
    if find_spec("tensorflow") is None:
        return {"absent": "TensorFlow is not installed (requirements-train.txt)"}
    command = [sys.executable, "-m", REFERENCE, str(onnx), "--seconds", str(seconds)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=PATIENCE + seconds)
    except subprocess.CalledProcessError as error:
        return {"absent": f"it failed: {(error.stderr.strip().splitlines() or ['no reason given'])[-1]}"}
    except subprocess.TimeoutExpired:
        return {"absent": f"it took longer than {PATIENCE:.0f} s to start"}
    figures: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return figures
