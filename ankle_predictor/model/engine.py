"""Runs a bundle's network with ONNX Runtime on the CPU: from a window of features to the coming ankle angle.

Never imports TensorFlow.
"""

from __future__ import annotations

import os

# Its builds from 1.32 on look up a telemetry host every few seconds and write a device id below the home directory.
# It reads its own switch when it is loaded.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

import numpy as np
import onnxruntime

from ankle_imu_driver.arrays import FloatArray
from ankle_imu_driver.refusal import Refusal
from ankle_predictor.model.bundle import Bundle
from ankle_predictor.model.feature_family import family_of
from ankle_predictor.model.features import ANGLE_FEATURE, FeatureError
from ankle_predictor.model.forecast import Forecast
from ankle_predictor.model.manifest import BundleError, Manifest
from ankle_predictor.model.onnx_guard import OnnxGuardError, checked_onnx
from ankle_predictor.model.run_watch import RunWatch

CANARY_TOLERANCE = 1e-3  # rad: more than the rounding of processors and runtime versions, far less than wrong weights
PLAUSIBLE_ANGLE = np.radians(90.0)  # rad, wider than any ankle moves
WARM_UP_RUNS = 3
FATAL_ONLY = 4  # severity of ONNX Runtime's own log; errors are raised
OUT_OF_MEMORY = "there is not enough memory for it"


class ModelFailure(Refusal):
    """A network that failed on a window, or took too long for it; the message says which model and how."""


class InferenceEngine:
    """A network, ready to run. Not thread-safe.

    Attributes:
        bundle: the bundle that it runs.
    """

    def __init__(self, bundle: Bundle, threads: int = 1, spinning: bool = False) -> None:
        """Load the network without running it; see ``warm_up``.

        Args:
            bundle: a checked bundle.
            threads: number of threads for one forecast.
            spinning: whether these threads wait for work without sleeping; see ``make_session``.

        Raises:
            BundleError: INCOMPATIBLE or REJECTED.
        """
        self.bundle = bundle
        manifest = bundle.manifest
        # (W * F,), repeated for each row: numpy is slow with many short rows.
        self._offset = np.tile(manifest.scaler.offset, manifest.features.window)
        self._scale = np.tile(manifest.scaler.scale, manifest.features.window)
        self._margin = np.array(manifest.intervals.margin)
        self._stretch = np.array(manifest.intervals.stretch or 1.0)
        self._output = manifest.output
        self._is_delta = manifest.output.kind == "delta"
        names = manifest.features.names
        try:
            family_of(manifest.features)
        except FeatureError as error:
            raise BundleError("INCOMPATIBLE", f"model {bundle.name} was trained on {error}") from error
        if self._is_delta and ANGLE_FEATURE not in names:
            raise BundleError(
                "INCOMPATIBLE",
                f"model {bundle.name} forecasts changes of {ANGLE_FEATURE}, which its features lack",
            )
        self._angle_column = names.index(ANGLE_FEATURE) if self._is_delta else -1
        self._session = _session(bundle, threads, spinning)
        self._input = self._session.get_inputs()[0].name
        # A single window uses memory that is bound to the runtime, which saves a tenth of the time of a run.
        self._scaled = np.zeros((1, manifest.features.window, len(names)), np.float32)
        self._raw_output = np.zeros((1, *self._session.get_outputs()[0].shape[1:]), np.float32)
        self._bound = self._session.io_binding()
        self._bound.bind_cpu_input(self._input, self._scaled)
        self._watch = RunWatch()
        output = onnxruntime.OrtValue.ortvalue_from_numpy(self._raw_output)
        self._bound.bind_ortvalue_output(self._session.get_outputs()[0].name, output)

    @property
    def manifest(self) -> Manifest:
        """Manifest of the bundle."""
        return self.bundle.manifest

    def forecast(self, window: FloatArray) -> Forecast:
        """Forecast from one (W, F) window of unscaled features, oldest row first; returns (H,) arrays."""
        return self._forecast_of(self.raw(window[np.newaxis])[0], window[-1])

    def forecast_batch(self, windows: FloatArray) -> Forecast:
        """Forecast from (B, W, F) windows of unscaled features; returns (B, H) arrays."""
        return self._forecast_of(self.raw(windows), windows[:, -1:])

    def _forecast_of(self, columns: FloatArray, newest: FloatArray) -> Forecast:
        """Convert (..., H, columns) of output; ``newest`` holds the windows' last rows, broadcast to (..., H, F)."""
        low, middle, high = (0, 1, 2) if self._output.quantiles else (0, 0, 0)
        angle = columns[..., middle]
        below = (angle - columns[..., low]) * self._stretch + self._margin
        above = (columns[..., high] - angle) * self._stretch + self._margin
        if self._is_delta:
            angle = angle + newest[..., self._angle_column]
        return Forecast(angle, angle - below, angle + above, columns[..., -1] if self._output.offset else None)

    def raw(self, windows: FloatArray) -> FloatArray:
        """Return the network's output, (B, H, columns), for (B, W, F) windows of unscaled features.

        Raises:
            ModelFailure: the network failed or took too long.
        """
        moved = windows.reshape(len(windows), -1) - self._offset
        self._watch.begin(len(windows))
        try:
            if len(windows) == 1:
                np.divide(moved, self._scale, out=self._scaled.reshape(1, -1), casting="same_kind")
                self._session.run_with_iobinding(self._bound, self._watch.options)
                raw = self._raw_output
            else:
                scaled = (moved / self._scale).astype(np.float32)
                raw = self._session.run(None, {self._input: scaled.reshape(windows.shape)}, self._watch.options)[0]
        except Exception as error:  # the errors of ONNX Runtime have no base class
            how = "took too long for a window" if self._watch.ended else f"failed on a window: {_one_line(error)}"
            raise ModelFailure(f"model {self.bundle.name} {how}") from error
        finally:
            self._watch.end()
        output: FloatArray = raw.astype(np.float64)
        return output.reshape(len(windows), -1, self._output.columns)

    def warm_up(self) -> None:
        """Run the canary window: detects a broken network before it is used, and makes the first forecast fast.

        Raises:
            BundleError: REJECTED: the network fails, or its forecast has the wrong shape, is not finite, is outside an
                ankle's range, or differs from the one that the bundle contains.
        """
        canary = self.manifest.canary
        window, expected = np.array(canary.window), np.array(canary.angle)
        try:
            for _ in range(WARM_UP_RUNS):
                forecast = self.forecast(window)
        except ModelFailure as failure:
            raise self._rejection(f"it fails on its canary window: {failure}") from failure
        if forecast.angle.shape != expected.shape:
            raise self._rejection(f"it forecasts {forecast.angle.shape} values instead of {expected.shape}")
        everything = np.concatenate([forecast.angle, forecast.lower, forecast.upper])
        if not np.all(np.isfinite(everything)):
            raise self._rejection("its forecast of the canary window is not finite")
        if np.max(np.abs(everything)) > PLAUSIBLE_ANGLE:
            raise self._rejection("its forecast of the canary window is outside an ankle's range")
        if np.any(forecast.lower > forecast.angle) or np.any(forecast.angle > forecast.upper):
            raise self._rejection("its forecast of the canary window lies outside its own interval")
        off = float(np.max(np.abs(forecast.angle - expected)))
        if off > CANARY_TOLERANCE:
            raise self._rejection(f"its forecast of the canary window is {off:.4f} rad off what it was when written")

    def _rejection(self, reason: str) -> BundleError:
        return BundleError("REJECTED", f"model {self.bundle.name} is not used: {reason}")


