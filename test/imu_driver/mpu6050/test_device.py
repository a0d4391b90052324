"""Configuration and units of one sensor, on the emulated chip."""

from __future__ import annotations

import math
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ankle_imu_driver.mpu6050.chips import CHIPS
from ankle_imu_driver.mpu6050.clock import VirtualClock
from ankle_imu_driver.mpu6050.device import Mpu6050
from ankle_imu_driver.mpu6050.device_config import DeviceConfig
from ankle_imu_driver.mpu6050.errors import Fault, SensorError, SetupError
from ankle_imu_driver.mpu6050_emulator.bus import EmulatedBus
from ankle_imu_driver.mpu6050_emulator.chip import EmulatedChip
from ankle_imu_driver.mpu6050_emulator.motion import Still

SECOND = 1_000_000_000


def make(config=None, motion=None, **chip):
    clock = VirtualClock()
    bus = EmulatedBus({0x68: EmulatedChip(motion or Still(), **chip)}, clock)
    device = Mpu6050(config or DeviceConfig(), bus.open(), clock)
    return device, bus, lambda seconds: clock.sleep_until(clock.now() + round(seconds * SECOND))


def configured(*args, **kwargs):
    device, bus, sleep = make(*args, **kwargs)
    for wait in device.configure():
        sleep(wait)
    return device, bus, sleep


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"address": 0x70}, "address must be one of 104, 105, not 112"),
        ({"accel_range": 3}, "accel_range must be one of 2, 4, 8, 16, not 3"),
        ({"gyro_range": 100}, "gyro_range must be one of 250, 500, 1000, 2000, not 100"),
        ({"low_pass": 7}, "low_pass must be one of 0, 1, 2, 3, 4, 5, 6, not 7"),
        ({"sample_rate_divider": 256}, "sample_rate_divider must be 0 to 255, not 256"),
        ({"gyro_offset": (math.nan, 0.0, 0.0)}, "must be finite"),
        ({"allowed_chips": frozenset({0x68, 0x11})}, r"0x11, an unknown chip; the known chips are 0x68 \(MPU-6050\)"),
    ],
)
def test_settings_that_the_chip_does_not_have_are_refused(settings, sentence):
    with pytest.raises(SetupError, match=sentence):
        DeviceConfig(**settings)


@given(
    accel=st.sampled_from([2, 4, 8, 16]),
    gyro=st.sampled_from([250, 500, 1000, 2000]),
    low_pass=st.integers(0, 6),
    force=st.tuples(*[st.floats(-19.0, 19.0)] * 3),
    rate=st.tuples(*[st.floats(-4.3, 4.3)] * 3),
)
@settings(max_examples=40, deadline=None)
def test_readings_are_within_half_a_count_of_the_motion_in_every_range(accel, gyro, low_pass, force, rate):
    class Constant:
        def at(self, time):
            return np.array([*force, *rate])

    device, _, _ = configured(
        DeviceConfig(accel_range=accel, gyro_range=gyro, low_pass=low_pass), Constant(), noise=0.0
    )
    measured_force, measured_rate, temperature = device.to_si(device.read_burst().raw)
    assert measured_force == pytest.approx(force, abs=0.501 * accel * 9.80665 / 32768)
    assert measured_rate == pytest.approx(rate, abs=0.501 * math.radians(gyro / 32750))
    assert 20 < temperature < 40


def test_offsets_are_subtracted():
    offsets = DeviceConfig(accel_offset=(0.1, -0.2, 9.80665), gyro_offset=(0.01, 0.0, -0.02))
    device, _, _ = configured(offsets, noise=0.0)
    accel, gyro, _ = device.to_si(device.read_burst().raw)
    assert accel == pytest.approx((-0.1, 0.2, 0.0), abs=1e-9)
    assert gyro == pytest.approx((-0.01, 0.0, 0.02), abs=1e-9)


@given(st.integers(0x19, 0x1C), st.integers(0, 7))
@settings(max_examples=30, deadline=None)
def test_any_flipped_bit_of_the_configuration_is_found(register, bit):
    device, bus, _ = configured()
    chip = bus.chips[0x68]
    chip.registers[register] ^= 1 << bit
    with pytest.raises(SensorError) as caught:
        device.verify()
    assert caught.value.fault is Fault.REGISTERS


def test_a_reset_is_distinguished_from_other_changes():
    device, bus, _ = configured()
    device.check_awake()
    bus.chips[0x68].power_up(0)
    with pytest.raises(SensorError, match="reset itself") as caught:
        device.check_awake()
    assert caught.value.fault is Fault.RESET


def test_registers_that_do_not_keep_their_value_are_detected_while_configuring(monkeypatch):
    monkeypatch.setattr("ankle_imu_driver.mpu6050_emulator.chip.WRITABLE", {0x6B: 0x6F})
    with pytest.raises(SensorError, match=r"register 0x1a .* is 0x00, not 0x03") as caught:
        configured()
    assert caught.value.fault is Fault.REGISTERS


@pytest.mark.parametrize(("answer", "name"), [(0x70, "MPU-6500"), (0x72, "MPU-6052C"), (0x98, "ICM-20689")])
def test_clones_are_named_and_can_be_allowed(answer, name):
    with pytest.raises(SensorError, match=f"0x{answer:02x}, not 0x68; this is {name}.*add {answer} to allowed_chips"):
        configured(who_am_i=answer)
    device, _, _ = make(DeviceConfig(allowed_chips=frozenset({0x68, answer})), who_am_i=answer)
    device.identify()
    assert name in device.chip.name


@pytest.mark.parametrize("answer", sorted(set(CHIPS) - {0x68}))
def test_every_sibling_is_named_allowed_and_read(answer):
    with pytest.raises(SensorError, match=f"this is {re.escape(CHIPS[answer].name)}: add {answer} to allowed_chips"):
        configured(who_am_i=answer)
    device, _, _ = configured(DeviceConfig(allowed_chips=frozenset({answer})), who_am_i=answer)
    device.verify()


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (0x00, "check the wiring"),
        (0xFF, "check the wiring"),
        (0x12, "this is ICM-20602, whose registers differ"),
        (0x13, "a clone that is not supported, or another part"),
        (0x75, "a clone that is not supported, or another part"),
    ],
)
def test_any_other_answer_is_explained(answer, words):
    with pytest.raises(SensorError, match=f"0x{answer:02x}, not 0x68; .*{words}") as caught:
        configured(who_am_i=answer)
    assert ("wiring" in str(caught.value)) == (answer in (0x00, 0xFF))
