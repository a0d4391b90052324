"""The model of the chip: range, counts, low-pass, noise and errors as in its datasheet."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ankle_imu_driver.simulator.sensor_model import (
    ACCEL_NOISE,
    ACCEL_RANGES_G,
    BANDWIDTHS,
    GYRO_NOISE,
    GYRO_RANGES_DPS,
    STANDARD_GRAVITY,
    Chip,
    SensorModel,
    StampSource,
    quantised,
)

PERFECT = SensorModel(quality=0.0, noise=0.0)


def _measured(chip: Chip, force: np.ndarray, rate: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return chip.measured(np.arange(len(force)) / 100, force, rate)


@given(st.sampled_from(ACCEL_RANGES_G), st.sampled_from(GYRO_RANGES_DPS), st.lists(st.floats(-400, 400), min_size=3))
def test_an_ideal_chip_rounds_to_counts_and_clips_at_its_range(accel_range, gyro_range, values):
    model = SensorModel(accel_range=accel_range, gyro_range=gyro_range, quality=0.0, noise=0.0)
    truth = np.array(values[:3])[None, :]
    accel, gyro = _measured(Chip(model, np.random.default_rng(0)), truth, np.radians(truth * 10))
    for reading, expected, limit, count in (
        (accel, truth, accel_range * STANDARD_GRAVITY, model.accel_count),
        (gyro, np.radians(truth * 10), math.radians(gyro_range), model.gyro_count),
    ):
        top = 32767 * count
        assert top == pytest.approx(limit, rel=0.002)
        assert np.abs(reading - np.clip(expected, -32768 * count, top)).max() <= count / 2 * (1 + 1e-9)
        assert np.abs(reading).max() <= 32768 * count


def test_counts_are_the_datasheets():
    assert SensorModel().accel_count == pytest.approx(STANDARD_GRAVITY / 16384)
    assert SensorModel().gyro_count == pytest.approx(math.radians(1 / 65.5))
    assert quantised(np.array([1e9, -1e9]), 1.0).tolist() == [32767, -32768]


@pytest.mark.parametrize("setting", [{"accel_range": 3}, {"gyro_range": 400}, {"dlpf": 7}])
def test_a_setting_that_the_chip_does_not_have_is_refused(setting):
    with pytest.raises(ValueError, match=f"{next(iter(setting))} must be one of"):
        SensorModel(**setting)


@pytest.mark.parametrize("dlpf", [0, 3, 6])
def test_the_low_pass_halves_the_power_at_its_bandwidth(dlpf):
    time = np.arange(6000) / 1000
    for band, pick in zip(BANDWIDTHS[dlpf], (0, 1), strict=True):
        wave = np.tile(np.sin(2 * np.pi * band * time)[:, None], (1, 3))
        chip = Chip(SensorModel(dlpf=dlpf), np.random.default_rng(0))
        filtered = chip.filtered(wave, wave, 1000.0)[pick]
        assert filtered[1000:].std() / wave.std() == pytest.approx(math.sqrt(0.5), rel=0.02)


@given(st.lists(st.integers(1, 40), min_size=1, max_size=6))
def test_the_low_pass_does_not_depend_on_the_cut_into_blocks(sizes):
    signal = np.random.default_rng(1).normal(size=(sum(sizes), 3))
    whole = Chip(SensorModel(dlpf=3), np.random.default_rng(0)).filtered(signal, signal, 1000.0)
    chip = Chip(SensorModel(dlpf=3), np.random.default_rng(0))
    parts = [chip.filtered(block, block, 1000.0) for block in np.split(signal, np.cumsum(sizes)[:-1])]
    for k in (0, 1):
        assert np.concatenate([part[k] for part in parts]) == pytest.approx(whole[k], abs=1e-12)


def test_a_resting_start_has_no_transient():
    rest = np.tile([0.0, 0.0, 9.81], (50, 1))
    accel, gyro = Chip(SensorModel(dlpf=6), np.random.default_rng(0)).filtered(rest, 0 * rest, 1000.0)
    assert accel == pytest.approx(rest)
    assert gyro == pytest.approx(0 * rest)


def test_the_noise_has_the_datasheets_density():
    chip = Chip(SensorModel(quality=0.0), np.random.default_rng(5))
    accel, gyro = _measured(chip, np.zeros((20000, 3)), np.zeros((20000, 3)))
    accel_band, gyro_band = BANDWIDTHS[0]
    assert accel.std() == pytest.approx(ACCEL_NOISE * math.sqrt(accel_band * math.pi / 2), rel=0.03)
    assert gyro.std() == pytest.approx(GYRO_NOISE * math.sqrt(gyro_band * math.pi / 2), rel=0.03)


def test_offsets_and_scale_errors_are_as_in_the_datasheet_and_drift_as_the_chip_warms_up():
    norms, biases, drifts = [], [], []
    force = np.tile([0.0, 0.0, 9.81], (2, 1))
    for seed in range(60):
        chip = Chip(SensorModel(noise=0.0), np.random.default_rng(seed))
        accel, gyro = chip.measured(np.array([0.0, 600.0]), force, 0 * force)
        norms.append(np.linalg.norm(accel[0]))
        biases.append(gyro[0])
        drifts.append(gyro[1] - gyro[0])
    assert 0.05 < np.std(norms) < 0.6  # about 30 mg and 1 % of 1 g
    assert 4.0 < np.degrees(np.std(biases)) < 9.0  # three standard deviations are 20 deg/s
    assert 0.1 < np.degrees(np.std(drifts)) < 0.7  # 3 K
    perfect = Chip(PERFECT, np.random.default_rng(0)).measured(np.array([0.0, 600.0]), force, 0 * force)
    assert perfect[0][:, 2] == pytest.approx(9.81, abs=SensorModel().accel_count / 2)
    assert np.all(perfect[1] == 0.0)


def test_stamps_have_the_jitter_and_the_gaps_of_the_recordings():
    # The five walks: median 10 ms, 99 % within 13 ms, 73 to 95 gaps over 20 ms in 180 s, the longest 44 to 53 ms.
    source = StampSource(np.random.default_rng(3))
    stamps = np.concatenate([source.until(end) for end in range(1000, 180_001, 1000)])
    steps = np.diff(stamps)
    assert np.median(steps) == 10
    assert np.percentile(steps, 99) <= 13
    assert 73 <= np.sum(steps > 20) <= 95
    assert 36 <= steps.max() <= 54
    assert steps.min() == 9
    assert steps.mean() == pytest.approx(10.3, abs=0.05)
