"""A recorded run of the demo whose figures are known."""

from __future__ import annotations

import math

import numpy as np

from ankle_predictor.demo.recorded_run import RecordedRun


def made_up_run(seconds: float = 12.0, off: float = math.radians(2.0), encoder: bool = True) -> RecordedRun:
    """A sine of 1 Hz, forecast with a constant error of ``off`` and a slightly wider interval."""
    stamp = np.arange(0.0, seconds, 0.01)
    angle = 0.2 * np.sin(2 * math.pi * stamp)
    made = stamp[199:]
    due = made[:, np.newaxis] + 0.01 * np.arange(1, 51)
    forecast = 0.2 * np.sin(2 * math.pi * due) + off
    nothing = np.empty(0)
    return RecordedRun(
        sensor_rate=100.0,
        pair_stamp=stamp,
        angle_stamp=stamp,
        angle=angle + math.radians(1.0),
        encoder_stamp=stamp if encoder else nothing,
        encoder=angle if encoder else nothing,
        forecast_stamp=made,
        forecast_model=("base",) * len(made),
        forecast=forecast,
        lower=forecast - 1.1 * off,
        upper=forecast + 1.1 * off,
        latency=np.full(len(made), 0.004),
        period=0.01,
        model="base",
    )
