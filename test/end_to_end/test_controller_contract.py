"""joint_trajectory_controller accepts the messages of the node predictor, by the rules in ``trajectory_rules``."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from rigs.models import pairs, write_linear_bundle
from rigs.node_bench import Bench, bench, stamp_of
from rigs.predictor_rig import Filter, ns, start
from rigs.trajectory_rules import Controller
from trajectory_msgs.msg import JointTrajectory

from ankle_imu_driver.conventions import JointConvention
from ankle_predictor.model.features import FeatureSpec
from ankle_predictor.model.forecast import Forecast
from ankle_predictor.nodes.trajectory_message import TrajectoryMessage, curve_rates

HORIZON, PERIOD = 50, 0.01
NOW = 1_700_000_000_000_000_000  # ns


@pytest.fixture
def table() -> Iterator[Bench]:
    with bench() as made:
        yield made


def message(velocities: bool = True) -> JointTrajectory:
    curve = 0.2 * np.sin(np.arange(HORIZON) / 8.0)
    made = TrajectoryMessage(JointConvention("ankle"), HORIZON, PERIOD, velocities)
    return made.fill(NOW, Forecast(curve, curve, curve))


def at(points: Any, index: int, **fields: Any) -> None:
    for name, value in fields.items():
        setattr(points[index], name, value)


VIOLATIONS: dict[str, Callable[[JointTrajectory], object]] = {
    "it has no points": lambda m: m.points.clear(),
    "it is for 2 joints": lambda m: m.joint_names.append("ankle"),
    "it names no joint": lambda m: m.joint_names.clear(),
    "knee is not a joint": lambda m: setattr(m, "joint_names", ["knee"]),
    "it ends in the past": lambda m: setattr(m.header.stamp, "sec", m.header.stamp.sec - 1),
    "the time of point 7 is not after": lambda m: setattr(m.points[7], "time_from_start", m.points[6].time_from_start),
    "point 3 has 2 positions": lambda m: at(m.points, 3, positions=[0.0, 0.0]),
    "point 3 has 0 positions": lambda m: at(m.points, 3, positions=[]),
    "point 3 has 2 velocities": lambda m: at(m.points, 3, velocities=[0.0, 0.0]),
    "point 3 has 2 accelerations": lambda m: at(m.points, 3, accelerations=[0.0, 0.0]),
    "point 3 has effort": lambda m: at(m.points, 3, effort=[0.0]),
    "its last point is in motion": lambda m: at(m.points, -1, velocities=[1e-6]),
    "a value is not finite": lambda m: at(m.points, 3, positions=[float("nan")]),
}


@pytest.mark.parametrize("words", VIOLATIONS)
def test_each_rule_finds_its_violation(words: str) -> None:
    broken = message()
    assert Controller().refusals(broken, NOW) == []
    VIOLATIONS[words](broken)
    assert any(refusal.startswith(words) for refusal in Controller().refusals(broken, NOW))


def test_the_rules_depend_on_the_controllers_parameters() -> None:
    leg = Controller(joints=("knee", "ankle"))
    assert leg.refusals(message(), NOW) == ["it is for 1 joints, the controller for 2"]
    assert replace(leg, allow_partial_joints_goal=True).refusals(message(), NOW) == []
    moving = message()
    at(moving.points, -1, velocities=[0.5])
    assert Controller(allow_nonzero_velocity_at_trajectory_end=True).refusals(moving, NOW) == []
    for point in moving.points:
        point.positions = []
    free = Controller(allow_nonzero_velocity_at_trajectory_end=True, allow_integration_in_goal_trajectories=True)
    assert free.refusals(moving, NOW) == []


@pytest.mark.parametrize("velocities", [False, True])
def test_a_forecast_is_accepted_until_its_last_point_is_due_or_if_its_stamp_is_zero(velocities: bool) -> None:
    made, end = message(velocities), NOW + HORIZON * 10_000_000
    assert Controller().refusals(made, end) == []
    assert Controller().refusals(made, end + 1) == ["it ends in the past"]
    made.header.stamp.sec = made.header.stamp.nanosec = 0
    assert Controller().refusals(made, end + 10**12) == []


@pytest.mark.parametrize("velocities", [False, True])
@pytest.mark.parametrize("joint", [JointConvention("ankle"), JointConvention("left_ankle", -1.0, 0.3)])
def test_the_messages_of_the_node_are_accepted(
    table: Bench, tmp_path: Path, velocities: bool, joint: JointConvention
) -> None:
    write_linear_bundle(tmp_path, "linear", FeatureSpec(window=20), seed=1)
    convention = {"joint_name": joint.name, "joint_sign": joint.sign, "joint_offset": joint.offset}
    start(table, tmp_path, velocities=velocities, **convention)
    source = Filter(table, joint)
    source.feed(pairs(0.6))
    heard = table.got["forecast"]
    assert len(heard) == 41
    controller = Controller(joints=(joint.name,))
    for trajectory in heard:
        assert controller.refusals(trajectory, now=stamp_of(trajectory) + 20_000_000) == []
    assert controller.refusals(heard[0], now=ns(0.19) + 501_000_000) == ["it ends in the past"]
    for trajectory in heard:
        curve = np.array([point.positions[0] for point in trajectory.points])
        given = [list(point.velocities) for point in trajectory.points]
        expected = [[rate] for rate in curve_rates(curve, PERIOD)] if velocities else [[]] * HORIZON
        np.testing.assert_allclose(given, expected, atol=1e-9)
    assert not velocities or max(abs(v[0]) for v in given) > 1e-3


@given(arrays(float, st.integers(1, 60), elements=st.floats(-1, 1)), st.sampled_from([1.0, -1.0]))
def test_velocities_are_the_slope_of_the_positions_and_end_at_zero(curve: np.ndarray, sign: float) -> None:
    made = TrajectoryMessage(JointConvention("ankle", sign, 0.2), len(curve), PERIOD, velocities=True)
    filled = made.fill(1, Forecast(curve, curve, curve))
    rates = np.array([point.velocities[0] for point in filled.points])
    published = np.array([point.positions[0] for point in filled.points])
    assert rates[-1] == 0.0
    if len(curve) > 1:
        np.testing.assert_allclose(rates[:-1], np.gradient(published, PERIOD)[:-1], atol=1e-9)
