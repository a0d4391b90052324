"""The self-test of one sensor, on the emulated chip."""

from __future__ import annotations

import math

import numpy as np
import pytest

from ankle_imu_driver.mpu6050.clock import VirtualClock
from ankle_imu_driver.mpu6050.device import Mpu6050
from ankle_imu_driver.mpu6050.device_config import DeviceConfig
from ankle_imu_driver.mpu6050.errors import SetupError
from ankle_imu_driver.mpu6050.self_test import factory_trim, run_self_test
from ankle_imu_driver.mpu6050_emulator.bus import EmulatedBus
from ankle_imu_driver.mpu6050_emulator.chip import EmulatedChip
from ankle_imu_driver.mpu6050_emulator.motion import Still

SECOND = 1_000_000_000


def configured(config=None, motion=None, **chip):
    clock = VirtualClock()
    bus = EmulatedBus({0x68: EmulatedChip(motion or Still(), **chip)}, clock)
    device = Mpu6050(config or DeviceConfig(), bus.open(), clock)

    def sleep(seconds):
        clock.sleep_until(clock.now() + round(seconds * SECOND))

    for wait in device.configure():
        sleep(wait)
    return device, bus, sleep


def test_factory_trim_of_a_worked_example():
    """Map 4.1, by hand, all codes 13: accelerometer 0.50629 g at 4096 LSB/g, gyro 42.886 deg/s at 131 LSB/(deg/s)."""
    code = 13
    high = (code >> 2) << 5 | code
    low = (code & 3) * 0b010101
    trim = factory_trim(bytes([high, high, high, low]))
    assert trim[:3] == pytest.approx([0.506294 * 4096] * 3, rel=1e-5)
    assert trim[3:] == pytest.approx([42.886462 * 131, -42.886462 * 131, 42.886462 * 131], rel=1e-6)
    assert factory_trim(bytes(4)) == (0.0,) * 6


def test_a_good_chip_passes_and_is_configured_as_before():
    device, bus, sleep = configured(seed=4)
    results = run_self_test(device, sleep)
    assert [result.passed for result in results] == [True] * 6
    gain = bus.chips[0x68].self_test_gain
    assert [result.deviation for result in results] == pytest.approx(list(gain - 1.0), abs=0.01)
    device.verify()


@pytest.mark.parametrize("axis", range(6))
def test_each_bad_axis_fails_alone(axis):
    device, bus, sleep = configured(seed=4)
    bus.chips[0x68].self_test_gain[axis] = 0.8
    assert [result.passed for result in run_self_test(device, sleep)] == [k != axis for k in range(6)]


def test_the_self_test_is_refused_while_moving():
    class Swing:
        def at(self, time):
            return np.array([0.0, 0.0, 9.8, 2.0 * math.sin(6.0 * time), 0.0, 0.0])

    device, _, sleep = configured(motion=Swing())
    with pytest.raises(SetupError, match="moved during the self-test; stand still"):
        run_self_test(device, sleep)
    device.verify()


def test_the_self_test_is_refused_while_leaning_but_not_confused_by_slow_drift():
    class Lean:
        def __init__(self, rate):
            self.rate = rate

        def at(self, time):
            return np.array([self.rate * time, 0.0, 9.8, 0.0, 0.0, 0.0])

    device, _, sleep = configured(motion=Lean(0.7))
    with pytest.raises(SetupError, match="moved during the self-test"):
        run_self_test(device, sleep)
    device, bus, sleep = configured(seed=4, motion=Lean(0.2))
    deviation = run_self_test(device, sleep)[0].deviation
    assert deviation == pytest.approx(bus.chips[0x68].self_test_gain[0] - 1.0, abs=0.01)


def test_the_self_test_is_refused_on_a_chip_without_factory_trim():
    device, _, sleep = configured(DeviceConfig(allowed_chips=frozenset({0x70})), who_am_i=0x70)
    with pytest.raises(SetupError, match="MPU-6500 has no MPU-6050 factory trim"):
        run_self_test(device, sleep)
