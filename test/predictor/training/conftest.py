"""Fixtures of the tests of training."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

import pytest


@pytest.fixture(scope="module")
def network_module() -> Any:
    """The module that trains; it imports TensorFlow."""
    for library in ("tensorflow", "onnx"):
        if find_spec(library) is None:
            pytest.skip(f"{library} (requirements-train.txt) is not installed")
    from ankle_predictor.training import network  # noqa: PLC0415 - imports tensorflow

    return network
