"""Keeps the pairs of the last minute, to fill the memory of a model before it comes into use."""

from __future__ import annotations

import math
import threading

import numpy as np

from ankle_imu_driver.arrays import FloatArray
from ankle_predictor.forecasting.stride_memory import StrideMemory
from ankle_predictor.model.engine import InferenceEngine
from ankle_predictor.model.features import SEGMENT_FEATURES, full_windows, interpolated
from ankle_predictor.model.row_buffer import RowBuffer

SECONDS = 65.0  # a memory spans one minute; its first forecast also needs a window before it and a horizon after it
BATCH = 16  # windows for which the network makes forecasts at once; this takes less than half the time of one by one


class WalkHistory:
    """Keeps the pairs of the last ``SECONDS``. Another thread may read them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pairs = RowBuffer((2 + len(SEGMENT_FEATURES),))

    def push(self, stamp: float, angle: float, features: FloatArray) -> None:
        """Add a pair. A stamp that goes back removes all older pairs.

        Args:
            stamp: s.
            angle: ankle angle from the IMUs in rad.
            features: (F,) ``pair_features`` of the pair, not mirrored.
        """
        with self._lock:
            if len(self._pairs) and stamp <= self._pairs.rows[-1, 0]:
                self._pairs.clear()
            self._pairs.append(np.concatenate(((stamp, angle), features)))
            while self._pairs.rows[0, 0] < stamp - SECONDS:  # at most one pair; a search would read all of them
                self._pairs.drop(1)

    def clear(self) -> None:
        """Remove all pairs."""
        with self._lock:
            self._pairs.clear()

    def since(self, stamp: float = -math.inf) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return stamps (N,), angles (N,) and features (N, F) of the pairs after a stamp, oldest first."""
        with self._lock:
            pairs = self._pairs.rows
            newer = pairs[np.searchsorted(pairs[:, 0], stamp, "right") :].copy()
        return newer[:, 0], newer[:, 1], newer[:, 2:]

    def fill(self, memory: StrideMemory, engine: InferenceEngine, mirror: FloatArray) -> float:
        """Fill an empty memory as if the model had been in use for the whole history.

        Args:
            memory: the memory of the model.
            engine: the engine of the model.
            mirror: (F,) factors of the features: ``MIRROR`` for a model of the other leg, otherwise ones.

        Returns:
            Stamp in s of the newest pair that the memory contains; -inf if there is none.
        """
        spec, horizon = engine.manifest.features, engine.manifest.horizon
        stamps, angles, features = self.since()
        if not len(stamps):
            return -math.inf
        rows, offsets = features * mirror, spec.period * np.arange(1 - spec.window, 1)
        kept = [pair for pair in full_windows(stamps, spec).tolist() if memory.keeps_next()]
        # Few calls with much data each: numpy and the network let other threads run, Python code does not.
        for first in range(0, len(kept), BATCH):
            batch = kept[first : first + BATCH]
            windows = interpolated(stamps, rows, stamps[batch, np.newaxis] + offsets)
            forecast = engine.forecast_batch(windows)
            memory.remember_past(stamps[batch], windows, forecast.angle, forecast.offset, (stamps, angles))
        for pair in range(np.searchsorted(stamps, stamps[-1] - (horizon + 1) * spec.period), len(stamps)):
            memory.push_angle(float(stamps[pair]), float(angles[pair]))
        return float(stamps[-1])
