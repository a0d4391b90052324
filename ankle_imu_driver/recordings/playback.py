"""Plays a source's samples when they are due, in a thread of its own."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator

from ankle_imu_driver.recordings.timeline import Punctuality, Sample, Timeline
from ankle_imu_driver.refusal import Refusal

Publish = Callable[[Sample, int], None]  # a sample, and its stamp in ns
STOP_TIMEOUT = 5.0  # s, for a source that is busy making its next samples


class Playback:
    """Hands out samples at their time; can be stopped and started again, and goes on with the next sample.

    Every wait is until an absolute time on the monotonic clock, so delays do not add up. Samples that are due already
    go out at once. The thread sleeps in between and needs nothing of the caller's.

    Attributes:
        ended: the source has no more samples.
        failure: what broke the source, empty while all is well.
        position: time of the last sample in ns, on the source's clock.
    """

    def __init__(
        self,
        samples: Iterator[Sample],
        rate: float,
        now: Callable[[], int],
        publish: Publish,
        finished: Callable[[], None],
    ) -> None:
        """Take a source.

        Args:
            samples: in order of time.
            rate: seconds of the source per second.
            now: the clock of the stamps, ns.
            publish: takes each sample and its stamp, in the thread.
            finished: called in the thread once the source has ended or failed.
        """
        self.ended = False
        self.failure = ""
        self.position: int | None = None
        self._samples = samples
        self._rate = rate
        self._now = now
        self._publish = publish
        self._finished = finished
        self._next: Sample | None = None
        self._punctuality = Punctuality()
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin, or go on; the next sample is due now.

        Raises:
            Refusal: a source that was stopped while it made samples has not come back yet.
        """
        if self._thread is not None and self._thread.is_alive():
            raise Refusal("the source is still busy with its next samples; try again in a moment")
        self._stop.clear()
        self._thread = threading.Thread(target=self._run, name="playback", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Pause after the sample that is going out."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(STOP_TIMEOUT)

    def punctuality(self) -> Punctuality:
        """Return how samples went out since the last call."""
        with self._lock:
            taken, self._punctuality = self._punctuality, Punctuality()
        return taken

    def _run(self) -> None:
        try:
            self._play()
        except Exception as error:  # noqa: BLE001 - whatever breaks a source must be said, not lost with the thread
            if not self._stop.is_set():
                self.failure = f"{type(error).__name__}: {error}"
        if self.ended or self.failure:
            self._finished()

    def _play(self) -> None:
        timeline: Timeline | None = None
        while not self._stop.is_set():
            sample = self._next = self._next or next(self._samples, None)
            if sample is None:
                self.ended = True
                return
            if timeline is None:
                timeline = Timeline.starting(self._rate, sample.time, time.monotonic_ns(), self._now())
            due = timeline.due(sample.time)
            if self._stop.wait(max(due - time.monotonic_ns(), 0) / 1e9):
                return
            lateness = time.monotonic_ns() - due
            self._publish(sample, timeline.stamp(sample.time))
            self.position = sample.time
            self._next = None
            with self._lock:
                self._punctuality.note(lateness)
