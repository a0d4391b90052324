"""Where the leg is drawn: frames as in REP-103, headings left out, forecasts about the foot's own axis."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from ankle_imu_driver.refusal import Refusal
from ankle_predictor.estimation.samples import pitch_of
from ankle_predictor.visualization.leg_geometry import LegShape, fan, foot_after, leg_pose, on_foot, toe_path

SHAPE = LegShape()
HEADING = st.floats(-math.pi, math.pi)
ROLL = st.floats(-1.2, 1.2)
PITCH = st.floats(-math.pi, math.pi)  # a runner's shank goes beyond the horizontal
CHANGE = st.floats(-1.0, 1.0)
UPRIGHT = (0.0, 0.0, 0.0, 1.0)


def segment(heading: float, roll: float, pitch: float) -> tuple[float, float, float, float]:
    """An orientation as the filter publishes it."""
    x, y, z, w = Rotation.from_euler("ZXY", [heading, roll, pitch]).as_quat()
    return (float(x), float(y), float(z), float(w))


def in_fixed_frame(shape: LegShape, side: str, pose: object, point: np.ndarray) -> np.ndarray:
    """A point of the foot, (3,) in m."""
    on_shank = on_foot(shape, pose.foot, point)  # type: ignore[attr-defined]
    return Rotation.from_quat(pose.shank).apply(on_shank) + shape.knee(side)  # type: ignore[attr-defined]


@given(HEADING, HEADING, ROLL, ROLL, PITCH, PITCH)
def test_headings_do_not_show(
    one: float, other: float, shank_roll: float, foot_roll: float, shank: float, foot: float
) -> None:
    straight = leg_pose(segment(0.0, shank_roll, shank), segment(0.0, foot_roll, foot))
    turned = leg_pose(segment(one, shank_roll, shank), segment(other, foot_roll, foot))
    for a, b in ((straight.shank, turned.shank), (straight.foot, turned.foot)):
        assert (Rotation.from_quat(a).inv() * Rotation.from_quat(b)).magnitude() < 1e-6


@given(ROLL, ROLL, PITCH, PITCH)
def test_inclinations_are_kept(shank_roll: float, foot_roll: float, shank: float, foot: float) -> None:
    given_shank, given_foot = segment(0.4, shank_roll, shank), segment(-0.3, foot_roll, foot)
    pose = leg_pose(given_shank, given_foot)
    both = Rotation.from_quat(pose.shank) * Rotation.from_quat(pose.foot)
    for drawn, wanted in ((Rotation.from_quat(pose.shank), given_shank), (both, given_foot)):
        up, wanted_up = drawn.inv().apply((0, 0, 1)), Rotation.from_quat(wanted).inv().apply((0, 0, 1))
        np.testing.assert_allclose(up, wanted_up, atol=1e-6)


@pytest.mark.parametrize(("side", "sign"), [("left", 1.0), ("right", -1.0)])
def test_a_standing_leg_points_forward_with_its_sole_on_the_ground(side: str, sign: float) -> None:
    x, y, z = in_fixed_frame(SHAPE, side, leg_pose(UPRIGHT, UPRIGHT), SHAPE.toe)
    assert x > 0.15
    assert y == pytest.approx(sign * 0.1)
    assert z == pytest.approx(0.0, abs=1e-12)


def test_a_shank_that_leans_forward_has_its_ankle_behind_the_knee() -> None:
    pose = leg_pose(segment(0.0, 0.0, 0.3), UPRIGHT)
    ankle = in_fixed_frame(SHAPE, "right", pose, np.zeros(3))
    assert ankle[0] == pytest.approx(-SHAPE.shank_length * math.sin(0.3))
    assert pitch_of(pose.shank) == pytest.approx(0.3)


@given(ROLL, PITCH, PITCH, CHANGE)
def test_a_forecast_is_the_foot_turned_by_the_change(roll: float, shank: float, foot: float, change: float) -> None:
    now = leg_pose(segment(0.0, 0.0, shank), segment(0.0, roll, foot))
    ahead = Rotation.from_quat(foot_after(now.foot, change))
    turn = Rotation.from_quat(now.foot).inv() * ahead
    np.testing.assert_allclose(turn.as_rotvec(), [0.0, -change, 0.0], atol=1e-6)


@given(CHANGE)
def test_dorsiflexion_raises_the_toe(change: float) -> None:
    height = toe_path(SHAPE, UPRIGHT, np.array([0.0, change, change + 0.1]))[:, 2]
    if change > 1e-6 and change < 0.9:
        assert height[1] > height[0]
    assert height[2] > height[1] or change > 0.9  # until the toe is above the ankle's front


@given(ROLL, PITCH, PITCH, st.lists(CHANGE, max_size=50))
def test_the_toe_moves_about_the_ankle_from_where_it_is(
    roll: float, shank: float, foot: float, changes: list[float]
) -> None:
    now = leg_pose(segment(0.0, 0.1, shank), segment(0.0, roll, foot)).foot
    path = toe_path(SHAPE, now, np.array([0.0, *changes]))
    np.testing.assert_allclose(path[0], on_foot(SHAPE, now, SHAPE.toe), atol=1e-9)
    distances = np.linalg.norm(path - SHAPE.ankle, axis=1)
    np.testing.assert_allclose(distances, np.linalg.norm(SHAPE.toe), atol=1e-9)


def test_an_empty_forecast_has_an_empty_path() -> None:
    assert toe_path(SHAPE, UPRIGHT, np.zeros(0)).shape == (0, 3)


@given(CHANGE, st.floats(0.0, 0.5), st.integers(1, 20))
def test_the_fan_covers_the_interval(least: float, width: float, blades: int) -> None:
    corners = fan(SHAPE, UPRIGHT, least, least + width, blades).reshape(blades, 3, 3)
    np.testing.assert_array_equal(corners[:, 0], np.broadcast_to(SHAPE.ankle, (blades, 3)))
    ends = toe_path(SHAPE, UPRIGHT, np.array([least, least + width]))
    np.testing.assert_allclose(corners[0, 1], ends[0], atol=1e-12)
    np.testing.assert_allclose(corners[-1, 2], ends[1], atol=1e-12)
    np.testing.assert_array_equal(corners[1:, 1], corners[:-1, 2])  # no gap between two triangles


@pytest.mark.parametrize("value", [0.0, -0.4, 40.0, math.nan])
def test_impossible_lengths_are_refused(value: float) -> None:
    with pytest.raises(Refusal, match="shank_length must be more than 0"):
        LegShape(shank_length=value)
