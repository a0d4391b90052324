"""Runs a bundle's network: a window of features in, the ankle angle of the next half second out.

ONNX Runtime on the CPU; tensorflow is never imported here.
"""

from __future__ import annotations

import numpy as np
import onnxruntime

from ankle_imu_driver.arrays import FloatArray
from ankle_predictor.model.bundle import Bundle
from ankle_predictor.model.feature_family import family_of
from ankle_predictor.model.features import ANGLE_FEATURE, FeatureError
from ankle_predictor.model.forecast import Forecast
from ankle_predictor.model.manifest import BundleError, Manifest
from ankle_predictor.model.onnx_guard import OnnxGuardError, check_onnx

CANARY_TOLERANCE = 1e-3  # rad: processors and runtime versions round differently, wrong weights are far more off
PLAUSIBLE_ANGLE = np.radians(90.0)  # rad, wider than any ankle moves
WARM_UP_RUNS = 3
ERRORS_ONLY = 3  # severity of ONNX Runtime's own log


class InferenceEngine:
    """One network, ready to run; in one thread at a time.

    Attributes:
        bundle: where it comes from.
    """

    def __init__(self, bundle: Bundle, threads: int = 1, spinning: bool = False) -> None:
        """Make the network, without trying it; see ``warm_up``.

        Args:
            bundle: a checked bundle.
            threads: how many cores one forecast may use.
            spinning: whether these wait for work without sleeping; see ``make_session``.

        Raises:
            BundleError: INCOMPATIBLE or REJECTED.
        """
        self.bundle = bundle
        manifest = bundle.manifest
        # (W * F,) of all rows: numpy is slow at many short ones.
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
                f"model {bundle.name} forecasts the change of an angle ({ANGLE_FEATURE}) that its features lack",
            )
        self._angle_column = names.index(ANGLE_FEATURE) if self._is_delta else -1
        self._session = _session(bundle, threads, spinning)
        self._input = self._session.get_inputs()[0].name
        # A single window goes in and out by memory that the runtime knows, which saves a tenth of a run.
        self._scaled = np.zeros((1, manifest.features.window, len(names)), np.float32)
        self._said = np.zeros((1, *self._session.get_outputs()[0].shape[1:]), np.float32)
        self._bound = self._session.io_binding()
        self._bound.bind_cpu_input(self._input, self._scaled)
        output = onnxruntime.OrtValue.ortvalue_from_numpy(self._said)
        self._bound.bind_ortvalue_output(self._session.get_outputs()[0].name, output)

    @property
    def manifest(self) -> Manifest:
        """What the bundle says of the network."""
        return self.bundle.manifest

    def forecast(self, window: FloatArray) -> Forecast:
        """Forecast from one (W, F) window of unscaled features, oldest row first; returns (H,) arrays."""
        return self._forecast_of(self.raw(window[np.newaxis])[0], window[-1])

    def forecast_batch(self, windows: FloatArray) -> Forecast:
        """Forecast from (B, W, F) windows of unscaled features; returns (B, H) arrays."""
        return self._forecast_of(self.raw(windows), windows[:, -1:])

    def _forecast_of(self, columns: FloatArray, newest: FloatArray) -> Forecast:
        """Read (..., H, columns) of the network, whose windows end with rows that fit (..., H, F)."""
        low, middle, high = (0, 1, 2) if self._output.quantiles else (0, 0, 0)
        angle = columns[..., middle]
        below = (angle - columns[..., low]) * self._stretch + self._margin
        above = (columns[..., high] - angle) * self._stretch + self._margin
        if self._is_delta:
            angle = angle + newest[..., self._angle_column]
        return Forecast(angle, angle - below, angle + above, columns[..., -1] if self._output.offset else None)

    def raw(self, windows: FloatArray) -> FloatArray:
        """Return the network's own numbers, (B, H, columns), for (B, W, F) windows of unscaled features."""
        moved = windows.reshape(len(windows), -1) - self._offset
        if len(windows) == 1:
            np.divide(moved, self._scale, out=self._scaled.reshape(1, -1), casting="same_kind")
            self._session.run_with_iobinding(self._bound)
            said = self._said
        else:
            scaled = (moved / self._scale).astype(np.float32)
            said = self._session.run(None, {self._input: scaled.reshape(windows.shape)})[0]
        output: FloatArray = said.astype(np.float64)
        return output.reshape(len(windows), -1, self._output.columns)

    def warm_up(self) -> None:
        """Run the canary window, so that a broken network is found before it is used and the first forecast is fast.

        Raises:
            BundleError: REJECTED: the network fails, or its forecast has the wrong shape, is not finite, is no angle of
                an ankle, or is not what it was when the bundle was written.
        """
        canary = self.manifest.canary
        window, expected = np.array(canary.window), np.array(canary.angle)
        try:
            for _ in range(WARM_UP_RUNS):
                forecast = self.forecast(window)
        except Exception as error:  # ONNX Runtime's own have no base class
            raise self._rejection(f"it fails on its canary window: {_one_line(error)}") from error
        if forecast.angle.shape != expected.shape:
            raise self._rejection(f"it forecasts {forecast.angle.shape} values instead of {expected.shape}")
        everything = np.concatenate([forecast.angle, forecast.lower, forecast.upper])
        if not np.all(np.isfinite(everything)):
            raise self._rejection("its forecast of the canary window is not finite")
        if np.max(np.abs(everything)) > PLAUSIBLE_ANGLE:
            raise self._rejection("its forecast of the canary window is no angle of an ankle")
        if np.any(forecast.lower > forecast.angle) or np.any(forecast.angle > forecast.upper):
            raise self._rejection("its forecast of the canary window lies outside its own interval")
        off = float(np.max(np.abs(forecast.angle - expected)))
        if off > CANARY_TOLERANCE:
            raise self._rejection(f"its forecast of the canary window is {off:.4f} rad off what it was when written")

    def _rejection(self, reason: str) -> BundleError:
        return BundleError("REJECTED", f"model {self.bundle.name} is not used: {reason}")


def load_engine(bundle: Bundle, threads: int = 1, spinning: bool = False) -> InferenceEngine:
    """Make and try an engine.

    Raises:
        BundleError: INCOMPATIBLE or REJECTED.
    """
    engine = InferenceEngine(bundle, threads, spinning)
    engine.warm_up()
    return engine


def make_session(onnx: bytes, threads: int = 1, spinning: bool = False) -> onnxruntime.InferenceSession:
    """Make ONNX Runtime run a network on the CPU.

    Args:
        onnx: the network.
        threads: how many cores one run may use.
        spinning: whether these wait for work without sleeping. That burns a core of a small computer between two
            forecasts, and helps only where there are cores to spare.

    Raises:
        OnnxGuardError: the network holds what no forecast needs. ONNX Runtime raises its own on the rest.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = ERRORS_ONLY
    for pool in ("intra_op", "inter_op"):
        options.add_session_config_entry(f"session.{pool}.allow_spinning", str(int(spinning)))
    check_onnx(onnx)
    return onnxruntime.InferenceSession(onnx, options, providers=["CPUExecutionProvider"])


def _session(bundle: Bundle, threads: int, spinning: bool) -> onnxruntime.InferenceSession:
    try:
        session = make_session(bundle.onnx, threads, spinning)
    except OnnxGuardError as error:
        raise BundleError("REJECTED", f"model {bundle.name} is not used: {error}") from error
    except Exception as error:  # ONNX Runtime's own have no base class
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
    return " ".join(str(error).split())[:300]
