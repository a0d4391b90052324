"""Replaces a folder by another one in a single step (Linux)."""

from __future__ import annotations

import ctypes
import errno
import os
from pathlib import Path

AT_FDCWD, RENAME_EXCHANGE = -100, 2  # <fcntl.h>, <linux/fs.h>


def exchange(fresh: Path, path: Path, old: Path) -> None:
    """Put a new folder in the place of another one, so that one of them is there at any moment.

    Where the file system cannot exchange two folders in one step there is a moment with neither; if the process is
    killed in it, the old one is found in ``old``, under its name.

    Args:
        fresh: the new folder.
        path: the folder to replace; it is then at ``fresh``, or in ``old`` where it had to be moved out of the way.
        old: a folder that does not exist yet.

    Raises:
        OSError: it could not be replaced.
    """
    renameat2 = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if renameat2 is not None:
        renamed = renameat2(AT_FDCWD, os.fsencode(fresh), AT_FDCWD, os.fsencode(path), RENAME_EXCHANGE)
        if renamed == 0:
            return
        if (number := ctypes.get_errno()) not in (errno.EINVAL, errno.ENOSYS):
            raise OSError(number, os.strerror(number))
    old.mkdir()
    kept = path.rename(old / path.name)
    try:
        fresh.rename(path)
    except BaseException:
        kept.rename(path)
        raise
