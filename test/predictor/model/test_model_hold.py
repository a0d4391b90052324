"""A model that a predictor uses is not replaced, by this process or another one."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from rigs.tiny_bundle import write_tiny_bundle

from ankle_predictor.model.bundle import check_writable, free_version, load_bundle, write_bundle
from ankle_predictor.model.features import FeatureSpec
from ankle_predictor.model.model_hold import ModelHold, ModelInUseError

HOLDER = """
import sys
from pathlib import Path
from ankle_predictor.model.model_hold import ModelHold
hold = ModelHold()
hold.take(Path(sys.argv[1]))
print("held", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def model(tmp_path: Path) -> Path:
    pytest.importorskip("onnx", reason="onnx, which comes with the training requirements, is not installed")
    write_tiny_bundle(tmp_path, "anna", FeatureSpec(window=50))
    return tmp_path / "anna"


def rewrite(model: Path) -> None:
    bundle = load_bundle(model.name, [model.parent])
    write_bundle(model, bundle.manifest, bundle.onnx, bundle.keras, replace=True)


def test_a_model_in_use_is_not_replaced_but_given_back_it_is(model: Path) -> None:
    left, right = ModelHold(), ModelHold()
    left.take(model)
    right.take(model)
    left.release()
    before = (model / "bundle.json").stat().st_ino
    with pytest.raises(ModelInUseError, match=r"model anna in .* is in use by another predictor; give another name"):
        rewrite(model)
    with pytest.raises(ModelInUseError):
        check_writable(model, replace=True)
    assert (model / "bundle.json").stat().st_ino == before
    assert sorted(path.name for path in model.parent.iterdir()) == ["anna"]
    right.take(model.parent / "gone")
    rewrite(model)
    assert (model / "bundle.json").stat().st_ino != before


def test_a_hold_ends_with_its_object(model: Path) -> None:
    hold = ModelHold()
    hold.take(model)
    del hold
    check_writable(model, replace=True)


def test_another_process_holds_a_model_until_it_is_killed(model: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(model)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"held\n"
        with pytest.raises(ModelInUseError):
            rewrite(model)
        other.kill()
    rewrite(model)


def test_while_a_name_is_in_use_the_next_version_is_free(model: Path) -> None:
    assert free_version(model) == model
    assert free_version(model.with_name("bert")) == model.with_name("bert")
    hold = ModelHold()
    hold.take(model)
    assert free_version(model) == model.with_name("anna_2")
    write_tiny_bundle(model.parent, "anna_2", FeatureSpec(window=50))
    assert free_version(model) == model.with_name("anna_3")
    hold.release()
    assert free_version(model) == model
