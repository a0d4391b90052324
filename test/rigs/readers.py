"""Readers that go wrong in every way, for the process of a fuzzer, which imports them by their names."""

from __future__ import annotations

import os
import time
from pathlib import Path
from random import Random

from ankle_imu_driver.refusal import Refusal


def make_nothing(random: Random, folder: Path) -> Path:
    return folder / str(random.randrange(10**6))


def fail(path: Path) -> object:
    raise KeyError("x")


def refuse(path: Path) -> object:
    raise Refusal("no")


def refuse_in_lines(path: Path) -> object:
    raise Refusal("Traceback\nof a library")


def end(path: Path) -> object:
    os._exit(3)


def use_memory(path: Path) -> object:
    return len(b"x" * 250_000_000)


def compute(path: Path) -> object:
    until = time.process_time() + 0.5
    while time.process_time() < until:
        pass
    return None
