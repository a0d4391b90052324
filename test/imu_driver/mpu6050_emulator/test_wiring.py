"""The emulated buses, their fault script, and the emulated encoder."""

from __future__ import annotations

import numpy as np
import pytest
from rigs.walks import swinging

from ankle_imu_driver.mpu6050.clock import VirtualClock
from ankle_imu_driver.mpu6050.errors import SensorError, SetupError
from ankle_imu_driver.mpu6050_emulator.scripted_fault import Kind
from ankle_imu_driver.mpu6050_emulator.wiring import EmulatedEncoder, Emulation, emulated_buses, parse_faults

WIRING = {"shank": (1, 0x68), "foot": (3, 0x69)}


def test_a_fault_script_is_read():
    faults = parse_faults("brownout foot 10 0; unplugged shank 20 2.5;", WIRING, start=1_000)
    assert [(bus, f.kind, f.address, f.start, f.duration) for bus, f in faults] == [
        (3, Kind.BROWNOUT, 0x69, 10_000_001_000, 0),
        (1, Kind.UNPLUGGED, 0x68, 20_000_001_000, 2_500_000_000),
    ]


@pytest.mark.parametrize(
    "text", ["fire foot 1 1", "nack knee 1 1", "nack foot x 1", "nack foot -1 1", "nack foot 1", "nack foot nan 1"]
)
def test_a_wrong_fault_script_gives_one_sentence(text):
    with pytest.raises(SetupError, match="must be KIND SENSOR START DURATION, with KIND one of nack, timeout"):
        parse_faults(text, WIRING, 0)


def test_two_emulated_buses_have_a_chip_each():
    buses = emulated_buses(Emulation(), {"shank": (1, 0x68), "foot": (3, 0x69)}, VirtualClock(), 0)
    assert {number: list(bus.chips) for number, bus in buses.items()} == {1: [0x68], 3: [0x69]}


def test_a_fault_does_not_affect_a_sensor_with_the_same_address_on_another_bus():
    clock = VirtualClock()
    buses = emulated_buses(Emulation(faults="nack foot 0 9"), {"shank": (1, 0x68), "foot": (3, 0x68)}, clock, 0)
    assert buses[1].open().read(0x68, 0x75, 1) == b"\x68"
    with pytest.raises(SensorError, match="errno 121"):
        buses[3].open().read(0x68, 0x75, 1)


def test_the_recordings_encoder_moves_in_step_with_the_emulated_sensors():
    recording = swinging(seconds=4.0)
    encoder = EmulatedEncoder(recording.encoder, recording, start=10_000_000_000)
    for time in (0.0, 1.234, 3.9, 3.99 + 1.0):
        angle = encoder.at(10_000_000_000 + round(time * 1e9))
        assert angle == pytest.approx(
            np.interp(time % 3.99, recording.encoder.stamp, recording.encoder.angle), abs=1e-6
        )
