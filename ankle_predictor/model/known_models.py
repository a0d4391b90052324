"""The names of the models that there are, for a message to whoever asked for another one."""

from __future__ import annotations

import os
from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path

MOST_NAMED = 10


def model_names(directories: Sequence[Path], manifest: str) -> list[str]:
    """Return the names of the bundles in the model directories; a bundle is a folder with a file ``manifest``.

    Of a directory that must not be read nothing is returned.
    """
    names: set[str] = set()
    for directory in directories:
        try:
            entries = [entry.name for entry in os.scandir(directory) if entry.is_dir(follow_symlinks=False)]
        except OSError:
            continue
        names |= {name for name in entries if os.access(directory / name / manifest, os.R_OK)}
    return sorted(names)


def there_are(names: Sequence[str], asked: str) -> str:
    """Return a phrase that names them; if there are many, those that are most like the one that was asked for."""
    if not names:
        return "there are none in the model directories"
    if len(names) > MOST_NAMED:
        names = list(dict.fromkeys([*get_close_matches(asked, names, MOST_NAMED), *names]))
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    return f"there are {', '.join(names[:MOST_NAMED])}{more}"
