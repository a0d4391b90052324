"""Drops the samples of one stream whose stamps are odd, and follows a clock that steps."""

from __future__ import annotations

import math
from collections import Counter
from typing import Generic, TypeVar

T = TypeVar("T")
LARGEST_ADVANCE = 0.5  # s; a stamp that is further ahead, or goes back, must be confirmed by the next ones
CONFIRMATIONS = 3  # samples in a row that agree on another time: one or two odd stamps are no step of the clock


class StampGuard(Generic[T]):
    """Judges the stamps of one stream.

    A single stamp that goes back, lies far ahead or is no number says nothing about the clock: its sample is dropped.
    Where ``CONFIRMATIONS`` samples in a row go on from each other but not from what came before, the clock has stepped
    (or the stream has paused), either way: these samples are all returned, and the stream goes on from there.

    Attributes:
        counts: samples that were ``repeated`` (the same stamp again), ``late`` (a little older than the newest one) or
            had an ``odd_stamp`` or were still to be confirmed when all was ``dropped``, and ``clock_jumps``.
        jumps: how often the stream went on from another time. The caller starts over when this changes.
    """

    def __init__(self, counts: Counter[str] | None = None, *, keep_repeated: bool = False) -> None:
        """Make a guard without samples.

        Args:
            counts: where to count; several guards may share it.
            keep_repeated: whether a sample with the newest stamp again is passed on instead of dropped.
        """
        self.counts: Counter[str] = Counter() if counts is None else counts
        self.jumps = 0
        self._keep_repeated = keep_repeated
        self._newest: float | None = None
        self._held: list[tuple[float, T]] = []

    def push(self, stamp: float, sample: T) -> list[tuple[float, T]]:
        """Judge one sample; return the stamps (s) and samples that are now certain, in order of their stamps."""
        if not math.isfinite(stamp):
            self.counts["odd_stamp"] += 1
            return []
        if self._newest is None or 0.0 < stamp - self._newest <= LARGEST_ADVANCE:
            self._drop_held()
            self._newest = stamp
            return [(stamp, sample)]
        if stamp == self._newest:
            if self._keep_repeated:
                return [(stamp, sample)]
            self.counts["repeated"] += 1
            return []
        if self._held and not 0.0 < stamp - self._held[-1][0] <= LARGEST_ADVANCE:
            self._drop_held()
        self._held.append((stamp, sample))
        if len(self._held) < CONFIRMATIONS:
            return []
        confirmed, self._held = self._held, []
        self._newest = stamp
        self.jumps += 1
        self.counts["clock_jumps"] += 1
        return confirmed

    def clear(self) -> None:
        """Forget the newest stamp: the next sample may have any."""
        self._newest = None
        self.counts["dropped"] += len(self._held)
        self._held = []

    def _drop_held(self) -> None:
        for stamp, _ in self._held:
            assert self._newest is not None
            self.counts["late" if 0.0 < self._newest - stamp < LARGEST_ADVANCE else "odd_stamp"] += 1
        self._held = []
