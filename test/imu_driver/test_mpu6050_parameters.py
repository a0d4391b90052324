"""Parameters to the driver's settings, and the emulation's script."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ankle_imu_driver.mpu6050.clock import VirtualClock
from ankle_imu_driver.mpu6050.errors import SensorError, SetupError
from ankle_imu_driver.mpu6050_emulator.bus import Kind
from ankle_imu_driver.mpu6050_emulator.wiring import Emulation, emulated_buses, parse_faults
from ankle_imu_driver.mpu6050_parameters import PARAMETERS, read_parameters

WIRING = {"shank": (1, 0x68), "foot": (3, 0x69)}


def test_the_defaults_are_the_designs():
    config = read_parameters({})
    assert config.emulation is None
    assert config.rate == 100.0
    shank, foot = config.sensors["shank"], config.sensors["foot"]
    assert (shank.bus, shank.device.address) == (1, 0x68)
    assert (foot.bus, foot.device.address) == (1, 0x69)
    assert (shank.device.accel_range, shank.device.gyro_range, shank.device.low_pass) == (8, 1000, 3)
    assert shank.up == (0.0, -1.0, 0.0)
    assert foot.up == (-1.0, 0.0, 0.0)


def test_whole_numbers_do_for_fractions_and_arrays_for_lists():
    config = read_parameters(
        {"mpu6050.rate": 200, "foot.accel_offset": (1, 0, 0.5), "mpu6050.allowed_chips": [104, 112]}
    )
    assert config.rate == 200.0
    assert config.sensors["foot"].device.accel_offset == (1.0, 0.0, 0.5)
    assert config.sensors["foot"].device.allowed_chips == {0x68, 0x70}


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"bus": "spi"}, "bus must be one of smbus2, emulated, not 'spi'"),
        ({"mpu6050.accel_range": 3}, "accel_range must be one of 2, 4, 8, 16"),
        ({"mpu6050.accel_range": 8.0}, "mpu6050.accel_range must be a whole number, not 8.0"),
        ({"mpu6050.accel_range": True}, "mpu6050.accel_range must be a whole number, not True"),
        ({"mpu6050.self_test": 1}, "mpu6050.self_test must be true or false, not 1"),
        ({"mpu6050.rate": "fast"}, "mpu6050.rate must be a number, not 'fast'"),
        ({"mpu6050.rate": 0.0}, "mpu6050.rate must be 1 to 500 Hz"),
        ({"mpu6050.priority": 100}, "mpu6050.priority must be 0 to 99"),
        ({"shank.accel_offset": [0.0, 1.0]}, "shank.accel_offset must be three numbers, not 2"),
        ({"shank.accel_offset": "none"}, "shank.accel_offset must be a list of numbers"),
        ({"mpu6050.allowed_chips": [104, 17]}, "0x11, of which nothing is known"),
        ({"foot.address": 0x68}, "both sensors are set to bus 1, address 0x68; pull AD0 of one high"),
        ({"emulator.noise": float("nan")}, "emulator.noise must be 0 or more, not nan"),
        ({"foot.mounting": "+X,+X,+Z"}, "names one sensor axis twice"),
    ],
)
def test_what_cannot_be_is_one_sentence(values, sentence):
    with pytest.raises(ValueError, match=sentence) as caught:
        read_parameters(values)
    assert "\n" not in str(caught.value)


def test_two_buses_may_have_the_same_address():
    assert read_parameters({"foot.address": 0x68, "foot.bus_number": 3}).sensors["foot"].bus == 3


@given(st.sampled_from(sorted(PARAMETERS)), st.none() | st.booleans() | st.integers() | st.floats() | st.text())
def test_no_value_gets_past_as_anything_but_a_sentence(name, value):
    with contextlib.suppress(ValueError):
        read_parameters({name: value})


def test_a_fault_script_is_read():
    faults = parse_faults("brownout foot 10 0; unplugged shank 20 2.5;", WIRING, start=1_000)
    assert [(bus, f.kind, f.address, f.start, f.duration) for bus, f in faults] == [
        (3, Kind.BROWNOUT, 0x69, 10_000_001_000, 0),
        (1, Kind.UNPLUGGED, 0x68, 20_000_001_000, 2_500_000_000),
    ]


@pytest.mark.parametrize(
    "text", ["fire foot 1 1", "nack knee 1 1", "nack foot x 1", "nack foot -1 1", "nack foot 1", "nack foot nan 1"]
)
def test_a_fault_script_that_cannot_be_read_is_one_sentence(text):
    with pytest.raises(SetupError, match="must be KIND SENSOR START DURATION, KIND one of nack, timeout"):
        parse_faults(text, WIRING, 0)


def test_two_emulated_buses_have_a_chip_each():
    buses = emulated_buses(Emulation(), {"shank": (1, 0x68), "foot": (3, 0x69)}, VirtualClock(), 0)
    assert {number: list(bus.chips) for number, (_, bus) in buses.items()} == {1: [0x68], 3: [0x69]}


def test_a_fault_of_one_sensor_spares_the_one_at_the_same_address_on_another_bus():
    clock = VirtualClock()
    buses = emulated_buses(Emulation(faults="nack foot 0 9"), {"shank": (1, 0x68), "foot": (3, 0x68)}, clock, 0)
    assert buses[1][0]().read(0x68, 0x75, 1) == b"\x68"
    with pytest.raises(SensorError, match="errno 121"):
        buses[3][0]().read(0x68, 0x75, 1)


def test_a_negative_seed_is_one_sentence():
    with pytest.raises(SetupError, match="seed must be 0 or more, not -1"):
        read_parameters({}, seed=-1)
