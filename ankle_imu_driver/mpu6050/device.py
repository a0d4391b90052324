"""One MPU6050: configure it, check that it still is configured, read whole samples."""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator
from dataclasses import dataclass

from ankle_imu_driver.arrays import Vector
from ankle_imu_driver.mpu6050 import registers as reg
from ankle_imu_driver.mpu6050.bus import Bus
from ankle_imu_driver.mpu6050.chips import CHIPS, MPU6050, Chip
from ankle_imu_driver.mpu6050.clock import Clock
from ankle_imu_driver.mpu6050.errors import Fault, SensorError, SetupError

Raw = tuple[int, int, int, int, int, int, int]  # accel x y z, temperature, gyro x y z

_SETTLE_FILTERS = 3  # the low-pass is within its noise of the input after about three group delays


@dataclass(frozen=True)
class DeviceConfig:
    """How a sensor is to be set.

    Attributes:
        address: 0x68 (AD0 low) or 0x69 (AD0 high).
        accel_range: full scale in g: 2, 4, 8 or 16. At 2, as in the recordings, every heel strike clips.
        gyro_range: full scale in deg/s: 250, 500, 1000 or 2000.
        low_pass: DLPF_CFG, 0 to 6; 3 is 44 Hz for the accelerometer and 42 Hz for the gyro.
        sample_rate_divider: SMPLRT_DIV, 0 to 255; 0 keeps the age of what is read under a millisecond.
        accel_offset: subtracted from every sample, m/s^2. Offsets are kept here and not in the chip, where a brown-out
            would lose them and where each clone has them in another register.
        gyro_offset: subtracted from every sample, rad/s.
        allowed_chips: WHO_AM_I values to work with.
    """

    address: int = 0x68
    accel_range: int = 8
    gyro_range: int = 1000
    low_pass: int = 3
    sample_rate_divider: int = 0
    accel_offset: Vector = (0.0, 0.0, 0.0)
    gyro_offset: Vector = (0.0, 0.0, 0.0)
    allowed_chips: frozenset[int] = frozenset({0x68})

    def __post_init__(self) -> None:
        """Refuse settings that the chip does not have.

        Raises:
            SetupError: one sentence says which.
        """
        for name, value, choices in (
            ("address", self.address, (0x68, 0x69)),
            ("accel_range", self.accel_range, tuple(reg.ACCEL_RANGES)),
            ("gyro_range", self.gyro_range, tuple(reg.GYRO_RANGES)),
            ("low_pass", self.low_pass, tuple(range(len(reg.LOW_PASS)))),
        ):
            if value not in choices:
                raise SetupError(f"{name} must be one of {', '.join(map(str, choices))}, not {value}")
        if not 0 <= self.sample_rate_divider <= 255:
            raise SetupError(f"sample_rate_divider must be 0 to 255, not {self.sample_rate_divider}")
        if not all(map(math.isfinite, (*self.accel_offset, *self.gyro_offset))):
            raise SetupError("accel_offset and gyro_offset must be finite numbers")
        if unknown := self.allowed_chips - set(CHIPS):
            known = ", ".join(f"0x{value:02x} ({chip.name})" for value, chip in CHIPS.items())
            raise SetupError(f"allowed_chips has 0x{min(unknown):02x}, of which nothing is known; known are {known}")

    @property
    def sample_rate(self) -> float:
        """How often the chip itself samples, Hz (map 4.2)."""
        return (8000.0 if self.low_pass == 0 else 1000.0) / (1 + self.sample_rate_divider)


@dataclass(frozen=True)
class Burst:
    """One 14-byte burst.

    Attributes:
        before: monotonic time just before the transfer, ns; the chip freezes its output registers right after it.
        after: monotonic time just after the transfer, ns.
        raw: the seven big-endian values.
    """

    before: int
    after: int
    raw: Raw


