"""Requests for real-time priority and locked memory."""

from __future__ import annotations

import errno
import os

import pytest

from ankle_imu_driver.mpu6050 import realtime


def test_real_time_priority_is_requested_and_a_refusal_reported(monkeypatch):
    asked = []
    monkeypatch.setattr(os, "sched_setscheduler", lambda *arguments: asked.append(arguments))
    assert realtime.request_priority(40) == "real-time priority 40 (SCHED_FIFO)"
    assert asked[0][:2] == (0, os.SCHED_FIFO)

    def refuse(*arguments):
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "sched_setscheduler", refuse)
    assert "refused" in realtime.request_priority(40)
    assert "rtprio 40" in realtime.request_priority(40)
    assert realtime.request_priority(0) == "ordinary scheduling, as configured"


def test_the_main_thread_gets_one_less_and_is_restored(monkeypatch):
    asked = []
    monkeypatch.setattr(os, "sched_setscheduler", lambda pid, policy, param: asked.append((pid, policy, param)))
    realtime.share_priority(40)
    realtime.share_priority(0)
    assert [(pid, policy, param.sched_priority) for pid, policy, param in asked] == [
        (os.getpid(), os.SCHED_FIFO, 39),
        (os.getpid(), os.SCHED_OTHER, 0),
    ]


@pytest.mark.parametrize(("answer", "expected"), [(0, "memory locked"), (-1, "memory lock refused")])
def test_memory_locking_is_requested_and_a_refusal_reported(answer, expected):
    asked = []
    assert realtime.lock_memory(lambda flags: asked.append(flags) or answer).startswith(expected)
    assert asked == [7]
