"""Named constants of the MPU-6050's register map.

Source: InvenSense, "MPU-6000 and MPU-6050 Register Map and Descriptions", RM-MPU-6000A-00 (also cited as
RS-MPU-6000A-00), revision 4.2, called "map" below, with the section and page that describe each register; and
"MPU-6000 and MPU-6050 Product Specification", PS-MPU-6000A-00, revision 3.4, called "spec". Only the registers that
this driver reads or writes are listed.
"""

from __future__ import annotations

from typing import Final, NamedTuple

STANDARD_GRAVITY: Final = 9.80665  # m/s^2 per g

# Registers (map, section 3 lists them all)
SELF_TEST_X: Final = 0x0D  # 4.1, p. 9: XA_TEST[4:2] in bits 7:5, XG_TEST[4:0] in bits 4:0
SELF_TEST_Y: Final = 0x0E  # 4.1, p. 9
SELF_TEST_Z: Final = 0x0F  # 4.1, p. 9
SELF_TEST_A: Final = 0x10  # 4.1, p. 9: XA, YA, ZA_TEST[1:0] in bits 5:4, 3:2, 1:0
SMPLRT_DIV: Final = 0x19  # 4.2, p. 11: sample rate = gyro output rate / (1 + SMPLRT_DIV)
CONFIG: Final = 0x1A  # 4.3, p. 13: EXT_SYNC_SET in bits 5:3, DLPF_CFG in bits 2:0
GYRO_CONFIG: Final = 0x1B  # 4.4, p. 14: self-test in bits 7:5, FS_SEL in bits 4:3
ACCEL_CONFIG: Final = 0x1C  # 4.5, p. 15: self-test in bits 7:5, AFS_SEL in bits 4:3
ACCEL_CONFIG_2: Final = 0x1D  # not on the MPU-6050; MPU-6500 map RM-MPU-6500A-00, 4.9: A_DLPF_CFG in bits 2:0
ACCEL_XOUT_H: Final = (
    0x3B  # 4.17 to 4.19, p. 29 to 31: accel x y z, temperature, gyro x y z; big endian, 14 bytes to 0x48
)
USER_CTRL: Final = 0x6A  # 4.27, p. 38
PWR_MGMT_1: Final = 0x6B  # 4.28, p. 40
PWR_MGMT_2: Final = 0x6C  # 4.29, p. 42
WHO_AM_I: Final = 0x75  # 4.32, p. 45

# Bits
DEVICE_RESET: Final = 0x80  # PWR_MGMT_1, 4.28: all registers back to default; clears itself
SLEEP: Final = 0x40  # PWR_MGMT_1, 4.28: set after power-up and after a reset
# PWR_MGMT_1, 4.28: clock from the gyro's Z axis; the map recommends a gyro over the internal 8 MHz oscillator. Not the
# X axis (0x01): an MPU-6500 has this value after a reset, so a reset could not be detected.
CLOCK_PLL_GYRO_Z: Final = 0x03
SELF_TEST_ALL_AXES: Final = 0xE0  # GYRO_CONFIG and ACCEL_CONFIG, 4.4 and 4.5

SAMPLE_BYTES: Final = 14  # 4.17: the chip latches all 14 bytes when addressed, so a burst reads one sampling instant
RESET_TIME: Final = 0.1  # s, 4.28: duration of the reset sequence
START_UP_TIME: Final = 0.03  # s, spec 6.1: gyro zero-rate settling
TEMPERATURE_RANGE: Final = (-40.0, 85.0)  # degrees C, spec 6.3: the data sheet's figures hold only within this range

# Ranges: full scale to register bits 4:3 (4.4, 4.5) and to LSB per unit (spec 6.1, 6.2)
ACCEL_RANGES: Final = {2: (0, 16384.0), 4: (1, 8192.0), 8: (2, 4096.0), 16: (3, 2048.0)}  # g: (AFS_SEL, LSB/g)
GYRO_RANGES: Final = {250: (0, 131.0), 500: (1, 65.5), 1000: (2, 32.8), 2000: (3, 16.4)}  # deg/s: (FS_SEL, LSB/(deg/s))

ACCEL_NOISE: Final = 400e-6 * STANDARD_GRAVITY  # m/s^2 per sqrt(Hz), spec 6.2
GYRO_NOISE: Final = 0.005  # deg/s per sqrt(Hz), spec 6.1


class LowPass(NamedTuple):
    """One row of the table of low-pass filters: bandwidths in Hz, delays in s."""

    accel_bandwidth: float
    accel_delay: float
    gyro_bandwidth: float
    gyro_delay: float


LOW_PASS: Final = (  # by DLPF_CFG; map 4.3; the gyro's output rate is 8 kHz with row 0 and 1 kHz with the others
    LowPass(260.0, 0.0, 256.0, 0.00098),
    LowPass(184.0, 0.0020, 188.0, 0.0019),
    LowPass(94.0, 0.0030, 98.0, 0.0028),
    LowPass(44.0, 0.0049, 42.0, 0.0048),
    LowPass(21.0, 0.0085, 20.0, 0.0083),
    LowPass(10.0, 0.0138, 10.0, 0.0134),
    LowPass(5.0, 0.0190, 5.0, 0.0186),
)
