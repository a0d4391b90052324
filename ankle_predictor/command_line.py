"""What all commands share: exit status, progress bar, JSON output and arguments in seconds."""

from __future__ import annotations

import argparse
import json
import math
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from ankle_imu_driver.refusal import Refusal
from ankle_imu_driver.regular_file import exists

INTERRUPTED = 130  # exit status after Ctrl-C, as shells define it


def run_command(work: Callable[[], None], interrupted: str = "interrupted") -> int:
    """Run a command's work and return the exit status.

    A refusal is one sentence on stderr. Any other exception is a bug and keeps its traceback.

    Args:
        work: does everything after the arguments were parsed.
        interrupted: printed to stderr after Ctrl-C.

    Returns:
        0; 1 after a ``Refusal``; 130 after Ctrl-C.
    """
    try:
        work()
    except Refusal as refusal:
        print(refusal, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(interrupted, file=sys.stderr)
        return INTERRUPTED
    return 0


def progress_bar(console: Console) -> Progress:
    """Return a progress bar that is removed at the end and not shown at all where ``console`` is no terminal."""
    columns = (TextColumn("{task.description:24}"), BarColumn(), TextColumn("{task.percentage:3.0f} %"))
    return Progress(*columns, TimeElapsedColumn(), console=console, transient=True, disable=not console.is_terminal)


def add_leg(parser: argparse.ArgumentParser) -> None:
    """Add ``--leg`` to a command that reads recordings."""
    parser.add_argument(
        "--leg",
        default="",
        metavar="NAMESPACE",
        help="the leg to read from a rosbag2 with several legs, such as right_ankle",
    )


def check_folder_of(path: Path | None) -> None:
    """Refuse a file that cannot be written, before the work begins; None is accepted.

    Raises:
        Refusal: there is no such folder, it or the file must not be written, or the path is a directory.
    """
    if path is None:
        return
    try:
        if not path.absolute().parent.is_dir():
            raise Refusal(f"there is no folder {path.parent} to write {path.name} to")
        there = exists(path)
        if there and path.is_dir():
            raise Refusal(f"{path} is a directory; name a file to write to")
    except OSError as error:
        raise Refusal(f"{path} cannot be written: {error.strerror}") from error
    if not os.access(path if there else path.absolute().parent, os.W_OK):
        raise Refusal(f"{path} cannot be written: there is no permission to")


def write_json(path: Path, document: Mapping[str, Any]) -> None:
    """Write a document as indented JSON; NaN and infinity raise a ``ValueError``, as JSON has no such numbers.

    Raises:
        Refusal: the file cannot be written.
    """
    text = json.dumps(document, indent=2, allow_nan=False) + "\n"
    try:
        # Without waiting: a FIFO that nobody reads is refused.
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NONBLOCK | os.O_CLOEXEC, 0o666)
        os.set_blocking(handle, True)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise Refusal(f"{path} cannot be written: {error.strerror}") from error


def duration(text: str) -> float:
    """Parse a duration in s, above 0.

    Raises:
        ArgumentTypeError: it is not.
    """
    seconds = _number(text)
    if not seconds > 0.0:
        raise argparse.ArgumentTypeError(f"must be a number of seconds above 0, not {text!r}")
    return seconds


def seconds_since(text: str) -> float:
    """Parse a time in s from the start, 0 or later.

    Raises:
        ArgumentTypeError: it is not.
    """
    seconds = _number(text)
    if not seconds >= 0.0:
        raise argparse.ArgumentTypeError(f"must be seconds from the start, not {text!r}")
    return seconds


def _number(text: str) -> float:
    """Parse a finite number; NaN if the text is not one."""
    try:
        number = float(text)
    except ValueError:
        return math.nan
    return number if math.isfinite(number) else math.nan
