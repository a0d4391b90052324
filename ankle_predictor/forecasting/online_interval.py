"""Widens or narrows the prediction interval until it holds as many true angles as it promises.

Quantile tracking (Gibbs and Candes 2021, "Adaptive conformal inference under distribution shift"; Angelopoulos,
Candes and Tibshirani 2023, "Conformal PID control", the P part): after a miss an end moves out by (1 - miss) steps,
otherwise in by ``miss`` steps. Over a long time the share of misses is then right, whatever the errors are. Both ends
are tracked by themselves, for each step of the forecast, and for standing and moving.
"""

from __future__ import annotations

import numpy as np

from ankle_imu_driver.arrays import BoolArray, FloatArray

STEP = 0.05  # share of the usual error by which an end moves after a miss
FORGET = 5.0  # s, time constant of the usual error
NARROWEST, WIDEST = 0.02, 100.0  # limits of the factors


class OnlineInterval:
    """Factors on the lower and upper half width of an interval, (H,) each, for each kind of movement."""

    def __init__(self, level: float, kinds: int, horizon: int) -> None:
        """Start with factors of one.

        Args:
            level: share of the true angles that the interval should hold.
            kinds: number of kinds of movement.
            horizon: H.
        """
        self._miss = (1.0 - level) / 2.0  # at each end
        self._factors = np.ones((kinds, 2, horizon))
        self._usual = np.ones((kinds, 1, horizon))  # of the error in half widths

    def factors(self, kind: int) -> FloatArray:
        """Return the (2, H) factors on the lower and upper half width."""
        factors: FloatArray = self._factors[kind]
        return factors

    def learn(self, passed: float, kind: int, off: FloatArray, missed: BoolArray) -> None:
        """Learn from a moment that has come due.

        Args:
            passed: s since the moment of this kind before it.
            kind: of the movement at that moment.
            off: (H,) absolute error of the published forecast, in half widths before the factors.
            missed: (2, H), whether the true angle was below the published interval, and above it.
        """
        usual = self._usual[kind]
        usual += (1.0 - np.exp(-passed / FORGET)) * (off - usual)
        self._factors[kind] += STEP * usual * (missed - self._miss)
        np.clip(self._factors[kind], NARROWEST, WIDEST, out=self._factors[kind])
