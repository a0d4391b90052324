"""A recording through the live predictor: every tick is kept, and none sees the future."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rigs.models import SHORT, write_linear_bundle
from rigs.walks import part, swinging

from ankle_imu_driver.recordings.mirror import mirrored
from ankle_imu_driver.recordings.recording import ImuSamples, Recording
from ankle_imu_driver.simulator.gait_scenario import Stand, Walk
from ankle_imu_driver.simulator.sensor_model import SensorModel
from ankle_imu_driver.simulator.simulate import simulate
from ankle_imu_driver.simulator.user_profile import draw_user
from ankle_predictor.forecasting.forecaster import Forecaster
from ankle_predictor.model.bundle import Bundle, load_bundle, model_directories
from ankle_predictor.model.engine import load_engine
from ankle_predictor.model.manifest import MemorySettings
from ankle_predictor.offline.live_run import LiveSettings, run_live
from ankle_predictor.offline.pipeline import ChainError, pairs_of, run_chain
from ankle_predictor.trust.input_monitor import TrustLimits
from ankle_predictor.trust.status import Status

SECONDS = 4.0


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    models = tmp_path_factory.mktemp("models")
    write_linear_bundle(models, "linear", SHORT, seed=1)
    linear = load_bundle("linear", [models])
    return dataclasses.replace(linear, manifest=dataclasses.replace(linear.manifest, memory=MemorySettings()))


def test_every_tick_is_what_the_forecaster_makes_of_its_pair(bundle: Bundle) -> None:
    recording = swinging(SECONDS, jitter=0.002)
    run = run_live(bundle, recording)
    forecaster = Forecaster("right", bundle.manifest.features.filter)
    forecaster.use(forecaster.prepare(load_engine(bundle)))
    pairs = list(pairs_of(recording))
    one_by_one = [forecaster.forecast() if forecaster.push(pair) else None for pair in pairs]
    assert run.stamp.tolist() == [pair.joint.stamp for pair in pairs]
    assert run.angle.tolist() == [pair.joint.angle for pair in pairs]
    np.testing.assert_allclose(run.pitch[:, 0] - run.pitch[:, 1], run.angle, atol=1e-9)
    assert run.made.tolist() == [made is not None for made in one_by_one]
    for name in ("angle", "lower", "upper"):
        made = [getattr(forecast, name) for forecast in one_by_one if forecast is not None]
        np.testing.assert_array_equal(getattr(run.forecast, name), made)


def test_an_encoder_as_an_input_is_fused_as_in_the_chain_that_trains(bundle: Bundle) -> None:
    recording = swinging(SECONDS)
    fused = run_live(bundle, recording, LiveSettings(encoder_role="input"))
    table = run_chain(recording, bundle.manifest.features, encoder_role="input")
    np.testing.assert_allclose(fused.angle, table.angle, atol=1e-12)
    assert fused.encoder_role == "input"
    alone, without = run_live(bundle, recording), run_live(bundle, dataclasses.replace(recording, encoder=None))
    assert (alone.encoder_role, without.encoder_role) == ("score", "off")
    assert np.abs(fused.angle - alone.angle).max() > math.radians(0.5)
    np.testing.assert_array_equal(alone.forecast.angle, without.forecast.angle)


def test_why_nothing_is_published_is_kept(bundle: Bundle) -> None:
    recording = swinging(SECONDS)
    kept = np.ones(len(recording.shank), dtype=bool)
    kept[200:230] = False  # a gap of 0.3 s

    def cut(samples: ImuSamples) -> ImuSamples:
        return ImuSamples(samples.stamp[kept], samples.accel[kept], samples.gyro[kept])

    run = run_live(bundle, dataclasses.replace(recording, shank=cut(recording.shank), foot=cut(recording.foot)))
    warming = run.status & Status.WARMING_UP != 0
    after_gap = (run.stamp >= 2.3 - 1e-9) & (run.stamp < 2.49 - 1e-9)
    np.testing.assert_array_equal(warming, (run.stamp < 0.19 - 1e-9) | after_gap)
    unconfirmed = run.status & Status.NOT_CALIBRATED != 0
    np.testing.assert_array_equal(unconfirmed, run.stamp < 1.51 - 1e-9)  # nobody swings a leg: as good as standing
    np.testing.assert_array_equal(run.published, ~warming & ~unconfirmed)
    assert len(run.forecast.angle) == run.made.sum() == (~warming).sum()
    narrow = LiveSettings(limits=TrustLimits(max_angle=0.2))
    limited = run_live(bundle, recording, narrow)
    beyond = limited.status & Status.IMPLAUSIBLE != 0
    assert beyond.any()
    assert not limited.published[beyond].any()


@settings(max_examples=5, deadline=None)
@given(st.integers(0, 2**31), st.floats(0.5, 3.0))
def test_shuffling_the_future_changes_no_tick(bundle: Bundle, seed: int, now: float) -> None:
    recording = swinging(SECONDS)
    order = np.arange(len(recording.shank.stamp))
    future = order[recording.shank.stamp > now]
    order[future] = np.random.default_rng(seed).permutation(future)

    def shuffled(samples: ImuSamples) -> ImuSamples:
        return ImuSamples(samples.stamp, samples.accel[order], samples.gyro[order])

    changed = dataclasses.replace(recording, shank=shuffled(recording.shank), foot=shuffled(recording.foot))
    before, after = run_live(bundle, recording), run_live(bundle, changed)
    past = before.stamp <= now
    for name in ("angle", "status", "made", "published"):
        np.testing.assert_array_equal(getattr(before, name)[past], getattr(after, name)[past])
    made = before.made[past].sum()
    np.testing.assert_array_equal(before.forecast.upper[:made], after.forecast.upper[:made])
    assert not np.array_equal(before.forecast.angle[made:], after.forecast.angle[made:])


def test_a_run_that_ends_early_is_the_start_of_the_whole(bundle: Bundle) -> None:
    recording, shares = swinging(SECONDS), list[float]()
    whole, early = run_live(bundle, recording, on_progress=shares.append), run_live(bundle, recording, end=3.0)
    assert early.stamp[-1] == pytest.approx(3.0)
    np.testing.assert_array_equal(whole.forecast.angle[: len(early.forecast.angle)], early.forecast.angle)
    assert shares == sorted(shares)
    assert 0.0 < shares[0] <= shares[-1] <= 1.0


def test_without_a_calibration_it_is_made_from_standing(bundle: Bundle) -> None:
    recording = simulate([Stand(5.0), Walk(4.0)], draw_user(3), SensorModel(), 3).recording
    run = run_live(bundle, dataclasses.replace(recording, calibration=None))
    first = run.stamp[np.isfinite(run.angle)][0] - run.stamp[0]
    assert 2.0 <= first < 5.0
    before = run.stamp - run.stamp[0] < first
    assert (run.status[before] & Status.NOT_CALIBRATED != 0).all()
    assert run.made[~before].any()


def test_a_left_leg_that_is_calibrated_from_standing_gives_what_the_right_one_gives(bundle: Bundle) -> None:
    """Straps tilt outward on both legs; with a right leg's usual tilt, forward is not known before three strides."""
    walk = dataclasses.replace(
        simulate([Stand(4.0), Walk(4.0)], draw_user(2), SensorModel(), 2).recording, calibration=None
    )
    right, left = run_live(bundle, walk), run_live(bundle, mirrored(walk), LiveSettings().worn_on("left"))
    np.testing.assert_array_equal(left.made, right.made)
    np.testing.assert_allclose(left.angle, right.angle, atol=1e-9)
    np.testing.assert_allclose(left.forecast.angle, right.forecast.angle, atol=1e-5)


