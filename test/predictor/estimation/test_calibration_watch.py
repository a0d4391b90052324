"""Files that say something else than the wearer's standing and strides, and sensors that contradict themselves."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from ankle_imu_driver.arrays import Vector
from ankle_imu_driver.calibration import Calibration
from ankle_imu_driver.conventions import FOOT, SHANK
from ankle_predictor.estimation.leg_estimator import LegConfig, LegEstimator
from ankle_predictor.estimation.samples import LegSample
from benchmarks.fault_chain import STANDING, Message, TrueWalk, true_walk
from benchmarks.fault_sensors import biased, tilted

WALKS = 4.0  # s, from which on the person walks for sure
Told = list[tuple[float, str]]


@cache
def walk() -> TrueWalk:
    return true_walk(1)


def told(
    calibration: Calibration, since: float, until: float, change: Callable[[Message], Message] = lambda m: m
) -> tuple[Told, list[LegSample]]:
    """What a leg says, with the time, and its samples."""
    leg, said, samples = LegEstimator(LegConfig(), calibration), [], []
    for message in walk().messages:
        if since <= message.came < until:
            m = change(message)
            samples += leg.push(m.stream, m.stamp, _vector(m.accel), _vector(m.gyro))
            if leg.sensor_problem:
                said.append((m.stamp, leg.sensor_problem))
    return said, samples


def _vector(values: np.ndarray) -> Vector:
    x, y, z = values.tolist()
    return x, y, z


def wrong(what: str) -> Calibration:
    good = walk().calibration
    return {
        "shank": replace(good, shank=tilted(25.0, 0)(good.shank)),
        "shank back": replace(good, shank=tilted(-25.0, 0)(good.shank)),
        "foot": replace(good, foot=tilted(25.0, 0)(good.foot)),
        "foot aside": replace(good, foot=tilted(25.0, 2)(good.foot)),
        "zero": replace(good, angle_zero=math.radians(25.0)),
        "exchanged": replace(good, shank=good.foot, foot=good.shank),
    }[what]


@pytest.mark.parametrize(("since", "until"), [(0.0, 14.0), (WALKS, 14.0)])
def test_a_good_file_is_believed(since: float, until: float) -> None:
    said, samples = told(walk().calibration, since, until)
    assert said == []
    assert sum(sample.joint is not None for sample in samples) > 900


@pytest.mark.parametrize("what", ["shank", "shank back", "foot", "foot aside", "zero", "exchanged"])
def test_a_wrong_file_is_contradicted_by_the_first_strides(what: str) -> None:
    said, samples = told(wrong(what), WALKS, WALKS + 8.0)
    assert said[0][0] < WALKS + 6.0
    assert "the first strides contradict the calibration in use" in said[0][1]
    assert "call calibrate, or leave calibration_file empty" in said[0][1]
    assert "\n" not in said[0][1]
    assert said[-1][0] > WALKS + 7.9
    assert all(sample.joint is None for sample in samples[-100:])


@pytest.mark.parametrize("what", ["shank", "shank back", "foot", "foot aside", "exchanged"])
def test_a_wrong_file_is_contradicted_by_standing_before_any_window_is_full(what: str) -> None:
    said, _ = told(wrong(what), 0.0, STANDING)
    assert said[0][0] < 1.5
    assert "the calibration in use" in said[0][1]


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_a_wrong_bias_is_seen_at_rest(axis: int) -> None:
    good = walk().calibration
    said, _ = told(replace(good, foot=biased(0.3, axis)(good.foot)), 0.0, STANDING)
    assert said[0][0] < 1.5
    assert said[0][1].startswith("the foot's gyro reads 0.")


def test_a_wrong_bias_is_seen_while_walking() -> None:
    good = walk().calibration
    said, _ = told(replace(good, shank=biased(0.3, 2)(good.shank)), WALKS, 14.0)
    assert "the shank sensor has a gyro and an accelerometer that contradict each other" in said[0][1]


def test_calibrating_again_ends_it() -> None:
    leg = LegEstimator(LegConfig(), wrong("shank"))
    for m in walk().messages:
        if m.came > STANDING - 0.2:
            break
        leg.push(m.stream, m.stamp, _vector(m.accel), _vector(m.gyro))
    assert "from the calibration in use" in leg.waiting
    leg.calibrate()
    assert leg.waiting == ""


def test_whoever_sits_at_first_is_believed_when_standing() -> None:
    """Gravity of a shank that leans, and then as the file says."""
    good = walk().calibration
    leaning = tilted(25.0, 0)(good.shank).gravity
    leg = LegEstimator(LegConfig(), good)
    for k in range(400):
        for stream, gravity in ((SHANK, leaning if k < 200 else good.shank.gravity), (FOOT, good.foot.gravity)):
            bias = (good.shank, good.foot)[stream].gyro_bias
            leg.push(stream, 0.01 * k, gravity, bias)
        if k == 150:
            assert "or walk a few steps if you sit" in leg.sensor_problem
    assert leg.sensor_problem == ""


def held(part: str, axis: int, until: float) -> Callable[[Message], Message]:
    value: list[float] = []

    def change(m: Message) -> Message:
        if m.stream != SHANK or not 6.0 <= m.came < until:
            return m
        values = getattr(m, part).copy()
        value.append(values[axis])
        values[axis] = value[0]
        return replace(m, **{part: values})

    return change


@pytest.mark.parametrize(("part", "name"), [("accel", "accelerometer"), ("gyro", "gyro")])
@pytest.mark.parametrize("axis", [0, 1, 2])
def test_a_dead_axis_is_told_in_a_third_of_a_second_and_forgotten(part: str, name: str, axis: int) -> None:
    said, samples = told(walk().calibration, 0.0, 9.0, held(part, axis, 7.0))
    assert 6.25 <= said[0][0] < 6.5
    assert said[0][1] == (
        f"the shank sensor has a dead axis: the {'xyz'[axis]} axis of its {name} does not change while it moves; "
        "restart or replace the sensor"
    )
    assert said[-1][0] < 7.1
    assert samples[-1].joint is not None


def test_what_no_sensor_can_read_is_dropped_and_counted() -> None:
    """One sample in ten with 1e4 rad/s."""
    count = iter(range(10**6))

    def change(m: Message) -> Message:
        glitch = m.stream == SHANK and 6.0 <= m.came < 8.0 and next(count) % 10 == 0
        return replace(m, gyro=m.gyro + 1e4) if glitch else m

    _, samples = told(walk().calibration, 0.0, 9.0, change)
    angles = [(s.joint.stamp, s.joint.angle) for s in samples if s.joint is not None and s.joint.stamp > 6.0]
    assert max(abs(angle - walk().truth(stamp)) for stamp, angle in angles) < math.radians(6.0)


def test_after_a_dead_gyro_the_orientation_is_found_anew() -> None:
    """All axes of the shank's gyro hang for 3 s."""
    values: list[np.ndarray] = []

    def change(m: Message) -> Message:
        if m.stream != SHANK or not 6.0 <= m.came < 9.0:
            return m
        values.append(m.gyro)
        return replace(m, gyro=values[0])

    said, samples = told(walk().calibration, 0.0, 16.0, change)
    assert any("contradict each other" in sentence for _, sentence in said)
    assert said[-1][0] < 14.5
    last = [s.joint for s in samples[-100:]]
    assert all(joint is not None and abs(joint.angle - walk().truth(joint.stamp)) < 0.1 for joint in last)
