"""Consistency of simulated walks: sensors and truth, consecutive chunks, equal seeds."""

from __future__ import annotations

import itertools
import math
import time
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from ankle_imu_driver.simulator.gait_planner import GaitPlanner
from ankle_imu_driver.simulator.gait_scenario import (
    Label,
    Shuffle,
    Sit,
    Slope,
    Stairs,
    Stand,
    Sway,
    Turn,
    Walk,
    indoor_walk,
)
from ankle_imu_driver.simulator.leg_kinematics import rotation
from ankle_imu_driver.simulator.leg_motion import CHANNELS, RATE, MotionPiece
from ankle_imu_driver.simulator.segment_motion import segment_motion
from ankle_imu_driver.simulator.sensor_model import Chip, SensorModel
from ankle_imu_driver.simulator.simulate import simulate, simulated_chunks, stream
from ankle_imu_driver.simulator.strapped_sensor import StrappedSensor
from ankle_imu_driver.simulator.user_profile import UserProfile, draw_user

PERFECT = SensorModel(accel_range=16, gyro_range=2000, quality=0.0, noise=0.0)
SEED = st.integers(0, 10_000)
EVERYTHING = [
    Stand(2.0), Walk(4.0), Turn(math.pi), Slope(3.0), Stairs(3.0), Stairs(3.0, up=False), Shuffle(3.0), Sway(3.0),
    Sit(4.0), Walk(2.0), Stand(1.0),
]  # fmt: skip


def _in_plane(user: UserProfile) -> UserProfile:
    """The same person with an ankle that is a pure hinge."""
    return replace(user, twist=0.0, lean=0.0)


def _left_rate(user: UserProfile, gyro: np.ndarray, foot: bool) -> np.ndarray:
    """The rate about the segment's left axis, from a gyro in its mounting."""
    mount = user.foot_mount if foot else user.shank_mount
    return (gyro @ mount.matrix)[:, 1]


@settings(max_examples=10, deadline=None)
@given(SEED)
@example(137)  # the sway continues at the start and the end of the simulation
@example(4204)
@example(490)  # a gyro whose bias was drawn beyond what the chip can have
def test_at_rest_the_accelerometer_reads_gravity_up(seed):
    user = draw_user(seed)
    walk = simulate([Stand(2.0)], user, SensorModel(), seed)
    for accel, mount in ((walk.truth.foot_accel, user.foot_mount), (walk.truth.shank_accel, user.shank_mount)):
        upright = accel @ mount.matrix
        assert np.linalg.norm(accel, axis=1) == pytest.approx(9.81, abs=0.02)
        assert upright.mean(axis=0) == pytest.approx([0.0, 0.0, 9.81], abs=0.12)  # it sways by about 0.3 deg
    assert walk.truth.foot_accel @ user.foot_mount.matrix == pytest.approx(
        np.tile([0.0, 0.0, 9.81], (len(walk.truth.angle), 1)), abs=1e-6
    )
    # As in the recordings: foot X down, shank Y down.
    assert walk.truth.foot_accel[:, 0].max() < -8.0
    assert walk.truth.shank_accel[:, 1].max() < -8.0


def test_a_motion_of_one_sample_is_at_rest():
    (block,) = segment_motion([MotionPiece(np.full((1, CHANNELS), 0.3), np.zeros(1, np.int8), np.zeros(1))])
    assert len(block.label) == 1
    assert block.shank[:, 0] == pytest.approx(0.6)  # twist and the leg's yaw
    assert np.ptp(block.foot, axis=0) == pytest.approx(0.0)


@settings(max_examples=3, deadline=None)
@given(SEED)
def test_integrating_the_ideal_gyros_gives_the_pitches_and_the_angle(seed):
    user = draw_user(seed)
    scenario = [Stand(1.0), Walk(2.0), Turn(2.0), Stairs(1.0)]
    blocks = list(segment_motion(GaitPlanner(user, np.random.default_rng(seed)).motion(scenario)))
    angle = np.concatenate([(b.shank - b.foot)[1:-1, 2] for b in blocks])
    pitches = []
    for name, mount in (("shank", user.shank_mount), ("foot", user.foot_mount)):
        sensor = StrappedSensor(mount, Chip(PERFECT, np.random.default_rng(0)), 0.0, 0.0, np.random.default_rng(0))
        rate = np.concatenate([sensor.perfect(b.ankle, getattr(b, name))[1] for b in blocks]) @ mount.matrix
        turned = rotation(*getattr(blocks[0], name)[1:2].T)[0]
        pitch = [math.atan2(-turned[2, 0], turned[2, 2])]
        for move in Rotation.from_rotvec((rate[1:] + rate[:-1]) / 2 / RATE).as_matrix():
            turned = turned @ move
            pitch.append(math.atan2(-turned[2, 0], turned[2, 2]))
        pitches.append(np.array(pitch))
        truth = np.concatenate([getattr(b, name)[1:-1, 2] for b in blocks])
        assert np.degrees(np.abs(pitches[-1] - truth)).max() < 0.05
    assert np.degrees(np.abs(pitches[0] - pitches[1] - angle)).max() < 0.05


