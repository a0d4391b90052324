"""A kind of fuzzer, and the damage that any file can take."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random


def at_once() -> None:
    """Make nothing ready."""


@dataclass(frozen=True)
class Kind:
    """One kind of input from anywhere.

    Attributes:
        name: in the table and on the command line.
        cases: how many a whole run has.
        make: writes the input of a case into an empty folder, and returns the path that is read. It draws from the
            random generator only, so that a case is the same in every run.
        read: reads it as the product does. It returns, or raises a ``Refusal``; anything else is a fault.
        ready: called once in the process that reads, before the first case; imports what takes long.
    """

    name: str
    cases: int
    make: Callable[[Random, Path], Path]
    read: Callable[[Path], object]
    ready: Callable[[], object] = at_once


def damaged(random: Random, data: bytes, tokens: Sequence[bytes] = ()) -> bytes:
    """Return a copy with one to six changes: bits, bytes, blocks, cuts, repeats, and tokens of the format."""
    changed = bytearray(data)
    for _ in range(random.choice((1, 1, 1, 2, 3, 6))):
        place = random.randrange(len(changed) + 1)
        size = random.choice((1, 2, 8, 64, 1000))
        change = random.randrange(9)
        if change == 0 and place < len(changed):
            changed[place] ^= 1 << random.randrange(8)
        elif change == 1:
            changed[place : place + size] = random.randbytes(size)
        elif change == 2:
            changed[place : place + size] = random.choice((b"\0", b"\xff")) * size
        elif change == 3:
            del changed[place : place + size]
        elif change == 4:
            del changed[place:]
        elif change == 5:
            changed[place:place] = changed[place : place + size] * random.choice((1, 2, 50))
        elif change == 6:
            changed += bytes(random.choice((1, 4096, 2**20)))
        elif tokens:
            token = random.choice(tokens)
            changed[place : place + random.choice((0, len(token)))] = token
    return bytes(changed)


def odd_entry(random: Random, path: Path) -> None:
    """Put something in the place of a file that is none."""
    path.unlink(missing_ok=True)
    kind = random.randrange(6)
    if kind == 0:
        os.mkfifo(path)
    elif kind == 1:
        path.mkdir()
    elif kind == 2:
        path.symlink_to("/dev/zero")
    elif kind == 3:
        path.symlink_to(path.name)  # to itself
    elif kind == 4:
        with path.open("wb") as file:
            file.truncate(3 * 2**30)
    else:
        here = Path.cwd()
        os.chdir(path.parent)  # the name of a socket may have 107 characters
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(path.name)
        os.chdir(here)
