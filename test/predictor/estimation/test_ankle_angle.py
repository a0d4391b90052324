"""The ankle angle on recorded, simulated and synthetic walks, and the detection of the resting foot."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rigs.walks import swinging

from ankle_imu_driver.mounting import FOOT_MOUNTING, SHANK_MOUNTING
from ankle_imu_driver.recordings.mirror import mirrored
from ankle_imu_driver.recordings.read_recording import read_recording
from ankle_imu_driver.simulator.gait_scenario import Shuffle, Slope, Stairs, Stand, Walk
from ankle_imu_driver.simulator.sensor_model import SensorModel
from ankle_imu_driver.simulator.simulate import simulate
from ankle_imu_driver.simulator.user_profile import draw_user
from ankle_predictor.estimation.filter_config import FilterConfig
from ankle_predictor.estimation.foot_rest import FootRest
from ankle_predictor.estimation.leg_estimator import LegConfig
from ankle_predictor.estimation.segment_filter import GRAVITY
from ankle_predictor.model.features import FeatureSpec
from ankle_predictor.offline.pipeline import pairs_of, run_chain

WALKS = ("LOG2", "LOG7", "LOG8", "LOG10", "LOG13")


def test_the_angle_is_the_difference_of_two_swinging_segments():
    recording = swinging(jitter=0.002)
    table = run_chain(recording, FeatureSpec(filter=FilterConfig(lever_arm=0.0)))
    truth = np.interp(table.stamp, recording.encoder.stamp, recording.encoder.angle)
    assert np.degrees(np.max(np.abs(table.angle - truth)[100:])) < 0.5


def angle_with_set_axes(recording):
    """The (N,) stamps and angles with the documented mounting; what finding the headings costs is tested elsewhere."""
    joints = [pair.joint for pair in pairs_of(recording, None, LegConfig(SHANK_MOUNTING, FOOT_MOUNTING))]
    return np.array([joint.stamp for joint in joints]), np.array([joint.angle for joint in joints])


@pytest.fixture(scope="module")
def errors_deg(walks_dir):
    """Mean absolute error of the angle in deg over each walk, from 5 s on; nothing is fitted to the encoder."""
    errors = {}
    for name in WALKS:
        recording = read_recording(walks_dir / f"{name}.TXT")
        stamp, angle = angle_with_set_axes(recording)
        truth = np.interp(stamp, recording.encoder.stamp, recording.encoder.angle)
        walking = stamp >= recording.start + 5.0
        errors[name] = np.degrees(np.mean(np.abs(angle - truth)[walking]))
    return errors


def test_the_angle_over_the_five_walks(errors_deg):
    assert np.mean(list(errors_deg.values())) < 1.25
    assert np.mean([error for name, error in errors_deg.items() if name != "LOG7"]) < 1.15
    assert max(errors_deg.values()) < 1.7


def test_the_other_leg_has_the_same_angle(walks_dir):
    recording = read_recording(walks_dir / "LOG13.TXT")
    np.testing.assert_array_equal(angle_with_set_axes(mirrored(recording))[1], angle_with_set_axes(recording)[1])


def test_the_rate_is_the_angles_slope(walks_dir):
    table = run_chain(read_recording(walks_dir / "LOG8.TXT"))
    slope = np.gradient(table.angle, table.stamp)
    assert np.corrcoef(slope, table.values[:, -1])[0, 1] > 0.97


def test_the_foot_rests_only_after_it_was_quiet_for_a_while():
    rest, level, still = FootRest(FilterConfig()), (0.0, 0.0, GRAVITY), (0.0, 0.0, 0.0)
    rests = [rest.step(k * 0.01, level, still).resting for k in range(5)]
    assert rests == [False, False, False, True, True]
    assert not rest.step(0.05, level, (0.0, 2.0, 0.0)).resting
    assert not rest.step(0.06, level, still).resting
    assert not rest.step(0.15, (0.0, 0.0, 1.3 * GRAVITY), still).resting
    assert not rest.step(9.0, level, still).resting, "nothing is known about the time of a gap"


@given(st.floats(0.0025, 0.02), st.floats(2.0, 8.0))
def test_trust_follows_the_uncertainty_after_a_swing_at_any_sample_rate(dt, swing_rate):
    """After a faster swing the accelerometer gets more weight, and during a longer rest each sample gets less."""

    def trusts(rate):
        rest, level = FootRest(FilterConfig()), (0.0, 0.0, GRAVITY)
        steps = [rate if 1.0 <= k * dt < 1.5 else 0.0 for k in range(int(3.0 / dt))]
        return [rest.step(k * dt, level, (0.0, step, 0.0)).tau for k, step in enumerate(steps)]

    fast, slow = trusts(swing_rate), trusts(0.5 * swing_rate)
    early, late = int(1.6 / dt), int(2.8 / dt)
    assert fast[early] < slow[early]
    assert fast[early] < fast[late]
    reference = FootRest(FilterConfig())
    assert 0.5 < fast[early] / fine_tau(reference, swing_rate) < 2.0


def fine_tau(rest, rate):
    """The time constant 0.1 s into the rest, at 1 kHz."""
    for k in range(1601):
        trust = rest.step(k * 0.001, (0.0, 0.0, GRAVITY), (0.0, rate if 1000 <= k < 1500 else 0.0, 0.0))
    return trust.tau


@pytest.mark.parametrize("value", [math.nan, -1.0, 0.0, math.inf])
def test_impossible_constants_are_refused_by_name(value):
    with pytest.raises(ValueError, match="accel_noise_rest"):
        FilterConfig(accel_noise_rest=value)


@pytest.mark.parametrize(("name", "value"), [("lever_arm", 9.2e18), ("gyro_limit", 500.0), ("max_gap", 60.0)])
def test_constants_beyond_any_leg_and_sensor_are_refused(name, value):
    with pytest.raises(ValueError, match=f"{name} must be at most"):
        FilterConfig(**{name: value})


@pytest.mark.parametrize(
    "activity",
    [
        Slope(15.0, math.radians(8.0)),
        Slope(15.0, -math.radians(8.0)),
        Stairs(15.0),
        Stairs(15.0, up=False),
        Shuffle(15.0),
    ],
    ids=["uphill", "downhill", "stairs up", "stairs down", "shuffling"],
)
def test_rest_detection_helps_on_slopes_and_stairs_too(activity):
    """A resting foot is not assumed to be level, so rest detection does not harm on slopes and stairs."""
    never = replace(FilterConfig(), rest_rate=1e-9)
    errors = {FilterConfig(): [], never: []}
    for person in range(3):
        walk = simulate([Stand(3.0), Walk(3.0), activity], draw_user(person), SensorModel(), person)
        for config, error in errors.items():
            table = run_chain(walk.recording, FeatureSpec(filter=config))
            truth = np.interp(table.stamp, walk.recording.shank.stamp, walk.truth.angle)
            error.append(np.degrees(np.mean(np.abs(table.angle - truth)[table.stamp > 8.0])))
    assert np.mean(errors[FilterConfig()]) <= np.mean(errors[never])
    assert max(errors[FilterConfig()]) < 2.5
