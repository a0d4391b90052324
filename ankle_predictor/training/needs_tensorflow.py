"""The modules that import TensorFlow, imported where they are needed; without it a sentence says so."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from ankle_imu_driver.refusal import Refusal


class NetworkError(Refusal):
    """A network that cannot be read or worked on, or there is nothing here that could; the message says why."""


def network_module(doing: str) -> Any:
    """Return ``ankle_predictor.training.network``.

    Args:
        doing: what it is for, for the sentence.

    Raises:
        NetworkError: TensorFlow, or what comes with it, is not installed.
    """
    return _imported("network", doing)


def last_layer_module(doing: str) -> Any:
    """Return ``ankle_predictor.adaptation.user_layer``; see ``network_module``."""
    return _imported("last_layer", doing)


def _imported(name: str, doing: str) -> Any:
    try:
        return import_module(f"ankle_predictor.training.{name}")
    except ImportError as error:
        raise NetworkError(
            f"{doing} needs {error.name}, which is not installed: pip install -r requirements-train.txt"
        ) from error