def load_engine(bundle: Bundle, threads: int = 1, spinning: bool = False) -> InferenceEngine:
    """Create an engine and run its canary window.

    Raises:
        BundleError: INCOMPATIBLE or REJECTED.
    """
    engine = InferenceEngine(bundle, threads, spinning)
    engine.warm_up()
    return engine


def make_session(onnx: bytes, threads: int = 1, spinning: bool = False) -> onnxruntime.InferenceSession:
    """Create an ONNX Runtime session on the CPU.

    Args:
        onnx: the network.
        threads: number of threads for one run.
        spinning: whether these threads wait for work without sleeping. This keeps cores busy between two forecasts, and
            only helps if there are cores to spare.

    Raises:
        OnnxGuardError: the network contains something that a forecast does not need. ONNX Runtime raises other errors.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = FATAL_ONLY
    for pool in ("intra_op", "inter_op"):
        options.add_session_config_entry(f"session.{pool}.allow_spinning", str(int(spinning)))
    return onnxruntime.InferenceSession(checked_onnx(onnx), options, providers=["CPUExecutionProvider"])


def _session(bundle: Bundle, threads: int, spinning: bool) -> onnxruntime.InferenceSession:
    try:
        session = make_session(bundle.onnx, threads, spinning)
    except OnnxGuardError as error:
        raise BundleError("REJECTED", f"model {bundle.name} is not used: {error}") from error
    except Exception as error:  # the errors of ONNX Runtime have no base class
        raise BundleError("REJECTED", f"model {bundle.name} is not used: {_one_line(error)}") from error
    manifest = bundle.manifest
    window = [manifest.features.window, len(manifest.features.names)]
    steps = [manifest.horizon] + ([manifest.output.columns] if manifest.output.columns > 1 else [])
    for what, ends, wanted in (("takes", session.get_inputs(), window), ("gives", session.get_outputs(), steps)):
        if len(ends) != 1 or ends[0].type != "tensor(float)" or ends[0].shape[1:] != wanted:
            found = ", ".join(f"{e.type} {e.shape}" for e in ends)
            raise BundleError(
                "REJECTED", f"model {bundle.name} is not used: it {what} {found} instead of floats [batch, {wanted}]"
            )
    return session


def _one_line(error: Exception) -> str:
    """Return ONNX Runtime's error without the path of its source, which comes first, and short."""
    text = " ".join(str(error).split())
    text = (
        text.rsplit("Status Message: ", 1)[-1].rsplit("onnxruntime_src", 1)[-1]
        if "alloc" not in text
        else OUT_OF_MEMORY
    )
    return text[-150:]
