"""What training and adaptation say where TensorFlow is not installed."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from ankle_predictor.training import needs_tensorflow
from ankle_predictor.training.needs_tensorflow import NETWORK, NetworkError, imported


@pytest.mark.parametrize("module", [NETWORK, "ankle_predictor.adaptation.user_layer"])
def test_without_tensorflow_a_sentence_says_what_to_install(module: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for cached in (module, NETWORK, "ankle_predictor.training.onnx_writer"):
        monkeypatch.delitem(sys.modules, cached, raising=False)
    for missing in ("tensorflow", "keras"):
        monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(NetworkError, match=r"adapting needs (keras|tensorflow), which is not installed: pip install"):
        imported(module, "adapting")


def test_without_proc_a_sentence_says_so_before_tensorflow_aborts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(needs_tensorflow, "PROC", Path("/nowhere/self/stat"))
    with pytest.raises(NetworkError, match=r"adapting needs /proc, which is not mounted here .*; mount it"):
        imported(NETWORK, "adapting")
