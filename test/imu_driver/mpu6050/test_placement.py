"""The check by gravity whether the sensors are placed as configured."""

from __future__ import annotations

import numpy as np
import pytest

from ankle_imu_driver.mpu6050.placement import MeanGravity, describe_up, placement_problem

SECOND = 1_000_000_000
UP = {"shank": (0.0, -1.0, 0.0), "foot": (-1.0, 0.0, 0.0)}


def mean_of(accel, seconds=10.0, sway=4.0):
    mean = MeanGravity()
    for k in range(int(seconds * 100)):
        swing = sway * np.sin(2 * np.pi * 0.9 * k / 100)
        mean.push(SECOND + k * 10_000_000, (accel[0] + swing, accel[1] - swing, accel[2] + swing))
    return mean.value


@pytest.mark.parametrize(
    ("shank", "foot", "expected"),
    [
        ((1.0, -9.6, 0.5), (-9.2, -0.6, -2.0), ""),
        ((-9.2, -0.6, -2.0), (1.0, -9.6, 0.5), "swapped"),
        ((9.0, -1.0, 0.5), (-9.2, -0.6, -2.0), r"shank.mounting \(up is 8\d degrees off\); unless the wearer sits"),
        (
            (1.0, 9.6, 0.5),
            (-9.2, -0.6, -2.0),
            r"^the shank sensor is upside down: up is 17\d degrees off shank.mounting; turn it round",
        ),
    ],
)
def test_gravity_shows_wrong_placement_also_while_walking(shank, foot, expected):
    import re  # noqa: PLC0415

    problem = placement_problem({"shank": mean_of(shank), "foot": mean_of(foot)}, UP)
    assert re.search(expected, problem) if expected else problem == ""


@pytest.mark.parametrize("shank", [(9.0, -1.0, 0.5), (1.0, 9.6, 0.5)], ids=["turned", "upside down"])
def test_a_sensor_whose_mounting_is_found_may_sit_in_any_orientation(shank):
    gravity = {"shank": mean_of(shank), "foot": mean_of((-9.2, -0.6, -2.0))}
    assert placement_problem(gravity, UP, {"shank", "foot"}) == ""
    assert placement_problem(gravity, UP, {"foot"}) != ""
    swapped = {"shank": gravity["foot"], "foot": mean_of((1.0, -9.6, 0.5))}
    assert "swapped" in placement_problem(swapped, UP, {"shank", "foot"})


def test_placement_is_not_judged_before_there_are_enough_samples():
    assert mean_of((1.0, -9.6, 0.5), seconds=1.0) is None
    assert placement_problem({"shank": None, "foot": None}, UP) == ""


def test_the_upward_axis_is_named():
    assert describe_up((1.0, -9.6, 0.5)) == "-Y up, 7 degrees off"
