"""Corrects a network's forecast by its own errors of the last minute in similar movement.

A network that was not trained on the wearer makes similar errors in every stride. When a forecast has come due, the
ankle angle shows its error. The error is stored with a key: a few numbers that describe how the leg moved at the moment
of the forecast. A new forecast is corrected by the mean error of the moments with similar keys, weighted by similarity
(kernel regression, Nadaraya 1964, Watson 1964; meteorology calls such moments analogues, Lorenz 1969). Where no similar
moment is stored the forecast does not change. Nothing is trained, no encoder is needed, and only past samples are used.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ankle_imu_driver.arrays import Float32Array, FloatArray
from ankle_predictor.model.manifest import KEY_FEATURES, MemorySettings

Key = Float32Array

KEY_ROWS = (-1, -3, -5)  # rows of the window that form a key: now, and 20 and 40 ms ago
# Moments with a weight below e^-16 are left out. Most are, which saves most of the computing time.
MAX_EXPONENT = 16.0


class StrideMemory:
    """The memory of one wearer. A new wearer, or a new calibration, needs a new memory."""

    def __init__(
        self,
        settings: MemorySettings,
        names: Sequence[str],
        scale: Sequence[float],
        *,
        period: float,
        horizon: int,
    ) -> None:
        """Make an empty memory.

        Args:
            settings: the constants of the memory.
            names: F names of the features of a window; they include ``KEY_FEATURES``.
            scale: (F,) scale of each feature, the unit of its differences.
            period: s between two rows of a window and between two steps of a forecast.
            horizon: H, steps of a forecast.
        """
        self._settings = settings
        # (K,) arrays, one value for each number of a key: its column in a window, its index in a flattened window
        # (counted from the end), and its scale.
        self._columns = np.tile([list(names).index(name) for name in KEY_FEATURES], len(KEY_ROWS))
        self._flat_index = np.repeat(KEY_ROWS, len(KEY_FEATURES)) * len(names) + self._columns
        self._scale = np.array(scale)[self._columns] * np.sqrt(len(self._columns))
        size = max(1, round(settings.span / (period * settings.every)))
        # A key is a column, not a row: a product with few long rows is several times faster than with many short ones.
        self._keys = np.zeros((len(KEY_FEATURES) * len(KEY_ROWS), size), np.float32)
        self._squares = np.zeros(size, np.float32)  # squared length of each key
        # (size, H) errors in rad, truth minus forecast, and a last column of ones that sums the weights.
        self._errors = np.ones((size, horizon + 1), np.float32)
        self._count = self._next = 0

    @property
    def moments(self) -> int:
        """Number of stored moments."""
        return self._count

    def key(self, window: FloatArray, mean: FloatArray) -> Key:
        """Return the (K,) key of a (W, F) window of unscaled features, given its (F,) mean."""
        key = window.ravel().take(self._flat_index)
        key -= mean.take(self._columns)
        key /= self._scale
        short: Key = key.astype(np.float32)
        return short

    def correction(self, key: Key) -> FloatArray:
        """Return the (H,) correction in rad to add to the network's forecast at a moment with a (K,) key."""
        n, sharpness = self._count, self._settings.sharpness
        # |key - stored key|^2 without |key|^2, which is the same for all of them
        squared = (-2.0 * key) @ self._keys[:, :n]
        squared += self._squares[:n]
        length = float(key @ key)
        near = (squared < MAX_EXPONENT / sharpness - length).nonzero()[0]
        weights = np.exp(-sharpness * (squared.take(near) + length))
        total: FloatArray = weights @ self._errors.take(near, axis=0)
        return total[:-1] / (float(total[-1]) + self._settings.prior)

    def learn(self, key: Key, error: FloatArray) -> None:
        """Store a moment that has come due.

        Args:
            key: (K,).
            error: (H,) rad, the true angle less the network's own forecast.
        """
        slot, size = self._next, len(self._squares)
        self._keys[:, slot], self._errors[slot, :-1], self._squares[slot] = key, error, key @ key
        self._next = (slot + 1) % size
        self._count = min(self._count + 1, size)
