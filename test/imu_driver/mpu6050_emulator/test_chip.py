"""The emulated chip compared with a transcript of the documents, byte by byte on the bus, without the driver.

Transcript of RM-MPU-6000A-00 revision 4.2 ("map") and PS-MPU-6000A-00 revision 3.4 ("spec"), made for this test.
"""

from __future__ import annotations

import math
import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ankle_imu_driver.mpu6050.clock import VirtualClock
from ankle_imu_driver.mpu6050_emulator import chip as emulated_chip
from ankle_imu_driver.mpu6050_emulator.bus import EmulatedBus
from ankle_imu_driver.mpu6050_emulator.chip import EmulatedChip

MS = 1_000_000
SECOND = 1000 * MS
# map, section 3 and 4.x: decimal number of the register, name, value after reset, bits that can be written
REGISTER_TABLE = (
    (25, "SMPLRT_DIV", 0x00, 0xFF),
    (26, "CONFIG", 0x00, 0x3F),
    (27, "GYRO_CONFIG", 0x00, 0xF8),
    (28, "ACCEL_CONFIG", 0x00, 0xF8),
    (106, "USER_CTRL", 0x00, 0x70),
    (107, "PWR_MGMT_1", 0x40, 0x6F),  # but for bit 7, which resets the chip and clears itself
    (108, "PWR_MGMT_2", 0x00, 0xFF),
    (117, "WHO_AM_I", 0x68, 0x00),
    *((number, "sensor output", 0x00, 0x00) for number in range(59, 73)),
)
# map 4.5, spec 6.2: AFS_SEL, full scale in g, LSB/g
ACCEL_TABLE = ((0, 2, 16384), (1, 4, 8192), (2, 8, 4096), (3, 16, 2048))
# map 4.4, spec 6.1: FS_SEL, full scale in deg/s, LSB/(deg/s)
GYRO_TABLE = ((0, 250, 131.0), (1, 500, 65.5), (2, 1000, 32.8), (3, 2000, 16.4))
# map 4.3: DLPF_CFG, accelerometer bandwidth Hz and delay ms, gyro bandwidth Hz and delay ms, gyro output rate Hz
FILTER_TABLE = (
    (0, 260, 0.0, 256, 0.98, 8000),
    (1, 184, 2.0, 188, 1.9, 1000),
    (2, 94, 3.0, 98, 2.8, 1000),
    (3, 44, 4.9, 42, 4.8, 1000),
    (4, 21, 8.5, 20, 8.3, 1000),
    (5, 10, 13.8, 10, 13.4, 1000),
    (6, 5, 19.0, 5, 18.6, 1000),
)


class Ramp:
    """Accelerometer x in g and gyro x in deg/s are both 1 a second."""

    def at(self, time: float) -> np.ndarray:
        return np.array([time * 9.80665, 0.0, 0.0, math.radians(time), 0.0, 0.0])


class Constant:
    def __init__(self, accel_g: float = 0.0, gyro_dps: float = 0.0) -> None:
        self.value = np.array([accel_g * 9.80665] * 3 + [math.radians(gyro_dps)] * 3)

    def at(self, time: float) -> np.ndarray:
        return self.value


def rig(motion=None, noise=0.0, **chip) -> tuple[EmulatedBus, VirtualClock]:
    clock = VirtualClock()
    return EmulatedBus({0x68: EmulatedChip(motion or Constant(), noise=noise, **chip)}, clock), clock


def awake(motion=None, settings=(), noise=0.0, **chip):
    bus, clock = rig(motion, noise, **chip)
    for register, value in settings:
        bus.write(0x68, register, value)
    bus.write(0x68, 107, 0x01)
    clock.sleep_until(clock.now() + 100 * MS)
    return bus, clock


def output(bus) -> tuple[int, ...]:
    return struct.unpack(">7h", bus.read(0x68, 59, 14))