def test_the_truth_at_the_stamps_fits_the_ideal_gyros():
    user = replace(_in_plane(draw_user(6)), swing_yaw=(0.0, 0.0, 0.0), swing_roll=(0.0, 0.0, 0.0))
    walk = simulate([Stand(2.0), Walk(10.0)], user, PERFECT, 6)
    rate = _left_rate(user, walk.truth.shank_gyro, foot=False)
    step = np.diff(walk.recording.shank.stamp)
    turned = walk.truth.shank_pitch[0] + np.cumsum((rate[1:] + rate[:-1]) / 2 * step)
    # The remaining error is that of the trapezoidal rule with steps of 10 to 50 ms.
    assert np.degrees(np.abs(turned - walk.truth.shank_pitch[1:])).mean() < 0.5


@settings(max_examples=3, deadline=None)
@given(SEED)
def test_the_hinge_relation_holds(seed):
    # d(dorsiflexion)/dt = pitch rate of the shank - pitch rate of the foot, each about its own left axis.
    for user, limit in ((_in_plane(draw_user(seed)), 0.2), (draw_user(seed), 2.0)):
        walk = simulate([Stand(1.0), Walk(5.0), Turn(2.0), Stairs(2.0)], user, PERFECT, seed)
        truth, stamp = walk.truth, walk.recording.foot.stamp
        hinge = _left_rate(user, truth.shank_gyro, foot=False) - _left_rate(user, truth.foot_gyro, foot=True)
        steady = np.diff(stamp) < 0.011
        mean = (hinge[1:] + hinge[:-1]) / 2
        error = np.degrees(np.diff(truth.angle) / np.diff(stamp) - mean)[steady]
        # The median, because foot slap is sharper than 10 ms, and out of plane the two axes differ slightly.
        assert np.median(np.abs(error)) < limit
        assert np.corrcoef(np.diff(truth.angle)[steady], mean[steady])[0, 1] > 0.99


def test_the_same_seed_gives_the_same_walk_and_another_seed_another_walk():
    one, same, other = (simulate(EVERYTHING, draw_user(4), SensorModel(), seed) for seed in (1, 1, 2))
    assert np.array_equal(one.recording.shank.accel, same.recording.shank.accel)
    assert np.array_equal(one.truth.angle, same.truth.angle)
    n = min(len(one.truth.angle), len(other.truth.angle))
    assert not np.array_equal(one.truth.angle[:n], other.truth.angle[:n])
    assert draw_user(7) == draw_user(7) != draw_user(8)


@settings(max_examples=4, deadline=None)
@given(SEED)
def test_chunks_are_continuous(seed):
    user = draw_user(seed)
    pieces = list(
        GaitPlanner(user, np.random.default_rng(seed)).motion([Stand(1.0), Walk(4.0), Turn(2.0), Stairs(2.0)])
    )
    in_one = MotionPiece(
        *(np.concatenate([getattr(p, name) for p in pieces]) for name in ("channels", "label", "impact"))
    )
    for mount, name in ((user.shank_mount, "shank"), (user.foot_mount, "foot")):
        sensor = StrappedSensor(mount, Chip(PERFECT, np.random.default_rng(0)), 0.0, 0.0, np.random.default_rng(0))
        cut, whole = (
            [
                (getattr(b, name)[1:-1], *sensor.perfect(b.ankle, getattr(b, name)), b.label)
                for b in segment_motion(given)
            ]
            for given in (pieces, [in_one])
        )
        assert len(cut) > len(whole)
        for one, other in zip(zip(*cut, strict=True), zip(*whole, strict=True), strict=True):
            np.testing.assert_allclose(np.concatenate(one), np.concatenate(other), rtol=0, atol=1e-6)


