"""Waits until a forecast's last step is due, and then gives the angles that really followed."""

from __future__ import annotations

from collections import deque
from typing import Generic, TypeVar

import numpy as np

from ankle_imu_driver.arrays import FloatArray
from ankle_predictor.estimation.filter_config import TIME_RESOLUTION
from ankle_predictor.model.row_buffer import RowBuffer
from ankle_predictor.trust.scoring import truth_at

T = TypeVar("T")


class DueMoments(Generic[T]):
    """Moments whose forecasts are not due yet, in time order, and the angles since the oldest of them."""

    def __init__(self, period: float, horizon: int) -> None:
        """Start empty.

        Args:
            period: s between two steps of a forecast.
            horizon: H, steps of a forecast.
        """
        self._steps = period * np.arange(1, horizon + 1)
        self._pending: deque[tuple[float, T]] = deque()
        self._angles = RowBuffer((2,))  # stamp in s and ankle angle in rad

    def remember(self, stamp: float, moment: T) -> None:
        """Add a moment at ``stamp`` s, which is not earlier than the one before."""
        self._pending.append((stamp, moment))

    def push_angle(self, stamp: float, angle: float) -> list[tuple[T, FloatArray]]:
        """Add the ankle angle (rad) of a pair at ``stamp`` s; return the moments that have come due.

        Each comes with its (H,) true angles in rad. A moment whose truth has a gap is dropped. A stamp that goes back
        drops all moments.
        """
        if len(self._angles) and stamp <= self._angles.rows[-1, 0]:
            self.clear()
        self._angles.append((stamp, angle))
        due = []
        while self._pending and self._pending[0][0] + self._steps[-1] <= stamp + TIME_RESOLUTION:
            then, moment = self._pending.popleft()
            known = self._angles.rows
            truth = truth_at(known[:, 0], known[:, 1], np.minimum(then + self._steps, stamp))
            if np.isfinite(truth).all():
                due.append((moment, truth))
        oldest = self._pending[0][0] if self._pending else stamp
        # Keep one angle before the oldest pending moment, to interpolate from.
        self._angles.drop(max(0, int(np.searchsorted(self._angles.rows[:, 0], oldest, "right")) - 1))
        return due

    def clear(self) -> None:
        """Remove all moments and angles."""
        self._pending.clear()
        self._angles.clear()
