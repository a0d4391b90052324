"""Levels, sentences and figures of diagnostics."""

from __future__ import annotations

import pytest

from ankle_imu_driver.mpu6050.errors import Fault
from ankle_imu_driver.mpu6050.health import ERROR, OK, WARN, StreamStats, judge_all

SECOND = 1_000_000_000


def stats_of(seconds, *, rate=100, saturated=0.0, temperature=30.0):
    stats = StreamStats()
    n = int(seconds * rate)
    for k in range(n):
        stats.add_sample(SECOND + k * SECOND // rate, k < saturated * n, temperature)
    return stats, SECOND + n * SECOND // rate


def judge(stats, now, problem=""):
    return stats.report(now, "streaming", problem, frozenset()).judge("foot", 100.0)


def test_levels_and_sentences_of_diagnostics():
    assert judge(*stats_of(12)) == (OK, "foot: 100.0 Hz")
    assert judge(*stats_of(12, rate=90))[0] == WARN
    assert "saturate" in judge(*stats_of(12, saturated=1.0))[1]
    assert judge(*stats_of(12, temperature=95.0))[0] == ERROR
    stats, now = stats_of(12)
    level, sentence = judge(stats, now + SECOND, "no answer (NACK)")
    assert level == ERROR
    assert "foot: no samples, no answer (NACK)" in sentence
    stats.add_fault(now, Fault.NACK)
    assert judge(stats, now) == (
        WARN,
        "foot: recovered from no answer (NACK) x1 within the last 10 s; check cable and supply",
    )
    assert judge(StreamStats(), now)[0] == ERROR


def test_a_stream_that_has_just_started_is_not_an_error():
    stats = StreamStats()
    for began in (SECOND, 100 * SECOND):
        stats.restart(began)
        assert judge(stats, began + SECOND // 10) == (WARN, "foot: starting")
        assert judge(stats, began + SECOND // 2)[0] == ERROR
        stats.add_sample(began + SECOND, False, 30.0)


def test_a_fault_is_recent_for_ten_seconds_and_stays_counted():
    stats, now = stats_of(2)
    stats.add_fault(now, Fault.RESET)
    for k in range(1200):
        stats.add_sample(now + k * SECOND // 100, False, 30.0)
    report = stats.report(now + 12 * SECOND, "streaming", "", frozenset())
    assert report.judge("foot", 100.0)[0] == OK
    assert report.resets == 1
    assert report.values()["faults: chip reset itself"] == "1"


def test_jitter_and_worst_interval():
    stats = StreamStats()
    for k in range(100):
        stats.add_sample(SECOND + k * 10_000_000 + (3_000_000 if k == 50 else 0), False, 30.0)
    report = stats.report(2 * SECOND, "streaming", "", frozenset())
    assert report.worst_interval == pytest.approx(0.013)
    assert report.jitter == pytest.approx(0.000426, rel=0.01)


def test_the_worst_level_is_reported():
    stats, now = stats_of(12)
    streams = {"foot": stats.report(now, "streaming", "", frozenset())}
    assert judge_all(streams, 100.0, 0.0, "")[0] == OK
    assert judge_all(streams, 100.0, 0.05, "") == (
        WARN,
        "5.0% of the deadlines missed; the computer is too busy or real-time priority was refused",
    )
    assert judge_all(streams, 100.0, 0.05, "the shank and the foot sensor are swapped")[0] == ERROR
    assert judge_all(streams, 100.0, 0.0, "", ["the acquisition thread ended"]) == (
        ERROR,
        "the acquisition thread ended",
    )
