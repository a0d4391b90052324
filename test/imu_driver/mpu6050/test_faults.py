"""Which bursts are refused."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ankle_imu_driver.mpu6050.clock import VirtualClock
from ankle_imu_driver.mpu6050.device import Mpu6050
from ankle_imu_driver.mpu6050.device_config import DeviceConfig
from ankle_imu_driver.mpu6050.errors import Fault
from ankle_imu_driver.mpu6050.faults import SampleGuard, is_saturated

NOISE = (13.6, 1.33)  # LSB at +-8 g, +-1000 deg/s, DLPF_CFG 3


def noisy(n, sigma=NOISE, seed=0):
    rng = np.random.default_rng(seed)
    accel = rng.normal(0, sigma[0], (n, 3)) + np.array([0, 0, 4096])
    rows = np.rint(np.column_stack([accel, np.full(n, -1200.0), rng.normal(0, sigma[1], (n, 3))])).astype(int)
    return [tuple(map(int, row)) for row in rows]


@pytest.mark.parametrize("quieter", [1.0, 0.5])
def test_a_sensor_that_lies_still_is_never_refused(quieter):
    guard = SampleGuard(NOISE, 42.0)
    assert all(guard.check(raw) is None for raw in noisy(20_000, (NOISE[0] * quieter, NOISE[1] * quieter)))


def test_a_burst_of_only_zeros_or_ones_is_refused():
    guard = SampleGuard(NOISE, 42.0)
    assert guard.check((0,) * 7) is Fault.ALL_ZERO
    assert guard.check((-1,) * 7) is Fault.ALL_ONES
    assert guard.check((0, 0, 0, 0, 0, 0, 1)) is None


@given(st.tuples(*[st.integers(-32767, 32766)] * 7).filter(lambda raw: any(raw) and set(raw) != {-1}))
def test_a_repeated_sample_is_refused_at_once_whatever_its_temperature(raw):
    guard = SampleGuard(NOISE, 42.0)
    assert guard.check(raw) is None
    assert guard.check(raw) is Fault.REPEATED
    assert guard.check((*raw[:3], raw[3] ^ 1, *raw[4:])) is Fault.REPEATED


@pytest.mark.parametrize("axis", [0, 1, 2, 4, 5, 6])
def test_a_stuck_axis_is_detected_and_stays_refused_until_its_value_changes(axis):
    guard = SampleGuard(NOISE, 42.0)
    rows = noisy(200)
    held = [(*raw[:axis], 17, *raw[axis + 1 :]) for raw in rows]
    verdicts = [guard.check(raw) for raw in held]
    first = verdicts.index(Fault.STUCK)
    assert first == (8 if axis < 3 else 27)
    assert set(verdicts[first:]) == {Fault.STUCK}
    after = [guard.check((*raw[:axis], 18 + k, *raw[axis + 1 :])) for k, raw in enumerate(rows[:10])]
    assert after == [Fault.STUCK] * 4 + [None] * 6, "one new value does not prove that the axis works"


def test_evidence_for_a_stuck_axis_is_kept_over_a_reset_that_changes_its_value():
    guard = SampleGuard(NOISE, 42.0)
    rows = noisy(60)
    before = [guard.check((*raw[:5], 17, raw[6])) for raw in rows[:20]]
    guard.resume()
    after = [guard.check((*raw[:5], 0, raw[6])) for raw in rows[20:]]
    assert set(before) == {None}
    assert after.index(Fault.STUCK) == 7, "19 repeats before, the reset, 7 after"


def test_a_stuck_gyro_axis_is_detected_sooner_while_the_leg_turns():
    guard = SampleGuard(NOISE, 42.0)
    turning = [(*raw[:4], 17, raw[5] + 100 * k, raw[6]) for k, raw in enumerate(noisy(50))]
    assert [guard.check(raw) for raw in turning].index(Fault.STUCK) == 6


def test_a_saturated_axis_is_not_stuck():
    guard = SampleGuard(NOISE, 42.0)
    for raw in noisy(200):
        clipped = (32767, *raw[1:])
        assert guard.check(clipped) is None
        assert is_saturated(clipped)


def test_an_axis_with_too_little_noise_is_not_judged():
    device = Mpu6050(DeviceConfig(gyro_range=2000, low_pass=6), None, VirtualClock())
    guard = SampleGuard(device.noise, 5.0)
    rows = noisy(500)
    assert all(guard.check((*raw[:4], 17, *raw[5:])) is None for raw in rows)
    assert Fault.STUCK in [guard.check((17, *raw[1:])) for raw in rows]
