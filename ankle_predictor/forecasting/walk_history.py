"""The pairs of the last minute, from which the memory of a network that is to take over is made."""

from __future__ import annotations

import math
import threading

import numpy as np

from ankle_imu_driver.arrays import FloatArray
from ankle_predictor.estimation.filter_config import TIME_RESOLUTION
from ankle_predictor.forecasting.stride_memory import StrideMemory
from ankle_predictor.model.engine import InferenceEngine
from ankle_predictor.model.features import SEGMENT_FEATURES, FeatureSpec, interpolated
from ankle_predictor.model.row_buffer import RowBuffer

SECONDS = 65.0  # a memory's minute, and before it a window and a horizon
BATCH = 16  # windows that the network sees at once, which costs less than half of one by one


class WalkHistory:
    """Keeps pairs for ``SECONDS``; what is kept may be read in another thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pairs = RowBuffer((2 + len(SEGMENT_FEATURES),))

    def push(self, stamp: float, angle: float, features: FloatArray) -> None:
        """Take a pair: stamp in s, the IMUs' angle in rad, ``pair_features`` (F,); a jump back drops what was."""
        with self._lock:
            if len(self._pairs) and stamp <= self._pairs.rows[-1, 0]:
                self._pairs.clear()
            self._pairs.append(np.concatenate(((stamp, angle), features)))
            while self._pairs.rows[0, 0] < stamp - SECONDS:  # one or none, where a search would read the whole minute
                self._pairs.drop(1)

    def clear(self) -> None:
        """Forget the wearer."""
        with self._lock:
            self._pairs.clear()

    def since(self, stamp: float = -math.inf) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return stamps (N,), angles (N,) and features (N, F) of the pairs after a stamp, oldest first."""
        with self._lock:
            pairs = self._pairs.rows
            newer = pairs[np.searchsorted(pairs[:, 0], stamp, "right") :].copy()
        return newer[:, 0], newer[:, 1], newer[:, 2:]

    def teach(self, memory: StrideMemory, engine: InferenceEngine, sign: FloatArray) -> float:
        """Fill an empty memory as if this network had run all along.

        Args:
            memory: the network's.
            engine: the network.
            sign: (F,) by which the features are multiplied for it, where it is of the other leg.

        Returns:
            Stamp of the newest pair that the memory knows, in s; -inf if there was none.
        """
        spec, horizon = engine.manifest.features, engine.manifest.horizon
        stamps, angles, features = self.since()
        if not len(stamps):
            return -math.inf
        rows, offsets = features * sign, spec.period * np.arange(1 - spec.window, 1)
        kept = [pair for pair in _with_window(stamps, spec) if memory.keeps_next()]
        # Few calls on much at a time: they let other threads go on, which Python's own steps do not.
        for first in range(0, len(kept), BATCH):
            batch = kept[first : first + BATCH]
            windows = interpolated(stamps, rows, stamps[batch, np.newaxis] + offsets)
            forecast = engine.forecast_batch(windows)
            memory.relive(stamps[batch], windows, forecast.angle, forecast.offset, (stamps, angles))
        for pair in range(np.searchsorted(stamps, stamps[-1] - (horizon + 1) * spec.period), len(stamps)):
            memory.push_angle(float(stamps[pair]), float(angles[pair]))
        return float(stamps[-1])


def _with_window(stamps: FloatArray, spec: FeatureSpec) -> list[int]:
    """Return the numbers of the pairs that have a whole window without a gap before them, as ``WindowGrid`` has it."""
    gaps = np.diff(stamps, prepend=-math.inf) > spec.filter.max_gap + TIME_RESOLUTION
    first = np.maximum.accumulate(np.where(gaps, np.arange(len(stamps)), 0))
    reach = (spec.window - 1) * spec.period
    whole: list[int] = np.flatnonzero(stamps[first] <= stamps - reach + TIME_RESOLUTION).tolist()
    return whole
