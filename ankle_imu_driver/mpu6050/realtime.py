"""Requests real-time priority and locked memory from the system, and reports the outcome."""

from __future__ import annotations

import contextlib
import ctypes
import os
from collections.abc import Callable

_MCL_CURRENT, _MCL_FUTURE, _MCL_ONFAULT = 1, 2, 4  # sys/mman.h


def request_priority(priority: int) -> str:
    """Put the calling thread under SCHED_FIFO and return one sentence on the outcome; 0 requests nothing."""
    if priority == 0:
        return "ordinary scheduling, as configured"
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(priority))
    except (OSError, ValueError) as error:
        return (
            f"real-time priority {priority} refused ({error}); to allow it, add the line '@i2c - rtprio {priority}' to "
            "/etc/security/limits.d/ankle.conf"
        )
    return f"real-time priority {priority} (SCHED_FIFO)"


def share_priority(priority: int) -> None:
    """Give the process's main thread one less than the acquisition's priority; 0 restores ordinary scheduling.

    All Python threads wait for the interpreter lock. If an ordinary thread holds it while other programs keep that
    thread from running, the acquisition waits too, whatever its own priority is. A refusal is ignored here, because
    ``request_priority`` gets the same refusal and reports it.
    """
    policy = os.SCHED_FIFO if priority > 1 else os.SCHED_OTHER
    with contextlib.suppress(OSError):
        os.sched_setscheduler(os.getpid(), policy, os.sched_param(max(0, priority - 1)))


def lock_memory(mlockall: Callable[[int], int] | None = None) -> str:
    """Lock this process's memory against paging and return one sentence on the outcome."""
    call = mlockall or ctypes.CDLL(None, use_errno=True).mlockall
    # ONFAULT: pages that are never used take no memory.
    if call(_MCL_CURRENT | _MCL_FUTURE | _MCL_ONFAULT) == 0:
        return "memory locked"
    reason = os.strerror(ctypes.get_errno())
    return (
        f"memory lock refused ({reason}); to allow it, add the line '@i2c - memlock unlimited' to "
        "/etc/security/limits.d/ankle.conf"
    )
