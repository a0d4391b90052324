"""What the command line takes as seconds, and what training says without TensorFlow."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable

import pytest

from ankle_predictor.command_line import duration, seconds_since
from ankle_predictor.training.needs_tensorflow import NetworkError, last_layer_module, network_module


@pytest.mark.parametrize(("kind", "text"), [(duration, "0.5"), (seconds_since, "0"), (seconds_since, "12.5")])
def test_seconds_are_taken(kind: Callable[[str], float], text: str) -> None:
    assert kind(text) == float(text)


@pytest.mark.parametrize("kind", [duration, seconds_since])
@pytest.mark.parametrize("text", ["", "soon", "-1", "nan", "inf"])
def test_what_is_no_seconds_is_refused(kind: Callable[[str], float], text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match=f"seconds .*not '{text}'"):
        kind(text)


def test_nothing_lasts_no_time() -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="above 0"):
        duration("0")


@pytest.mark.parametrize("module", [network_module, last_layer_module])
def test_without_tensorflow_a_sentence_says_what_to_install(
    module: Callable[[str], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    for cached in ("network", "last_layer", "onnx_writer"):
        monkeypatch.delitem(sys.modules, f"ankle_predictor.training.{cached}", raising=False)
    for missing in ("tensorflow", "keras"):
        monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(NetworkError, match=r"adapting needs (keras|tensorflow), which is not installed: pip install"):
        module("adapting")
