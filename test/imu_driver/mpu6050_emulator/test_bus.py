"""The emulated bus and its scripted faults."""

from __future__ import annotations

import pytest

from ankle_imu_driver.mpu6050.clock import VirtualClock
from ankle_imu_driver.mpu6050.errors import Fault, SensorError, SetupError
from ankle_imu_driver.mpu6050_emulator.bus import EmulatedBus
from ankle_imu_driver.mpu6050_emulator.chip import EmulatedChip
from ankle_imu_driver.mpu6050_emulator.motion import Still
from ankle_imu_driver.mpu6050_emulator.scripted_fault import Kind, ScriptedFault

MS = 1_000_000
SECOND = 1000 * MS


def test_an_address_without_a_chip_does_not_acknowledge():
    bus = EmulatedBus({0x68: EmulatedChip(Still())}, VirtualClock())
    with pytest.raises(SensorError, match="errno 121") as caught:
        bus.read(0x69, 117, 1)
    assert caught.value.fault is Fault.NACK


def test_after_power_up_the_chip_does_not_answer_for_a_while():
    clock = VirtualClock()
    bus = EmulatedBus({0x68: EmulatedChip(Still())}, clock, [ScriptedFault(Kind.BROWNOUT, 0x68, 100 * MS, 0)])
    assert bus.read(0x68, 117, 1) == b"\x68"
    clock.sleep_until(105 * MS)
    with pytest.raises(SensorError, match="errno 121"):
        bus.read(0x68, 117, 1)
    clock.sleep_until(126 * MS)
    assert bus.read(0x68, 117, 1) == b"\x68"


def test_after_the_bus_disappeared_the_old_handle_stays_unusable_and_a_new_one_works():
    clock = VirtualClock()
    bus = EmulatedBus({0x68: EmulatedChip(Still())}, clock, [ScriptedFault(Kind.GONE, 0x68, 10 * MS, 10 * MS)])
    old = bus.open()
    clock.sleep_until(15 * MS)
    with pytest.raises(SetupError, match="no emulated bus"):
        bus.open()
    clock.sleep_until(30 * MS)
    with pytest.raises(SensorError) as caught:
        old.read(0x68, 117, 1)
    assert caught.value.fault is Fault.GONE
    with pytest.raises(SetupError, match="still held"):  # the kernel's rule
        bus.open()
    old.close()
    assert bus.open().read(0x68, 117, 1) == b"\x68"


def test_a_fault_that_ends_does_not_end_another():
    clock = VirtualClock()
    faults = [ScriptedFault(Kind.STUCK, 0x68, 0, SECOND), ScriptedFault(Kind.NACK, 0x68, 100 * MS, 10 * MS)]
    bus = EmulatedBus({0x68: EmulatedChip(Still())}, clock, faults)
    for time in (50, 105, 200):
        clock.sleep_until(time * MS)
        bus.follow_script()
    assert bus.chips[0x68].stuck == 5
