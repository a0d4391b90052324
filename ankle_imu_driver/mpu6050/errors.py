"""The faults of a sensor or its bus, and the errors that report them."""

from __future__ import annotations

import enum
import errno

from ankle_imu_driver.refusal import Refusal


class Fault(enum.Enum):
    """Kinds of fault; the value is the name in diagnostics."""

    NACK = "no answer (NACK)"
    TIMEOUT = "timeout"
    ARBITRATION = "arbitration lost"
    BUS_LOW = "bus held low"
    SHORT = "short read"
    GONE = "bus device gone"
    IO = "bus error"
    LATE = "transfer too slow"
    WRONG_CHIP = "unexpected WHO_AM_I"
    RESET = "chip reset itself"
    REGISTERS = "registers changed"
    ALL_ZERO = "all bytes 0x00"
    ALL_ONES = "all bytes 0xFF"
    REPEATED = "repeated sample"
    STUCK = "stuck axis"


# Linux, Documentation/i2c/fault-codes.rst. Adapter drivers use different numbers for the same fault.
FAULT_OF_ERRNO = {
    errno.EREMOTEIO: Fault.NACK,
    errno.ENXIO: Fault.NACK,
    errno.ETIMEDOUT: Fault.TIMEOUT,
    errno.ETIME: Fault.TIMEOUT,
    errno.EAGAIN: Fault.ARBITRATION,
    errno.EBUSY: Fault.BUS_LOW,
    errno.EMSGSIZE: Fault.SHORT,
    errno.EPROTO: Fault.SHORT,
    errno.ENODEV: Fault.GONE,
    errno.EBADF: Fault.GONE,
    errno.ENOENT: Fault.GONE,
}


class SensorError(Refusal):
    """A transfer failed or a sample cannot be used; the message is one sentence."""

    def __init__(self, fault: Fault, sentence: str) -> None:
        super().__init__(sentence)
        self.fault = fault


class SetupError(Refusal):
    """The driver cannot start with a setting or on this computer; the message is one sentence with the remedy."""


def bus_fault(error: OSError) -> Fault:
    """Return the fault that an ``OSError`` of the I2C device means."""
    return FAULT_OF_ERRNO.get(error.errno or 0, Fault.IO)
