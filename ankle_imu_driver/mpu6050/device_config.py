"""Settings of one MPU6050, checked against the chip's possibilities."""

from __future__ import annotations

import math
from dataclasses import dataclass

from ankle_imu_driver.arrays import Vector
from ankle_imu_driver.mpu6050 import registers as reg
from ankle_imu_driver.mpu6050.chips import CHIPS
from ankle_imu_driver.mpu6050.errors import SetupError


@dataclass(frozen=True)
class DeviceConfig:
    """Settings of one sensor.

    Attributes:
        address: I2C address, 0x68 (AD0 low) or 0x69 (AD0 high).
        accel_range: full scale in g: 2, 4, 8 or 16. At 2, as in the recordings, every heel strike clips.
        gyro_range: full scale in deg/s: 250, 500, 1000 or 2000.
        low_pass: DLPF_CFG, 0 to 6; 3 is 44 Hz for the accelerometer and 42 Hz for the gyro.
        sample_rate_divider: SMPLRT_DIV, 0 to 255; with 0 a sample is less than 1 ms old when it is read.
        accel_offset: offset in m/s^2, subtracted from every sample. Offsets are kept here and not in the chip, because
            the chip loses them in a brown-out and each clone has them in other registers.
        gyro_offset: offset in rad/s, subtracted from every sample.
        allowed_chips: accepted values of WHO_AM_I.
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
        """Check the settings.

        Raises:
            SetupError: the chip does not have a setting; one sentence says which.
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
            raise SetupError(
                f"accel_offset and gyro_offset must be finite numbers, not {self.accel_offset} and {self.gyro_offset}"
            )
        if unknown := self.allowed_chips - set(CHIPS):
            known = ", ".join(f"0x{value:02x} ({chip.name})" for value, chip in CHIPS.items())
            raise SetupError(f"allowed_chips has 0x{min(unknown):02x}, an unknown chip; the known chips are {known}")

    @property
    def sample_rate(self) -> float:
        """The chip's own sample rate in Hz (map 4.2)."""
        return (8000.0 if self.low_pass == 0 else 1000.0) / (1 + self.sample_rate_divider)
