"""One MPU6050 on a bus: configures it, checks that it is still configured, and reads samples."""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator
from dataclasses import dataclass

from ankle_imu_driver.arrays import Vector
from ankle_imu_driver.mpu6050 import registers as reg
from ankle_imu_driver.mpu6050.bus import Bus
from ankle_imu_driver.mpu6050.chips import CHIPS, MPU6050, Chip, remedy
from ankle_imu_driver.mpu6050.clock import Clock
from ankle_imu_driver.mpu6050.device_config import DeviceConfig
from ankle_imu_driver.mpu6050.errors import Fault, SensorError

Raw = tuple[int, int, int, int, int, int, int]  # accel x y z, temperature, gyro x y z

_SETTLE_FILTERS = 3  # group delays after which the low-pass has settled to within its noise


@dataclass(frozen=True)
class Burst:
    """One 14-byte burst.

    Attributes:
        before: monotonic time just before the transfer, in ns; the chip latches its output registers right after it.
        after: monotonic time just after the transfer, in ns.
        raw: the seven values, decoded from big-endian.
    """

    before: int
    after: int
    raw: Raw


class Mpu6050:
    """One sensor on a bus.

    Attributes:
        chip: the chip that answered; assumed to be an MPU-6050 until ``identify`` has read WHO_AM_I.
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
        """Read WHO_AM_I and select the chip.

        Raises:
            SensorError: the sensor does not answer, or the chip is not allowed.
        """
        (answer,) = self._read(reg.WHO_AM_I)
        if answer not in self.config.allowed_chips:
            raise SensorError(
                Fault.WRONG_CHIP,
                f"the sensor at 0x{self.config.address:02x} answers WHO_AM_I with 0x{answer:02x}, not 0x68; "
                f"{remedy(answer)}",
            )
        self.chip = CHIPS[answer]

    def configure(self, reset: bool = True) -> Iterator[float]:
        """Configure the chip in steps, so that the caller can serve another sensor between two steps.

        Args:
            reset: reset the chip first (map 4.28). Without a reset, a chip that is still configured is not changed (it
                only had a loose contact), and a chip after a brown-out is ready sooner.

        Yields:
            Time in s to wait before the next step.

        Raises:
            SensorError: the chip does not answer, is not allowed, or does not keep what is written to it.
        """
        if reset:
            self._write(reg.PWR_MGMT_1, reg.DEVICE_RESET)
            yield reg.RESET_TIME
        if reset or not self._is_configured():
            self.identify()
            # Set before the first write, which wakes the chip: if a later step fails, the next attempt must wait too.
            self._settled = self._clock.now() + self._settling_time
            for register, value in self._wanted().items():
                self._write(register, value)
            self.verify()
        if (wait := self._settled - self._clock.now()) > 0:
            yield wait / 1e9

    def verify(self) -> None:
        """Compare every configured register with the value that was written.

        Raises:
            SensorError: ``RESET`` if the chip is in its power-up state, ``REGISTERS`` if a value is different.
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
                    f"register 0x{register:02x} of the sensor at 0x{self.config.address:02x} is "
                    f"0x{found[register]:02x}, not 0x{value:02x}",
                )

    def check_awake(self) -> None:
        """Read PWR_MGMT_1. This one byte shows a reset on every chip, and reading it after every sample is cheap.

        Raises:
            SensorError: the sensor does not answer, or ``RESET`` or ``REGISTERS`` as in ``verify``.
        """
        (found,) = self._read(reg.PWR_MGMT_1)
        if found == reg.CLOCK_PLL_GYRO_Z:
            return
        fault = Fault.RESET if found == self.chip.after_reset else Fault.REGISTERS
        raise SensorError(
            fault, f"the sensor at 0x{self.config.address:02x}: {fault.value} (PWR_MGMT_1 is 0x{found:02x})"
        )

    def read_burst(self) -> Burst:
        """Read one sample in one transaction; all its values are from one sampling instant (map 4.17).

        Raises:
            SensorError: the transfer failed or returned too few bytes.
        """
        before = self._clock.now()
        data = self._read(reg.ACCEL_XOUT_H, reg.SAMPLE_BYTES)
        after = self._clock.now()
        return Burst(before, after, struct.unpack(">7h", data))

    def to_si(self, raw: Raw) -> tuple[Vector, Vector, float]:
        """Convert raw values.

        Returns:
            Specific force in m/s^2 and angular rate in rad/s, sensor frame, offsets subtracted; temperature in
            degrees C.
        """
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
        """Age of a sample at the transfer in s: group delay of the filters plus half the chip's own sample period.

        On an MPU-6050 the delays of accelerometer and gyro differ by 0.1 ms. A sample has one stamp, so their mean is
        used.
        """
        row = self.chip.low_pass[self.config.low_pass]
        return (row.accel_delay + row.gyro_delay) / 2 + 0.5 / self.config.sample_rate

    @property
    def noise(self) -> tuple[float, float]:
        """Expected noise (rms) of one accelerometer axis and one gyro axis in LSB, from the noise densities.

        The noise bandwidth of a first-order filter is pi/2 times its bandwidth.
        """
        row = self.chip.low_pass[self.config.low_pass]
        accel = reg.ACCEL_NOISE * math.sqrt(math.pi / 2 * row.accel_bandwidth)
        gyro = reg.GYRO_NOISE * math.sqrt(math.pi / 2 * row.gyro_bandwidth)
        return accel / self._accel_unit, gyro * reg.GYRO_RANGES[self.config.gyro_range][1]

    @property
    def _settling_time(self) -> int:
        """Time from waking up to the first usable sample, in ns."""
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
                Fault.SHORT, f"the sensor at 0x{self.config.address:02x} sent {len(data)} of {count} bytes"
            )
        return data

    def _write(self, register: int, value: int) -> None:
        self.bus.write(self.config.address, register, value)
