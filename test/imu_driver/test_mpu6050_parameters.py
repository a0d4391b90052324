"""The parameters of source mpu6050."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ankle_imu_driver.mpu6050_parameters import PARAMETERS, read_parameters
from ankle_imu_driver.refusal import Refusal


def test_the_defaults():
    parameters = read_parameters({})
    assert parameters.emulation is None
    config = parameters.driver
    assert config.rate == 100.0
    shank, foot = config.sensors["shank"], config.sensors["foot"]
    assert (shank.bus, shank.device.address) == (1, 0x68)
    assert (foot.bus, foot.device.address) == (1, 0x69)
    assert (shank.device.accel_range, shank.device.gyro_range, shank.device.low_pass) == (8, 1000, 3)
    assert shank.up == (0.0, -1.0, 0.0)
    assert foot.up == (-1.0, 0.0, 0.0)
    assert shank.is_auto
    assert foot.is_auto
    assert not read_parameters({"foot.mounting": "+Y,-Z,-X"}).driver.sensors["foot"].is_auto


def test_whole_numbers_are_accepted_for_floats_and_arrays_for_lists():
    config = read_parameters(
        {"mpu6050.rate": 200, "foot.accel_offset": (1, 0, 0.5), "mpu6050.allowed_chips": [104, 112]}
    ).driver
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
        ({"mpu6050.rate": 0.0}, "mpu6050.rate must be 1 to 500"),
        ({"mpu6050.priority": 100}, "mpu6050.priority must be 0 to 99"),
        ({"shank.accel_offset": [0.0, 1.0]}, "shank.accel_offset must be a list of 3 numbers"),
        ({"shank.accel_offset": "none"}, "shank.accel_offset must be a list of 3 numbers"),
        ({"mpu6050.allowed_chips": [104, 17]}, "0x11, an unknown chip"),
        ({"foot.address": 0x68}, "both sensors are set to bus 1, address 0x68; connect AD0 of one sensor to high"),
        ({"emulator.noise": float("nan")}, "emulator.noise must be 0 or more, not nan"),
        ({"foot.mounting": "+X,+X,+Z"}, "names one sensor axis twice"),
    ],
)
def test_wrong_values_give_one_sentence(values, sentence):
    with pytest.raises(Refusal, match=sentence) as caught:
        read_parameters(values)
    assert "\n" not in str(caught.value)


def test_two_buses_may_have_the_same_address():
    assert read_parameters({"foot.address": 0x68, "foot.bus_number": 3}).driver.sensors["foot"].bus == 3


@given(st.sampled_from(sorted(PARAMETERS)), st.none() | st.booleans() | st.integers() | st.floats() | st.text())
def test_every_value_is_accepted_or_refused_with_a_sentence(name, value):
    with contextlib.suppress(Refusal):
        read_parameters({name: value})


def test_a_negative_seed_gives_one_sentence():
    with pytest.raises(Refusal, match="seed must be 0 or more, not -1"):
        read_parameters({}, seed=-1)
