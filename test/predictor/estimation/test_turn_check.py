"""Gyro biases from the turn between two rests of the foot."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ankle_imu_driver.calibration import Calibration, SensorCalibration
from ankle_predictor.estimation.samples import RawPair
from ankle_predictor.estimation.turn_check import TurnCheck, turned

RATE = st.floats(-20.0, 20.0)
STILL = Calibration(*(SensorCalibration((0.0, 0.0, 0.0), (0.0, 0.0, 9.81)) for _ in range(2)))


@given(st.tuples(RATE, RATE, RATE), st.floats(0.0, 0.1))
def test_a_direction_keeps_its_length_and_turns_back(rate: tuple[float, float, float], dt: float) -> None:
    up = turned((0.6, 0.0, 0.8), rate, dt)
    assert math.hypot(*up) == pytest.approx(1.0, abs=1e-9)
    np.testing.assert_allclose(turned(up, rate, -dt), (0.6, 0.0, 0.8), atol=1e-9)


def walked(bias: float, strides: int, noise: float = 0.0) -> TurnCheck:
    """A leg that swings forward and back by 1.2 rad and then rests for 0.4 s, in each stride of 1.2 s."""
    check, random = TurnCheck(STILL), np.random.default_rng(1)
    for k in range(120 * strides + 40):
        phase = 0.01 * (k % 120)
        swing = max(0.0, phase - 0.4) / 0.8
        angle, rate = 0.6 * (1.0 - math.cos(2.0 * math.pi * swing)), 0.6 * 2.0 * math.pi / 0.8
        rate *= math.sin(2.0 * math.pi * swing)
        x, y, z = (np.array([-math.sin(angle), 0.0, math.cos(angle)]) * 9.81 + noise * random.normal(size=3)).tolist()
        gyro = (0.0, rate + bias, 0.0)
        # In the swing the foot is thrown: its reading is not gravity.
        accel = (x, y, z) if swing == 0.0 else (2.0 * x + 3.0, y, z)
        check.push(0.01, RawPair(0.01 * k, accel, gyro, 0.01 * k, accel, gyro))
    return check


@pytest.mark.parametrize("bias", [0.0, 0.2, -0.3])
@pytest.mark.parametrize("strides", [2, 5])
def test_the_bias_is_what_the_gyro_turns_too_much_between_two_rests(bias: float, strides: int) -> None:
    found = walked(bias, strides, noise=0.3).biases(1)
    assert found is not None
    assert found == pytest.approx((abs(bias), abs(bias)), abs=0.05)


def test_without_a_stride_nothing_is_known() -> None:
    assert walked(0.2, 0).biases(1) is None
