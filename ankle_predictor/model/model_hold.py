"""Holds a model while it is in use, so that no other process, and no other leg in this one, replaces it meanwhile.

A hold is a shared lock (flock(2)) on the bundle's directory, and a writer needs an exclusive one. The kernel gives it
back when the process ends, however it ends. Where a file system has no locks nothing is held.
"""

from __future__ import annotations

import fcntl
import os
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ankle_predictor.model.manifest import BundleError


class ModelInUseError(BundleError):
    """A model that must not be replaced, because a predictor uses it."""

    def __init__(self, path: Path) -> None:
        super().__init__(
            "REJECTED", f"model {path.name} in {path.parent} is in use by another predictor; give another name"
        )


class ModelHold:
    """Holds one model at a time. It ends with the object."""

    def __init__(self) -> None:
        """Hold nothing."""
        self._release: Callable[[], Any] = _nothing

    def take(self, path: Path) -> None:
        """Hold the bundle in a directory from now on, and no other one."""
        handle = _opened(path)
        if handle is not None and not _locked(handle, fcntl.LOCK_SH):
            os.close(handle)  # it is being replaced just now; what was loaded stays as it is
            handle = None
        self.release()
        if handle is not None:
            self._release = weakref.finalize(self, os.close, handle)

    def release(self) -> None:
        """Hold nothing any more."""
        self._release()
        self._release = _nothing


def check_not_in_use(path: Path) -> None:
    """Check whether a bundle may be replaced.

    Raises:
        ModelInUseError: a predictor uses it.
    """
    with replacing(path):
        pass


@contextmanager
def replacing(path: Path) -> Iterator[None]:
    """Keep others from taking hold of a bundle while it is replaced; nothing is done where there is none yet.

    Raises:
        ModelInUseError: a predictor uses it.
    """
    handle = _opened(path)
    if handle is None:
        yield
        return
    try:
        if not _locked(handle, fcntl.LOCK_EX):
            raise ModelInUseError(path)
        yield
    finally:
        os.close(handle)


def _nothing() -> None:
    pass


def _opened(path: Path) -> int | None:
    """Return a handle of a directory; None if there is none, or nobody may look at it."""
    try:
        return os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        return None


def _locked(handle: int, kind: int) -> bool:
    """Lock an open directory without waiting; return False if others have it locked."""
    try:
        fcntl.flock(handle, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # a file system without locks, such as some network shares: as if there were no others
        return True
    return True
