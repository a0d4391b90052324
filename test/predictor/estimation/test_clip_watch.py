"""A range that ends too early, found from the readings alone."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path

import numpy as np
import pytest

from ankle_imu_driver.recordings.read_recording import read_recording
from ankle_imu_driver.recordings.recording import ImuSamples
from ankle_predictor.estimation.clip_watch import ClipWatch
from ankle_predictor.estimation.leg_estimator import LegConfig, LegEstimator
from ankle_predictor.offline.pipeline import leg_samples


def noted(samples: ImuSamples, gyro: float = math.inf, accel: float = math.inf, seconds: float = 30.0) -> str:
    """What is said of a sensor's samples whose range ends at rad/s and m/s^2."""
    watch = ClipWatch()
    n = int(np.searchsorted(samples.stamp, samples.stamp[0] + seconds))
    forces, rates = np.clip(samples.accel[:n], -accel, accel), np.clip(samples.gyro[:n], -gyro, gyro)
    for stamp, force, rate in zip(samples.stamp[:n].tolist(), forces.tolist(), rates.tolist(), strict=True):
        watch.push(stamp, tuple(force), tuple(rate))
    return watch.note


@pytest.mark.parametrize("name", ["walks/LOG10.TXT", "public/hugadb/hugw_03_00_l", "public/marpino/marp_young05_r"])
def test_a_gyro_that_ends_at_250_degrees_per_second_is_told_and_a_good_one_is_not(data_dir: Path, name: str) -> None:
    foot = read_recording(data_dir / name).foot
    assert noted(foot) == ""
    told = noted(foot, gyro=math.radians(250.0))
    assert told.startswith("reads at most 4.36 rad/s (250 deg/s) on the")
    assert "set a larger one (mpu6050.gyro_range: 1000)" in told


def test_an_accelerometer_that_ends_at_one_and_a_half_g_is_told(data_dir: Path) -> None:
    foot = read_recording(data_dir / "walks/LOG10.TXT").foot
    assert "m/s^2 on the" in noted(foot, accel=14.7)


def test_a_larger_reading_takes_it_back() -> None:
    watch = ClipWatch()
    for k in range(400):
        watch.push(
            0.01 * k,
            (0.0, 0.0, 9.81 + 0.01 * (k % 7)),
            (0.0, 4.36 * min(1.0, max(-0.9, 2.0 * math.sin(0.06 * k))), 0.0),
        )
    assert watch.note
    watch.push(4.0, (0.0, 0.0, 9.81), (0.0, 6.0, 0.0))
    assert watch.note == ""


def test_diagnostics_say_it_and_the_estimate_goes_on(data_dir: Path) -> None:
    recording = read_recording(data_dir / "walks/LOG13.TXT")
    shank = dataclasses.replace(recording.shank, gyro=np.clip(recording.shank.gyro, -4.363, 4.363))
    leg = LegEstimator(LegConfig(), recording.calibration)
    samples = [
        sample
        for stamp, sample in leg_samples(dataclasses.replace(recording, shank=shank), leg)
        if stamp < recording.start + 20.0
    ]
    assert any(note.startswith("the shank sensor reads at most 4.36 rad/s") for note in leg.notes)
    assert samples[-1].joint is not None
