"""What the command line takes as seconds, and what training says without TensorFlow."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable

import pytest

from ankle_predictor.arguments import duration, seconds_since
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


@pytest.mark.parametrize(("module", "name"), [(network_module, "network"), (last_layer_module, "last_layer")])
def test_without_tensorflow_a_sentence_says_what_to_install(
    module: Callable[[str], object], name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, f"ankle_predictor.training.{name}", None)
    with pytest.raises(NetworkError, match=r"adapting needs .*, which is not installed: pip install"):
        module("adapting")
