"""Mountings and levelling."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from ankle_imu_driver.calibration import SensorCalibration
from ankle_imu_driver.mounting import FOOT_MOUNTING, SHANK_MOUNTING, MountingError, described, levelled, parse_mounting


def test_with_the_recordings_mountings_gravity_points_up():
    np.testing.assert_array_equal(parse_mounting(SHANK_MOUNTING) @ [0, -9.8, 0], [0, 0, 9.8])
    np.testing.assert_array_equal(parse_mounting(FOOT_MOUNTING) @ [-9.8, 0, 0], [0, 0, 9.8])


def test_forward_and_left_of_the_recordings():
    np.testing.assert_array_equal(parse_mounting(SHANK_MOUNTING) @ [-1, 0, 0], [1, 0, 0])
    np.testing.assert_array_equal(parse_mounting(FOOT_MOUNTING) @ [0, 1, 0], [1, 0, 0])
    for text in (SHANK_MOUNTING, FOOT_MOUNTING):
        np.testing.assert_array_equal(parse_mounting(text) @ [0, 0, -1], [0, 1, 0])


@pytest.mark.parametrize(
    ("text", "word"),
    [("X,Y", "must name"), ("X,Y,W", "must name"), ("X,X,Z", "twice"), ("X,Y,-Z", "left-handed"), ("", "must name")],
)
def test_an_impossible_mounting_is_refused(text, word):
    with pytest.raises(MountingError, match=word):
        parse_mounting(text)


def test_blanks_lower_case_and_a_missing_sign_are_accepted():
    np.testing.assert_array_equal(parse_mounting(" x, y ,z"), np.eye(3))


@pytest.mark.parametrize("seed", range(50))
def test_a_mounting_is_described_by_axes_that_can_be_set(seed):
    rotation = Rotation.random(random_state=seed).as_matrix()
    text, off = described(rotation).split(" within ")
    axes = parse_mounting(text)
    turn = Rotation.from_matrix(rotation @ axes.T).magnitude()
    assert turn < math.radians(62.8), "of 24 such mountings, one is never further away"
    worst = max(math.acos(row @ axis) for row, axis in zip(rotation, axes, strict=True))
    assert off == f"{math.degrees(worst):.0f} degrees"


@given(st.floats(-0.9, 0.9), st.floats(-0.9, 0.9), st.floats(8.2, 11.0))
def test_levelling_is_a_rotation_after_which_gravity_points_up(x, y, norm):
    up = np.array([math.sin(x), math.sin(y), 1.0])
    gravity = norm * up / np.linalg.norm(up)
    rotation = levelled(np.eye(3), SensorCalibration((0, 0, 0), tuple(gravity)))
    np.testing.assert_allclose(rotation @ rotation.T, np.eye(3), atol=1e-12)
    np.testing.assert_allclose(rotation @ gravity, [0, 0, norm], atol=1e-12)


def test_swapped_sensors_are_refused():
    with pytest.raises(MountingError, match="swapped"):
        levelled(parse_mounting(FOOT_MOUNTING), SensorCalibration((0, 0, 0), (0.0, -9.8, 0.0)))
