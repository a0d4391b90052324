"""Blends each forecast with the last one, by the time at which their steps are due.

A motor follows what comes out. Two forecasts of one and the same moment, made 10 ms apart, differ by the noise of both;
an exponential average over the forecasts of that moment is calmer and hardly later, as all of them mean that moment.
"""

from __future__ import annotations

import numpy as np

from ankle_imu_driver.arrays import FloatArray
from ankle_predictor.estimation.filter_config import TIME_RESOLUTION

NEW = 0.4  # weight of the new forecast
PERIOD = 0.01  # s between two forecasts for which this weight is meant
LONGEST = 0.1  # s; an older forecast is not blended


class Blending:
    """Stores the last blended forecast."""

    def __init__(self, period: float, horizon: int) -> None:
        """Start without a forecast.

        Args:
            period: s between two steps of a forecast.
            horizon: H.
        """
        self._period = period
        self._stamp = -np.inf
        self._last = np.zeros((0, horizon))

    def blend(self, stamp: float, curves: FloatArray) -> FloatArray:
        """Return the (C, H) curves of a forecast made at ``stamp`` s, blended with those of the last one."""
        passed = stamp - self._stamp
        if 0.0 < passed <= LONGEST + TIME_RESOLUTION:
            steps = passed / self._period
            if abs(steps - round(steps)) <= TIME_RESOLUTION / self._period:  # whole steps have passed
                steps = float(round(steps))
            whole, share = divmod(steps, 1.0)
            # The last forecast at the times of the new one; its first steps have passed.
            last = self._last[:, int(whole) :]
            if share > 0.0:
                last = last[:, :-1] + share * (last[:, 1:] - last[:, :-1])
            known = last.shape[1]
            curves[:, :known] += (1.0 - NEW) ** (passed / PERIOD) * (last - curves[:, :known])
        self._stamp, self._last = stamp, curves
        return curves
