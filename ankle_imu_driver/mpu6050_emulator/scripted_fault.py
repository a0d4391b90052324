"""The faults of wiring and chips that the emulated bus can produce."""

from __future__ import annotations

import enum
from dataclasses import dataclass


class Kind(enum.Enum):
    """Kinds of faults."""

    NACK = "nack"  # a loose contact: no acknowledge, errno 121
    TIMEOUT = "timeout"  # the chip stretches the clock, errno 110 after 20 ms
    ARBITRATION = "arbitration"  # a disturbed line, errno 11
    BUS_LOW = "bus_low"  # a line with a short to ground, errno 16 after 20 ms, for every address
    SHORT = "short"  # fewer bytes than requested
    TORN = "torn"  # the chip loses power during the burst: the line stays high for the last bytes
    FROZEN = "frozen"  # the output registers do not change
    STUCK = "stuck"  # one axis does not change
    ZEROS = "zeros"  # the burst reads 0x00
    ONES = "ones"  # the burst reads 0xFF
    SATURATED = "saturated"  # an axis at the end of its range
    HOT = "hot"  # 95 degrees C
    BROWNOUT = "brownout"  # a dip of the supply: registers at their defaults, the chip asleep
    UNPLUGGED = "unplugged"  # no answer; afterwards the chip is in its power-up state
    SLOW = "slow"  # a transfer succeeds but takes 40 ms
    GONE = "gone"  # the bus device itself disappears (USB adapters), errno 19


WHOLE_BUS = frozenset({Kind.BUS_LOW, Kind.GONE})


@dataclass(frozen=True)
class ScriptedFault:
    """One fault.

    Attributes:
        kind: kind of the fault.
        address: address of the chip; ignored for faults of the whole bus.
        start: start on the monotonic clock, in ns.
        duration: duration in ns.
        axis: index of the stuck or saturated value, in the order of the burst; 3 is the temperature.
    """

    kind: Kind
    address: int
    start: int
    duration: int
    axis: int = 5
