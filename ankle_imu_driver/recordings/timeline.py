"""When each sample of a source is due, and what stamp it carries: the arithmetic of playing, without a clock."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from ankle_imu_driver.arrays import FloatArray
from ankle_imu_driver.recordings.recording import EncoderSamples, ImuSamples, Recording
from ankle_imu_driver.refusal import Refusal

LATE = 5_000_000  # ns behind its due time at which a sample is counted as late: half a sample period


class Sample(NamedTuple):
    """One sample on its way out.

    Attributes:
        time: ns on the source's own clock.
        stream: SHANK, FOOT or ENCODER.
        values: accel x, y, z in m/s^2 and gyro x, y, z in rad/s; or the encoder's angle in rad.
    """

    time: int
    stream: int
    values: list[float]


def check_rate(rate: float) -> None:
    """Refuse a rate at which nothing can be played.

    Raises:
        Refusal: the rate is not above 0; one sentence says what to do.
    """
    if rate == 0:
        raise Refusal("rate 0 (as fast as possible) exists in-process only; use evaluate, or a rate above 0")
    if not (rate > 0 and math.isfinite(rate)):
        raise Refusal(f"rate must be above 0, not {rate}; 1 is the recording's own speed")


def samples(chunks: Iterable[Recording]) -> Iterator[Sample]:
    """Merge the streams of recordings that follow each other in time, one sample after the other."""
    for chunk in chunks:
        streams = [_table(chunk.shank), _table(chunk.foot)]
        if chunk.encoder is not None:
            streams.append((chunk.encoder.stamp, chunk.encoder.angle[:, np.newaxis]))
        time = np.rint(np.concatenate([stamp for stamp, _ in streams]) * 1e9).astype(np.int64)
        size = [len(stamp) for stamp, _ in streams]
        stream = np.repeat(np.arange(len(streams)), size)
        row = np.concatenate([np.arange(n) for n in size])
        for k in np.argsort(time, kind="stable").tolist():
            yield Sample(int(time[k]), int(stream[k]), streams[stream[k]][1][row[k]].tolist())


def looped(recording: Recording) -> Iterator[Recording]:
    """Repeat a recording without end; its stamps go on by a sample period from the last pass to the next."""
    period = recording.end - recording.start + float(np.median(np.diff(recording.shank.stamp)))
    turn = 0
    while True:
        yield _shifted(recording, turn * period)
        turn += 1


@dataclass(frozen=True)
class Timeline:
    """Where a source's clock lies on the monotonic clock and on the clock of the stamps; all in ns.

    Attributes:
        rate: seconds of the source per second.
        origin: a time of the source.
        monotonic: when that is due on the monotonic clock.
        stamp_origin: the stamp that it carries.
    """

    rate: float
    origin: int
    monotonic: int
    stamp_origin: int

    @classmethod
    def starting(cls, rate: float, first: int, monotonic: int, now: int) -> Timeline:
        """Lay a source's next sample at this moment.

        Stamps are shifted to now at rate 1. At any other rate the source's own time is kept, for ``/clock`` to follow.
        """
        return cls(rate, first, monotonic, now if rate == 1 else first)

    def due(self, time: int) -> int:
        """Return when a time of the source is due on the monotonic clock; from the origin, so that nothing drifts."""
        return self.monotonic + round((time - self.origin) / self.rate)

    def stamp(self, time: int) -> int:
        """Return the stamp of a time of the source; jitter and gaps are kept to the ns."""
        return self.stamp_origin + (time - self.origin)


@dataclass
class Punctuality:
    """How late samples went out since the last look."""

    sent: int = 0
    late: int = 0
    worst: int = 0

    def note(self, lateness: int) -> None:
        """Take one sample that went out ``lateness`` ns after it was due."""
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
