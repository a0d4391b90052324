"""The motions that the emulated sensors measure."""

from __future__ import annotations

import numpy as np
import pytest

from ankle_imu_driver.mpu6050_emulator.motion import KEPT, Recorded, Streamed
from ankle_imu_driver.recordings.recording import ImuSamples


def samples(stamps):
    stamps = np.asarray(stamps, dtype=float)
    return ImuSamples(stamps, np.outer(stamps, [1.0, 2.0, 3.0]), np.outer(stamps, [-1.0, 0.0, 1.0]))


def test_a_recording_is_interpolated_and_repeated():
    motion = Recorded(samples([5.0, 5.1, 5.4]), start=5.0)
    assert motion.at(0.0) == pytest.approx([5.0, 10.0, 15.0, -5.0, 0.0, 5.0])
    assert motion.at(0.25)[0] == pytest.approx(5.25)
    assert motion.at(0.4 + 0.05)[0] == pytest.approx(5.05)


def test_both_sensors_of_a_recording_have_the_same_time_zero():
    late = Recorded(samples([5.2, 5.4]), start=5.0)
    assert late.at(0.1)[0] == pytest.approx(5.2), "before its first sample it has the first value"
    assert late.at(0.3)[0] == pytest.approx(5.3)


def test_a_stream_continues_over_its_chunks_and_keeps_a_limited_past():
    chunks = (samples(np.arange(k, k + 100) / 100 + 3.0) for k in range(0, 20_000, 100))
    motion = Streamed(chunks)
    for time in (0.0, 0.995, 1.0, 7.3215, 7.31, 150.0):
        assert motion.at(time)[0] == pytest.approx(3.0 + time, abs=1e-9)
    assert motion.at(10.0)[0] > 3.0 + 150.0 - KEPT - 2.0, "older samples are deleted"
