"""The I2C bus as the device layer sees it, and Linux's ``/dev/i2c-N`` through ``smbus2``."""

from __future__ import annotations

import errno
import fcntl
from collections.abc import Callable
from typing import Any, Final, Protocol

from ankle_imu_driver.mpu6050.errors import SensorError, SetupError, bus_fault

# linux/i2c-dev.h. The adapter's default of 1 s would starve the sensor that shares the bus. Two units of 10 ms, as
# one may be rounded down to nothing on a kernel with 100 ticks a second.
_I2C_FUNC_I2C: Final = 0x0001  # linux/i2c.h: the adapter does I2C_RDWR
_I2C_RETRIES: Final = 0x0701
_I2C_TIMEOUT: Final = 0x0702
TRANSFER_TIMEOUT: Final = 2  # units of 10 ms


class Bus(Protocol):
    """One I2C bus. All that the driver knows of the world is behind these three calls."""

    def read(self, address: int, register: int, count: int) -> bytes:
        """Read ``count`` bytes from ``register`` on, in one transaction.

        Raises:
            SensorError: the transfer failed; its ``fault`` says how.
        """
        ...

    def write(self, address: int, register: int, value: int) -> None:
        """Write one byte.

        Raises:
            SensorError: the transfer failed; its ``fault`` says how.
        """
        ...

    def close(self) -> None:
        """Give the bus back."""
        ...


OpenBus = Callable[[], Bus]  # opens a bus, or raises SetupError


class SmbusBus:
    """A ``/dev/i2c-N``.

    A read is one ``I2C_RDWR`` of two messages, as some adapters (i2c-bcm2835 of the Raspberry Pi) refuse more than one
    read message in a call.
    """

    def __init__(self, number: int) -> None:
        """Open the bus.

        Raises:
            SetupError: no library, no such bus, no permission, or a bus that only speaks SMBus.
        """
        try:
            import smbus2  # noqa: PLC0415  only hardware needs it
        except ImportError as error:
            raise SetupError(
                "the Python library smbus2 is missing; install it with 'pip install smbus2' or as python3-smbus2"
            ) from error
        self._path = f"/dev/i2c-{number}"
        self._message: Any = smbus2.i2c_msg
        try:
            self._bus: Any = smbus2.SMBus(number)
        except OSError as error:
            raise SetupError(_why_not_open(self._path, error)) from error
        if not int(self._bus.funcs) & _I2C_FUNC_I2C:
            self.close()
            raise SetupError(
                f"{self._path} is no plain I2C bus, such as a graphics card's or a mainboard's SMBus; set the number "
                "of the one that the sensors are on ('i2cdetect -l' lists them)"
            )
        for request, value in ((_I2C_TIMEOUT, TRANSFER_TIMEOUT), (_I2C_RETRIES, 0)):
            try:
                fcntl.ioctl(self._bus.fd, request, value)
            except OSError as error:
                self.close()
                raise SetupError(f"{self._path} does not take a transfer timeout: {error.strerror}") from error

    def read(self, address: int, register: int, count: int) -> bytes:
        """See ``Bus.read``."""
        answer = self._message.read(address, count)
        self._transfer(address, self._message.write(address, [register]), answer)
        return bytes(answer)

    def write(self, address: int, register: int, value: int) -> None:
        """See ``Bus.write``."""
        self._transfer(address, self._message.write(address, [register, value]))

    def close(self) -> None:
        """See ``Bus.close``."""
        self._bus.close()

    def _transfer(self, address: int, *messages: Any) -> None:
        try:
            self._bus.i2c_rdwr(*messages)
        except OSError as error:
            fault = bus_fault(error)
            raise SensorError(fault, f"{self._path} address 0x{address:02x}: {fault.value} ({error})") from error


def _why_not_open(path: str, error: OSError) -> str:
    if error.errno in {errno.EACCES, errno.EPERM}:
        return (
            f"no permission to open {path}; install udev/99-ankle-imu.rules, add this user to the group i2c "
            f"('sudo usermod -aG i2c $USER') and log in again; in a container, start it with '--device {path}'"
        )
    if error.errno in {errno.ENOENT, errno.ENODEV, errno.ENXIO}:
        return (
            f"there is no {path}; switch I2C on (Raspberry Pi: 'sudo raspi-config nonint do_i2c 0', any: "
            "'sudo modprobe i2c-dev') or set the bus number that 'i2cdetect -l' shows"
        )
    return f"{path} cannot be opened: {error.strerror or error}"
