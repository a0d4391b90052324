"""What a stride shows of a sensor that goes wrong while the wearer walks, and of one that lies still."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache

import numpy as np
import pytest

from ankle_imu_driver.calibration import Calibration, SensorCalibration
from ankle_imu_driver.conventions import FOOT, SHANK
from ankle_predictor.estimation.leg_estimator import LegConfig, LegEstimator
from ankle_predictor.estimation.samples import RawPair
from ankle_predictor.estimation.still_watch import StillWatch
from benchmarks.fault_chain import Message, TrueWalk, true_walk

BEGIN, END = 9.0, 13.0  # s of the walk; strides last 1.1 to 1.6 s
G = 9.80665

Change = Callable[[Message], Message]


@lru_cache
def walk(seed: int = 1) -> TrueWalk:
    return true_walk(seed)


def told(change: Change, streams: tuple[int, ...], seed: int = 1, until: float = 20.0) -> list[tuple[float, str, str]]:
    """Return times, problems and doubts while something is told."""
    leg, said = LegEstimator(LegConfig(), walk(seed).calibration), []
    for m in walk(seed).messages:
        if m.came > until:
            break
        got = change(m) if m.stream in streams and BEGIN <= m.came < END else m
        leg.push(m.stream, m.stamp, tuple(got.accel.tolist()), tuple(got.gyro.tolist()))
        if m.came > 5.0 and (leg.sensor_problem or leg.unconfirmed):
            said.append((m.came, leg.sensor_problem, leg.unconfirmed))
    return said


def shifted(axis: int, value: float, part: str) -> Change:
    offset = np.eye(3)[axis] * value
    return lambda m: replace(m, **{part: getattr(m, part) + offset})


@pytest.mark.parametrize("seed", [1, 2])
def test_a_walk_without_faults_is_never_in_doubt(seed: int) -> None:
    assert told(lambda m: m, (SHANK, FOOT), seed) == []


@pytest.mark.parametrize(("axis", "bias"), [(1, 0.6), (2, 0.5), (2, -0.5), (2, 0.8)])
def test_a_gyro_of_the_foot_that_is_off_is_in_doubt_after_one_stride_and_told_after_two(axis: int, bias: float) -> None:
    said = told(shifted(axis, bias, "gyro"), (FOOT,))
    assert said[0][0] < BEGIN + 1.7
    assert "differ by" in said[0][2] or said[0][1]
    problems = [moment for moment in said if moment[1]]
    assert problems[0][0] < BEGIN + 3.3
    assert said[-1][0] < END + 3.3


def test_a_gyro_that_turns_backward_is_told() -> None:
    said = told(lambda m: replace(m, gyro=-m.gyro), (FOOT,))
    assert said[0][0] < BEGIN + 1.7


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_an_accelerometer_of_the_shank_that_leans_is_told(seed: int) -> None:
    said = told(shifted(0, 0.3 * G, "accel"), (SHANK,), seed)
    assert said[0][0] < BEGIN + 4.0
    assert any(problem for _, problem, _ in said)


def test_a_gyro_of_the_shank_at_half_the_scale_is_told_after_a_stride_that_has_all_of_it() -> None:
    said = told(lambda m: replace(m, gyro=0.5 * m.gyro), (SHANK,))
    assert said[0][0] < BEGIN + 2.5


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_foot_sensor_that_lies_still_is_told_as_soon_as_the_shank_swings(seed: int) -> None:
    random = np.random.default_rng(seed)

    def lies(m: Message) -> Message:
        return replace(m, accel=np.array([0.0, 0.0, G]) + random.normal(0, 0.03, 3), gyro=random.normal(0, 0.003, 3))

    said = told(lies, (FOOT,), seed)
    still = [time for time, problem, _ in said if "lies still" in problem]
    swing = next(
        m.came for m in walk(seed).messages if m.came > BEGIN and m.stream == SHANK and np.linalg.norm(m.gyro) > 2.5
    )
    assert still[0] < swing + 0.2
    assert max(still) < END + 0.2


@pytest.mark.parametrize("is_steady", [SHANK, FOOT])
def test_a_sensor_that_turns_steadily_does_not_lie_still(is_steady: int) -> None:
    """As a shank may for 0.13 s while the heel comes off the ground; with nearly that rate as its bias it lies."""
    random = np.random.default_rng(1)

    def problem(bias: float) -> str:
        sensors = SensorCalibration((0.0, bias, 0.0), (0.0, 0.0, G)), SensorCalibration((0.0, bias, 0.0), (0.0, 0.0, G))
        watch = StillWatch()
        watch.calibrate(Calibration(*sensors))
        for k in range(30):
            steady = (0.0, 0.6 + float(random.normal(0, 0.003)), 0.0)
            turns = (0.0, 2.5 + 0.03 * k, 0.0)
            rates = (steady, turns) if is_steady == SHANK else (turns, steady)
            watch.push(RawPair(0.01 * k, (0.0, 0.0, G), rates[SHANK], 0.01 * k, (0.0, 0.0, G), rates[FOOT]))
        return watch.problem

    assert problem(0.0) == ""
    assert "lies still" in problem(0.4)


def test_a_gyro_that_hangs_is_not_said_to_lie_still() -> None:
    first = next(m for m in walk().messages if m.stream == SHANK and m.came >= BEGIN)
    said = told(lambda m: replace(m, gyro=first.gyro), (SHANK,))
    assert said
    assert not any("lies still" in problem for _, problem, _ in said)


def test_rates_in_deg_per_s_are_believed_a_second_after_they_are_right_again() -> None:
    said = told(lambda m: replace(m, gyro=np.degrees(m.gyro)), (SHANK, FOOT))
    assert said[0][0] < BEGIN + 0.3
    assert END < max(time for time, problem, _ in said if "deg/s" in problem) < END + 2.2


def test_a_sensor_that_turns_over_has_not_lost_its_gravity() -> None:
    said = told(lambda m: replace(m, accel=-m.accel), (FOOT,))
    assert not any("gravity" in problem for time, problem, _ in said if time < BEGIN + 3.5)
