"""Gives even times to the samples of a stream that stamps whole packets, for example on reception over Bluetooth."""

from __future__ import annotations

from collections import deque

from ankle_predictor.estimation.stream_rate import PACKET, Cadence

REMEMBERED = 20  # packets; the one that took the least time on its way sets the times of all
LARGEST_CORRECTION = 0.2  # periods a sample
SMOOTHING = 0.2  # weight of a new period, once a packet: jitter moves what is learned in a second by a percent
LEAST_STEP = 0.1  # periods between two samples


class PacketTimes:
    """Counts samples in even steps, and fits the count to the stamps.

    A packet is stamped when its newest sample is measured, or later. So the count may never be later than the stamp of
    a packet, and the fastest one of the last packets is taken as having had no delay (as clock filters in network time
    protocols do: Mills 1991). Times never go back.
    """

    def __init__(self) -> None:
        self._count: float | None = None  # s, sum of the even steps
        self._period = 0.0  # s, smoothed
        self._shift = 0.0  # s, from the count to the time
        self._time = 0.0
        self._stamp = 0.0
        self._late: deque[float] = deque(
            maxlen=REMEMBERED
        )  # s, from the count of a packet's newest sample to its stamp

    def time_of(self, stamp: float, cadence: Cadence) -> float:
        """Return when the next sample was measured, in s.

        Args:
            stamp: s.
            cadence: of the stream; it has packets.
        """
        if self._count is None or not 0.5 < cadence.period / self._period < 2.0:
            self._period = cadence.period
            self._count = self._time = stamp - (cadence.packet - cadence.period)
            self._late.clear()
            self._shift = 0.0
            self._stamp = stamp
            return self._time
        period, waited = self._period, stamp - self._stamp
        if waited >= PACKET * period:  # the packet before is complete
            self._late.append(self._stamp - self._count)
            self._period += SMOOTHING * (cadence.period - self._period)
            if waited > 1.5 * cadence.packet:  # a packet was lost
                self._count += waited - cadence.packet
        self._count += period
        self._stamp = stamp
        if self._late:
            most = LARGEST_CORRECTION * period
            self._shift += min(max(min(self._late) - self._shift, -most), most)
        self._time = max(self._count + self._shift, self._time + LEAST_STEP * period)
        return self._time

    def clear(self) -> None:
        """Start over, for example when the clock jumps."""
        self._count = None
        self._late.clear()