@pytest.mark.parametrize(("number", "name", "default", "writable"), REGISTER_TABLE)
def test_default_and_writable_bits_of_every_register(number, name, default, writable):
    bus, _ = rig()
    assert bus.read(0x68, number, 1)[0] == default, name
    for value in (0xFF & ~0x80 if number == 107 else 0xFF, 0x00):
        before = bus.read(0x68, number, 1)[0]
        bus.write(0x68, number, value)
        if not 59 <= number <= 72:
            assert bus.read(0x68, number, 1)[0] == (before & ~writable) | (value & writable), name


@pytest.mark.parametrize(("answer", "power"), [(0x68, 0x40), (0x70, 0x01), (0x98, 0x40)])
def test_the_clones_after_power_up(answer, power):
    """RM-MPU-6500A-00 revision 2.1, section 3: register 107 is 0x01, so that the chip is awake; ICM-20689: 0x40."""
    bus, _ = rig(who_am_i=answer)
    assert bus.read(0x68, 117, 1)[0] == answer
    assert bus.read(0x68, 107, 1)[0] == power


@given(st.lists(st.tuples(st.integers(0, 127), st.integers(0, 255)), max_size=30))
@settings(max_examples=50, deadline=None)
def test_device_reset_brings_every_default_back(writes):
    bus, _ = rig()
    for register, value in writes:
        bus.write(0x68, register, value)
    bus.write(0x68, 107, 0x80)
    for number, name, default, _ in REGISTER_TABLE:
        assert bus.read(0x68, number, 1)[0] == default, name


def test_the_chip_measures_only_while_the_sleep_bit_is_cleared():
    bus, clock = rig(Ramp())
    clock.sleep_until(1000 * MS)
    assert output(bus) == (0,) * 7
    bus.write(0x68, 107, 0x00)
    clock.sleep_until(1500 * MS)
    first = output(bus)
    assert first[0] > 16384
    bus.write(0x68, 107, 0x40)
    held = output(bus)
    clock.sleep_until(2500 * MS)
    assert output(bus) == held


@pytest.mark.parametrize(("select", "full_scale", "scale"), ACCEL_TABLE)
def test_accelerometer_ranges(select, full_scale, scale):
    bus, _ = awake(Constant(accel_g=1.0), [(28, select << 3)])
    assert output(bus)[:3] == (scale,) * 3
    bus, _ = awake(Constant(accel_g=full_scale * 1.01), [(28, select << 3)])
    assert output(bus)[:3] == (32767,) * 3
    bus, _ = awake(Constant(accel_g=-full_scale * 1.01), [(28, select << 3)])
    assert output(bus)[:3] == (-32768,) * 3


@pytest.mark.parametrize(("select", "full_scale", "scale"), GYRO_TABLE)
def test_gyro_ranges(select, full_scale, scale):
    bus, _ = awake(Constant(gyro_dps=100.0), [(27, select << 3)])
    assert output(bus)[4:] == (round(100.0 * scale),) * 3
    bus, _ = awake(Constant(gyro_dps=full_scale * 1.01), [(27, select << 3)])
    assert output(bus)[4:] == (32767,) * 3


@pytest.mark.parametrize(("select", "_a", "accel_delay", "_g", "gyro_delay", "rate"), FILTER_TABLE)
def test_low_pass_delay_and_output_rate(select, _a, accel_delay, _g, gyro_delay, rate):
    bus, clock = awake(Ramp(), [(26, select)])
    clock.sleep_until(1000 * MS)
    addressed = clock.now()
    raw = output(bus)
    # One LSB is 0.06 ms on the accelerometer's ramp and 7.6 ms on the gyro's; a sampling instant is up to 1/rate old.
    age_accel = addressed / MS - raw[0] / 16384 * 1000
    assert accel_delay - 0.04 <= age_accel <= accel_delay + 1000 / rate + 0.04
    age_gyro = addressed / MS - raw[4] / 131 * 1000
    assert gyro_delay - 4 <= age_gyro <= gyro_delay + 1000 / rate + 4


