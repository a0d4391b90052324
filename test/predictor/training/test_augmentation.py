"""Varied windows obey physics and contain only the walk's own data."""

from __future__ import annotations

import numpy as np
import pytest
from rigs.walks import swinging

from ankle_imu_driver.recordings.recording import EncoderSamples
from ankle_predictor.model.features import SEGMENT_FEATURES, FeatureSpec
from ankle_predictor.offline.pipeline import FeatureTable, run_chain, windows_of
from ankle_predictor.training.augmentation import ANGLE, RATE, Augmentation, varied_windows

SPEC, HORIZON, STRIDE = FeatureSpec(), 50, 10
PLAIN = Augmentation(share=0.0, cadence=1.0, amplitude=1.0, turn=0.0, gain=0.0)


@pytest.fixture(scope="module")
def walk() -> tuple[FeatureTable, EncoderSamples]:
    recording = swinging(12.0, seed=3, jitter=0.002)
    assert recording.encoder is not None
    return run_chain(recording), recording.encoder


def varied(
    walk: tuple[FeatureTable, EncoderSamples], variation: Augmentation, seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    return varied_windows(*walk, SPEC, HORIZON, STRIDE, variation, np.random.default_rng(seed))


def test_without_variation_windows_are_the_live_ones(walk: tuple[FeatureTable, EncoderSamples]) -> None:
    windows, change = varied(walk, PLAIN)
    live = np.array([window for _, window in windows_of(walk[0], SPEC)], dtype=np.float32)
    for window in windows:
        assert np.min(np.max(np.abs(live - window), axis=(1, 2))) < 1e-4
    assert change.shape == (len(windows), HORIZON)


def test_rate_stays_the_derivative_of_the_angle(walk: tuple[FeatureTable, EncoderSamples]) -> None:
    windows, _ = varied(walk, Augmentation(share=1.0, cadence=1.2, amplitude=1.2))
    slope = np.gradient(windows[:, :, ANGLE], SPEC.period, axis=1)[:, 5:-5]
    plain, _ = varied(walk, PLAIN)
    floor = np.gradient(plain[:, :, ANGLE], SPEC.period, axis=1)[:, 5:-5] - plain[:, 5:-5, RATE]
    assert np.mean(np.abs(slope - windows[:, 5:-5, RATE])) < 1.5 * np.mean(np.abs(floor)) + 1e-3


def test_a_turned_sensor_measures_the_same_magnitude(walk: tuple[FeatureTable, EncoderSamples]) -> None:
    turned, _ = varied(walk, Augmentation(share=1.0, cadence=1.0, amplitude=1.0, turn=0.5, gain=0.0))
    plain, _ = varied(walk, PLAIN)
    for name in ("shank_accel_x", "foot_gyro_x"):
        first = SEGMENT_FEATURES.index(name)
        size = [np.linalg.norm(w[:, :, first : first + 3], axis=-1) for w in (turned, plain)]
        np.testing.assert_allclose(*size, atol=1e-3)
        assert np.max(np.abs(turned[:, :, first] - plain[:, :, first])) > 0.05


def test_no_window_crosses_a_gap() -> None:
    recording = swinging(12.0, seed=3, jitter=0.002)
    assert recording.encoder is not None
    table = run_chain(recording)
    keep = (table.stamp < 5.0) | (table.stamp > 5.3)
    cut = FeatureTable(table.stamp[keep], table.values[keep], table.angle[keep])
    windows, _ = varied((cut, recording.encoder), PLAIN)
    whole, _ = varied((table, recording.encoder), PLAIN)
    assert 0 < len(windows) < len(whole) - 15
