"""Matches the samples of two streams to pairs by their stamps, and uses each sample at most once."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass
from typing import Generic, TypeVar

from ankle_imu_driver.conventions import FOOT, SHANK
from ankle_predictor.estimation.filter_config import TIME_RESOLUTION
from ankle_predictor.estimation.stamp_guard import StampGuard

T = TypeVar("T")
PAIR_TOLERANCE = 0.005  # s, half a sample period


@dataclass(frozen=True)
class Matched(Generic[T]):
    """A pair, or a sample without a partner: the other side is then None."""

    shank: T | None
    foot: T | None


class PairMatcher(Generic[T]):
    """Matches the samples of two streams whose stamps differ by at most ``tolerance``.

    The streams may interleave in any order. Within a stream the stamps must increase: a sample with a repeated, older
    or far-off stamp is dropped. Where several in a row agree on another time (``StampGuard``) the clock has stepped:
    what waits from before is then dropped.

    Attributes:
        counts: samples that were repeated, late, had an odd stamp, were left without a partner or waited when the
            clock jumped or all was ``dropped``, and how often the clock jumped.
    """

    def __init__(self, tolerance: float = PAIR_TOLERANCE, max_wait: float = 0.05) -> None:
        """Make a matcher.

        Args:
            tolerance: s, largest difference of a pair's two stamps.
            max_wait: s of its own stream that a sample waits for a partner.
        """
        self._tolerance = tolerance + TIME_RESOLUTION
        self._max_wait = max_wait
        self._waiting: tuple[deque[tuple[float, T]], deque[tuple[float, T]]] = (deque(), deque())
        self._newest: list[float | None] = [None, None]
        self.counts: Counter[str] = Counter()
        self._guards: tuple[StampGuard[T], StampGuard[T]] = StampGuard(self.counts), StampGuard(self.counts)

    def push(self, stream: int, stamp: float, sample: T) -> list[Matched[T]]:
        """Add one sample of stream ``SHANK`` or ``FOOT``; ``stamp`` in s.

        Returns:
            The pairs and the samples without a partner that are now certain, in time order.
        """
        guard = self._guards[stream]
        jumps = guard.jumps
        passed = guard.push(stamp, sample)
        if not passed:
            return []
        if guard.jumps != jumps:
            self.counts["dropped"] += len(self._waiting[stream])
            self._waiting[stream].clear()
            self._drop_far(passed[0][0], passed[-1][0])
        self._waiting[stream].extend(passed)
        self._newest[stream] = passed[-1][0]
        return self._match()

    def clear(self) -> None:
        """Drop all waiting samples; the next ones may have any stamp."""
        for waiting in self._waiting:
            self.counts["dropped"] += len(waiting)
            waiting.clear()
        self._newest = [None, None]
        for guard in self._guards:
            guard.clear()

    def _drop_far(self, first: float, last: float) -> None:
        """Drop the waiting samples of before a jump; those of a stream that has jumped already stay."""
        for waiting in self._waiting:
            near = [one for one in waiting if first - self._max_wait <= one[0] <= last + self._max_wait]
            self.counts["dropped"] += len(waiting) - len(near)
            waiting.clear()
            waiting.extend(near)

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
