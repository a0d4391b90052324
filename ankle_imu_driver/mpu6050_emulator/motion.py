"""What an emulated sensor is moved by: a recording, over and over, or the endless chunks of a simulator."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

import numpy as np

from ankle_imu_driver.arrays import FloatArray
from ankle_imu_driver.recordings.recording import ImuSamples


class Motion(Protocol):
    """Specific force and angular rate in a sensor's frame, at any time from 0 s on, times never going far back."""

    def at(self, time: float) -> FloatArray:
        """Six numbers: accel x y z in m/s^2, gyro x y z in rad/s."""
        ...


class Still:
    """A sensor that lies still."""

    def __init__(self, accel: tuple[float, float, float] = (0.0, 0.0, 9.80665)) -> None:
        self._value = np.array([*accel, 0.0, 0.0, 0.0])

    def at(self, time: float) -> FloatArray:
        """See ``Motion.at``."""
        return self._value


class Recorded:
    """A recording's samples, joined by straight lines; after its end it begins again."""

    def __init__(self, samples: ImuSamples, start: float) -> None:
        self._time = samples.stamp - start
        self._value = np.hstack([samples.accel, samples.gyro])
        self._length = float(self._time[-1])

    def at(self, time: float) -> FloatArray:
        """See ``Motion.at``."""
        return _between(self._time, self._value, time % self._length)


class Streamed:
    """The chunks of one sensor as they come; a minute of the past is kept.

    The next chunk is made in another thread while this one is used, as making it takes longer than a sample period.
    """

    def __init__(self, chunks: Iterator[ImuSamples]) -> None:
        self._chunks = chunks
        self._maker = ThreadPoolExecutor(1, "motion")
        first = next(chunks)
        self._start = float(first.stamp[0])
        self._time = first.stamp - self._start
        self._value = np.hstack([first.accel, first.gyro])
        self._next = self._maker.submit(next, chunks)

    def at(self, time: float) -> FloatArray:
        """See ``Motion.at``."""
        while time > self._time[-1]:
            chunk = self._next.result()
            self._next = self._maker.submit(next, self._chunks)
            kept = self._time > time - 60.0
            self._time = np.concatenate([self._time[kept], chunk.stamp - self._start])
            self._value = np.concatenate([self._value[kept], np.hstack([chunk.accel, chunk.gyro])])
        return _between(self._time, self._value, time)


def _between(times: FloatArray, values: FloatArray, time: float) -> FloatArray:
    after = int(np.searchsorted(times, time))
    if after == 0:
        return np.asarray(values[0])
    if after == len(times):
        return np.asarray(values[-1])
    share = (time - times[after - 1]) / (times[after] - times[after - 1])
    return np.asarray(values[after - 1] + share * (values[after] - values[after - 1]))
