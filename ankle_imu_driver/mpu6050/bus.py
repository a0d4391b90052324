"""The interface of an I2C bus, and its implementation for Linux's ``/dev/i2c-N`` with ``smbus2``."""

from __future__ import annotations

import errno
import fcntl
from collections.abc import Callable
from typing import Any, Final, Protocol

from ankle_imu_driver.mpu6050.errors import Fault, SensorError, SetupError, bus_fault

# linux/i2c-dev.h. The adapter's default timeout of 1 s would block the other sensor on the bus for too long. Two units
# of 10 ms, because a kernel with 100 ticks per second may round one unit down to zero.
_I2C_FUNC_I2C: Final = 0x0001  # linux/i2c.h: the adapter supports I2C_RDWR
_I2C_RETRIES: Final = 0x0701
_I2C_TIMEOUT: Final = 0x0702
TRANSFER_TIMEOUT: Final = 2  # units of 10 ms


class Bus(Protocol):
    """An open I2C bus. The driver accesses hardware only through these three calls."""

    def read(self, address: int, register: int, count: int) -> bytes:
        """Read ``count`` bytes starting at ``register``, in one transaction.

        Raises:
            SensorError: the transfer failed; its ``fault`` is the kind of failure.
        """
        ...

    def write(self, address: int, register: int, value: int) -> None:
        """Write one byte.

        Raises:
            SensorError: the transfer failed; its ``fault`` is the kind of failure.
        """
        ...

    def close(self) -> None:
        """Close the bus."""
        ...


OpenBus = Callable[[], Bus]
"""Opens a bus or raises ``SetupError``."""


class SmbusBus:
    """A ``/dev/i2c-N``.

    Each read is one ``I2C_RDWR`` call with a write and a read message, because some adapters (i2c-bcm2835 of the
    Raspberry Pi) refuse more than one read message per call.
    """

    def __init__(self, number: int) -> None:
        """Open the bus.

        Raises:
            SetupError: the library is missing, the bus does not exist, permission is missing, or the bus supports only
                SMBus.
        """
        try:
            import smbus2  # noqa: PLC0415 - only real hardware needs it
        except ImportError as error:
            raise SetupError(
                "the Python library smbus2 is missing; install it with 'pip install smbus2' or as python3-smbus2"
            ) from error
        self._path = f"/dev/i2c-{number}"
        self._message: Any = smbus2.i2c_msg
        try:
            self._bus: Any = smbus2.SMBus(number)
        except OSError as error:
            raise SetupError(_explain_open_error(self._path, error)) from error
        if not int(self._bus.funcs) & _I2C_FUNC_I2C:
            self.close()
            raise SetupError(
                f"{self._path} is not a plain I2C bus (graphics cards and mainboards have such buses); set the number "
                "of the bus that the sensors are connected to ('i2cdetect -l' lists all buses)"
            )
        for request, value in ((_I2C_TIMEOUT, TRANSFER_TIMEOUT), (_I2C_RETRIES, 0)):
            try:
                fcntl.ioctl(self._bus.fd, request, value)
            except OSError as error:
                self.close()
                raise SetupError(f"{self._path} does not accept a transfer timeout: {error.strerror}") from error

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
        if self._bus.fd is None:  # closed, to be opened again
            raise SensorError(Fault.GONE, f"{self._path} is closed until it is there again")
        try:
            self._bus.i2c_rdwr(*messages)
        except OSError as error:
            fault = bus_fault(error)
            raise SensorError(fault, f"{self._path} address 0x{address:02x}: {fault.value} ({error})") from error


def smbus_opener(number: int) -> OpenBus:
    """Return a function that opens ``/dev/i2c-<number>``."""
    return lambda: SmbusBus(number)


def _explain_open_error(path: str, error: OSError) -> str:
    if error.errno in {errno.EACCES, errno.EPERM}:
        return (
            f"no permission to open {path}; install udev/99-ankle-imu.rules, add this user to the group i2c "
            f"('sudo usermod -aG i2c $USER') and log in again; in a container, start it with '--device {path}'"
        )
    if error.errno in {errno.ENOENT, errno.ENODEV, errno.ENXIO}:
        return (
            f"there is no {path}; enable I2C (Raspberry Pi: 'sudo raspi-config nonint do_i2c 0', other computers: "
            "'sudo modprobe i2c-dev') or set the bus number that 'i2cdetect -l' shows"
        )
    return f"{path} cannot be opened: {error.strerror or error}"
