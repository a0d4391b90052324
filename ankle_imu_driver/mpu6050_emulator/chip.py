"""An emulated MPU-6050 that behaves as its register map describes and measures a ``Motion``.

Written from RM-MPU-6000A-00 revision 4.2 and PS-MPU-6000A-00 revision 3.4. Only the tables of constants are shared with
the driver; the tests compare them with a transcript of the documents. Not emulated: FIFO, DMP, interrupts, auxiliary
bus, cycle mode. The low-pass is emulated by its delay and by its effect on noise; it does not filter the motion,
because the motion of a leg is below its bandwidth.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable

import numpy as np

from ankle_imu_driver.arrays import FloatArray
from ankle_imu_driver.mpu6050 import registers as reg
from ankle_imu_driver.mpu6050.chips import CHIPS, MPU6050
from ankle_imu_driver.mpu6050_emulator.motion import Motion

REGISTERS = 0x80
# Bits that a write can change; all other bits and registers keep their value.
WRITABLE = {
    reg.SMPLRT_DIV: 0xFF,
    reg.CONFIG: 0x3F,
    reg.GYRO_CONFIG: 0xF8,
    reg.ACCEL_CONFIG: 0xF8,
    reg.USER_CTRL: 0x70,
    reg.PWR_MGMT_1: 0x6F,
    reg.PWR_MGMT_2: 0xFF,
}
TEMP_DIS = 0x08  # PWR_MGMT_1
TRIM_CODES = bytes([0x6D, 0x8E, 0xB1, 0x1B])  # a typical factory trim: five-bit codes 13, 18, 23; 13, 14, 17

_GYRO_START_UP = 30_000_000  # ns, spec 6.1
_TEMPERATURE_NOISE = 0.02  # degrees C; the specification gives none


class EmulatedChip:
    """Registers and sensor of one chip.

    Args:
        motion: the motion that the chip measures; its time 0 is ``start``.
        start: monotonic time in ns.
        seed: seed of the noise and the self-test response.
        noise: factor on the specification's noise densities; 0 for no noise.
        who_am_i: value of WHO_AM_I.
        temperature: degrees C as a function of time in s.

    Attributes:
        registers: contents of the registers.
        distort: changes the physical sample (seven floats: accel in g, temperature in degrees C, gyro in deg/s)
            before it is digitised; None for a healthy sensor.
        frozen: the output registers do not change.
        stuck: index of the one of the seven values that does not change; None for a healthy sensor.
        resets: how often the chip was reset, by command or by ``power_up``.
        self_test_gain: response of each axis divided by the factory's.
    """

    def __init__(
        self,
        motion: Motion,
        *,
        start: int = 0,
        seed: int = 0,
        noise: float = 1.0,
        who_am_i: int = 0x68,
        temperature: Callable[[float], float] = lambda time: 34.0 - 8.0 * math.exp(-time / 120.0),
    ) -> None:
        self.motion = motion
        self.distort: Callable[[FloatArray], FloatArray] | None = None
        self.frozen = False
        self.stuck: int | None = None
        self.resets = 0
        self._random = np.random.default_rng(seed)
        self.self_test_gain = 1.0 + self._random.uniform(-0.08, 0.08, 6)
        self._start = start
        self._noise = noise
        self._who_am_i = who_am_i
        self._chip = CHIPS.get(who_am_i, MPU6050)
        self._writable = WRITABLE | ({reg.ACCEL_CONFIG_2: 0x0F} if self._chip.separate_accel_filter else {})
        self._temperature = temperature
        self.registers = bytearray(REGISTERS)
        self._awake_since: int | None = None
        self.power_up(start)

    def power_up(self, now: int) -> None:
        """Set all registers to their defaults (map, section 3), as a brown-out or DEVICE_RESET does."""
        self.registers[:] = bytes(REGISTERS)
        self.registers[reg.SELF_TEST_X : reg.SELF_TEST_X + 4] = TRIM_CODES
        self.registers[reg.PWR_MGMT_1] = self._chip.after_reset
        self.registers[reg.WHO_AM_I] = self._who_am_i
        self._awake_since = None if self._chip.after_reset & reg.SLEEP else now
        self._latched = -1
        self.resets += 1

    def write(self, register: int, value: int, now: int) -> None:
        """Write one byte to a register; ``now`` is monotonic time in ns."""
        if register == reg.PWR_MGMT_1 and value & reg.DEVICE_RESET:
            self.power_up(now)
            return
        mask = self._writable.get(register, 0)
        self.registers[register] = (self.registers[register] & ~mask) | (value & mask)
        if register == reg.PWR_MGMT_1:
            if value & reg.SLEEP:
                self._awake_since = None
            elif self._awake_since is None:
                self._awake_since = now

    def read(self, register: int, count: int, now: int) -> bytes:
        """Read ``count`` bytes starting at ``register``, all from one sampling instant; ``now`` is monotonic in ns."""
        self._latch(now)
        return bytes(self.registers[(register + k) % REGISTERS] for k in range(count))

    def _latch(self, now: int) -> None:
        """Update the output registers to the chip's latest sampling instant, unless the chip sleeps."""
        if self._awake_since is None or self.frozen:
            return
        low_pass = self.registers[reg.CONFIG] & 0x07
        rate = (8000 if low_pass in {0, 7} else 1000) / (1 + self.registers[reg.SMPLRT_DIV])
        instant = int((now - self._awake_since) * rate / 1e9)
        if instant == self._latched:
            return
        self._latched = instant
        physical = self._measure(self._awake_since + int(instant * 1e9 / rate), low_pass, now)
        values = self._digitise(physical)
        if self.stuck is not None:
            held = struct.unpack_from(">7h", self.registers, reg.ACCEL_XOUT_H)[self.stuck]
            values[self.stuck] = held
        struct.pack_into(">7h", self.registers, reg.ACCEL_XOUT_H, *values)

    def _measure(self, instant: int, low_pass: int, now: int) -> FloatArray:
        row = self._chip.low_pass[low_pass % 7]  # 7 is reserved; treated as 0
        if self._chip.separate_accel_filter:
            accel_row = self._chip.low_pass[(self.registers[reg.ACCEL_CONFIG_2] & 0x07) % 7]
            row = row._replace(accel_bandwidth=accel_row.accel_bandwidth, accel_delay=accel_row.accel_delay)
        time = (instant - self._start) / 1e9
        accel = self.motion.at(max(0.0, time - row.accel_delay))[:3] / reg.STANDARD_GRAVITY
        gyro = np.degrees(self.motion.at(max(0.0, time - row.gyro_delay))[3:])
        assert self._awake_since is not None
        if now - self._awake_since < _GYRO_START_UP:
            gyro = np.zeros(3)
        physical = np.concatenate([accel, [self._temperature(time)], gyro])
        accel_noise = reg.ACCEL_NOISE / reg.STANDARD_GRAVITY * math.sqrt(math.pi / 2 * row.accel_bandwidth)
        gyro_noise = reg.GYRO_NOISE * math.sqrt(math.pi / 2 * row.gyro_bandwidth)
        scale = np.array([accel_noise] * 3 + [_TEMPERATURE_NOISE] + [gyro_noise] * 3)
        physical = physical + self._noise * scale * self._random.standard_normal(7) + self._self_test()
        return physical if self.distort is None else self.distort(physical)

    def _self_test(self) -> FloatArray:
        """Return the response to the self-test bits, in g and deg/s (map 4.1, 4.4, 4.5)."""
        response = np.zeros(7)
        x, y, z, low = self.registers[reg.SELF_TEST_X : reg.SELF_TEST_X + 4]
        for axis, high in enumerate((x, y, z)):
            bit = 0x80 >> axis
            accel_code = (high >> 5) << 2 | (low >> (4 - 2 * axis)) & 0x03
            gyro_code = high & 0x1F
            if self.registers[reg.ACCEL_CONFIG] & bit and accel_code:
                response[axis] = 0.34 * (0.92 / 0.34) ** ((accel_code - 1) / 30.0) * self.self_test_gain[axis]
            if self.registers[reg.GYRO_CONFIG] & bit and gyro_code:
                sign = -1.0 if axis == 1 else 1.0
                response[4 + axis] = sign * 25.0 * 1.046 ** (gyro_code - 1) * self.self_test_gain[3 + axis]
        return response

    def _digitise(self, physical: FloatArray) -> list[int]:
        accel_select = self.registers[reg.ACCEL_CONFIG] >> 3 & 0x03
        gyro_select = self.registers[reg.GYRO_CONFIG] >> 3 & 0x03
        accel = next(lsb for select, lsb in reg.ACCEL_RANGES.values() if select == accel_select)
        gyro = next(lsb for select, lsb in reg.GYRO_RANGES.values() if select == gyro_select)
        raw = np.concatenate(
            [
                physical[:3] * accel,
                [(physical[3] - self._chip.temperature_offset) * self._chip.temperature_scale],
                physical[4:] * gyro,
            ]
        )
        standby = self.registers[reg.PWR_MGMT_2]
        for axis, index in enumerate((0, 1, 2, 4, 5, 6)):
            if standby & 0x20 >> axis:
                raw[index] = 0.0
        if self.registers[reg.PWR_MGMT_1] & TEMP_DIS:
            raw[3] = 0.0
        return [int(value) for value in np.clip(np.rint(raw), -32768, 32767)]
