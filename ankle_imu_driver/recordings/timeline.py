"""Calculates when each sample of a source is due and what stamp it gets. Pure arithmetic, without a clock."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from ankle_imu_driver.arrays import FloatArray
from ankle_imu_driver.recordings.recording import EncoderSamples, ImuSamples, Recording
from ankle_imu_driver.refusal import Refusal

CLOCK_STEP = 10_000_000  # ns; a smaller difference of two clocks may be a measurement error
TRUSTED = 500_000  # ns; a measurement that took longer was interrupted
LATE = 5_000_000  # ns after its due time from which a sample counts as late: half a sample period


class Sample(NamedTuple):
    """One sample of one stream.

    Attributes:
        time: time on the source's own clock, in ns.
        stream: SHANK, FOOT or ENCODER.
        values: accel x, y, z in m/s^2 and gyro x, y, z in rad/s, or the encoder's angle in rad, dorsiflexion positive.
    """

    time: int
    stream: int
    values: list[float]


def check_rate(rate: float) -> None:
    """Check a playback rate.

    Raises:
        Refusal: the rate is not above 0; one sentence says what to do.
    """
    if rate == 0:
        raise Refusal("rate 0 (as fast as possible) exists in-process only; use evaluate, or a rate above 0")
    if not (rate > 0 and math.isfinite(rate)):
        raise Refusal(f"rate must be above 0, not {rate}; 1 is the recording's own speed")


def samples(chunks: Iterable[Recording], begin: int = 0) -> Iterator[Sample]:
    """Yield all samples of consecutive recordings in order of time; at the same time in the order of the streams.

    Args:
        chunks: the recordings.
        begin: time in ns; samples before it are left out.
    """
    for chunk in chunks:
        streams = [_table(chunk.shank), _table(chunk.foot)]
        if chunk.encoder is not None:
            streams.append((chunk.encoder.stamp, chunk.encoder.angle[:, np.newaxis]))
        time = np.rint(np.concatenate([stamp for stamp, _ in streams]) * 1e9).astype(np.int64)
        size = [len(stamp) for stamp, _ in streams]
        stream = np.repeat(np.arange(len(streams)), size)
        row = np.concatenate([np.arange(n) for n in size])
        order = np.argsort(time, kind="stable")
        for k in order[np.searchsorted(time[order], begin) if begin > 0 else 0 :].tolist():
            yield Sample(int(time[k]), int(stream[k]), streams[stream[k]][1][row[k]].tolist())


def looped(recording: Recording, begin: float = 0.0) -> Iterator[Recording]:
    """Repeat a recording endlessly. Between two passes the stamps advance by one sample period.

    A leg waits in between until all legs that were recorded with it have ended.

    Args:
        recording: what is repeated.
        begin: time in s; passes that have ended by then are left out.
    """
    period = recording.period
    if period is None:
        period = recording.end - recording.start + float(np.median(np.diff(recording.shank.stamp)))
    turn = max(0, math.floor((begin - recording.start) / period))
    while True:
        yield _shifted(recording, turn * period)
        turn += 1


@dataclass(frozen=True)
class Timeline:
    """Maps a source's clock to the monotonic clock and to stamps. All times in ns.

    Attributes:
        rate: seconds of the source per second.
        origin: reference time on the source's clock.
        monotonic: time on the monotonic clock at which ``origin`` is due.
        stamp_origin: stamp of ``origin``.
    """

    rate: float
    origin: int
    monotonic: int
    stamp_origin: int

    @classmethod
    def starting(cls, rate: float, first: int, monotonic: int, now: int) -> Timeline:
        """Make the next sample due now.

        At rate 1 stamps are shifted to the present. At any other rate stamps keep the source's own time, and ``/clock``
        follows them.

        Args:
            rate: seconds of the source per second.
            first: time of the next sample on the source's clock.
            monotonic: the monotonic clock now.
            now: the clock of the stamps now.
        """
        return cls(rate, first, monotonic, now if rate == 1 else first)

    def due(self, time: int) -> int:
        """Return when a time of the source is due on the monotonic clock; calculated from the origin, without drift."""
        return self.monotonic + round((time - self.origin) / self.rate)

    def following(self, before: int, now: int, after: int) -> Timeline:
        """Return the timeline after a look at the clock of the stamps: at rate 1 it follows when that clock was set.

        Args:
            before: the monotonic clock before the look.
            now: the clock of the stamps.
            after: the monotonic clock after the look.
        """
        step = now - (before + after) // 2 - (self.stamp_origin - self.monotonic)
        if self.rate != 1 or after - before > TRUSTED or abs(step) < CLOCK_STEP:
            return self
        return replace(self, stamp_origin=self.stamp_origin + step)

    def stamp(self, time: int) -> int:
        """Return the stamp of a time of the source; jitter and gaps are kept exactly."""
        return self.stamp_origin + (time - self.origin)


@dataclass
class LatenessStats:
    """How late samples were published.

    Attributes:
        sent: number of samples.
        late: number of samples later than ``LATE``.
        worst: greatest lateness, in ns.
    """

    sent: int = 0
    late: int = 0
    worst: int = 0

    def add(self, lateness: int) -> None:
        """Count one sample that was published ``lateness`` ns after it was due."""
        self.sent += 1
        self.late += lateness > LATE
        self.worst = max(self.worst, lateness)


def _table(sensor: ImuSamples) -> tuple[FloatArray, FloatArray]:
    return sensor.stamp, np.hstack([sensor.accel, sensor.gyro])


def _shifted(recording: Recording, offset: float) -> Recording:
    shank, foot = (ImuSamples(s.stamp + offset, s.accel, s.gyro) for s in (recording.shank, recording.foot))
    encoder = recording.encoder
    if encoder is not None:
        encoder = EncoderSamples(encoder.stamp + offset, encoder.angle)
    return Recording(recording.name, shank, foot, encoder, recording.calibration, recording.notes)
