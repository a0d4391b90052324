"""The reference's 16 inputs against the file that its authors published."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ankle_imu_driver.calibration import Calibration, SensorCalibration
from ankle_imu_driver.recordings.read_recording import read_recording
from ankle_imu_driver.recordings.recording import ImuSamples, Recording
from ankle_predictor.model.features import REFERENCE_FEATURES
from ankle_predictor.offline.reference_features import (
    ReferenceFeatureError,
    logged_accel,
    recording_features,
    sensor_features,
)

FOOT = SensorCalibration((0.0, 0.0, 0.0), (-9.12, -0.65, -2.03))
SHANK = SensorCalibration((0.001, -0.02, 0.0), (2.7, -9.82, 0.6))


@pytest.fixture(scope="module")
def published(data_dir: Path) -> tuple[np.ndarray, np.ndarray]:
    """Stamps (N,) in s and the authors' features (N, 16)."""
    with (data_dir / "seed" / "LOG2_16features.csv").open(newline="") as file:
        rows = list(csv.reader(file))[1:]
    return np.array([float(r[17]) for r in rows]) / 1000, np.array([[float(v) for v in r[1:17]] for r in rows])


def as_recording(stamp: np.ndarray, features: np.ndarray) -> Recording:
    def sensor(columns: np.ndarray, calibration: SensorCalibration) -> ImuSamples:
        gravity, bias = np.array(calibration.gravity), np.array(calibration.gyro_bias)
        # The logger's "-0.00" is a small negative reading: a reader must keep its side of zero.
        accel = np.where(np.signbit(columns[:, :3]) & (columns[:, :3] == 0), -1e-9, columns[:, :3])
        return ImuSamples(stamp, accel + gravity, np.radians(columns[:, 3:6]) + bias)

    return Recording(
        "LOG2", sensor(features[:, 8:], SHANK), sensor(features[:, :8], FOOT), None, Calibration(SHANK, FOOT)
    )


def test_the_loggers_values_give_the_published_features(published: tuple[np.ndarray, np.ndarray]) -> None:
    stamp, features = published
    ours = np.hstack([sensor_features(stamp, f[:, :3], f[:, 3:6]) for f in (features[:, :8], features[:, 8:])])
    assert ours.shape == (17000, len(REFERENCE_FEATURES))
    np.testing.assert_allclose(ours, features, rtol=0, atol=1e-9)


def test_a_recording_in_si_units_gives_them_too(published: tuple[np.ndarray, np.ndarray]) -> None:
    stamp, features = published
    np.testing.assert_allclose(recording_features(as_recording(stamp, features)), features, rtol=0, atol=1e-9)


@given(st.lists(st.integers(-1960, 1960), min_size=3, max_size=3))
def test_the_loggers_numbers_are_restored_exactly(hundredths: list[int]) -> None:
    printed = np.array(hundredths) / 100
    assert np.array_equal(logged_accel(printed + np.array(SHANK.gravity), SHANK), printed)


def test_future_samples_change_nothing() -> None:
    rng = np.random.default_rng(1)
    stamp, accel, gyro = np.arange(50) / 100, rng.normal(size=(50, 3)), rng.normal(size=(50, 3))
    before = sensor_features(stamp, accel, gyro)
    accel[30:], gyro[30:] = 7.0, -3.0
    after = sensor_features(stamp, accel, gyro)
    assert np.array_equal(before[:30], after[:30])
    assert not np.array_equal(before[30:], after[30:])


def test_a_recording_without_the_inputs_is_refused() -> None:
    samples = ImuSamples(np.arange(3) / 100, np.ones((3, 3)), np.zeros((3, 3)))
    later = ImuSamples(np.arange(3) / 100 + 0.001, np.ones((3, 3)), np.zeros((3, 3)))
    with pytest.raises(ReferenceFeatureError, match="has no calibration"):
        recording_features(Recording("w", samples, samples, None, None))
    with pytest.raises(ReferenceFeatureError, match="different times"):
        recording_features(Recording("w", samples, later, None, Calibration(SHANK, FOOT)))


def test_a_recorded_walk_read_by_the_reader_gives_the_authors_features(
    data_dir: Path, published: tuple[np.ndarray, np.ndarray]
) -> None:
    """The logger's -0.00 must keep its sign when gravity is put back: half a turn of roll hangs on it."""
    features = published[1]
    ours = recording_features(read_recording(data_dir / "walks" / "LOG2.TXT"))
    np.testing.assert_allclose(ours[: len(features)], features, rtol=0, atol=1e-9)
