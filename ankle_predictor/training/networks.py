"""Trained networks on disk: a task that needs one is given its name, and a second start finds it."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict
from functools import cache
from pathlib import Path

from ankle_predictor.model.bundle import Bundle, load_bundle, write_bundle
from ankle_predictor.model.manifest import BundleError
from ankle_predictor.training.devices import ANY_DEVICE, Devices, offer_gpus
from ankle_predictor.training.joint_training import learn_together
from ankle_predictor.training.learning import Job, learn
from ankle_predictor.training.needs_tensorflow import NETWORK, imported

NAME = 48  # digits of a network's digest in its name


def learned(
    job: Job, devices: Devices = ANY_DEVICE, on_progress: Callable[[str, float], None] = lambda _stage, _share: None
) -> str:
    """Return the name of the network that ``learn`` makes of walks; one that is there already is not made again.

    Args:
        job: what is to be learned.
        devices: that train it.
        on_progress: called with the current stage and the share of it that is done.
    """
    if devices.gpu:
        offer_gpus()
    name = _name_of(job, devices)
    try:
        load_bundle(name, [job.networks])
    except BundleError:
        if devices.count > 1:
            learn_together(job, name, devices.count, on_progress)
        else:
            keep(learn(job.walks, job.settings, job.until, on_progress), name, job.networks)
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


def _name_of(job: Job, devices: Devices) -> str:
    module = imported(NETWORK, "training")
    keys = [walk.folder.name for walk in job.walks]
    made_by = [_training_code(), module.software(), devices.count]
    text = json.dumps([keys, asdict(job.settings), job.until, *made_by], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:NAME]


@cache
def _training_code() -> str:
    """Return the SHA-256 of the code that networks are trained and exported by."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).resolve().parent.glob("*.py")):
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()
