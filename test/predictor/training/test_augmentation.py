"""Varied windows obey physics and contain only the walk's own data."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from rigs.varied import varied_windows
from rigs.walks import swinging

from ankle_imu_driver.recordings.recording import EncoderSamples
from ankle_predictor.model.features import SEGMENT_FEATURES, FeatureSpec
from ankle_predictor.offline.pipeline import FeatureTable, run_chain, windows_of, with_encoder
from ankle_predictor.training.augmentation import ANGLE, RATE, Augmentation, VariedSource

SPEC, HORIZON, STRIDE = FeatureSpec(), 50, 10
PLAIN = Augmentation(share=0.0, cadence=1.0, amplitude=1.0, turn=0.0, gain=0.0, slow=0.0, encoder=0.0, changing=0.0)


@pytest.fixture(scope="module")
def walk() -> VariedSource:
    recording = swinging(12.0, seed=3, jitter=0.002)
    assert recording.encoder is not None
    table = run_chain(recording)
    return VariedSource(table, recording.encoder, with_encoder(table, recording.encoder).angle, stride_time=1.2)


def varied(walk: VariedSource, variation: Augmentation, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    return varied_windows(walk, SPEC, HORIZON, STRIDE, variation, np.random.default_rng(seed))


def test_without_variation_windows_are_the_live_ones(walk: VariedSource) -> None:
    windows, change = varied(walk, PLAIN)
    live = np.array([window for _, window in windows_of(walk.table, SPEC)], dtype=np.float32)
    for window in windows:
        assert np.min(np.max(np.abs(live - window), axis=(1, 2))) < 1e-4
    assert change.shape == (len(windows), HORIZON)


def test_rate_stays_the_derivative_of_the_angle(walk: VariedSource) -> None:
    windows, _ = varied(walk, replace(PLAIN, share=1.0, cadence=1.2, amplitude=1.2))
    slope = np.gradient(windows[:, :, ANGLE], SPEC.period, axis=1)[:, 5:-5]
    plain, _ = varied(walk, PLAIN)
    floor = np.gradient(plain[:, :, ANGLE], SPEC.period, axis=1)[:, 5:-5] - plain[:, 5:-5, RATE]
    assert np.mean(np.abs(slope - windows[:, 5:-5, RATE])) < 1.5 * np.mean(np.abs(floor)) + 1e-3


def test_a_turned_sensor_measures_the_same_magnitude(walk: VariedSource) -> None:
    turned, _ = varied(walk, replace(PLAIN, share=1.0, turn=0.5, impact=0.0))
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
    windows, _ = varied(VariedSource(cut, recording.encoder), PLAIN)
    whole, _ = varied(VariedSource(table, recording.encoder), PLAIN)
    assert 0 < len(windows) < len(whole) - 15


@pytest.mark.parametrize(("encoder", "changing"), [(1.0, 0.0), (0.0, 1.0), (0.4, 0.1)])
def test_the_angle_rests_on_the_encoder_on_the_imus_or_changes_once(
    walk: VariedSource, encoder: float, changing: float
) -> None:
    assert walk.fused is not None
    apart = replace(walk, fused=walk.table.angle + 0.5)  # so far apart that each row tells what it rests on
    windows, _ = varied(apart, replace(PLAIN, encoder=encoder, changing=changing))
    plain, _ = varied(walk, PLAIN)
    on = windows[:, :, ANGLE] - plain[:, :, ANGLE] > 0.25
    changes = np.abs(np.diff(on.astype(int), axis=1)).sum(axis=1)
    assert np.max(changes) <= 1
    assert np.mean(changes) == pytest.approx(changing, abs=0.15)
    if not changing:
        assert on.all()


def test_a_simulated_window_is_followed_by_what_its_angle_rests_on(walk: VariedSource) -> None:
    assert walk.fused is not None
    far = EncoderSamples(walk.truth.stamp, walk.truth.angle + 0.5)
    simulated = replace(walk, truth=far, fused=walk.table.angle + 0.5, own=True)
    _, change = varied(simulated, PLAIN)
    _, on_encoder = varied(simulated, replace(PLAIN, encoder=1.0))
    np.testing.assert_allclose(change, on_encoder, atol=0.12)


@pytest.mark.parametrize("stride", [0.6, 1.0, 1.5, 2.4, float("nan")])
def test_cadence_varies_between_known_stride_times_and_always_holds_the_own(stride: float) -> None:
    variation = Augmentation()
    slowest, fastest = variation.cadences(stride)
    assert 1.0 / variation.cadence <= slowest <= 1.0 <= fastest <= variation.cadence
    if variation.stride[0] <= stride <= variation.stride[1]:
        assert stride / slowest <= variation.stride[1] + 1e-9
        assert stride / fastest >= variation.stride[0] - 1e-9
