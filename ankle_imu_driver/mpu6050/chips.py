"""The chips that the driver supports, by their WHO_AM_I value: the MPU-6050 and parts that are sold under its name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from ankle_imu_driver.mpu6050.registers import LOW_PASS, SLEEP, LowPass

# MPU-6500 map RM-MPU-6500A-00 revision 2.1, 4.6 (gyro) and 4.9 (accelerometer, a register of its own).
_LOW_PASS_6500: Final = (
    LowPass(460.0, 0.00194, 250.0, 0.00097),
    LowPass(184.0, 0.00580, 184.0, 0.0029),
    LowPass(92.0, 0.00780, 92.0, 0.0039),
    LowPass(41.0, 0.01180, 41.0, 0.0059),
    LowPass(20.0, 0.01980, 20.0, 0.0099),
    LowPass(10.0, 0.03570, 10.0, 0.01785),
    LowPass(5.0, 0.06696, 5.0, 0.03348),
)


@dataclass(frozen=True)
class Chip:
    """The properties in which the supported chips differ.

    Attributes:
        name: name for messages.
        low_pass: bandwidths and delays, by DLPF_CFG.
        temperature_scale: LSB per degree C.
        temperature_offset: degrees C at reading zero.
        separate_accel_filter: the accelerometer's low-pass is set in ACCEL_CONFIG_2, not in CONFIG.
        after_reset: value of PWR_MGMT_1 after power-up and after a reset.
        factory_trim: SELF_TEST_X to _A hold the MPU-6050's factory trim, so the self-test can be evaluated.
    """

    name: str
    low_pass: tuple[LowPass, ...]
    temperature_scale: float
    temperature_offset: float
    separate_accel_filter: bool
    after_reset: int
    factory_trim: bool

    def temperature(self, raw: int) -> float:
        """Convert a TEMP_OUT reading to degrees C (map 4.18)."""
        return raw / self.temperature_scale + self.temperature_offset


MPU6050: Final = Chip("MPU-6050", LOW_PASS, 340.0, 36.53, False, after_reset=SLEEP, factory_trim=True)

# The values of WHO_AM_I, and which chips share the MPU-6500's registers: Linux, drivers/iio/imu/inv_mpu6050
# (inv_mpu_iio.h, inv_mpu_core.c). The MPU-6500 is awake after a reset (its map, section 3). Of the chips below it only
# the MPU-6500's own delays are documented; they are used for all, because these chips share or copy its core.
CHIPS: Final = {
    0x68: MPU6050,
    0x70: Chip("MPU-6500", _LOW_PASS_6500, 333.87, 21.0, True, after_reset=0x01, factory_trim=False),
    0x71: Chip("MPU-9250", _LOW_PASS_6500, 333.87, 21.0, True, after_reset=0x01, factory_trim=False),
    0x72: Chip("MPU-6052C or a relabelled part", _LOW_PASS_6500, 333.87, 21.0, True, 0x01, factory_trim=False),
    0x73: Chip("MPU-9255", _LOW_PASS_6500, 333.87, 21.0, True, after_reset=0x01, factory_trim=False),
    0x74: Chip("MPU-6515", _LOW_PASS_6500, 333.87, 21.0, True, after_reset=0x01, factory_trim=False),
    0x78: Chip("MPU-6880", _LOW_PASS_6500, 333.87, 21.0, True, after_reset=0x01, factory_trim=False),
    0x98: Chip("ICM-20689", _LOW_PASS_6500, 326.8, 25.0, True, after_reset=SLEEP, factory_trim=False),
    0xAE: Chip("ICM-20608-D", _LOW_PASS_6500, 326.8, 25.0, True, after_reset=SLEEP, factory_trim=False),
    0xAF: Chip("ICM-20608-G", _LOW_PASS_6500, 326.8, 25.0, True, after_reset=SLEEP, factory_trim=False),
}
RELATIVES: Final = {0x11: "ICM-20600", 0x12: "ICM-20602", 0x20: "ICM-20690", 0xA6: "ICM-20609", 0xA9: "IAM-20680"}
"""Chips of the same family that the driver does not support, because their registers differ; by WHO_AM_I."""
NO_CHIP: Final = (0x00, 0xFF)
"""What a line without a chip reads."""


def remedy(answer: int) -> str:
    """Return what to do about a chip that answers WHO_AM_I with a value that is not allowed."""
    if answer in CHIPS:
        return f"this is {CHIPS[answer].name}: add {answer} to allowed_chips to use it"
    if answer in RELATIVES:
        return f"this is {RELATIVES[answer]}, whose registers differ: use an MPU-6050 or one of its supported siblings"
    if answer in NO_CHIP:
        return "no chip reads so: check the wiring"
    return (
        "no chip of this family answers so: a clone that is not supported, or another part at this address, such as a "
        "DS3231 clock; use an MPU-6050 or one of its supported siblings"
    )
