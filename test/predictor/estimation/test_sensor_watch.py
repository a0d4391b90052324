"""Values that no sensor on a leg can give are said, each with its remedy."""

from __future__ import annotations

import math

import pytest
from rigs.walks import G, swinging

from ankle_predictor.estimation.sensor_watch import SensorWatch


def watched(
    force: float = 1.0, rate: float = 1.0, offset: tuple[float, ...] = (0.0, 0.0, 0.0), free: bool = False
) -> str:
    walk, watch = swinging(6.0), SensorWatch()
    gravity = walk.shank.accel.mean(axis=0)
    for k, stamp in enumerate(walk.shank.stamp):
        accel = [force * (a - free * g) + o for a, g, o in zip(walk.shank.accel[k], gravity, offset, strict=True)]
        watch.push(float(stamp), (accel[0], accel[1], accel[2]), tuple((rate * walk.shank.gyro[k]).tolist()))
    return watch.problem


def still(offset: float) -> str:
    watch = SensorWatch()
    for k in range(500):
        watch.push(0.01 * k, (0.0, 0.0, G + offset), (0.0, 0.01, 0.0))
    return watch.problem


def test_a_walk_is_fine() -> None:
    assert watched() == ""
    assert still(0.5) == ""


@pytest.mark.parametrize(
    ("problem", "words"),
    [
        (watched(force=1.0 / G), "readings are in g; multiply them by 9.80665"),
        (watched(free=True), "gravity is missing; publish the specific force with gravity"),
        (watched(rate=180.0 / math.pi), "rates are in deg/s; multiply them by 0.017453"),
        (still(0.3 * G), "check the sensor, and set its accel_offset"),
        (still(-0.3 * G), "check the sensor, and set its accel_offset"),
    ],
)
def test_each_fault_is_named_with_its_remedy(problem: str, words: str) -> None:
    assert words in problem
    assert "\n" not in problem


def test_a_gap_starts_over() -> None:
    watch = SensorWatch()
    for k in range(400):
        watch.push(0.01 * k, (0.0, 0.0, 1.0), (0.0, 0.0, 0.0))
    assert watch.problem
    for k in range(400):
        watch.push(10.0 + 0.01 * k, (0.0, 0.0, G), (0.0, 0.0, 0.0))
    assert watch.problem == ""
