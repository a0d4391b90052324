"""Calls for workers in other processes: a worker imports them by their names."""

from __future__ import annotations

import os
import signal
from pathlib import Path

from ankle_imu_driver.refusal import Refusal


def times(value: int, factor: int) -> int:
    return value * factor


def times_but_die_first(value: int, factor: int, marker: str) -> int:
    """End the process like the kernel does for want of memory, but only the first time."""
    if not Path(marker).exists():
        Path(marker).touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return value * factor


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def refuse(why: str) -> None:
    raise Refusal(why)
