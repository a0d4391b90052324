"""Scores the forecasts of the last seconds against the best measurement that is available."""

from __future__ import annotations

import math

from ankle_predictor.estimation.stamp_guard import StampGuard
from ankle_predictor.model.forecast import Forecast
from ankle_predictor.trust.scoring import RecentError

RECENT = 10.0  # s of forecasts that are averaged
ENCODER_LOST = 0.5  # s without an encoder sample after which the IMUs' angle is used as the truth


class LiveScore:
    """Scores forecasts when they are due: against the encoder if there is one, otherwise against the IMUs' angle."""

    def __init__(self, period: float) -> None:
        """Create an empty score; ``period`` in s is the time between two steps of a forecast."""
        self._errors = RecentError(period, RECENT)
        self._encoder_stamp = -math.inf
        self._encoder_guard: StampGuard[float] = StampGuard()

    def clear(self) -> None:
        """Forget everything, for example when nothing has come due for so long that nothing is recent any more."""
        self._errors.reset()

    def push_forecast(self, stamp: float, forecast: Forecast) -> None:
        """Add a forecast of (H,) rad made at ``stamp`` s."""
        self._errors.push_forecast(stamp, forecast.angle, forecast.lower, forecast.upper)

    def push_encoder(self, stamp: float, angle: float) -> None:
        """Add the encoder's angle in rad at ``stamp`` s; a single odd stamp is dropped."""
        for known, true in self._encoder_guard.push(stamp, angle):
            if self._encoder_stamp == -math.inf:
                self._errors.reset()
            self._encoder_stamp = known
            self._errors.push_truth(known, true)

    def push_imu(self, stamp: float, angle: float) -> None:
        """Add the ankle angle from the IMUs in rad at ``stamp`` s; ignored while there is an encoder."""
        if abs(stamp - self._encoder_stamp) <= ENCODER_LOST:
            return
        if self._encoder_stamp != -math.inf:
            self._encoder_stamp = -math.inf
            self._errors.reset()
        self._errors.push_truth(stamp, angle)

    @property
    def value(self) -> float:
        """Mean absolute error in rad of the forecast steps that were due in the last 10 s; NaN without any."""
        return self._errors.value

    @property
    def coverage(self) -> float:
        """Share of the true angles of the last 10 s that were inside the interval; NaN without any."""
        return self._errors.coverage