def test_what_cannot_run_is_refused(bundle: Bundle) -> None:
    def refused(recording: Recording, sentence: str) -> None:
        with pytest.raises(ChainError, match=sentence):
            run_live(bundle, recording)

    recording = part(swinging(SECONDS), 1.0)
    refused(
        dataclasses.replace(swinging(SECONDS), calibration=None), "has no calibration, and none can be made from it"
    )
    foot = recording.foot
    refused(dataclasses.replace(recording, foot=ImuSamples(foot.stamp + 60.0, foot.accel, foot.gyro)), "no pair")


def test_a_recording_too_short_for_a_window_gives_ticks_without_forecasts(bundle: Bundle, tmp_path: Path) -> None:
    run = run_live(bundle, part(swinging(SECONDS), 0.1))
    assert run.forecast.angle.shape == (0, bundle.manifest.horizon)
    assert not run.made.any()
    assert not run.walking.any()
    assert math.isfinite(run.angle[0])


def test_a_gyro_that_fails_in_a_walk_withholds_the_forecast_as_soon_as_the_angle_leaves_it() -> None:
    walk = simulate([Stand(3.0), Walk(9.0)], draw_user(3), SensorModel(), seed=3).recording
    begin = walk.start + 8.8  # when the foot begins to swing
    gyro = walk.foot.gyro.copy()
    gyro[walk.foot.stamp >= begin] *= -1.0
    failed = dataclasses.replace(walk, foot=dataclasses.replace(walk.foot, gyro=gyro))
    base = load_bundle("base", model_directories())

    def said(bundle: Bundle, recording: Recording) -> float:
        run = run_live(bundle, recording)
        times = run.stamp[run.status & Status.IMPLAUSIBLE != 0]
        return float(times[0]) - begin if len(times) else math.inf

    assert said(base, walk) == math.inf
    assert 0.0 < said(base, failed) < 0.2
    alone = dataclasses.replace(
        base, manifest=dataclasses.replace(base.manifest, memory=None)
    )  # its intervals follow nothing
    assert said(alone, failed) > said(base, failed) + 0.05
