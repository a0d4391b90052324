"""How good the forecasts of the last seconds were, against the best truth at hand."""

from __future__ import annotations

import math

from ankle_predictor.model.forecast import Forecast
from ankle_predictor.trust.scoring import RecentError

ENCODER_LOST = 0.5  # s without an encoder sample, after which the IMUs' own angle is the truth


class LiveScore:
    """Scores forecasts as they come due, against the encoder while there is one, otherwise the IMUs' later angle."""

    def __init__(self, period: float) -> None:
        """Start with nothing known; ``period`` in s lies between two steps of a forecast."""
        self._errors = RecentError(period)
        self._encoder_stamp = -math.inf

    def push_forecast(self, stamp: float, forecast: Forecast) -> None:
        """Take a forecast of (H,) rad made at ``stamp`` s."""
        self._errors.push_forecast(stamp, forecast.angle, forecast.lower, forecast.upper)

    def push_encoder(self, stamp: float, angle: float) -> None:
        """Take the encoder's angle in rad."""
        if self._encoder_stamp == -math.inf:
            self._errors.reset()
        self._encoder_stamp = stamp
        self._errors.push_truth(stamp, angle)

    def push_imu(self, stamp: float, angle: float) -> None:
        """Take the IMUs' own angle in rad."""
        if abs(stamp - self._encoder_stamp) <= ENCODER_LOST:
            return
        if self._encoder_stamp != -math.inf:
            self._encoder_stamp = -math.inf
            self._errors.reset()
        self._errors.push_truth(stamp, angle)

    @property
    def value(self) -> float:
        """Mean absolute error in rad of what came due in the last 10 s, NaN before anything did."""
        return self._errors.value

    @property
    def coverage(self) -> float:
        """Share of what came due in the last 10 s that lay inside its interval, NaN before anything did."""
        return self._errors.coverage