@pytest.mark.parametrize(("select", "accel_bandwidth", "_ad", "gyro_bandwidth", "_gd", "_r"), FILTER_TABLE)
def test_noise_is_the_specified_density_over_the_bandwidth(select, accel_bandwidth, _ad, gyro_bandwidth, _gd, _r):
    bus, clock = awake(Constant(), [(26, select)], noise=1.0)
    rows = []
    for _ in range(400):
        clock.sleep_until(clock.now() + 10 * MS)
        rows.append(output(bus))
    spread = np.std(rows, axis=0)
    accel = 400e-6 * math.sqrt(accel_bandwidth * math.pi / 2) * 16384  # spec 6.2
    gyro = 0.005 * math.sqrt(gyro_bandwidth * math.pi / 2) * 131  # spec 6.1
    assert spread[:3] == pytest.approx([accel] * 3, rel=0.15)
    assert spread[4:] == pytest.approx([gyro] * 3, rel=0.15)


@pytest.mark.parametrize(
    ("low_pass", "divider", "rate"), [(3, 0, 1000), (3, 9, 100), (0, 79, 100), (1, 255, 1000 / 256)]
)
def test_sample_rate_divider(low_pass, divider, rate):
    chip = EmulatedChip(Constant(), noise=1.0)
    for register, value in ((26, low_pass), (25, divider), (107, 1)):
        chip.write(register, value, now=0)
    seen = {chip.read(59, 14, now=SECOND + int(k / rate / 5 * SECOND)) for k in range(250)}
    assert len(seen) == pytest.approx(50, abs=1)


def test_a_burst_is_one_instant_and_single_bytes_are_not():
    """Map 4.17: only a burst is from one sampling instant; reading byte by byte mixes two instants."""
    bus, clock = awake(Constant(), noise=1.0)
    torn = 0
    for _ in range(50):
        clock.sleep_until(clock.now() + 10 * MS)
        whole = bus.read(0x68, 59, 14)
        single = b"".join(bus.read(0x68, 59 + k, 1) for k in range(14))
        torn += whole != single
    assert torn == 50


@given(st.floats(-40.0, 85.0))
@settings(max_examples=30, deadline=None)
def test_temperature_formula(celsius):
    """Map 4.18: degrees C = TEMP_OUT / 340 + 36.53."""
    bus, _ = awake(temperature=lambda time: celsius)
    assert output(bus)[3] / 340 + 36.53 == pytest.approx(celsius, abs=0.5 / 340 + 1e-9)


# map 4.1: factory trim of the codes 1, 13 and 31, computed by hand from the formulas: accelerometer in g at +-8 g,
# 0.34 * (0.92 / 0.34) ** ((n - 1) / 30), and gyro in deg/s, 25 * 1.046 ** (n - 1)
TRIM_TABLE = ((1, 0.34, 25.0), (13, 0.506294, 42.886462), (31, 0.92, 96.358614))


@pytest.mark.parametrize(("code", "accel_g", "gyro_dps"), TRIM_TABLE)
def test_self_test_response_is_the_factory_trim(code, accel_g, gyro_dps, monkeypatch):
    high = (code >> 2) << 5 | code
    low = (code & 3) << 4 | (code & 3) << 2 | (code & 3)
    monkeypatch.setattr(emulated_chip, "TRIM_CODES", bytes([high] * 3 + [low]))
    bus, clock = awake(settings=[(28, 2 << 3)])
    bus.chips[0x68].self_test_gain[:] = 1.0
    off = output(bus)
    bus.write(0x68, 27, 0xE0)
    bus.write(0x68, 28, 0xE0 | 2 << 3)
    clock.sleep_until(clock.now() + 50 * MS)
    on = output(bus)
    response = [b - a for a, b in zip(off, on, strict=True)]
    assert response[:3] == pytest.approx([accel_g * 4096] * 3, abs=1)
    assert response[4:] == pytest.approx([gyro_dps * 131, -gyro_dps * 131, gyro_dps * 131], abs=1)


def test_standby_and_disabled_temperature():
    """Map 4.28 and 4.29."""
    bus, clock = awake(Constant(accel_g=1.0, gyro_dps=10.0), [(108, 0b0010_0001)])
    assert output(bus)[0] == 0
    assert output(bus)[6] == 0
    assert output(bus)[1] != 0
    bus.write(0x68, 107, 0x08)
    clock.sleep_until(clock.now() + 10 * MS)  # the next sampling instant
    assert output(bus)[3] == 0
