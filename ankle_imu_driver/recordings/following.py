"""A playback that keeps step with another one, which plays another leg of the same walk."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import NamedTuple

from ankle_imu_driver.recordings.playback import Playback, Publish
from ankle_imu_driver.recordings.timeline import Sample

POLL = 0.002  # s between two looks at a leader that has not begun, or at its /clock
LONGEST_WAIT = 0.1  # s between two looks at a leader that has begun
TOO_LATE = 100_000_000  # ns; a sample that is due for longer is left out, to be in step again
FAR = 30_000_000_000  # ns; a follower that is further behind opens its source anew, where the leader is
OVERLAP = 1_000_000_000  # ns by which a new beginning's stamps can lie before those sent; more: the clock was set
BACK = 1_000_000_000  # ns by which the leader goes back when it begins anew


class Reference(NamedTuple):
    """How a source's time and the ROS clock go together.

    Attributes:
        stamp: a time on the ROS clock, in ns.
        time: the source's time that is due then, in ns.
    """

    stamp: int
    time: int


class Leader:
    """What a follower knows of the playback that it keeps step with.

    Attributes:
        rate: seconds of the source per second.
        reference: what the leader said last, at rate 1; None before. At any other rate its ``/clock`` says all.
    """

    def __init__(self, now: Callable[[], int], rate: float) -> None:
        """Know nothing yet; ``now`` is the ROS clock in ns, which at a rate other than 1 is the leader's ``/clock``."""
        self._now = now
        self.rate = rate
        self.reference: Reference | None = None

    def time(self) -> int | None:
        """Return the source's time that is due now, in ns; None while the leader has not begun."""
        due = self.due(0)
        return None if due is None else due[0]

    def due(self, time: int) -> tuple[int, int] | None:
        """Return the source's time that is due now, and the stamp of a time of the source; None before the beginning.

        Both are in ns and by the same reference: in another thread the leader may begin anew in between.
        """
        if self.rate != 1:
            now = self._now()
            return (now, time) if now else None
        reference = self.reference
        if reference is None:
            return None
        return reference.time + self._now() - reference.stamp, reference.stamp + time - reference.time

    def wait(self, time: int, stop: threading.Event) -> None:
        """Wait a little, at most until a time of the source in ns is due."""
        now = self.time()
        pause = POLL if now is None or self.rate != 1 else min(max((time - now) / 1e9, 0.0), LONGEST_WAIT)
        stop.wait(pause)


class FollowingPlayback(Playback):
    """Plays each sample when the leader's source has come to its time.

    It waits for the leader to begin, and leaves out what the leader has passed. When the leader begins anew, it does so
    too, without a stamp that lies before those it has sent. A follower that comes late, as it was started again, opens
    its source where the leader is: to run through an hour's walk would take half a minute.
    """

    def __init__(
        self, source: Callable[[int], Iterator[Sample]], leader: Leader, publish: Publish, finished: Callable[[], None]
    ) -> None:
        """Prepare to play.

        Args:
            source: opens the source at a time of its own, in ns; samples from before may come as well.
            leader: whom to keep step with.
            publish: takes each sample and its stamp; called in the thread.
            finished: called in the thread when the source has ended or failed.
        """
        super().__init__(source(0), leader.rate, lambda: leader.time() or 0, publish, finished)
        self._source, self._leader = source, leader
        self._sent = 0  # ns, the newest stamp
        self._again_after = 0  # ns, the newest stamp from before the leader began anew

    def _play(self) -> None:
        while not self._stop.is_set():
            sample = self._take()
            if sample is None:
                return
            now, stamp = self._leader.due(sample.time) or (None, 0)
            if now is not None and now > sample.time + FAR:
                self._samples, self._next = self._source(now - TOO_LATE), None
            elif now is not None and now < self._position - BACK:
                self._samples, self._next, self._position = self._source(now - TOO_LATE), None, 0
                # Only at a rate other than 1 does the ROS clock go back with the leader.
                self._again_after = self._sent if self._leader.rate == 1 else 0
            elif now is None or now < sample.time:
                self._leader.wait(sample.time, self._stop)
            elif now - sample.time > TOO_LATE or 0 <= self._again_after - stamp < OVERLAP:
                self._next = None
            else:
                self._send(sample, stamp, round((now - sample.time) / self._leader.rate))
                self._sent = stamp
