"""Matches the samples of two streams to pairs by their stamps, and uses each sample at most once."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Generic, TypeVar

from ankle_imu_driver.conventions import FOOT, SHANK
from ankle_predictor.estimation.filter_config import TIME_RESOLUTION

T = TypeVar("T")
PAIR_TOLERANCE = 0.005  # s, half a sample period


@dataclass(frozen=True)
class Matched(Generic[T]):
    """A pair, or a sample without a partner: the other side is then None."""

    shank: T | None
    foot: T | None


class PairMatcher(Generic[T]):
    """Matches the samples of two streams whose stamps differ by at most ``tolerance``.

    The streams may interleave in any order. Within a stream the stamps must increase: a repeated or older stamp is
    dropped. A stamp that is much older (``reset``) means that the clock has jumped: the matcher then starts empty.

    Attributes:
        counts: samples that were repeated, late or left without a partner, and how often the clock jumped.
    """

    def __init__(self, tolerance: float = PAIR_TOLERANCE, max_wait: float = 0.05, reset: float = 0.5) -> None:
        """Make a matcher.

        Args:
            tolerance: s, largest difference of a pair's two stamps.
            max_wait: s of its own stream that a sample waits for a partner.
            reset: s that a stamp must lie back to count as a jump of the clock. A stamp far ahead is only a gap.
        """
        self._tolerance = tolerance + TIME_RESOLUTION
        self._max_wait = max_wait
        self._reset = reset
        self._waiting: tuple[deque[tuple[float, T]], deque[tuple[float, T]]] = (deque(), deque())
        self._newest: list[float | None] = [None, None]
        self.counts = {"repeated": 0, "late": 0, "unmatched": 0, "clock_jumps": 0}

    def push(self, stream: int, stamp: float, sample: T) -> list[Matched[T]]:
        """Add one sample of stream ``SHANK`` or ``FOOT``; ``stamp`` in s.

        Returns:
            The pairs and the samples without a partner that are now certain, in time order.
        """
        newest = self._newest[stream]
        if newest is not None and stamp <= newest:
            if stamp > newest - self._reset:
                self.counts["repeated" if stamp == newest else "late"] += 1
                return []
            self.counts["clock_jumps"] += 1
            self.clear()
        self._newest[stream] = stamp
        self._waiting[stream].append((stamp, sample))
        return self._match()

    def clear(self) -> None:
        """Drop all waiting samples."""
        for waiting in self._waiting:
            waiting.clear()
        self._newest = [None, None]

    def _match(self) -> list[Matched[T]]:
        shanks, feet = self._waiting
        matches: list[Matched[T]] = []
        while shanks and feet:
            lead = shanks[0][0] - feet[0][0]
            if abs(lead) <= self._tolerance:
                matches.append(Matched(shanks.popleft()[1], feet.popleft()[1]))
            else:
                matches.append(self._give_up(FOOT if lead > 0 else SHANK))
        for stream in (SHANK, FOOT):
            waiting, newest = self._waiting[stream], self._newest[stream]
            while waiting and newest is not None and newest - waiting[0][0] > self._max_wait:
                matches.append(self._give_up(stream))
        return matches

    def _give_up(self, stream: int) -> Matched[T]:
        self.counts["unmatched"] += 1
        _, sample = self._waiting[stream].popleft()
        return Matched(sample, None) if stream == SHANK else Matched(None, sample)