@settings(max_examples=4, deadline=None)
@given(SEED)
def test_stamps_and_truth_continue_from_chunk_to_chunk(seed):
    chunks = list(itertools.islice(simulated_chunks(indoor_walk(seed), draw_user(seed), SensorModel(), seed), 20))
    stamp = np.concatenate([c.recording.foot.stamp for c in chunks])
    step = np.diff(stamp)
    assert 0.009 - 1e-9 < step.min() <= step.max() < 0.055
    border = np.cumsum([len(c.truth.angle) for c in chunks])[:-1] - 1
    angle, pitch = (np.concatenate([getattr(c.truth, name) for c in chunks]) for name in ("angle", "shank_pitch"))
    for values in (angle, pitch):
        assert np.degrees(np.abs(np.diff(values) / step))[border].max() < 450.0


def test_a_stream_is_the_same_walk_and_begins_with_standing():
    chunks = list(itertools.islice(stream(draw_user(3), SensorModel(), 9), 12))
    whole = np.concatenate([c.foot.accel for c in chunks])
    again = np.concatenate([c.foot.accel for c in itertools.islice(stream(draw_user(3), SensorModel(), 9), 12)])
    assert np.array_equal(whole, again)
    assert all(c.calibration is None and c.encoder is not None for c in chunks)
    standing = np.concatenate([c.foot.stamp for c in chunks]) < 5.0
    assert whole[standing].std(axis=0).max() < 0.2
    assert whole[~standing].std(axis=0).max() > 2.0
    assert all(len(c.foot) < 600 for c in chunks)


def test_every_activity_is_labelled_and_feet_are_flat_only_on_level_ground():
    walk = simulate(EVERYTHING, draw_user(2), SensorModel(), 2)
    truth = walk.truth
    assert set(truth.label.tolist()) == {int(label) for label in Label if label != Label.RUN}
    for label, flat in ((Label.STAND, True), (Label.SWAY, True), (Label.SIT, True), (Label.WALK, True),
                        (Label.SHUFFLE, False)):  # fmt: skip
        assert truth.foot_flat[truth.label == label][10:].any() == flat
    resting = truth.at_rest & (truth.label == Label.SLOPE)
    assert np.degrees(truth.foot_pitch[resting]).min() == pytest.approx(-5.0, abs=0.01)  # uphill: toes up
    resting = truth.at_rest & (truth.label == Label.SHUFFLE)
    assert np.degrees(truth.foot_pitch[resting]).max() == pytest.approx(8.0, abs=0.01)
    seated = np.flatnonzero(truth.label == Label.SIT)[-100:]
    assert np.degrees(truth.shank_pitch[seated]) == pytest.approx(-25.0, abs=1.5)
    swaying = truth.label == Label.SWAY
    assert 2.0 < np.degrees(np.ptp(truth.shank_pitch[swaying])) / 2 < 6.0


def test_the_encoder_is_rounded_and_the_calibration_contains_the_sensors_errors():
    walk = simulate([Stand(3.0), Walk(3.0)], draw_user(5), SensorModel(), 5)
    assert walk.recording.encoder is not None
    assert np.degrees(np.abs(walk.recording.encoder.angle - walk.truth.angle)).max() <= 0.15 + 1e-9
    calibration = walk.recording.calibration
    assert calibration is not None
    still = walk.recording.foot.stamp < 2.5
    gravity = walk.recording.foot.accel[still].mean(axis=0)
    assert calibration.foot.gravity == pytest.approx(gravity)
    assert not np.allclose(gravity, walk.truth.foot_accel[still].mean(axis=0), atol=0.01)
    assert simulate([Walk(3.0)], draw_user(5), SensorModel(), 5).recording.calibration is None


def test_a_scenario_without_motion_is_refused():
    with pytest.raises(ValueError, match="at least one activity"):
        simulate([], draw_user(1), SensorModel(), 1)
    with pytest.raises(ValueError, match="a speed above 0"):
        Walk(3.0, speed=0.0)


def test_mountings_tilt_by_5_to_25_deg():
    for seed in range(50):
        user = draw_user(seed)
        for mount in (user.foot_mount, user.shank_mount):
            tilt = math.degrees(math.acos(math.cos(mount.roll) * math.cos(mount.pitch)))
            assert 4.9 < tilt < 25.1


def test_it_simulates_fifty_times_faster_than_real_time():
    simulate([Stand(1.0)], draw_user(1), SensorModel(), 1)
    start = time.process_time()
    walk = simulate([Stand(2.0), Walk(20.0), Turn(math.pi), Walk(15.0)], draw_user(1), SensorModel(), 1)
    assert walk.recording.end / (time.process_time() - start) > 50
