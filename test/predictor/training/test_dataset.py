"""Examples are the live windows with the angles that followed, without data from the future or another subject."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rigs.walks import swinging

from ankle_imu_driver.mounting import MountingError
from ankle_imu_driver.recordings.recording import EncoderSamples, ImuSamples, Recording
from ankle_imu_driver.simulator.varied_scenario import KINDS
from ankle_predictor.estimation.filter_config import FilterConfig
from ankle_predictor.estimation.leg_estimator import LegConfig
from ankle_predictor.model.features import FeatureSpec
from ankle_predictor.offline.live_run import LiveSettings
from ankle_predictor.offline.pipeline import run_chain, windows_of
from ankle_predictor.training import walk_source
from ankle_predictor.training.dataset import (
    DatasetError,
    Examples,
    cut_examples,
    fit_scaler,
    network_changes,
    scaled,
    split_in_time,
)
from ankle_predictor.training.measurement import conformal_margins
from ankle_predictor.training.settings import TrainSettings
from ankle_predictor.training.walk import walk_of
from ankle_predictor.training.walk_source import simulated_sources

SPEC = FeatureSpec(window=40)
HORIZON = 20


def examples_of(recording: Recording, spec: FeatureSpec, horizon: int, stride: int) -> Examples:
    assert recording.encoder is not None
    table = run_chain(recording, spec)
    return cut_examples(table, (recording.name, recording.start), recording.encoder, spec, horizon, stride)


def without(recording: Recording, first: float, last: float) -> Recording:
    """The recording with a gap in both sensors but not in the encoder."""

    def cut(samples: ImuSamples) -> ImuSamples:
        kept = (samples.stamp < first) | (samples.stamp > last)
        return ImuSamples(samples.stamp[kept], samples.accel[kept], samples.gyro[kept])

    return dataclasses.replace(recording, shank=cut(recording.shank), foot=cut(recording.foot))


def test_examples_are_the_live_windows_and_the_encoders_later_angles() -> None:
    recording = swinging(jitter=0.002)
    examples = examples_of(recording, SPEC, HORIZON, stride=7)
    table = run_chain(recording, SPEC)
    live = {float(table.stamp[k]): window for k, window in windows_of(table, SPEC, 7)}
    assert len(examples) > 50
    for stamp, window, angle, target in zip(
        examples.stamp, examples.window, examples.angle, examples.target, strict=True
    ):
        np.testing.assert_array_equal(window, live[float(stamp)].astype(np.float32))
        assert angle == table.angle[np.searchsorted(table.stamp, stamp)]
        assert recording.encoder is not None
        due = stamp + 0.01 * np.arange(1, HORIZON + 1)
        np.testing.assert_allclose(target, np.interp(due, recording.encoder.stamp, recording.encoder.angle))


def test_no_window_crosses_a_gap() -> None:
    examples = examples_of(without(swinging(), 2.0, 2.5), SPEC, HORIZON, stride=1)
    span = (SPEC.window - 1) * SPEC.period
    crossing = (examples.stamp > 2.0) & (examples.stamp - span < 2.5 - 1e-9)
    assert not crossing.any()
    assert (examples.stamp > 2.9).any()


def test_an_encoder_with_a_gap_gives_no_target_there() -> None:
    recording = swinging()
    encoder = recording.encoder
    assert encoder is not None
    kept = (encoder.stamp < 3.0) | (encoder.stamp > 3.3)
    recording = dataclasses.replace(recording, encoder=EncoderSamples(encoder.stamp[kept], encoder.angle[kept]))
    examples = examples_of(recording, SPEC, HORIZON, stride=1)
    last = examples.stamp + HORIZON * SPEC.period
    assert not ((last > 3.0) & (examples.stamp + SPEC.period < 3.3)).any()
    assert np.isfinite(examples.target).all()


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 2**31), st.floats(1.0, 5.0))
def test_shuffling_the_future_changes_no_window(seed: int, now: float) -> None:
    recording = swinging()
    rng = np.random.default_rng(seed)
    future = np.flatnonzero(recording.shank.stamp > now)
    order = np.arange(len(recording.shank.stamp))
    order[future] = rng.permutation(future)

    def shuffled(samples: ImuSamples) -> ImuSamples:
        return ImuSamples(samples.stamp, samples.accel[order], samples.gyro[order])

    changed = dataclasses.replace(recording, shank=shuffled(recording.shank), foot=shuffled(recording.foot))
    before, after = (examples_of(r, SPEC, HORIZON, stride=1) for r in (recording, changed))
    past = before.stamp <= now
    np.testing.assert_array_equal(before.window[past], after.window[past])
    np.testing.assert_array_equal(before.angle[past], after.angle[past])


@settings(max_examples=30, deadline=None)
@given(st.floats(0.05, 0.6))
def test_held_out_examples_share_no_time_with_the_learned_ones(held_out: float) -> None:
    examples = examples_of(swinging(), SPEC, HORIZON, stride=3)
    try:
        learned, kept = split_in_time(examples, SPEC, held_out)
    except DatasetError:
        assert held_out < 0.15  # too little to hold one window
        return
    assert learned.stamp.max() + HORIZON * SPEC.period <= kept.stamp.min() - (SPEC.window - 1) * SPEC.period
    assert len(learned)
    assert len(kept)


def test_the_scaler_is_fitted_on_the_learned_part_and_changes_are_from_the_newest_angle() -> None:
    examples = examples_of(swinging(), SPEC, HORIZON, stride=5)
    learned, kept = split_in_time(examples, SPEC, 0.3)
    scaler = fit_scaler([learned])
    rows = learned.window.reshape(-1, learned.window.shape[2]).astype(np.float64)
    np.testing.assert_allclose(scaler.offset, rows.mean(axis=0), atol=1e-6)
    assert min(scaler.scale) > 0
    window, change = scaled(kept.window, scaler), network_changes(kept)
    np.testing.assert_allclose(window * scaler.scale + scaler.offset, kept.window, atol=1e-4)
    np.testing.assert_allclose(change + kept.angle[:, None], kept.target, atol=1e-6)


def test_a_recording_without_encoder_or_without_a_window_is_refused() -> None:
    with pytest.raises(DatasetError, match=r"has no encoder.*--labels imu"):
        walk_of(dataclasses.replace(swinging(), encoder=None), TrainSettings())
    with pytest.raises(DatasetError, match="gives no example"):
        examples_of(swinging(seconds=0.5), SPEC, HORIZON, 1)


def test_training_takes_the_mounting_and_the_constants_that_the_nodes_have() -> None:
    worn = LiveSettings(leg=LegConfig(shank_mounting="+X,+Y,+Z"))
    with pytest.raises(MountingError, match="gravity at standing"):
        walk_of(swinging(), TrainSettings(worn=worn))
    constants = FilterConfig(rest_rate=2.0)
    assert TrainSettings(worn=LiveSettings(filter=constants)).spec.filter == constants


def test_without_an_encoder_the_imus_later_angle_is_learned() -> None:
    walk = walk_of(dataclasses.replace(swinging(), encoder=None), TrainSettings(labels="imu"))
    assert walk.fused is None
    due = walk.examples.stamp[:, np.newaxis] + 0.01 * np.arange(1, 51)
    np.testing.assert_allclose(walk.examples.target, np.interp(due, walk.table.stamp, walk.table.angle), atol=1e-12)
    # A recording with an encoder is still learned from by it.
    with_encoder = walk_of(swinging(), TrainSettings(labels="imu"))
    assert with_encoder.truth is not walk.truth
    assert with_encoder.fused is not None


def test_sums_over_walks_are_those_over_one_array_to_the_last_bit() -> None:
    rng = np.random.default_rng(0)
    examples = examples_of(swinging(), SPEC, HORIZON, stride=5)
    parts = [
        dataclasses.replace(examples, window=rng.normal(3.0, 0.1, (n, 40, 16)).astype(np.float32)) for n in (3, 50, 7)
    ]
    rows = np.concatenate([part.window.reshape(-1, 16) for part in parts])
    scaler = fit_scaler(parts)
    np.testing.assert_array_equal(scaler.offset, rows.mean(axis=0, dtype=np.float64))
    np.testing.assert_array_equal(scaler.scale, rows.std(axis=0, dtype=np.float64))


def test_simulated_people_differ_and_are_the_same_every_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(walk_source, "KINDS", KINDS[:2])
    monkeypatch.setattr(walk_source, "SIMULATED_SECONDS", 15.0)
    sources, settings = simulated_sources(TrainSettings(simulated=1)), TrainSettings()
    one, other = ([source.walk(settings) for source in sources] for _ in range(2))
    assert len({walk.recording.name for walk in one}) == len(one) == 2
    for first, second in zip(one, other, strict=True):
        np.testing.assert_array_equal(first.table.values, second.table.values)
        assert first.simulated
    assert simulated_sources(TrainSettings()) == []


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 200), st.floats(0.5, 0.95), st.integers(0, 1000))
def test_margins_cover_their_share_of_the_residuals(n: int, level: float, seed: int) -> None:
    residual = np.random.default_rng(seed).normal(size=(n, 3))
    margins = conformal_margins(residual, level)
    inside = np.mean(np.abs(residual) <= margins, axis=0)
    rank = math.ceil((n + 1) * level)
    np.testing.assert_allclose(inside, min(rank, n) / n)
