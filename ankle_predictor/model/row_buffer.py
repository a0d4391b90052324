"""A queue of equal rows in contiguous memory, so that numpy can compute with all of them at once."""

from __future__ import annotations

import numpy as np

from ankle_imu_driver.arrays import FloatArray

FIRST_CAPACITY = 64  # rows


class RowBuffer:
    """Appends rows at its end and drops them at its beginning, mostly without a copy."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        """Create an empty queue for rows of a shape."""
        self._rows = np.empty((FIRST_CAPACITY, *shape))
        self._first = self._end = 0

    def __len__(self) -> int:
        """Number of rows."""
        return self._end - self._first

    @property
    def rows(self) -> FloatArray:
        """The (N, ...) rows, oldest first. Copy them to keep them: the next ``append`` may move them."""
        return self._rows[self._first : self._end]

    @property
    def capacity(self) -> int:
        """Number of rows for which memory is allocated."""
        return len(self._rows)

    def append(self, row: FloatArray | tuple[float, ...]) -> None:
        """Add a row at the end."""
        if self._end == len(self._rows):
            kept = self.rows
            # Twice as many rows as there are: on average, each append moves one row at most.
            capacity = max(FIRST_CAPACITY, 2 * len(kept))
            moved = np.empty((capacity, *kept.shape[1:])) if capacity != self.capacity else self._rows
            moved[: len(kept)] = kept
            self._rows, self._first, self._end = moved, 0, len(kept)
        self._rows[self._end] = row
        self._end += 1

    def drop(self, count: int) -> None:
        """Remove the oldest ``count`` rows, or all if there are fewer."""
        self._first = min(self._first + count, self._end)

    def clear(self) -> None:
        """Remove all rows."""
        self._first = self._end = 0
