"""Ask the system for real-time treatment, and say what it answered."""

from __future__ import annotations

import contextlib
import ctypes
import os
from collections.abc import Callable

_MCL_CURRENT, _MCL_FUTURE, _MCL_ONFAULT = 1, 2, 4  # sys/mman.h


def request_priority(priority: int) -> str:
    """Put the calling thread under SCHED_FIFO and return a sentence on the outcome; 0 asks for nothing."""
    if priority == 0:
        return "ordinary scheduling, as asked for"
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(priority))
    except (OSError, ValueError) as error:
        return (
            f"real-time priority {priority} refused ({error}); allow it by a line '@i2c - rtprio {priority}' in "
            "/etc/security/limits.d/ankle.conf"
        )
    return f"real-time priority {priority} (SCHED_FIFO)"


def share_priority(priority: int) -> None:
    """Put the process's main thread just below the acquisition, or back to ordinary scheduling with 0.

    All threads of an interpreter wait for its one lock. If an ordinary thread that holds it is kept off the processor
    by other programs, the acquisition waits with it, whatever its own priority. A refusal is left to
    ``request_priority``, which meets the same one and reports it.
    """
    policy = os.SCHED_FIFO if priority > 1 else os.SCHED_OTHER
    with contextlib.suppress(OSError):
        os.sched_setscheduler(os.getpid(), policy, os.sched_param(max(0, priority - 1)))


def lock_memory(mlockall: Callable[[int], int] | None = None) -> str:
    """Keep this process's memory from being paged out and return a sentence on the outcome."""
    call = mlockall or ctypes.CDLL(None, use_errno=True).mlockall
    # ONFAULT: what is never touched need not be held in a small computer's memory.
    if call(_MCL_CURRENT | _MCL_FUTURE | _MCL_ONFAULT) == 0:
        return "memory locked"
    reason = os.strerror(ctypes.get_errno())
    return (
        f"memory lock refused ({reason}); allow it by a line '@i2c - memlock unlimited' in "
        "/etc/security/limits.d/ankle.conf"
    )
