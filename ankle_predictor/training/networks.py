"""Trained networks on disk: a task that needs one is given its name, and a second start finds it."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from functools import cache
from pathlib import Path

from ankle_predictor.model.bundle import Bundle, load_bundle, write_bundle
from ankle_predictor.model.manifest import BundleError
from ankle_predictor.training.feature_cache import StoredWalk
from ankle_predictor.training.learning import learn
from ankle_predictor.training.needs_tensorflow import NETWORK, imported
from ankle_predictor.training.settings import TrainSettings

NAME = 48  # digits of a network's digest in its name


def learned(
    walks: Sequence[StoredWalk],
    settings: TrainSettings,
    until: float,
    networks: Path,
    on_progress: Callable[[str, float], None] = lambda _stage, _share: None,
) -> str:
    """Return the name of the network that ``learn`` makes of walks; one that is there already is not made again.

    Args:
        walks: to learn from.
        settings: of the training.
        until: share of each walk's examples, in time order, to learn from.
        networks: the folder of the networks, at the same path on every machine.
        on_progress: called with the current stage and the share of it that is done.
    """
    name = _name_of(walks, settings, until)
    try:
        load_bundle(name, [networks])
    except BundleError:
        keep(learn(walks, settings, until, on_progress), name, networks)
    return name


def keep(bundle: Bundle, name: str, networks: Path) -> None:
    """Write a bundle into the folder of the networks; one of the same name is replaced."""
    networks.mkdir(parents=True, exist_ok=True)
    write_bundle(
        networks / name, dataclasses.replace(bundle.manifest, name=name), bundle.onnx, bundle.keras, replace=True
    )


def keep_by_content(bundle: Bundle, networks: Path) -> str:
    """Write a bundle under a name that is made from its content; return the name."""
    text = json.dumps(bundle.manifest.to_json(), sort_keys=True).encode()
    name = hashlib.sha256(text + bundle.onnx).hexdigest()[:NAME]
    keep(bundle, name, networks)
    return name


def network(name: str, networks: Path) -> Bundle:
    """Return a bundle from the folder of the networks.

    Raises:
        BundleError: it is not there, or damaged.
    """
    return load_bundle(name, [networks])


def _name_of(walks: Sequence[StoredWalk], settings: TrainSettings, until: float) -> str:
    module = imported(NETWORK, "training")
    keys = [walk.folder.name for walk in walks]
    text = json.dumps([keys, asdict(settings), until, _training_code(), module.software()], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:NAME]


@cache
def _training_code() -> str:
    """Return the SHA-256 of the code that networks are trained and exported by."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).resolve().parent.glob("*.py")):
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()
