"""Temporary folders that are removed even if the process that made them was killed."""

from __future__ import annotations

import fcntl
import os
import shutil
import stat
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def scratch_folder(parent: Path, prefix: str) -> Iterator[Path]:
    """Make a folder and remove it at the end; a lock on it says that its process lives, see ``sweep``.

    Args:
        parent: where it is made.
        prefix: of its name; no other program's folders may begin with it.
    """
    folder, handle = _locked(parent, prefix)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(handle)


def _locked(parent: Path, prefix: str) -> tuple[Path, int]:
    while True:
        folder = Path(tempfile.mkdtemp(dir=parent, prefix=prefix))
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        fcntl.flock(handle, fcntl.LOCK_EX)
        if folder.exists():
            return folder, handle
        os.close(handle)  # swept in the moment before it was locked


def sweep(parent: Path, prefix: str, rescue: Callable[[Path], None] = lambda _folder: None) -> int:
    """Remove the folders that killed processes of this user have left; return how many.

    Args:
        parent: where they were made; may be missing.
        prefix: of their names.
        rescue: called with each folder before it is removed.

    Raises:
        OSError: ``rescue`` failed.
    """
    try:
        left = [Path(entry.path) for entry in os.scandir(parent) if entry.name.startswith(prefix)]
    except OSError:  # no such folder, or one that this user may not read: nothing of ours can be in it
        return 0
    return sum(_removed(folder, rescue) for folder in left)


def _removed(folder: Path, rescue: Callable[[Path], None]) -> bool:
    try:
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError:  # a file, a link, another user's, or gone by now
        return False
    try:
        found = os.fstat(handle)
        if found.st_uid != os.getuid() or not stat.S_ISDIR(found.st_mode):
            return False
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:  # its process lives
            return False
        if not folder.exists():  # its process has just removed it
            return False
        rescue(folder)
        shutil.rmtree(folder, ignore_errors=True)
        return True
    finally:
        os.close(handle)
