"""Synthetic recordings and calibrations that several test files use."""

from __future__ import annotations

import dataclasses
import math

import numpy as np

from ankle_imu_driver.calibration import Calibration, SensorCalibration
from ankle_imu_driver.mounting import FOOT_MOUNTING, SHANK_MOUNTING, parse_mounting
from ankle_imu_driver.recordings.recording import EncoderSamples, ImuSamples, Recording

G = 9.80665
SHANK, FOOT = parse_mounting(SHANK_MOUNTING), parse_mounting(FOOT_MOUNTING)
UPRIGHT = Calibration(
    shank=SensorCalibration((0.0, 0.0, 0.0), tuple(SHANK.T @ [0.0, 0.0, G])),
    foot=SensorCalibration((0.0, 0.0, 0.0), tuple(FOOT.T @ [0.0, 0.0, G])),
)


def swinging(seconds: float = 6.0, rate: float = 100.0, seed: int = 0, jitter: float = 0.0) -> Recording:
    """Two segments that swing about a fixed ankle: exact gravity and rates, no linear acceleration."""
    random = np.random.default_rng(seed)
    stamp = np.arange(int(seconds * rate)) / rate + jitter * random.uniform(-1, 1, int(seconds * rate))
    shank = 0.3 * np.sin(2 * math.pi * 0.9 * stamp)
    foot = 0.1 * np.sin(2 * math.pi * 0.9 * stamp + 1.0)
    shank_rate = 0.3 * 2 * math.pi * 0.9 * np.cos(2 * math.pi * 0.9 * stamp)
    foot_rate = 0.1 * 2 * math.pi * 0.9 * np.cos(2 * math.pi * 0.9 * stamp + 1.0)
    angle = shank - foot
    return Recording(
        name="swinging",
        shank=_sensor(stamp, shank, shank_rate, SHANK),
        foot=_sensor(stamp, foot, foot_rate, FOOT),
        encoder=EncoderSamples(stamp, angle),
        calibration=UPRIGHT,
    )


def _sensor(stamp: np.ndarray, pitch: np.ndarray, rate: np.ndarray, mounting: np.ndarray) -> ImuSamples:
    up = G * np.stack([-np.sin(pitch), np.zeros_like(pitch), np.cos(pitch)], axis=1)
    gyro = np.stack([np.zeros_like(rate), rate, np.zeros_like(rate)], axis=1)
    return ImuSamples(stamp, up @ mounting, gyro @ mounting)


def part(recording: Recording, seconds: float) -> Recording:
    """The first seconds of a recording."""
    n = int(np.searchsorted(recording.shank.stamp, recording.start + seconds))

    def cut(samples: ImuSamples) -> ImuSamples:
        return ImuSamples(samples.stamp[:n], samples.accel[:n], samples.gyro[:n])

    encoder = recording.encoder
    if encoder is not None:
        encoder = EncoderSamples(encoder.stamp[:n], encoder.angle[:n])
    return dataclasses.replace(recording, shank=cut(recording.shank), foot=cut(recording.foot), encoder=encoder)
