"""Tells whether one stream of messages comes from one sender, by whatever the middleware says of each message."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

OVERLAP = 0.25  # s after a sender's last message in which another one does not count as its successor
MEMORY = 2.0  # s for which a sender counts that has sent again after another one
MOST = 16  # senders that are remembered
UNSUPPORTED = 2**64 - 1  # rmw/types.h: RMW_MESSAGE_INFO_SEQUENCE_NUMBER_UNSUPPORTED
LOST = 100  # messages in a row that may be lost, besides
FASTEST = 20_000.0  # as many messages for each second of silence
SPAN = 1.0  # s of stamps that are looked at
FEWEST = 20  # stamps that say something
NOMINAL_RATE = 100.0  # Hz
FASTER = 1.5  # times the rate of one sender that only two can have
BACKWARD = 0.2  # share of stamps that go back when two streams with different clocks interleave


@dataclass(frozen=True)
class Origin:
    """What the middleware says of a message.

    Attributes:
        sender: id of its publisher; None where rclpy does not tell (before Kilted).
        sequence: its number among the messages of its publisher; None where rclpy does not tell (before Iron).
    """

    sender: bytes | None = None
    sequence: int | None = None


@dataclass
class _Sender:
    last: float  # s, its last message
    number: int | None = None  # of its last message
    has_returned: bool = False  # whether it sent, then another one, then it again

    def is_alive(self, now: float) -> bool:
        return now - self.last <= (MEMORY if self.has_returned else OVERLAP)


class SenderWatch:
    """Watches one stream. All times are s on the monotonic clock.

    A second sender is told by its first message, but a restarted sender is not taken for a second one: it comes after
    the old one has ended, however long the old one's name stays in the middleware's graph. Of several senders that can
    be told apart only the one that was there first is used.

    Attributes:
        lost: messages that the sender in use has numbered and that never came: lost on the way, or pushed out of a full
            queue before they were read. 0 where the middleware gives no numbers.
    """

    def __init__(self) -> None:
        self.lost = 0
        self._senders: dict[object, _Sender] = {}
        self._used: object = None
        self._newest: object = None
        self._numbers = _SequenceTracks()
        self._stamps = _StampPattern()

    def hear(self, origin: Origin, stamp: float, now: float, known: int = 1) -> bool:
        """Take note of a message and return whether to use it.

        Args:
            origin: what the middleware says of it.
            stamp: s, its stamp on any clock.
            now: s.
            known: number of publishers of this topic in the middleware's graph.
        """
        key: object = origin.sender
        if key is None and origin.sequence not in (None, UNSUPPORTED):
            key = self._numbers.track(origin.sequence or 0, now)
        if key is None:
            self._stamps.push(stamp, now, known)
            return True
        sender = self._senders.get(key)
        if sender is None:
            sender = self._senders[key] = _Sender(now)
            while len(self._senders) > MOST:
                del self._senders[min(self._senders, key=lambda k: self._senders[k].last)]
        elif now - sender.last > MEMORY:
            sender.has_returned = False
        elif self._newest != key:
            sender.has_returned = True
        sender.last, self._newest = now, key
        used = self._senders.get(self._used)
        if used is None or not used.is_alive(now):
            self._used = key
        self._count_lost(sender, origin.sequence, key == self._used)
        return bool(key == self._used)

    def _count_lost(self, sender: _Sender, sequence: int | None, is_used: bool) -> None:
        if sequence is None or sequence == UNSUPPORTED:
            return
        if is_used and sender.number is not None:
            self.lost += max(0, sequence - sender.number - 1)
        sender.number = sequence

    def several(self, now: float) -> bool:
        """Return whether more than one sender is at work."""
        return sum(sender.is_alive(now) for sender in self._senders.values()) > 1 or self._stamps.are_mixed(now)

    def ids(self, now: float) -> list[bytes]:
        """Return the ids of the senders at work, as far as the middleware tells them."""
        return [key for key, sender in self._senders.items() if isinstance(key, bytes) and sender.is_alive(now)]


class _SequenceTracks:
    """Assigns messages to senders by their sequence numbers: those of one sender only rise, and not by much."""

    def __init__(self) -> None:
        self._tracks: list[tuple[int, int, float]] = []  # name, last number, and when it came
        self._made = 0

    def track(self, sequence: int, now: float) -> int:
        """Return the name of the track that a number continues, or of a new one."""
        self._tracks = [track for track in self._tracks if now - track[2] <= MEMORY]
        fits = [
            (sequence - last, place)
            for place, (_, last, came) in enumerate(self._tracks)
            if 0 < sequence - last <= LOST + FASTEST * (now - came)
        ]
        if fits:
            name = self._tracks.pop(min(fits)[1])[0]
        else:
            self._made += 1
            name = self._made
        self._tracks = [*self._tracks[1 - MOST :], (name, sequence, now)]
        return name


class _StampPattern:
    """Tells two interleaved streams from one where the middleware says nothing of a message."""

    def __init__(self) -> None:
        self._stamps: deque[tuple[float, float]] = deque()  # s: when it came, and its stamp
        self._known = 1
        self._rate_of_one = NOMINAL_RATE
        self._mixed_until = -1e300

    def push(self, stamp: float, now: float, known: int) -> None:
        """Add a stamp."""
        stamps, self._known = self._stamps, known
        stamps.append((now, stamp))
        while now - stamps[0][0] > SPAN:
            stamps.popleft()
        if len(stamps) < FEWEST:
            return
        steps = [b - a for (_, a), (_, b) in pairwise(stamps)]
        rate = len(steps) / max(now - stamps[0][0], 1e-9)
        if known < 2 and now - stamps[0][0] > 0.5 * SPAN:
            self._rate_of_one = max(NOMINAL_RATE, rate)
        if self._is_mixed(steps, rate):
            self._mixed_until = now + SPAN

    def _is_mixed(self, steps: list[float], rate: float) -> bool:
        if sum(step <= 0.0 for step in steps) > BACKWARD * len(steps):
            return True
        if self._known < 2:
            return False
        usual = median(steps)
        splits = sum(a > 0.0 and b > 0.0 and a + b <= 1.3 * usual for a, b in pairwise(steps))
        return splits >= 2 or rate > FASTER * self._rate_of_one

    def are_mixed(self, now: float) -> bool:
        """Return whether several senders interleave."""
        return now <= self._mixed_until


def senders_sentence(topic: str, names: list[str], count: int) -> str:
    """Return a sentence on a topic with several senders.

    Args:
        topic: its full name.
        names: the senders' nodes.
        count: number of senders, named or not.
    """
    who = " and ".join(sorted(names)) if names else "which this middleware does not name"
    return (
        f"{topic} has {max(count, 2)} senders, {who}: stop all but one, or give each exoskeleton a namespace or a "
        "ROS_DOMAIN_ID of its own"
    )
