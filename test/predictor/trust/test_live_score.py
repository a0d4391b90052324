"""Forecasts are scored when they are due, against the best measurement that is available."""

from __future__ import annotations

import math

import numpy as np
import pytest

from ankle_predictor.model.forecast import Forecast
from ankle_predictor.trust.live_score import LiveScore

FORECAST = Forecast(np.full(50, 0.1), np.full(50, -0.05), np.full(50, 0.25))  # the interval contains 0.0, not 0.3


def test_the_encoder_is_the_truth_while_it_sends() -> None:
    score = LiveScore(0.01)
    assert math.isnan(score.value)
    for k in range(200):
        stamp = 0.01 * k
        score.push_imu(stamp, 0.0)
        if 50 <= k < 100:
            score.push_encoder(stamp, 0.3)
        score.push_forecast(stamp, FORECAST)
        if k == 49:
            assert score.value == pytest.approx(0.1)  # against the IMUs
            assert score.coverage == 1.0
        if k in (99, 140):
            assert score.value == pytest.approx(0.2)  # against the encoder, also shortly after its last sample
            assert score.coverage == 0.0
    assert score.value == pytest.approx(0.1)  # against the IMUs again


def test_a_clock_that_jumps_back_is_handled() -> None:
    score = LiveScore(0.01)
    for start in (100.0, 0.0):
        for k in range(30):
            score.push_imu(start + 0.01 * k, 0.0)
            score.push_forecast(start + 0.01 * k, FORECAST)
    assert score.value == pytest.approx(0.1)


def test_an_encoder_sample_with_an_odd_stamp_does_not_end_the_score() -> None:
    score = LiveScore(0.01)
    for k in range(100):
        stamp = 10.0 + 0.01 * k
        score.push_forecast(stamp, FORECAST)
        score.push_encoder(stamp, 0.25)
    before = score.value
    score.push_encoder(0.0, 9.0)
    score.push_encoder(1e9, 9.0)
    score.push_imu(11.0, 9.0)  # the encoder still is the truth
    assert score.value == before
