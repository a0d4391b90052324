"""Mixes several forecasts by how well each of them did lately, for each step of the forecast.

A forecast's weight is a power of its recent mean absolute error. This is exponential weighting of the logarithm of the
errors (Vovk 1990; Cesa-Bianchi and Lugosi 2006, chapter 2) with forgetting (Herbster and Warmuth 1998): with a large
power the best one runs alone, and similar ones are averaged. Standing and moving have weights of their own, as each of
the forecasts is good at one of them (specialists that sleep, Freund et al. 1997).
"""

from __future__ import annotations

import numpy as np

from ankle_imu_driver.arrays import FloatArray

POWER = 8.0
FORGET = 6.0  # s in which an error loses all but 1/e of its weight
PRIOR = 1.0  # s for which the errors that are assumed at the start count
SMALLEST = 1e-4  # rad, an error below this counts as this


class Mixture:
    """The weights of E forecasts at each of H steps, for two kinds of movement."""

    def __init__(self, assumed: FloatArray, horizon: int) -> None:
        """Start with assumed errors.

        Args:
            assumed: (kinds, E) mean absolute errors in rad that are assumed at the start, for each kind of movement.
            horizon: H.
        """
        self._assumed = PRIOR * assumed[:, :, np.newaxis]
        self._sums = np.zeros((*assumed.shape, horizon))  # rad s
        self._time = np.zeros(len(assumed))  # s that the sums represent
        self._weights = [self._computed(kind) for kind in range(len(assumed))]

    def weights(self, kind: int) -> FloatArray:
        """Return the (E, H) weights for a kind of movement; they add up to 1 at each step."""
        return self._weights[kind]

    def _computed(self, kind: int) -> FloatArray:
        error = (self._sums[kind] + self._assumed[kind]) / (self._time[kind] + PRIOR)
        logs = -POWER * np.log(np.maximum(error, SMALLEST))
        weights: FloatArray = np.exp(logs - logs.max(axis=0))
        weights /= weights.sum(axis=0)
        return weights

    def learn(self, passed: float, kind: int, error: FloatArray) -> None:
        """Learn from a moment that has come due.

        Args:
            passed: s since the moment of this kind before it.
            kind: of the movement at that moment.
            error: (E, H) rad, absolute.
        """
        kept = np.exp(-passed / FORGET)
        self._sums[kind] = kept * self._sums[kind] + passed * error
        self._time[kind] = kept * self._time[kind] + passed
        self._weights[kind] = self._computed(kind)  # here, so that no forecast waits for it
