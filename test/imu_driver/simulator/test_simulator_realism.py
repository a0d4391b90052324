"""Simulated walks resemble the five recorded ones in the figures that matter for estimation and forecasting.

``WALKS`` has the smallest and the largest value of each figure over the five walks. Every simulated person must lie
between 0.6 times the smallest and 1.4 times the largest value, and the persons' mean within the walks' range widened by
a tenth of the largest value. People differ more in mounting and gait than five subjects with one brace do.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.signal import butter, find_peaks, sosfiltfilt

from ankle_imu_driver.recordings.read_recording import read_recording
from ankle_imu_driver.recordings.recording import Recording
from ankle_imu_driver.simulator.gait_scenario import Walk, indoor_walk
from ankle_imu_driver.simulator.sensor_model import SensorModel
from ankle_imu_driver.simulator.simulate import simulate
from ankle_imu_driver.simulator.user_profile import draw_user

SECONDS = 120.0  # of each walk, from 5 s on
PEOPLE = (1, 2, 3, 4)
LAGS, STEPS = 50, 50
AXES = [f"{sensor} {kind} {axis}" for sensor in ("foot", "shank") for kind in ("accel", "gyro") for axis in "xyz"]
# Spans from the 2nd to the 98th percentile in m/s^2 and deg/s; shares in %; the forecast's error in deg.
WALKS = {
    "foot accel x": (13.59, 19.57),
    "foot accel y": (14.35, 28.78),
    "foot accel z": (7.17, 16.5),
    "foot gyro x": (273.9, 331.9),
    "foot gyro y": (136.1, 157.8),
    "foot gyro z": (474.8, 623.8),
    "shank accel x": (11.24, 20.99),
    "shank accel y": (12.22, 17.75),
    "shank accel z": (5.75, 11.41),
    "shank gyro x": (119.6, 202.6),
    "shank gyro y": (231.1, 294.7),
    "shank gyro z": (399.3, 537.7),
    "stride time": (1.28, 1.62),
    "stride variation": (3.009, 8.963),
    "foot clipped": (1.507, 8.803),
    "shank clipped": (0.5649, 4.891),
    "foot quiet": (22.41, 32.41),
    "angle deviation": (5.023, 5.442),
    "forecast error": (1.749, 2.417),
}


def _figures(recording: Recording) -> dict[str, float]:
    """Return the figures of one walk."""
    assert recording.encoder is not None
    assert recording.calibration is not None
    stamp = recording.foot.stamp - recording.start
    chosen = (stamp > 5.0) & (stamp < 5.0 + SECONDS)
    stamp, angle = stamp[chosen], np.degrees(recording.encoder.angle[chosen])
    figures: dict[str, float] = {}
    raw = []
    for samples, calibration in (
        (recording.foot, recording.calibration.foot),
        (recording.shank, recording.calibration.shank),
    ):
        raw += [samples.accel[chosen], np.degrees(samples.gyro[chosen] - calibration.gyro_bias)]
    channels = np.hstack(raw)
    figures.update(zip(AXES, np.subtract(*np.percentile(channels, [98, 2], axis=0)), strict=True))

    grid = np.arange(stamp[0], stamp[-1], 0.01)
    even = np.stack([np.interp(grid, stamp, c) for c in channels.T], axis=1)
    swing = sosfiltfilt(butter(2, 4, fs=100, output="sos"), even[:, AXES.index("shank gyro z")])
    period = np.diff(find_peaks(swing, height=150, distance=60)[0]) * 0.01
    period = period[period < 1.35 * np.median(period)]  # a longer period contains a turn
    figures["stride time"] = float(np.median(period))
    figures["stride variation"] = float(100 * period.std() / period.mean())
    for name, accel in (("foot", raw[0]), ("shank", raw[2])):
        figures[f"{name} clipped"] = float(100 * np.mean((np.abs(accel) > 19.55).any(axis=1)))
    figures["foot quiet"] = float(100 * np.mean(np.linalg.norm(raw[1], axis=1) < 15))
    figures["angle deviation"] = float(angle.std())
    figures["forecast error"] = _ridge_error(even, np.interp(grid, stamp, angle))
    return figures


def _ridge_error(channels: np.ndarray, angle: np.ndarray) -> float:
    """Return the mean absolute error in deg of a linear forecast, trained on two thirds and tested on the rest."""
    split = 2 * len(angle) // 3
    scaled = (channels - channels[:split].mean(axis=0)) / channels[:split].std(axis=0)
    past = np.lib.stride_tricks.sliding_window_view(scaled, LAGS, axis=0)[:-STEPS]
    ahead = np.lib.stride_tricks.sliding_window_view(angle[LAGS:], STEPS)
    ends = np.arange(len(ahead)) + LAGS + STEPS
    train, score = np.flatnonzero(ends <= split)[::5], np.flatnonzero(ends - STEPS >= split + LAGS)[::5]
    lags, later = (past[rows].reshape(len(rows), -1) for rows in (train, score))
    mean = ahead[train].mean(axis=0)
    weights = np.linalg.solve(lags.T @ lags + 30.0 * np.eye(lags.shape[1]), lags.T @ (ahead[train] - mean))
    return float(np.abs(later @ weights + mean - ahead[score]).mean())


def _simulated(person: int) -> Recording:
    scenario, planned = [], 0.0
    for activity in indoor_walk(person):
        scenario.append(activity)
        planned += activity.duration if isinstance(activity, Walk) else 0.0
        if planned > SECONDS:
            return simulate(scenario, draw_user(person), SensorModel(), person).recording
    raise AssertionError


@pytest.fixture(scope="module")
def simulated() -> list[dict[str, float]]:
    return [_figures(_simulated(person)) for person in PEOPLE]


@pytest.mark.parametrize("figure", WALKS)
def test_simulated_people_lie_in_bands_around_the_walks(simulated, figure):
    least, most = WALKS[figure]
    values = [person[figure] for person in simulated]
    assert all(0.6 * least < value < 1.4 * most for value in values), values
    margin = 0.1 * most
    assert least - margin < np.mean(values) < most + margin, values


def test_the_bands_are_those_of_the_walks(walks_dir: Path):
    figures = [_figures(read_recording(path)) for path in sorted(walks_dir.glob("LOG*.TXT"))]
    assert len(figures) == 5
    for name, (least, most) in WALKS.items():
        values = [walk[name] for walk in figures]
        assert (min(values), max(values)) == pytest.approx((least, most), rel=0.02), name
