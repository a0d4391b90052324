"""A queue of equal rows that always lie in one piece, so that all of them can be computed with at once."""

from __future__ import annotations

import numpy as np

from ankle_imu_driver.arrays import FloatArray

FIRST_ROOM = 64  # rows


class RowBuffer:
    """Takes rows at its end and lets them go at its beginning; nothing is copied at most of either."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        """Start empty; ``shape`` is a row's."""
        self._rows = np.empty((FIRST_ROOM, *shape))
        self._first = self._end = 0

    def __len__(self) -> int:
        """How many rows there are."""
        return self._end - self._first

    @property
    def rows(self) -> FloatArray:
        """The (N, ...) rows, oldest first; not to be kept, as the next ``append`` may move them."""
        return self._rows[self._first : self._end]

    def append(self, row: FloatArray | tuple[float, ...]) -> None:
        """Take a row."""
        if self._end == len(self._rows):
            kept = self.rows
            # With half of the room free, a row is moved once at most for each that is taken.
            room = max(FIRST_ROOM, 2 * len(kept))
            moved = np.empty((room, *kept.shape[1:])) if room != len(self._rows) else self._rows
            moved[: len(kept)] = kept
            self._rows, self._first, self._end = moved, 0, len(kept)
        self._rows[self._end] = row
        self._end += 1

    def drop(self, count: int) -> None:
        """Let the oldest ``count`` go."""
        self._first = min(self._first + count, self._end)

    def clear(self) -> None:
        """Let all go."""
        self._first = self._end = 0
