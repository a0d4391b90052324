"""Learns, while the wearer walks, a linear correction of the forecast from the last second of movement.

Recursive least squares with exponential forgetting and a ridge (Haykin, Adaptive Filter Theory, chapter on RLS). It
follows whatever is regular, also movements that the network never saw, within some strides.
"""

from __future__ import annotations

import numpy as np

from ankle_imu_driver.arrays import FloatArray

HALF_LIFE = 15.0  # s of movement after which a moment weighs half
RIDGE = 10.0  # weight of "no correction", in moments of unit inputs
SOLVE_EVERY = 10  # learned moments from one solution to the next


class OnlineRegression:
    """Maps (D,) inputs to (H,) corrections in rad."""

    def __init__(self, inputs: int, horizon: int) -> None:
        """Start with no correction.

        Args:
            inputs: D.
            horizon: H.
        """
        self._gram = np.zeros((inputs, inputs))
        self._moment = np.zeros((inputs, horizon))
        self._solution = np.zeros((inputs, horizon))
        self._ridge = RIDGE * np.eye(inputs)
        self._unsolved = 0

    def correction(self, inputs: FloatArray) -> FloatArray:
        """Return the (H,) correction in rad for (D,) inputs."""
        correction: FloatArray = inputs @ self._solution
        return correction

    def learn(self, passed: float, inputs: FloatArray, error: FloatArray) -> None:
        """Learn from a moment that has come due.

        Args:
            passed: s since the moment before it.
            inputs: (D,).
            error: (H,) rad, the true angle less the uncorrected forecast.
        """
        kept = 0.5 ** (passed / HALF_LIFE)
        self._gram *= kept
        self._moment *= kept
        self._gram += np.outer(inputs, inputs)
        self._moment += np.outer(inputs, error)
        self._unsolved += 1
        if self._unsolved >= SOLVE_EVERY:
            self._unsolved = 0
            self._solution[:] = np.linalg.solve(self._gram + self._ridge, self._moment)
