"""The leg's geometry, the readings of a sensor on a rigid body, and the foot's contact with the ground."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ankle_imu_driver.simulator.gait_planner import GaitPlanner
from ankle_imu_driver.simulator.gait_scenario import Label, Shuffle, Slope, Stairs, Stand, Turn, Walk
from ankle_imu_driver.simulator.leg_kinematics import (
    FootGeometry,
    ankle_over_contact,
    rigid_body_imu,
    rotation,
    smooth,
    swing_path,
)
from ankle_imu_driver.simulator.leg_motion import FOOT, POSITION, RATE, ROLL, YAW, LegMotion
from ankle_imu_driver.simulator.segment_motion import segment_motion
from ankle_imu_driver.simulator.stride import Stride
from ankle_imu_driver.simulator.user_profile import draw_user

ANGLE = st.floats(-1.2, 1.2)
PLACE = st.tuples(*[st.floats(-0.3, 0.3)] * 3).map(np.array)


def _one(value: float) -> np.ndarray:
    return np.array([value])


@given(ANGLE, ANGLE, ANGLE)
def test_the_matrix_is_a_rotation_and_a_positive_pitch_leans_forward(yaw, roll, pitch):
    matrix = rotation(_one(yaw), _one(roll), _one(pitch))[0]
    assert matrix @ matrix.T == pytest.approx(np.eye(3), abs=1e-12)
    assert np.linalg.det(matrix) == pytest.approx(1.0)
    up = rotation(_one(0.0), _one(0.0), _one(pitch))[0] @ [0.0, 0.0, 1.0]
    assert up[0] == pytest.approx(math.sin(pitch))


@given(ANGLE, ANGLE, ANGLE, PLACE, PLACE)
def test_the_contact_does_not_slip(yaw, roll, pitch, ground, point):
    angles = _one(yaw), _one(roll), _one(pitch)
    ankle = ankle_over_contact(ground, point, *angles)
    assert ankle[0] + rotation(*angles)[0] @ point == pytest.approx(ground, abs=1e-12)


@given(PLACE, PLACE, PLACE, PLACE, PLACE, PLACE)
def test_a_swing_has_the_given_start_and_end(p0, v0, a0, p1, v1, a1):
    n = 2000
    path = swing_path(np.array([p0, v0, a0]), np.array([p1, v1, a1]), n)
    assert path[-1] == pytest.approx(p1, abs=1e-9)
    assert (path[-1] - path[-2]) * n == pytest.approx(v1, abs=0.01)
    assert (path[-1] - 2 * path[-2] + path[-3]) * n**2 == pytest.approx(a1, abs=0.2)
    assert (path[0] - p0) * n == pytest.approx(v0, abs=0.01)
    assert (path[2] - 2 * path[1] + path[0]) * n**2 == pytest.approx(a0, abs=0.2)


def test_smoothing_keeps_constants_and_aligns_kernels_of_different_widths():
    step = np.repeat([0.0, 1.0], 200)[:, None]
    narrow, wide = smooth(step, 27, 60), smooth(step, 121, 60)
    assert narrow.shape == wide.shape == (280, 1)
    for smoothed in (narrow, wide):
        assert np.all(np.diff(smoothed[:, 0]) >= -1e-12)
        assert smoothed[139, 0] + smoothed[140, 0] == pytest.approx(1.0)
        assert smoothed[[0, -1], 0] == pytest.approx([0.0, 1.0], abs=0.01)


@given(ANGLE, ANGLE, ANGLE, PLACE, PLACE)
def test_at_rest_a_sensor_measures_gravity_upward_and_no_rate(yaw, roll, pitch, origin, lever):
    angles = np.tile([yaw, roll, pitch], (5, 1))
    force, rate = rigid_body_imu(np.tile(origin, (5, 1)), angles, lever, 1 / RATE)
    assert force @ rotation(*angles[1:-1].T)[0].T == pytest.approx(np.tile([0.0, 0.0, 9.81], (3, 1)), abs=1e-8)
    assert rate == pytest.approx(np.zeros((3, 3)), abs=1e-12)


@given(st.floats(-8.0, 8.0), st.floats(-3.0, 3.0), PLACE)
def test_a_rotating_body_measures_the_textbook_accelerations(pitch_rate, yaw_rate, lever):
    # w x (w x r), plus the Euler term because the yaw rotates the rate vector; the origin does not move.
    time = (np.arange(7) - 3) / RATE
    angles = np.column_stack([yaw_rate * time, np.zeros(7), pitch_rate * time])
    force, rate = rigid_body_imu(np.zeros((7, 3)), angles, lever, 1 / RATE)
    omega, omega_dot = np.array([0.0, pitch_rate, yaw_rate]), np.array([-yaw_rate * pitch_rate, 0.0, 0.0])
    expected = np.cross(omega_dot, lever) + np.cross(omega, np.cross(omega, lever)) + [0.0, 0.0, 9.81]
    assert rate[2] == pytest.approx(omega, abs=1e-9)
    assert force[2] == pytest.approx(expected, abs=0.01)


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 10_000))
def test_feet_neither_slip_nor_sink(seed):
    user = draw_user(seed)
    scenario = [Stand(1.0), Walk(3.0), Turn(2.5), Slope(2.0, 0.1), Stairs(2.0), Stairs(2.0, up=False), Shuffle(2.0)]
    pieces = list(GaitPlanner(user, np.random.default_rng(seed)).motion(scenario))
    for piece in pieces:
        channels = piece.channels
        turned = rotation(*channels[:, [YAW, ROLL, FOOT]].T)
        heel, ball = (channels[:, POSITION] + turned @ user.geometry.contact(down) for down in (False, True))
        lowest = np.minimum(heel[:, 2], ball[:, 2])
        first, last = lowest[0], lowest[-1]
        assert lowest.min() > min(first, last) - 0.01  # dragged toes may be slightly below the ground
        moving = np.flatnonzero(np.abs(np.diff(channels[:, FOOT])) > 0)
        if len(moving):
            rise = slice(moving[0], moving[0] + 50)  # the heel rises, the ball does not move
            assert np.ptp(ball[rise], axis=0) == pytest.approx(np.zeros(3), abs=1e-9)
    for before, after in itertools.pairwise(pieces):
        assert np.abs(after.channels[0] - before.channels[-1]).max() < 0.004  # 4 m/s


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 10_000))
def test_a_flat_foot_is_still_and_rests_a_fifth_of_the_walk(seed):
    user = draw_user(seed)
    motion = segment_motion(GaitPlanner(user, np.random.default_rng(seed)).motion([Walk(6.0)]))
    at_rest, height, pitch = [], [], []
    for block in motion:
        rest = block.at_rest
        at_rest.append(rest)
        height.append(block.ankle[1:-1, 2][rest])
        pitch.append(block.foot[1:-1, 2][rest])
    assert np.concatenate(pitch) == pytest.approx(0.0, abs=1e-6)
    assert np.concatenate(height) == pytest.approx(user.geometry.height, abs=1e-6)
    assert 0.15 < np.concatenate(at_rest).mean() < 0.5


def test_shank_and_foot_leave_the_sagittal_plane_together():
    user = replace(draw_user(3), twist=0.0, lean=0.0)
    for block in segment_motion(GaitPlanner(user, np.random.default_rng(3)).motion([Walk(6.0)])):
        # Both are equal except for the small steering of each stride, which twists the shank against the flat foot.
        assert block.shank[:, :2] == pytest.approx(block.foot[:, :2], abs=math.radians(0.6))
        assert np.ptp(block.foot[:, 0]) < math.radians(40.0)


@given(st.floats(0.3, 1.4), st.floats(-0.3, 0.3), st.floats(-1.5, 1.5), st.floats(-0.2, 0.2))
def test_a_stride_ends_at_the_given_place(length, rise, turn, ground):
    leg = LegMotion(draw_user(1))
    stride = Stride(Label.WALK, 0.4, 0.4, 0.5, 0.15, length, rise=rise, turn=turn, ground=ground)
    end = leg.stride(stride).channels[-1]
    forward = length * np.array([math.cos(turn / 2), math.sin(turn / 2), 0.0])
    up = np.array([0.0, 0.0, rise + leg.user.geometry.height])
    assert end[POSITION] == pytest.approx(forward + up, abs=1e-9)
    assert end[[FOOT, YAW, ROLL]] == pytest.approx([ground, turn, 0.0], abs=1e-9)


def test_the_foot_pivots_about_ball_or_heel():
    geometry = FootGeometry(heel=0.05, ball=0.16, height=0.07)
    assert geometry.contact(toes_down=True).tolist() == [0.16, 0.0, -0.07]
    assert geometry.contact(toes_down=False).tolist() == [-0.05, 0.0, -0.07]
