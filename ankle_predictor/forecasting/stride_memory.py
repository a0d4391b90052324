"""Corrects a network's forecast by its own errors of the last minute in similar movement.

A network that was not trained on the wearer makes similar errors in every stride. When a forecast has come due, the
angle from the IMUs shows its error. The error is stored with a key: a few numbers that describe how the leg moved at
the moment of the forecast. A new forecast is corrected by the mean error of the moments with similar keys, weighted by
similarity (kernel regression, Nadaraya 1964, Watson 1964; meteorology calls such moments analogues, Lorenz 1969). Where
no similar moment is stored the forecast does not change. Nothing is trained, no encoder is needed, and only past
samples are used.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ankle_imu_driver.arrays import Float32Array, FloatArray
from ankle_predictor.model.manifest import KEY_FEATURES, MemorySettings
from ankle_predictor.model.row_buffer import RowBuffer
from ankle_predictor.trust.scoring import truth_at

StampedAngles = tuple[FloatArray, FloatArray]
"""(M,) stamps in s and (M,) ankle angles from the IMUs in rad."""
Key = Float32Array

KEY_ROWS = (-1, -3, -5)  # rows of the window that form a key: now, and 20 and 40 ms ago
# Moments with a weight below e^-16 are left out. Most are, which saves most of the computing time.
MAX_EXPONENT = 16.0


@dataclass(frozen=True, eq=False)
class _PendingMoment:
    """A moment whose forecast is not yet due."""

    stamp: float
    key: Key
    expected: FloatArray  # (H,) rad, the angle from the IMUs if the network is right


class StrideMemory:
    """The memory of one wearer. A new wearer, or a new calibration, needs a new memory or ``clear``."""

    def __init__(
        self,
        settings: MemorySettings,
        names: Sequence[str],
        scale: Sequence[float],
        *,
        period: float,
        window: int,
        horizon: int,
    ) -> None:
        """Make an empty memory.

        Args:
            settings: the constants of the memory.
            names: F names of the features of a window; they include ``KEY_FEATURES``.
            scale: (F,) scale of each feature, the unit of its differences.
            period: s between two rows of a window and between two steps of a forecast.
            window: W, rows of a window.
            horizon: H, steps of a forecast.
        """
        self._settings = settings
        # (K,) arrays, one value for each number of a key: its column in a window, its index in a flattened window
        # (counted from the end), and its scale.
        self._columns = np.tile([list(names).index(name) for name in KEY_FEATURES], len(KEY_ROWS))
        self._flat_index = np.repeat(KEY_ROWS, len(KEY_FEATURES)) * len(names) + self._columns
        self._scale = np.array(scale)[self._columns] * np.sqrt(len(self._columns))
        self._mean_weights = np.full(
            window, 1.0 / window
        )  # a matrix product is faster than a mean over many short rows
        self._steps = period * np.arange(1, horizon + 1)
        size = max(1, round(settings.span / (period * settings.every)))
        # A key is a column, not a row: a product with few long rows is several times faster than with many short ones.
        self._keys = np.zeros((len(KEY_FEATURES) * len(KEY_ROWS), size), np.float32)
        self._squares = np.zeros(size, np.float32)  # squared length of each key
        # (size, H) errors in rad, truth minus forecast, and a last column of ones that sums the weights.
        self._errors = np.ones((size, horizon + 1), np.float32)
        self._count = self._next = self._tick = 0
        self._pending: deque[_PendingMoment] = deque()
        self._angles = RowBuffer((2,))  # stamp in s and angle from the IMUs in rad

    @property
    def moments(self) -> int:
        """Number of stored moments."""
        return self._count

    def clear(self) -> None:
        """Remove all moments and pending forecasts."""
        self._count = self._next = 0
        self._pending.clear()
        self._angles.clear()

    def push_angle(self, stamp: float, angle: float) -> None:
        """Add the ankle angle from the IMUs (rad) of every pair; ``stamp`` in s.

        A stamp that goes back drops the forecasts that are not yet due.
        """
        if len(self._angles) and stamp <= self._angles.rows[-1, 0]:
            self._angles.clear()
            self._pending.clear()
        self._angles.append((stamp, angle))
        while self._pending and self._pending[0].stamp + self._steps[-1] <= stamp:
            self._learn(self._pending.popleft())
        oldest = self._pending[0].stamp if self._pending else stamp
        # Keep one angle before the oldest pending moment, to interpolate from.
        self._angles.drop(max(0, int(np.searchsorted(self._angles.rows[:, 0], oldest, "right")) - 1))

    def key(self, windows: FloatArray) -> Key:
        """Return the (..., K) keys of (..., W, F) windows of unscaled features."""
        mean = self._mean_weights @ windows
        key = windows.reshape(*windows.shape[:-2], -1).take(self._flat_index, axis=-1)
        key -= mean.take(self._columns, axis=-1)
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

    def keeps_next(self) -> bool:
        """Return whether the next moment is to be remembered. Call it once for each moment: every ``every``-th is."""
        self._tick += 1
        return self._tick % self._settings.every == 0

    def remember(self, stamp: float, key: Key, angle: FloatArray, offset: FloatArray | None = None) -> None:
        """Store the moment of a forecast as pending until its error is known.

        Args:
            stamp: s, stamp of the newest row of its window.
            key: (K,) key of its window.
            angle: (H,) rad, the network's own forecast.
            offset: (H,) rad, estimated difference of the joint angle and the angle from the IMUs at each step; None for
                a network that was not adapted to an encoder.
        """
        expected = angle if offset is None else angle - offset
        self._pending.append(_PendingMoment(stamp, key, expected))

    def remember_past(
        self,
        stamps: FloatArray,
        windows: FloatArray,
        forecast: FloatArray,
        offset: FloatArray | None,
        known: StampedAngles,
    ) -> None:
        """Remember many forecasts of the past in one call, and learn from those that have come due.

        Args:
            stamps: (N,) s, increasing; later than those of an earlier call.
            windows: (N, W, F) unscaled features.
            forecast: (N, H) rad, the network's own forecasts.
            offset: (N, H) rad, as in ``remember``.
            known: all stamps and angles up to now.
        """
        expected = forecast if offset is None else forecast - offset
        keys = self.key(windows)
        is_due = stamps + self._steps[-1] <= known[0][-1]
        truth = truth_at(*known, stamps[is_due, np.newaxis] + self._steps)
        for key, errors in zip(keys[is_due], truth - expected[is_due], strict=True):
            self._add(key, errors)
        self._pending.extend(map(_PendingMoment, stamps[~is_due].tolist(), keys[~is_due], expected[~is_due]))

    def _learn(self, moment: _PendingMoment) -> None:
        known, due = self._angles.rows, np.asarray(moment.stamp + self._steps, dtype=np.float64)
        errors = truth_at(known[:, 0], known[:, 1], due) - moment.expected
        self._add(moment.key, errors)

    def _add(self, key: Key, errors: FloatArray) -> None:
        """Store a (K,) key and its (H,) errors, unless one is NaN because the angles have a gap there."""
        if not np.isfinite(errors).all():
            return
        slot, size = self._next, len(self._squares)
        self._keys[:, slot], self._errors[slot, :-1], self._squares[slot] = key, errors, key @ key
        self._next = (slot + 1) % size
        self._count = min(self._count + 1, size)
