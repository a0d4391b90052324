"""Learns from the stamps of one stream how fast it samples, and whether it stamps whole packets."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np

from ankle_imu_driver.arrays import FloatArray

SLOWEST, FASTEST = 20.0, 1000.0  # Hz, what is supported
TOLERANCE = 0.1  # relative; a cheap sensor's clock is off by a few percent
SPAN = 1.5  # s of stamps that are judged
EVERY = 0.25  # s between two judgements
LEAST = 0.45, 8  # s and samples that a judgement needs
PACKET = 0.25  # share of the mean interval below which two stamps belong to one packet
PACKETS = 0.4  # share of such intervals from which on the stream counts as sent in packets; packets of two have half
REGULAR = 0.5  # least share of intervals within half of the median of it; at random times it is 0.35


@dataclass(frozen=True)
class Cadence:
    """How a stream samples.

    Attributes:
        period: s between two samples.
        packet: s between two packets whose samples share one stamp (or nearly); 0.0 if each sample has its own.
        problem: why the stream cannot be used, empty if it can.
    """

    period: float
    packet: float = 0.0
    problem: str = ""


class StreamRate:
    """Learns the cadence of one stream.

    Attributes:
        name: of the stream, for the sentences.
        cadence: None until enough samples have come.
        stamps: s, of the last ``SPAN``.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.cadence: Cadence | None = None
        self.stamps: deque[float] = deque()
        self._judged = 0.0

    def push(self, stamp: float) -> bool:
        """Add a stamp in s, no older than the last one; return whether the cadence was judged anew."""
        stamps = self.stamps
        stamps.append(stamp)
        while stamps[0] < stamp - SPAN:
            stamps.popleft()
        if not self._judged <= stamp < self._judged + EVERY:
            if stamp - stamps[0] < LEAST[0] or len(stamps) < LEAST[1]:
                return False
            self._judged = stamp
            self.cadence = self._judge(np.array(stamps))
            return True
        return False

    def clear(self) -> None:
        """Forget the stamps, for example when their clock jumps. The cadence stays."""
        self.stamps.clear()

    def _judge(self, stamps: FloatArray) -> Cadence:
        steps = np.diff(stamps)
        mean = float(steps.mean())
        in_packet = steps < PACKET * mean
        packet = 0.0
        intervals = steps
        if in_packet.mean() >= PACKETS:
            # The last packet may not be complete.
            first = np.flatnonzero(np.concatenate(([True], ~in_packet)))
            intervals, sizes = np.diff(stamps[first]), np.diff(first)
            if not len(intervals):
                return Cadence(mean, problem=self._refused(f"gives all {len(stamps)} samples of a second one stamp"))
            packet = float(np.median(intervals))
            whole = intervals < 1.5 * packet
            period = float(intervals[whole].sum() / sizes[whole].sum())
        else:
            period = float(np.median(steps))
        middle = np.median(intervals)
        if np.mean(np.abs(intervals - middle) <= 0.5 * middle) < REGULAR:
            return Cadence(period, packet, self._refused(f"sends at irregular times, {1.0 / mean:.0f} times a second"))
        if not (1.0 - TOLERANCE) * SLOWEST <= 1.0 / period <= (1.0 + TOLERANCE) * FASTEST:
            return Cadence(period, packet, self._refused(f"sends {1.0 / period:.4g} samples a second"))
        return Cadence(period, packet)

    def _refused(self, what: str) -> str:
        return (
            f"the {self.name} {what}: {SLOWEST:.0f} to {FASTEST:.0f} a second at even times can be used; "
            "set its driver to 100 Hz, and let it stamp each sample when it is measured"
        )
