"""The motions that emulated sensors measure: a repeated recording, or the endless chunks of a simulator."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

import numpy as np

from ankle_imu_driver.arrays import FloatArray
from ankle_imu_driver.recordings.recording import ImuSamples

KEPT = 60.0  # s of a streamed motion that are kept in memory


class Motion(Protocol):
    """Specific force and angular rate in a sensor's frame. Successive times may go back by a few ms, not more."""

    def at(self, time: float) -> FloatArray:
        """Return accel x y z in m/s^2 and gyro x y z in rad/s, (6,), at a time in s from 0 on."""
        ...


class Still:
    """A sensor at rest."""

    def __init__(self, accel: tuple[float, float, float] = (0.0, 0.0, 9.80665)) -> None:
        self._value = np.array([*accel, 0.0, 0.0, 0.0])

    def at(self, time: float) -> FloatArray:
        """See ``Motion.at``."""
        return self._value


class Recorded:
    """A recording's samples, linearly interpolated; after its end the recording starts again."""

    def __init__(self, samples: ImuSamples, start: float) -> None:
        self._time = samples.stamp - start
        self._value = np.hstack([samples.accel, samples.gyro])
        self._length = float(self._time[-1])

    def at(self, time: float) -> FloatArray:
        """See ``Motion.at``."""
        return _interpolated(self._time, self._value, time % self._length)


class Streamed:
    """Consecutive chunks of one sensor's samples, linearly interpolated; samples older than ``KEPT`` are deleted.

    The next chunk is made in another thread while the current one is used, because it takes longer than a sample
    period.
    """

    def __init__(self, chunks: Iterator[ImuSamples]) -> None:
        self._chunks = chunks
        self._executor = ThreadPoolExecutor(1, "motion")
        first = next(chunks)
        self._start = float(first.stamp[0])
        self._time = first.stamp - self._start
        self._value = np.hstack([first.accel, first.gyro])
        self._next = self._executor.submit(next, chunks)

    def at(self, time: float) -> FloatArray:
        """See ``Motion.at``."""
        while time > self._time[-1]:
            chunk = self._next.result()
            self._next = self._executor.submit(next, self._chunks)
            kept = self._time > time - KEPT
            self._time = np.concatenate([self._time[kept], chunk.stamp - self._start])
            self._value = np.concatenate([self._value[kept], np.hstack([chunk.accel, chunk.gyro])])
        return _interpolated(self._time, self._value, time)


def _interpolated(times: FloatArray, values: FloatArray, time: float) -> FloatArray:
    after = int(np.searchsorted(times, time))
    if after == 0:
        return np.asarray(values[0])
    if after == len(times):
        return np.asarray(values[-1])
    share = (time - times[after - 1]) / (times[after] - times[after - 1])
    return np.asarray(values[after - 1] + share * (values[after] - values[after - 1]))
