"""Lists the models that can be chosen."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from ankle_predictor.model.bundle import MANIFEST, MAX_DEPTH, NAME


def model_names(directories: Sequence[Path]) -> list[str]:
    """Return the names under which ``load_weights`` finds a model, sorted, "base" first.

    Whether a model is sound is found out when it is loaded.

    Args:
        directories: the model directories; those that are missing or must not be read have no model.
    """
    names = {name for directory in directories for name in _below(directory, "", MAX_DEPTH)}
    return sorted(names, key=lambda name: (name != "base", name.lower()))


def _below(directory: Path, prefix: str, depth: int) -> Iterator[str]:
    try:
        inner = [path for path in directory.iterdir() if NAME.fullmatch(path.name) and path.is_dir()]
    except OSError:
        return
    for path in inner:
        if (path / MANIFEST).is_file():
            yield f"{prefix}{path.name}"
        elif depth > 1:
            yield from _below(path, f"{prefix}{path.name}/", depth - 1)
