"""An emulated I2C bus with chips, and scripted faults of the wiring and the chips."""

from __future__ import annotations

import errno
import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ankle_imu_driver.mpu6050.clock import Clock
from ankle_imu_driver.mpu6050.errors import SensorError, SetupError, bus_fault
from ankle_imu_driver.mpu6050.registers import ACCEL_XOUT_H, SAMPLE_BYTES
from ankle_imu_driver.mpu6050_emulator.chip import EmulatedChip
from ankle_imu_driver.mpu6050_emulator.scripted_fault import WHOLE_BUS, Kind, ScriptedFault

BIT_RATE = 400_000  # Hz
TIMEOUT = 20_000_000  # ns; duration of a blocked transfer, as in bus.TRANSFER_TIMEOUT
START_UP = 20_000_000  # ns after power-up without an answer; PS-MPU-6500A-01: 11 ms typical, 100 ms at most
_CALL = 60_000  # ns; duration of an I2C_RDWR call in addition to the transfer of the bits


@dataclass(frozen=True)
class Served:
    """A burst that the bus returned.

    Attributes:
        time: monotonic time in ns.
        address: address of the chip.
        data: the bytes.
        true: the bytes are what the chip measured.
    """

    time: int
    address: int
    data: bytes
    true: bool


class EmulatedBus:
    """An emulated bus. ``open`` returns a handle that implements ``Bus``.

    Args:
        chips: the chips by address.
        clock: monotonic clock; a blocked transfer sleeps on it.
        faults: the scripted faults.
        keep_served: store every burst in ``served``, to compare it with what the driver delivers.

    Attributes:
        chips: the chips by address.
        served: bursts returned so far, if they are stored.
        opened: how often the bus was opened.
        times_gone: how often the bus device disappeared.
    """

    def __init__(
        self,
        chips: Mapping[int, EmulatedChip],
        clock: Clock,
        faults: Sequence[ScriptedFault] = (),
        keep_served: bool = False,
    ) -> None:
        self.chips = dict(chips)
        self.served: list[Served] = []
        self.opened = 0
        self._clock = clock
        self._pending = sorted(faults, key=lambda fault: fault.start)
        self._active: list[ScriptedFault] = []
        self._keep = keep_served
        self._last_given: dict[int, bytes] = {}
        self._starting_until: dict[int, int] = {}
        self.times_gone = 0
        self._handles: list[EmulatedHandle] = []  # open ones

    def open(self) -> EmulatedHandle:
        """Open the bus.

        Raises:
            SetupError: the bus device has disappeared, or it came back while a handle of before was open: the kernel
                frees the number of an adapter that was unplugged only when nobody has it open any more
                (``i2c_del_adapter`` in Linux, drivers/i2c/i2c-core-base.c, waits for that).
        """
        self.follow_script()
        if any(fault.kind is Kind.GONE for fault in self._active):
            raise SetupError("there is no emulated bus during its scripted fault 'gone'")
        if any(handle.times_gone < self.times_gone for handle in self._handles):
            raise SetupError("the emulated bus is still held by a handle of before it disappeared")
        self.opened += 1
        self._handles.append(EmulatedHandle(self))
        return self._handles[-1]

    def forget(self, handle: EmulatedHandle) -> None:
        """Note that a handle was closed."""
        if handle in self._handles:
            self._handles.remove(handle)

    def read(self, address: int, register: int, count: int) -> bytes:
        """Do one transaction with a write and a read message; see ``Bus.read``."""
        kinds = self._start_transfer(address)
        data = self.chips[address].read(register, count, self._clock.now())
        self._spend(4 + count)
        if register == ACCEL_XOUT_H and count >= SAMPLE_BYTES:
            given = self._corrupt(address, data, kinds)
            if self._keep:
                # The first answer of a frozen chip is still a measurement.
                repeated = Kind.FROZEN in kinds and given == self._last_given.get(address)
                true = given == data and not repeated and Kind.STUCK not in kinds
                self.served.append(Served(self._clock.now(), address, given, true))
            self._last_given[address] = given
            return given
        return data

    def write(self, address: int, register: int, value: int) -> None:
        """Do one transaction with a write message; see ``Bus.write``."""
        self._start_transfer(address)
        self._spend(3)
        self.chips[address].write(register, value, self._clock.now())

    def follow_script(self) -> None:
        """Start and end the faults that are due."""
        now = self._clock.now()
        for fault in [f for f in self._active if f.start + f.duration <= now]:
            self._active.remove(fault)
            self._end(fault, now)
        while self._pending and self._pending[0].start <= now:
            fault = self._pending.pop(0)
            if fault.start + fault.duration > now or fault.kind is Kind.BROWNOUT:
                self._begin(fault, now)

    def _start_transfer(self, address: int) -> set[Kind]:
        """Let a transfer fail or wait as the active faults require; return their kinds."""
        self.follow_script()
        kinds = {f.kind for f in self._active if f.address == address or f.kind in WHOLE_BUS}
        if Kind.GONE in kinds:
            self._fail(errno.ENODEV)
        if Kind.BUS_LOW in kinds:
            self._block(TIMEOUT)
            self._fail(errno.EBUSY)
        starting = self._clock.now() < self._starting_until.get(address, 0)
        if address not in self.chips or starting or kinds & {Kind.NACK, Kind.UNPLUGGED}:
            self._spend(1)
            self._fail(errno.EREMOTEIO)
        if Kind.TIMEOUT in kinds:
            self._block(TIMEOUT)
            self._fail(errno.ETIMEDOUT)
        if Kind.ARBITRATION in kinds:
            self._spend(1)
            self._fail(errno.EAGAIN)
        if Kind.SLOW in kinds:
            self._block(2 * TIMEOUT)
        return kinds

    def _corrupt(self, address: int, data: bytes, kinds: set[Kind]) -> bytes:
        if Kind.SHORT in kinds:
            return data[:9]
        if Kind.TORN in kinds:
            # The chip lost its supply: it does not answer until the fault ends, and is then in its power-up state.
            self._active = [f for f in self._active if not (f.kind is Kind.TORN and f.address == address)] + [
                ScriptedFault(Kind.UNPLUGGED, f.address, f.start, f.duration)
                for f in self._active
                if f.kind is Kind.TORN and f.address == address
            ]
            return data[:7] + b"\xff" * (len(data) - 7)
        if Kind.ZEROS in kinds:
            return bytes(len(data))
        if Kind.ONES in kinds:
            return b"\xff" * len(data)
        return data

    def _begin(self, fault: ScriptedFault, now: int) -> None:
        chip = self.chips.get(fault.address)
        if chip is not None and fault.kind is Kind.BROWNOUT:
            self._power_up(fault.address, now)
            return
        if chip is not None and fault.kind is Kind.FROZEN:
            chip.read(ACCEL_XOUT_H, SAMPLE_BYTES, fault.start)
        self.times_gone += fault.kind is Kind.GONE
        self._active.append(fault)
        self._apply_chip_faults(fault.address)

    def _end(self, fault: ScriptedFault, now: int) -> None:
        if fault.kind is Kind.UNPLUGGED and fault.address in self.chips:
            self._power_up(fault.address, now)
        self._apply_chip_faults(fault.address)

    def _power_up(self, address: int, now: int) -> None:
        self.chips[address].power_up(now)
        self._starting_until[address] = now + START_UP

    def _apply_chip_faults(self, address: int) -> None:
        """Apply the active faults of a chip's sensor to the chip."""
        chip = self.chips.get(address)
        if chip is None:
            return
        active = {fault.kind: fault for fault in self._active if fault.address == address}
        chip.frozen = Kind.FROZEN in active
        chip.stuck = active[Kind.STUCK].axis if Kind.STUCK in active else None
        chip.distort = None
        if Kind.SATURATED in active:
            axis = active[Kind.SATURATED].axis
            chip.distort = lambda physical: np.where(np.arange(7) == axis, math.inf, physical)
        if Kind.HOT in active:
            chip.distort = lambda physical: np.where(np.arange(7) == 3, 95.0, physical)

    def _spend(self, size: int) -> None:
        """Wait for the duration of a transfer of ``size`` bytes with their acknowledge bits."""
        self._block(_CALL + size * 9 * 1_000_000_000 // BIT_RATE)

    def _block(self, duration: int) -> None:
        self._clock.sleep_until(self._clock.now() + duration)

    @staticmethod
    def _fail(number: int) -> None:
        fault = bus_fault(OSError(number, ""))
        raise SensorError(fault, f"{fault.value}: {os.strerror(number)} (errno {number})")


class EmulatedHandle:
    """An open ``EmulatedBus``; implements ``Bus``.

    Once the bus device has disappeared the handle stays unusable, even after the device comes back.

    Attributes:
        times_gone: how often the bus device had disappeared before this handle was opened.
    """

    def __init__(self, bus: EmulatedBus) -> None:
        self._bus: EmulatedBus | None = bus
        self.times_gone = bus.times_gone

    def read(self, address: int, register: int, count: int) -> bytes:
        """See ``Bus.read``."""
        return self._open().read(address, register, count)

    def write(self, address: int, register: int, value: int) -> None:
        """See ``Bus.write``."""
        self._open().write(address, register, value)

    def close(self) -> None:
        """See ``Bus.close``."""
        if self._bus is not None:
            self._bus.forget(self)
        self._bus = None

    def _open(self) -> EmulatedBus:
        if self._bus is None:
            raise SensorError(bus_fault(OSError(errno.EBADF, "")), "the emulated bus is closed")
        self._bus.follow_script()
        if self.times_gone < self._bus.times_gone:
            raise SensorError(bus_fault(OSError(errno.ENODEV, "")), "the emulated bus device has disappeared")
        return self._bus
