"""What training and adaptation say where TensorFlow is not installed."""

from __future__ import annotations

import sys

import pytest

from ankle_predictor.training.needs_tensorflow import NETWORK, NetworkError, imported


@pytest.mark.parametrize("module", [NETWORK, "ankle_predictor.adaptation.user_layer"])
def test_without_tensorflow_a_sentence_says_what_to_install(module: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for cached in (module, NETWORK, "ankle_predictor.training.onnx_writer"):
        monkeypatch.delitem(sys.modules, cached, raising=False)
    for missing in ("tensorflow", "keras"):
        monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(NetworkError, match=r"adapting needs (keras|tensorflow), which is not installed: pip install"):
        imported(module, "adapting")
