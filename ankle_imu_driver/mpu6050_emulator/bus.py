"""An emulated I2C bus with chips on it, and everything that goes wrong with wiring, by script."""

from __future__ import annotations

import enum
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

BIT_RATE = 400_000  # Hz
TIMEOUT = 20_000_000  # ns that a blocked transfer takes, see bus.TRANSFER_TIMEOUT
START_UP = 20_000_000  # ns after power-up without an answer; PS-MPU-6500A-01 has 11 ms typical, 100 at most
_CALL = 60_000  # ns that a call of I2C_RDWR takes beside the bits on the wire


class Kind(enum.Enum):
    """What can be done to the wiring or the chips."""

    NACK = "nack"  # a loose contact: no acknowledge, errno 121
    TIMEOUT = "timeout"  # the chip stretches the clock, errno 110 after 20 ms
    ARBITRATION = "arbitration"  # a disturbed line, errno 11
    BUS_LOW = "bus_low"  # a line short to ground, errno 16 after 20 ms, for every address
    SHORT = "short"  # fewer bytes than asked for
    TORN = "torn"  # the chip loses power within the burst: the line stays high for its last bytes
    FROZEN = "frozen"  # the output registers do not change
    STUCK = "stuck"  # one axis does not change
    ZEROS = "zeros"  # the burst reads 0x00
    ONES = "ones"  # the burst reads 0xFF
    SATURATED = "saturated"  # an axis at its rail
    HOT = "hot"  # 95 degrees C
    BROWNOUT = "brownout"  # a dip of the supply: registers at default, the chip asleep
    UNPLUGGED = "unplugged"  # no answer, and fresh from power-up afterwards
    SLOW = "slow"  # a transfer that succeeds but takes 40 ms
    GONE = "gone"  # the bus device itself disappears (USB adapters), errno 19


WHOLE_BUS = frozenset({Kind.BUS_LOW, Kind.GONE})


@dataclass(frozen=True)
class ScriptedFault:
    """One fault.

    Attributes:
        kind: what happens.
        address: to which chip; of no matter for the whole bus.
        start: monotonic time, ns.
        duration: ns.
        axis: index of the value that is stuck or saturated, in the order of the burst; 3 is the temperature.
    """

    kind: Kind
    address: int
    start: int
    duration: int
    axis: int = 5


@dataclass(frozen=True)
class Served:
    """A burst that the bus gave: when, from which chip, its bytes, and whether they are what the chip measured."""

    time: int
    address: int
    data: bytes
    true: bool


class EmulatedBus:
    """Implements ``Bus``. One object is one wire; ``handle`` gives what the driver opens and closes.

    Args:
        chips: by address.
        clock: monotonic time; a blocked transfer sleeps on it.
        faults: the script.
        keep_served: keep a list of every burst that was given, to hold what the driver delivers against.
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

    def handle(self) -> EmulatedHandle:
        """Open the bus.

        Raises:
            SetupError: the bus device is gone.
        """
        self.follow_script()
        if any(fault.kind is Kind.GONE for fault in self._active):
            raise SetupError("there is no emulated bus while its script says 'gone'")
        self.opened += 1
        return EmulatedHandle(self)

    def read(self, address: int, register: int, count: int) -> bytes:
        """One transaction of a write and a read."""
        kinds = self._before(address)
        data = self.chips[address].read(register, count, self._clock.now())
        self._spend(4 + count)
        if register == ACCEL_XOUT_H and count >= SAMPLE_BYTES:
            given = self._corrupt(address, data, kinds)
            if self._keep:
                # A frozen chip's first answer is still its last measurement.
                repeated = Kind.FROZEN in kinds and given == self._last_given.get(address)
                true = given == data and not repeated and Kind.STUCK not in kinds
                self.served.append(Served(self._clock.now(), address, given, true))
            self._last_given[address] = given
            return given
        return data

    def write(self, address: int, register: int, value: int) -> None:
        """One transaction of a write."""
        self._before(address)
        self._spend(3)
        self.chips[address].write(register, value, self._clock.now())

    def _before(self, address: int) -> set[Kind]:
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
            # The supply is gone: until the fault ends nothing answers, and then the chip is fresh from power-up.
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

    def follow_script(self) -> None:
        """Begin and end what is due."""
        now = self._clock.now()
        for fault in [f for f in self._active if f.start + f.duration <= now]:
            self._active.remove(fault)
            self._end(fault, now)
        while self._pending and self._pending[0].start <= now:
            fault = self._pending.pop(0)
            if fault.start + fault.duration > now or fault.kind is Kind.BROWNOUT:
                self._begin(fault, now)

    def _begin(self, fault: ScriptedFault, now: int) -> None:
        chip = self.chips.get(fault.address)
        if chip is not None and fault.kind is Kind.BROWNOUT:
            self._power_up(fault.address, now)
            return
        if chip is not None and fault.kind is Kind.FROZEN:
            chip.read(ACCEL_XOUT_H, SAMPLE_BYTES, fault.start)
        self.times_gone += fault.kind is Kind.GONE
        self._active.append(fault)
        self._damage(fault.address)

    def _end(self, fault: ScriptedFault, now: int) -> None:
        if fault.kind is Kind.UNPLUGGED and fault.address in self.chips:
            self._power_up(fault.address, now)
        self._damage(fault.address)

    def _power_up(self, address: int, now: int) -> None:
        self.chips[address].power_up(now)
        self._starting_until[address] = now + START_UP

    def _damage(self, address: int) -> None:
        """Make a chip what the faults that are active now have made of it."""
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
        """Let pass what ``size`` bytes take on the wire, with their acknowledge bits."""
        self._block(_CALL + size * 9 * 1_000_000_000 // BIT_RATE)

    def _block(self, duration: int) -> None:
        self._clock.sleep_until(self._clock.now() + duration)

    @staticmethod
    def _fail(number: int) -> None:
        fault = bus_fault(OSError(number, ""))
        raise SensorError(fault, f"{fault.value}: {os.strerror(number)} (errno {number})")


class EmulatedHandle:
    """An opened ``EmulatedBus``; see ``Bus``. It stays dead once the bus device went, also when that comes back."""

    def __init__(self, bus: EmulatedBus) -> None:
        self._bus: EmulatedBus | None = bus
        self._times_gone = bus.times_gone

    def read(self, address: int, register: int, count: int) -> bytes:
        """See ``Bus.read``."""
        return self._open().read(address, register, count)

    def write(self, address: int, register: int, value: int) -> None:
        """See ``Bus.write``."""
        self._open().write(address, register, value)

    def close(self) -> None:
        """See ``Bus.close``."""
        self._bus = None

    def _open(self) -> EmulatedBus:
        if self._bus is None:
            raise SensorError(bus_fault(OSError(errno.EBADF, "")), "the emulated bus is closed")
        self._bus.follow_script()
        if self._times_gone < self._bus.times_gone:
            raise SensorError(bus_fault(OSError(errno.ENODEV, "")), "the emulated bus device went")
        return self._bus
