"""Plays a source's samples at their time, in a thread of its own."""

from __future__ import annotations

import threading
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from ankle_imu_driver.conventions import ERROR, OK, WARN
from ankle_imu_driver.recordings.timeline import LatenessStats, Sample, Timeline
from ankle_imu_driver.refusal import Refusal

Publish = Callable[[Sample, int], None]
"""Takes a sample and its stamp in ns."""
STOP_TIMEOUT = 5.0  # s; a source may be busy making its next samples
LATE_SHARE = 0.05  # share of late samples from which the computer is considered too busy


@dataclass(frozen=True)
class PlaybackStatus:
    """What a playback did since it was last asked.

    Attributes:
        lateness: how late the samples were published.
        position: time of the last sample on the source's clock, in ns; 0 before the first.
        counts: number of samples played so far, by stream.
        ended: the source has no more samples.
        failure: why the source failed; empty if it did not.
        traceback: traceback of a failure that is a bug and not a ``Refusal``; empty otherwise.
    """

    lateness: LatenessStats
    position: int
    counts: dict[int, int]
    ended: bool
    failure: str
    traceback: str

    def judge(self, source: str) -> tuple[int, str]:
        """Return the level (OK, WARN, ERROR) and one sentence for diagnostics; ``source`` is the source's name."""
        if self.failure:
            return ERROR, f"{source} failed: {self.failure}"
        if self.ended:
            return OK, "recording ended"
        late, sent = self.lateness.late, self.lateness.sent
        if late > LATE_SHARE * sent:
            return WARN, f"{late} of {sent} samples were late; the computer is too busy"
        return OK, f"{source} runs"


class Playback:
    """Publishes samples at their time. It can be stopped and started again, and then continues with the next sample.

    Every wait ends at an absolute time on the monotonic clock, so delays do not add up. Samples that are already due
    are published at once.
    """

    def __init__(
        self,
        samples: Iterator[Sample],
        rate: float,
        now: Callable[[], int],
        publish: Publish,
        finished: Callable[[], None],
        *,
        tell: Callable[[int, int], None] = lambda _time, _stamp: None,
    ) -> None:
        """Prepare to play a source.

        Args:
            samples: the samples in order of time.
            rate: seconds of the source per second.
            now: the clock of the stamps, in ns.
            publish: takes each sample and its stamp; called in the thread.
            finished: called in the thread when the source has ended or failed.
            tell: called in the thread with a time of the source and its stamp, in ns, when they begin to go together
                otherwise than before: at the start, and when the clock of the stamps was set.
        """
        self._samples = samples
        self._rate = rate
        self._now = now
        self._publish = publish
        self._finished = finished
        self._tell = tell
        self._next: Sample | None = None
        self._lateness = LatenessStats()
        self._position = 0
        self._counts: Counter[int] = Counter()
        self._ended = False
        self._failure = self._traceback = ""
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Start or continue; the next sample is due now.

        Raises:
            Refusal: the source was stopped while it was making samples, and still is.
        """
        if self._thread is not None and self._thread.is_alive():
            raise Refusal("the source is still busy making its next samples; try again in a moment")
        self._stop.clear()
        self._thread = threading.Thread(target=self._run, name="playback", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop after the current sample."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(STOP_TIMEOUT)

    def take_status(self) -> PlaybackStatus:
        """Return the status, and start new lateness statistics."""
        with self._lock:
            lateness, self._lateness = self._lateness, LatenessStats()
            counts = dict(self._counts)
        return PlaybackStatus(lateness, self._position, counts, self._ended, self._failure, self._traceback)

    def _run(self) -> None:
        try:
            self._play()
        except Refusal as refusal:
            self._failure = str(refusal)
        except Exception as error:  # noqa: BLE001 - nobody sees an exception of a thread; take_status reports it
            if not self._stop.is_set():
                self._failure, self._traceback = f"{type(error).__name__}: {error}", traceback.format_exc()
        if self._ended or self._failure:
            self._finished()

    def _play(self) -> None:
        timeline: Timeline | None = None
        while not self._stop.is_set():
            sample = self._take()
            if sample is None:
                return
            if timeline is None:
                timeline = Timeline.starting(self._rate, sample.time, time.monotonic_ns(), self._now())
                self._tell(sample.time, timeline.stamp(sample.time))
            due = timeline.due(sample.time)
            if self._stop.wait(max(due - time.monotonic_ns(), 0) / 1e9):
                return
            followed = timeline.following(time.monotonic_ns(), self._now(), time.monotonic_ns())
            if followed is not timeline:
                self._tell(sample.time, followed.stamp(sample.time))
            timeline = followed
            self._send(sample, timeline.stamp(sample.time), time.monotonic_ns() - due)

    def _take(self) -> Sample | None:
        """Return the next sample, the same one until it was sent; None at the end."""
        self._next = self._next or next(self._samples, None)
        self._ended = self._next is None
        return self._next

    def _send(self, sample: Sample, stamp: int, lateness: int) -> None:
        self._publish(sample, stamp)
        self._next = None
        with self._lock:
            self._position = sample.time
            self._counts[sample.stream] += 1
            self._lateness.add(lateness)
