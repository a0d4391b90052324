"""The normative curves have the features of a healthy stride in gait textbooks."""

from __future__ import annotations

import numpy as np
import pytest

from ankle_imu_driver.simulator.normative_gait import LEVEL, STAIRS_DOWN, STAIRS_UP

PHASE = np.linspace(0.0, 1.0, 201)


def test_level_walking_has_the_known_ranges_and_a_flat_foot_in_mid_stance():
    ankle, foot = np.degrees(LEVEL.ankle_angle(PHASE)), np.degrees(LEVEL.foot_pitch(PHASE))
    assert 7.0 < ankle.max() < 12.0
    assert -22.0 < ankle.min() < -15.0
    assert PHASE[np.argmax(ankle)] == pytest.approx(0.45, abs=0.05)  # before heel rise is over
    assert PHASE[np.argmin(ankle)] == pytest.approx(0.64, abs=0.03)  # at toe off
    assert 55.0 < max(LEVEL.knee) < 70.0
    assert foot[0] < -10.0  # the heel strikes with the toes up
    mid_stance = LEVEL.foot_pitch(np.linspace(LEVEL.flat + 0.03, LEVEL.heel_off, 50))
    assert np.degrees(np.ptp(mid_stance)) < 4.0
    assert PHASE[np.argmax(foot)] == pytest.approx(LEVEL.toe_off, abs=0.01)


def test_stairs_flex_the_knee_more_and_descent_lands_on_the_toes():
    assert max(STAIRS_UP.knee) > 85.0
    assert STAIRS_DOWN.ankle[0] < -15.0
    assert STAIRS_DOWN.foot_pitch(np.array([0.0]))[0] > 0.0
    assert max(STAIRS_DOWN.ankle) > max(LEVEL.ankle) + 10.0


@pytest.mark.parametrize("pattern", [LEVEL, STAIRS_UP, STAIRS_DOWN])
def test_the_curves_are_periodic(pattern):
    for curve in (pattern.ankle_angle, pattern.foot_pitch):
        around = np.degrees(curve(np.array([-0.001, 0.0, 0.001, 0.999, 1.0, 1.001])))
        assert around[:3] == pytest.approx(around[3:], abs=1e-9)
        assert abs(around[0] - 2 * around[1] + around[2]) < 0.1
