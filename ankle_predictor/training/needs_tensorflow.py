"""Imports a module that needs TensorFlow, or says in one sentence that it is not installed."""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path
from typing import Any

from ankle_imu_driver.refusal import Refusal

PROC = Path("/proc/self/stat")
NETWORK = "ankle_predictor.training.network"


class NetworkError(Refusal):
    """A network that cannot be read, adapted or exported, or TensorFlow is missing; the message says why."""


def imported(module: str, doing: str) -> Any:
    """Return a module that needs TensorFlow.

    Args:
        module: its full name.
        doing: what it is needed for, for the message.

    Raises:
        NetworkError: TensorFlow or one of its companions is not installed, or would abort this process here.
    """
    if sys.platform == "linux" and not PROC.exists():  # TensorFlow reads it when it is imported, and aborts
        raise NetworkError(f"{doing} needs /proc, which is not mounted here and which TensorFlow reads; mount it")
    try:
        return import_module(module)
    except ImportError as error:
        raise NetworkError(
            f"{doing} needs {error.name}, which is not installed: pip install -r requirements-train.txt"
        ) from error
