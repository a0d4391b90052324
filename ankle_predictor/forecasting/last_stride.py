"""Repeats the change of the ankle angle that followed one stride ago.

The stride is the time shift at which the last second of both inclinations is most like an earlier one. This needs no
training and follows every cyclic movement, so it is one of the forecasts that are mixed.
"""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from ankle_imu_driver.arrays import FloatArray
from ankle_predictor.estimation.filter_config import TIME_RESOLUTION
from ankle_predictor.model.row_buffer import RowBuffer

GRID = 0.02  # s between the compared samples
COMPARED = 50  # newest samples that are compared: one second
SHORTEST, LONGEST = 30, 110  # samples of a stride: 0.6 to 2.2 s; running takes 0.65 s, slow walking 2 s
SEARCH_EVERY = 5  # pairs from one search to the next; the stride time changes slowly


class LastStride:
    """Stores the last strides of one leg and repeats them."""

    def __init__(self, period: float, horizon: int, max_gap: float) -> None:
        """Start without strides.

        Args:
            period: s between two steps of a forecast.
            horizon: H, steps of a forecast.
            max_gap: s, a longer gap ends the strides before it.
        """
        self._max_gap = max_gap
        self._rows = RowBuffer((4,))  # stamp in s; pitch of shank and foot, and ankle angle, in rad
        self._steps = period * np.arange(horizon + 1)
        self._back = GRID * np.arange(1 - COMPARED - LONGEST, 1)
        self._since_search = SEARCH_EVERY
        self._stride = np.nan  # s

    def push(self, stamp: float, shank_pitch: float, foot_pitch: float, angle: float) -> None:
        """Add a pair at ``stamp`` s; angles in rad. A gap, or a stamp that goes back, removes all strides before."""
        if len(self._rows) and not 0.0 < stamp - self._rows.rows[-1, 0] <= self._max_gap + TIME_RESOLUTION:
            self.clear()
        self._rows.append((stamp, shank_pitch, foot_pitch, angle))
        rows, oldest = self._rows.rows, stamp + self._back[0] - GRID
        if rows[0, 0] < oldest - 1.0:  # rarely, as it searches all rows
            self._rows.drop(int(np.searchsorted(rows[:, 0], oldest)))
        self._since_search += 1
        if self._since_search >= SEARCH_EVERY and (lags := self._lags(self._rows.rows)) >= SHORTEST:
            self._since_search = 0
            self._stride = self._search(self._rows.rows, lags)

    def clear(self) -> None:
        """Remove all strides."""
        self._rows.clear()
        self._since_search, self._stride = SEARCH_EVERY, np.nan

    def change(self, stamp: float, angle: float) -> FloatArray | None:
        """Return the (H,) change in rad that is expected after ``stamp`` s; None before there are two strides.

        Args:
            stamp: s, of the newest pair, which was not pushed yet.
            angle: rad, its ankle angle.
        """
        if np.isnan(self._stride):
            return None
        rows = self._rows.rows
        times, angles = np.append(rows[:, 0], stamp), np.append(rows[:, 3], angle)
        then = np.interp(np.minimum(stamp - self._stride + self._steps, stamp), times, angles)
        change: FloatArray = then[1:] - then[0]
        return change

    @staticmethod
    def _lags(rows: FloatArray) -> int:
        """Return the longest stride, in samples, for which there are rows; at most ``LONGEST``."""
        return min(LONGEST, int((rows[-1, 0] - rows[0, 0] + TIME_RESOLUTION) / GRID) - COMPARED + 1)

    @staticmethod
    def _search(rows: FloatArray, lags: int) -> float:
        """Return the stride time in s, up to ``lags`` samples, at which the last second is most like an earlier one."""
        newest = rows[-1, 0]
        times = newest + GRID * np.arange(1 - COMPARED - lags, 1)
        pitches = np.stack([np.interp(times, rows[:, 0], rows[:, column]) for column in (1, 2)])
        pieces = sliding_window_view(pitches, COMPARED, axis=1)  # (2, lags + 1, COMPARED), oldest first
        pieces = pieces - pieces.mean(axis=2, keepdims=True)
        off = pieces[:, : lags + 1 - SHORTEST] - pieces[:, -1:]
        apart = np.einsum("ijk,ijk->j", off, off)
        return float(GRID * (lags - int(np.argmin(apart))))
