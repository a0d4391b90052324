"""The chip's self-test: the chip deflects its own proof masses, and the response is compared with the factory's.

Source: register map RM-MPU-6000A-00 revision 4.2, section 4.1 (factory trim, formulas) and sections 4.4 and 4.5
(activation); limits from the product specification PS-MPU-6000A-00 revision 3.4, sections 6.1 and 6.2: the response
may differ from the factory's value by 14 %.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from ankle_imu_driver.mpu6050 import registers as reg
from ankle_imu_driver.mpu6050.device import Mpu6050, Raw
from ankle_imu_driver.mpu6050.errors import SensorError, SetupError

AXES = ("accel x", "accel y", "accel z", "gyro x", "gyro y", "gyro z")
LIMIT = 0.14  # of the factory trim

_SAMPLES = 50
_INTERVAL = 0.005  # s between samples
NOT_DONE = "self-test not done"
_SETTLE = 0.1  # s after switching the self-test on or off; five group delays of the slowest filter used here
_RANGE_ACCEL = 2 << 3  # +-8 g, as the map requires
_RANGE_GYRO = 0  # +-250 deg/s, as the map requires
_FILTER = 3
# The sensor counts as still if its standard deviation, and the change of its mean from before to after the test, are
# below these limits. The tolerance of 14 % is 195 LSB of the weakest accelerometer response and 458 LSB of the weakest
# gyro response; at most half of a change of the mean enters a response.
_STILL_ACCEL = 100.0  # LSB at +-8 g, 0.24 m/s^2
_STILL_GYRO = 260.0  # LSB at +-250 deg/s, 2 deg/s


@dataclass(frozen=True)
class AxisResult:
    """One axis and its response's deviation from the factory trim (0.05 is 5 %); None if the chip has no trim."""

    axis: str
    deviation: float | None

    @property
    def passed(self) -> bool:
        """Whether the deviation is within the limit."""
        return self.deviation is not None and abs(self.deviation) <= LIMIT


def factory_trim(codes: bytes) -> tuple[float, ...]:
    """Return the expected responses in LSB: accel x y z at +-8 g, then gyro x y z at +-250 deg/s.

    Args:
        codes: the registers SELF_TEST_X, _Y, _Z, _A.
    """
    x, y, z, low = codes
    accel = [(high >> 3 & 0x1C) | (low >> shift & 0x03) for high, shift in ((x, 4), (y, 2), (z, 0))]
    gyro = [code & 0x1F for code in (x, y, z)]
    return (
        *(4096 * 0.34 * (0.92 / 0.34) ** ((n - 1) / 30) if n else 0.0 for n in accel),
        *(sign * 25 * 131 * 1.046 ** (n - 1) if n else 0.0 for n, sign in zip(gyro, (1, -1, 1), strict=True)),
    )


def run_self_test(device: Mpu6050, sleep: Callable[[float], None]) -> tuple[AxisResult, ...]:
    """Run the self-test, which takes about 1 s. Afterwards the chip is configured as before.

    Args:
        device: a configured sensor that does not move.
        sleep: waits for a time in s.

    Returns:
        One result per axis.

    Raises:
        SetupError: the sensor moved, or the chip has no factory trim; one sentence says which.
        SensorError: a transfer failed.
    """
    if not device.chip.factory_trim:
        raise SetupError(f"{device.chip.name} has no MPU-6050 factory trim, so its self-test cannot be evaluated")
    address, bus = device.config.address, device.bus
    try:
        bus.write(address, reg.CONFIG, _FILTER)
        trim = factory_trim(bus.read(address, reg.SELF_TEST_X, 4))
        off = _average(device, 0, sleep)
        on = _average(device, reg.SELF_TEST_ALL_AXES, sleep)
        again = _average(device, 0, sleep)
    finally:
        _run(device.configure(), sleep)
    # The sensor may have moved between two still phases; the means before and after the test then differ.
    if any(abs(b - a) > limit for a, b, limit in zip(off, again, [_STILL_ACCEL] * 3 + [_STILL_GYRO] * 3, strict=True)):
        raise SetupError(_moved(address))
    shifts = [b - (a + c) / 2 for a, b, c in zip(off, on, again, strict=True)]
    return tuple(
        AxisResult(axis, (shift - expected) / expected if expected else None)
        for axis, shift, expected in zip(AXES, shifts, trim, strict=True)
    )


def check_sensor(name: str, device: Mpu6050, sleep: Callable[[float], None]) -> str:
    """Configure a sensor, run its self-test, and return one sentence on the outcome.

    Raises:
        SetupError: the sensor failed; one sentence names the axes.
    """
    try:
        _run(device.configure(), sleep)
        results = run_self_test(device, sleep)
    except (SensorError, SetupError) as error:
        return f"{name} sensor: {NOT_DONE}: {error}"
    failed = [result for result in results if not result.passed]
    if failed:
        axes = ", ".join(
            result.axis if result.deviation is None else f"{result.axis} ({result.deviation:+.0%})" for result in failed
        )
        raise SetupError(
            f"{name} sensor: self-test failed on {axes}, more than 14 % from the factory's trim; replace the sensor"
        )
    return f"{name} sensor: self-test passed on all six axes"


def _average(device: Mpu6050, self_test: int, sleep: Callable[[float], None]) -> list[float]:
    device.bus.write(device.config.address, reg.GYRO_CONFIG, _RANGE_GYRO | self_test)
    device.bus.write(device.config.address, reg.ACCEL_CONFIG, _RANGE_ACCEL | self_test)
    sleep(_SETTLE)
    rows: list[Raw] = []
    for _ in range(_SAMPLES):
        rows.append(device.read_burst().raw)
        sleep(_INTERVAL)
    columns = list(zip(*rows, strict=True))
    accel, gyro = columns[:3], columns[4:]
    if any(statistics.pstdev(c) > _STILL_ACCEL for c in accel) or any(statistics.pstdev(c) > _STILL_GYRO for c in gyro):
        raise SetupError(_moved(device.config.address))
    return [statistics.fmean(c) for c in (*accel, *gyro)]


def _moved(address: int) -> str:
    return f"the sensor at 0x{address:02x} moved during the self-test; stand still for a second and try again"


def _run(steps: Iterator[float], sleep: Callable[[float], None]) -> None:
    for wait in steps:
        sleep(wait)