class Mpu6050:
    """One sensor on a bus.

    Attributes:
        chip: what answered; the MPU-6050 until ``identify`` has asked.
    """

    def __init__(self, config: DeviceConfig, bus: Bus, clock: Clock) -> None:
        self.config = config
        self.bus = bus
        self.chip: Chip = MPU6050
        self._clock = clock
        self._settled = clock.now()
        self._accel_unit = reg.STANDARD_GRAVITY / reg.ACCEL_RANGES[config.accel_range][1]
        self._gyro_unit = math.radians(1.0 / reg.GYRO_RANGES[config.gyro_range][1])

    def identify(self) -> None:
        """Ask for WHO_AM_I.

        Raises:
            SensorError: no answer, or a chip that is not allowed.
        """
        (answer,) = self._read(reg.WHO_AM_I)
        if answer not in self.config.allowed_chips:
            known = CHIPS.get(answer)
            remedy = (
                f"that is {known.name}: add {answer} to allowed_chips to work with it" if known else "check the wiring"
            )
            raise SensorError(
                Fault.WRONG_CHIP,
                f"the sensor at 0x{self.config.address:02x} answers WHO_AM_I with 0x{answer:02x}, not 0x68; {remedy}",
            )
        self.chip = CHIPS[answer]

    def configure(self, reset: bool = True) -> Iterator[float]:
        """Bring the chip to the configuration, step by step, so that the caller can serve another sensor meanwhile.

        Args:
            reset: reset it first (map 4.28). Without, a chip that still is configured, as only its contact was loose,
                is left alone, and one that has just come out of a brown-out is back sooner.

        Yields:
            How long to wait before the next step, in s.

        Raises:
            SensorError: the chip does not answer, is another one, or does not keep what is written to it.
        """
        if reset:
            self._write(reg.PWR_MGMT_1, reg.DEVICE_RESET)
            yield reg.RESET_TIME
        if reset or not self._is_configured():
            self.identify()
            # From the first write on, which wakes the chip, also if what follows fails and is only found done later.
            self._settled = self._clock.now() + self._settling_time
            for register, value in self._wanted().items():
                self._write(register, value)
            self.verify()
        if (wait := self._settled - self._clock.now()) > 0:
            yield wait / 1e9

    def verify(self) -> None:
        """Compare every configured register with what was written.

        Raises:
            SensorError: ``RESET`` if the chip is as after power-up, ``REGISTERS`` if a value is another.
        """
        self.check_awake()
        wanted = self._wanted()
        first, last = min(wanted), reg.ACCEL_CONFIG_2
        found = dict(enumerate(self._read(first, last - first + 1), first))
        found |= dict(enumerate(self._read(reg.USER_CTRL, 3), reg.USER_CTRL))
        for register, value in wanted.items():
            if found[register] != value:
                raise SensorError(
                    Fault.REGISTERS,
                    f"register 0x{register:02x} of the sensor at 0x{self.config.address:02x} holds "
                    f"0x{found[register]:02x} and not 0x{value:02x}",
                )

    def check_awake(self) -> None:
        """Read PWR_MGMT_1: one byte that tells a reset on every chip, cheap enough to follow every sample.

        Raises:
            SensorError: no answer, ``RESET`` or ``REGISTERS``.
        """
        (found,) = self._read(reg.PWR_MGMT_1)
        if found == reg.CLOCK_PLL_GYRO_Z:
            return
        fault = Fault.RESET if found == self.chip.after_reset else Fault.REGISTERS
        raise SensorError(
            fault, f"the sensor at 0x{self.config.address:02x}: {fault.value} (PWR_MGMT_1 is 0x{found:02x})"
        )

    def read_burst(self) -> Burst:
        """Read one sample in one transaction, which the chip serves from one sampling instant (map 4.17).

        Raises:
            SensorError: the transfer failed or was cut short.
        """
        before = self._clock.now()
        data = self._read(reg.ACCEL_XOUT_H, reg.SAMPLE_BYTES)
        after = self._clock.now()
        return Burst(before, after, struct.unpack(">7h", data))

    def to_si(self, raw: Raw) -> tuple[Vector, Vector, float]:
        """Acceleration in m/s^2 and rate in rad/s, sensor frame, offsets taken off; temperature in degrees C."""
        ax, ay, az, temperature, gx, gy, gz = raw
        a, g = self._accel_unit, self._gyro_unit
        (ox, oy, oz), (px, py, pz) = self.config.accel_offset, self.config.gyro_offset
        return (
            (ax * a - ox, ay * a - oy, az * a - oz),
            (gx * g - px, gy * g - py, gz * g - pz),
            self.chip.temperature(temperature),
        )

    @property
    def delay(self) -> float:
        """Age of a sample at the transfer, in s: the filters' group delay and half the chip's own sample period.

        The accelerometer's and the gyro's delay differ by 0.1 ms on an MPU-6050; a sample has one stamp, so the mean
        is taken.
        """
        row = self.chip.low_pass[self.config.low_pass]
        return (row.accel_delay + row.gyro_delay) / 2 + 0.5 / self.config.sample_rate

    @property
    def noise(self) -> tuple[float, float]:
        """Expected noise (rms) of one accelerometer and one gyro axis, in LSB, from the noise densities.

        A first-order filter passes noise as an ideal one of pi/2 times its bandwidth would.
        """
        row = self.chip.low_pass[self.config.low_pass]
        accel = reg.ACCEL_NOISE * math.sqrt(math.pi / 2 * row.accel_bandwidth)
        gyro = reg.GYRO_NOISE * math.sqrt(math.pi / 2 * row.gyro_bandwidth)
        return accel / self._accel_unit, gyro * reg.GYRO_RANGES[self.config.gyro_range][1]

    @property
    def _settling_time(self) -> int:
        """From waking to the first sample that may be used, ns."""
        return round((reg.START_UP_TIME + _SETTLE_FILTERS * self.delay) * 1e9)

    def _is_configured(self) -> bool:
        try:
            self.verify()
        except SensorError as error:
            if error.fault not in {Fault.RESET, Fault.REGISTERS}:
                raise
            return False
        return True

    def _wanted(self) -> dict[int, int]:
        config = self.config
        wanted = {
            reg.PWR_MGMT_1: reg.CLOCK_PLL_GYRO_Z,
            reg.PWR_MGMT_2: 0,
            reg.USER_CTRL: 0,
            reg.SMPLRT_DIV: config.sample_rate_divider,
            reg.CONFIG: config.low_pass,
            reg.GYRO_CONFIG: reg.GYRO_RANGES[config.gyro_range][0] << 3,
            reg.ACCEL_CONFIG: reg.ACCEL_RANGES[config.accel_range][0] << 3,
        }
        if self.chip.separate_accel_filter:
            wanted[reg.ACCEL_CONFIG_2] = config.low_pass
        return wanted

    def _read(self, register: int, count: int = 1) -> bytes:
        data = self.bus.read(self.config.address, register, count)
        if len(data) != count:
            raise SensorError(
                Fault.SHORT, f"the sensor at 0x{self.config.address:02x} gave {len(data)} of {count} bytes"
            )
        return data

    def _write(self, register: int, value: int) -> None:
        self.bus.write(self.config.address, register, value)
