"""Examples in memory, where training has them on disk."""

from __future__ import annotations

from ankle_imu_driver.arrays import Float32Array, IntArray
from ankle_predictor.training.examples_on_disk import Batch


class ArrayExamples:
    """Examples in memory."""

    def __init__(self, window: Float32Array, change: Float32Array) -> None:
        """Keep (N, W, F) scaled windows and (N, H) rad."""
        self._window, self._change = window, change

    def __len__(self) -> int:
        return len(self._window)

    def batch(self, index: IntArray) -> Batch:
        """Return the examples with these numbers."""
        return self._window[index], self._change[index]
