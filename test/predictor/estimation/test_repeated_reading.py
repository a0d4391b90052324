"""A sensor that hangs is a gap in its stream, not a rotation that goes on."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rigs.walks import swinging

from ankle_imu_driver.arrays import Vector
from ankle_imu_driver.conventions import FOOT, SHANK
from ankle_predictor.estimation.leg_estimator import LegEstimator
from ankle_predictor.estimation.repeated_reading import RepeatedReading

UP: Vector = (0.0, 0.0, 9.81)
TURNING: Vector = (0.0, 1.0, 0.0)
ZERO: Vector = (0.0, 0.0, 0.0)
WALK = swinging(16.0)


def reading(k: int) -> Vector:
    """The k-th of readings that are never the same."""
    return (0.0, 0.001 * k, 9.81)


@given(st.integers(3, 100), st.floats(0.001, 0.05))
def test_a_reading_is_used_again_for_a_moment_only(equal: int, period: float) -> None:
    watch = RepeatedReading()
    assert watch.admits(0.0, reading(0), TURNING, ZERO)
    used = [watch.admits(period * k, reading(1), TURNING, ZERO) for k in range(1, 1 + equal)]
    late = [k >= 2 and period * k >= 0.025 + 1e-9 for k in range(equal)]
    early = [k < 2 or period * k < 0.025 - 1e-9 for k in range(equal)]
    assert not any(use for use, no in zip(used, late, strict=True) if no)
    assert all(use for use, yes in zip(used, early, strict=True) if yes)
    assert ("repeats one reading" in watch.problem) == (not all(used))
    assert watch.admits(period * (equal + 1), reading(2), TURNING, ZERO)
    assert (watch.problem, watch.count, watch.has_moved) == ("", used.count(False), False)


def test_a_driver_that_reads_faster_than_the_sensor_measures_is_used() -> None:
    watch = RepeatedReading()
    assert all(watch.admits(0.001 * k, reading(k // 10), TURNING, ZERO) for k in range(1000))


@pytest.mark.parametrize("bias", [(0.0, 0.3, 0.01), None])
def test_a_simulated_sensor_without_noise_may_stand_still_until_it_turns_out_to_have_moved(bias: Vector | None) -> None:
    watch, still = RepeatedReading(), (0.0, 0.3, 0.0)
    assert all(watch.admits(0.01 * k, UP, still, bias) for k in range(500))
    assert watch.admits(5.0, UP, (0.0, 0.4, 0.0), bias)  # begins to move
    assert not watch.has_moved
    assert all(watch.admits(5.0 + 0.01 * k, UP, still, bias) for k in range(1, 30))
    assert watch.admits(5.3, UP, (0.0, 3.0, 0.0), bias)  # was frozen
    assert watch.has_moved
    assert watch.admits(5.31, UP, (0.0, 3.1, 0.0), bias)
    assert not watch.has_moved


def angles(stream: int, frozen: range, silent: range) -> tuple[dict[float, float], LegEstimator]:
    """The joint's angle by stamp, with some samples of a sensor repeated or missing."""
    leg, got = LegEstimator(calibration=WALK.calibration), {}
    for k in range(len(WALK.shank)):
        for which, samples in ((SHANK, WALK.shank), (FOOT, WALK.foot)):
            if which == stream and k in silent:
                continue
            n = frozen.start if which == stream and k in frozen else k
            accel, gyro = tuple(samples.accel[n].tolist()), tuple(samples.gyro[n].tolist())
            for sample in leg.push(which, float(samples.stamp[k]), accel, gyro):
                if sample.joint is not None:
                    got[sample.joint.stamp] = sample.joint.angle
    return got, leg


@pytest.mark.parametrize("stream", [SHANK, FOOT])
@pytest.mark.parametrize("length", [20, 60, 150])
@pytest.mark.parametrize("begin", [800, 825, 860, 890])
def test_a_frozen_sensor_costs_what_a_silent_one_costs(stream: int, length: int, begin: int) -> None:
    frozen, leg = angles(stream, range(begin, begin + length), range(0))
    silent, _ = angles(stream, range(0), range(begin + 3, begin + length))
    name = ("shank", "foot")[stream]
    assert leg.counts[f"{name}.repeated"] == length - 3
    during = [t for t in frozen if 0.01 * (begin + 3) <= t < 0.01 * (begin + length) - 1e-6]
    assert not during
    after = sorted(t for t in frozen if t >= 0.01 * (begin + length) - 1e-6)
    both = [t for t in after if t in silent]
    assert len(both) >= len(after) - 3  # after a second of silence the streams' rates are found out anew
    apart = np.degrees([abs(frozen[t] - silent[t]) for t in both])
    assert apart.max() < 3.0  # two old readings were used until the third one told


def test_while_it_lasts_the_sentence_names_the_sensor() -> None:
    leg = LegEstimator(calibration=WALK.calibration)
    for k in range(300):
        for which, samples in ((SHANK, WALK.shank), (FOOT, WALK.foot)):
            n = 200 if which == FOOT and 200 <= k < 280 else k
            accel, gyro = tuple(samples.accel[n].tolist()), tuple(samples.gyro[n].tolist())
            leg.push(which, float(samples.stamp[k]), accel, gyro)
        told = "the foot sensor repeats one reading" in leg.sensor_problem
        assert told == (203 <= k < 280)
        assert leg.sensor_problem == "" or told
