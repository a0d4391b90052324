"""The modules that import TensorFlow, imported where they are needed; without it a sentence says so."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from ankle_imu_driver.refusal import Refusal

NETWORK = "ankle_predictor.training.network"


class NetworkError(Refusal):
    """A network that cannot be read or worked on, or there is nothing here that could; the message says why."""


def imported(module: str, doing: str) -> Any:
    """Return a module that needs TensorFlow.

    Args:
        module: its whole name.
        doing: what it is for, for the sentence.

    Raises:
        NetworkError: TensorFlow, or what comes with it, is not installed.
    """
    try:
        return import_module(module)
    except ImportError as error:
        raise NetworkError(
            f"{doing} needs {error.name}, which is not installed: pip install -r requirements-train.txt"
        ) from error
