"""What several commands take on their command line."""

from __future__ import annotations

import argparse
import math


def duration(text: str) -> float:
    """Return a command line's seconds, above 0.

    Raises:
        ArgumentTypeError: they are not.
    """
    seconds = _number(text)
    if not seconds > 0.0:
        raise argparse.ArgumentTypeError(f"must be a number of seconds above 0, not {text!r}")
    return seconds


def seconds_since(text: str) -> float:
    """Return a command line's seconds from a beginning, 0 or more.

    Raises:
        ArgumentTypeError: they are not.
    """
    seconds = _number(text)
    if not seconds >= 0.0:
        raise argparse.ArgumentTypeError(f"must be seconds from the start, not {text!r}")
    return seconds


def _number(text: str) -> float:
    """Return a finite number, or NaN."""
    try:
        number = float(text)
    except ValueError:
        return math.nan
    return number if math.isfinite(number) else math.nan
