"""Inference: how the network's output becomes a forecast, and which networks are not run."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rigs.tiny_bundle import CHANGE, HORIZON, KERAS, MARGIN, tiny_manifest, tiny_onnx, write_tiny_bundle

from ankle_predictor.model.bundle import Bundle, load_bundle
from ankle_predictor.model.engine import InferenceEngine, load_engine
from ankle_predictor.model.features import SEGMENT_FEATURES, FeatureSpec
from ankle_predictor.model.manifest import BundleError, Canary, Intervals, Manifest, Output, Scaler
from ankle_predictor.model.onnx_guard import OnnxGuardError, checked_onnx

onnx = pytest.importorskip("onnx", reason="onnx, which comes with the training requirements, is not installed")

SPEC = FeatureSpec(window=3)
WIDTH = len(SEGMENT_FEATURES)
MANIFEST = tiny_manifest("tiny", SPEC)
NETWORK = tiny_onnx(SPEC)


def bundle_of(network: bytes = NETWORK, **changes: Any) -> Bundle:
    return Bundle("tiny", Path("tiny"), dataclasses.replace(MANIFEST, **changes), network, KERAS)


def windows(count: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(scale=0.3, size=(count, 3, WIDTH))


def edited(change: Any) -> bytes:
    model = onnx.load_from_string(NETWORK)
    change(model)
    return bytes(model.SerializeToString())


def rejection(bundle: Bundle) -> str:
    with pytest.raises(BundleError) as caught:
        load_engine(bundle)
    assert caught.value.code == "REJECTED"
    assert "\n" not in str(caught.value)
    return str(caught.value)


def linear(rng: np.random.Generator, columns: int) -> tuple[bytes, np.ndarray]:
    """A network that multiplies the flattened window, and its matrix (3 * WIDTH, columns)."""
    model = onnx.load_from_string(tiny_onnx(SPEC, change=0.0, horizon=columns))
    matrix = rng.normal(scale=0.01, size=(3 * WIDTH, columns)).astype(np.float32)
    model.graph.initializer[0].CopyFrom(onnx.numpy_helper.from_array(matrix, "w"))
    return model.SerializeToString(), matrix


def test_a_written_bundle_runs_and_forecasts_the_angle_now_plus_the_change(tmp_path: Path) -> None:
    write_tiny_bundle(tmp_path, "tiny", SPEC)
    engine = load_engine(load_bundle("tiny", [tmp_path]))
    window = windows(1)[0]
    forecast = engine.forecast(window)
    assert forecast.angle.shape == forecast.lower.shape == forecast.upper.shape == (HORIZON,)
    np.testing.assert_allclose(forecast.angle, window[-1, -2] + CHANGE, atol=1e-7)
    np.testing.assert_allclose(forecast.lower, forecast.angle - MARGIN)
    np.testing.assert_allclose(forecast.upper, forecast.angle + MARGIN)


def test_a_single_window_and_a_batch_agree() -> None:
    network, _ = linear(np.random.default_rng(1), HORIZON)
    engine = InferenceEngine(bundle_of(network))
    batch = engine.forecast_batch(windows(7))
    for k, window in enumerate(windows(7)):
        one = engine.forecast(window)
        np.testing.assert_allclose(one.angle, batch.angle[k], atol=1e-6)
        np.testing.assert_allclose(one.upper, batch.upper[k], atol=1e-6)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 1000), st.sampled_from(["delta", "absolute"]))
def test_scaler_and_output_kind_are_applied(seed: int, kind: Any) -> None:
    rng = np.random.default_rng(seed)
    network, matrix = linear(rng, HORIZON)
    offset, scale = rng.normal(size=WIDTH), rng.uniform(0.1, 9, WIDTH)
    engine = InferenceEngine(bundle_of(network, scaler=Scaler(tuple(offset), tuple(scale)), output=Output(kind, ())))
    window = windows(1, seed)[0]
    expected = ((window - offset) / scale).ravel() @ matrix + (window[-1, -2] if kind == "delta" else 0.0)
    np.testing.assert_allclose(engine.forecast(window).angle, expected, atol=1e-4)


def test_quantiles_are_the_interval_and_the_margin_widens_it() -> None:
    network, matrix = linear(np.random.default_rng(2), 3 * HORIZON)
    model = onnx.load_from_string(network)
    model.graph.node[-1].output[0] = "flat_y"
    model.graph.initializer.append(onnx.numpy_helper.from_array(np.array([-1, HORIZON, 3], np.int64), "shape"))
    model.graph.node.append(onnx.helper.make_node("Reshape", ["flat_y", "shape"], ["y"]))
    model.graph.output[0].CopyFrom(onnx.helper.make_tensor_value_info("y", 1, ["n", HORIZON, 3]))
    engine = InferenceEngine(bundle_of(model.SerializeToString(), output=Output("delta", (0.05, 0.5, 0.95))))
    window = windows(1)[0]
    forecast = engine.forecast(window)
    low, middle, high = (window.ravel() @ matrix).reshape(HORIZON, 3).T + window[-1, -2]
    np.testing.assert_allclose(forecast.angle, middle, atol=1e-5)
    np.testing.assert_allclose(forecast.lower, low - MARGIN, atol=1e-5)
    np.testing.assert_allclose(forecast.upper, high + MARGIN, atol=1e-5)


def test_other_features_are_incompatible() -> None:
    for spec in (FeatureSpec(names=SEGMENT_FEATURES[:-1]), FeatureSpec(names=SEGMENT_FEATURES[::-1])):
        manifest = tiny_manifest("tiny", dataclasses.replace(spec, window=3))
        with pytest.raises(BundleError, match="trained on other features") as caught:
            InferenceEngine(Bundle("tiny", Path("tiny"), manifest, NETWORK, KERAS))
        assert caught.value.code == "INCOMPATIBLE"


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"canary": Canary(MANIFEST.canary.window, (0.5,) * HORIZON)}, "rad off what it was"),
        ({"intervals": Intervals(0.9, (-1.0,) * HORIZON, "")}, "outside its own interval"),
        ({"intervals": Intervals(0.9, (1e6,) * HORIZON, "")}, "outside an ankle's range"),
    ],
)
def test_a_canary_that_fails_is_rejected(change: dict[str, Any], sentence: str) -> None:
    assert sentence in rejection(bundle_of(**change))


@pytest.mark.parametrize("change", [2.0, -7.0, float("nan"), float("inf")])
def test_a_network_that_forecasts_nonsense_is_rejected(change: float) -> None:
    assert "canary" in rejection(bundle_of(tiny_onnx(SPEC, change=change)))


@pytest.mark.parametrize(
    "network",
    [b"", b"not an onnx", NETWORK[:-40], NETWORK[: len(NETWORK) // 2], b"\xff" * 50, tiny_onnx(FeatureSpec(window=4))],
    ids=["empty", "text", "cut", "half", "ones", "other window"],
)
def test_other_files_and_networks_of_other_shapes_are_rejected(network: bytes) -> None:
    rejection(bundle_of(network))


def test_another_horizon_is_rejected() -> None:
    assert "instead of floats" in rejection(bundle_of(tiny_onnx(SPEC, horizon=20)))


def outside_weights(model: Any) -> None:
    tensor = model.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = onnx.TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="../../../etc/passwd")


def outside_constant(model: Any) -> None:
    node = model.graph.node.add(op_type="Constant", output=["c"])
    tensor = onnx.TensorProto(dims=[1], data_type=1, data_location=onnx.TensorProto.EXTERNAL)
    tensor.external_data.add(key="location", value="weights")
    node.attribute.append(onnx.helper.make_attribute("value", tensor))


def branch(model: Any) -> None:
    body = onnx.helper.make_graph([], "body", [], [])
    node = onnx.helper.make_node("If", ["x"], ["z"], then_branch=body, else_branch=body)
    model.graph.node.append(node)


def loop(model: Any) -> None:
    model.graph.node.append(
        onnx.helper.make_node("Loop", ["", ""], ["z"], body=onnx.helper.make_graph([], "b", [], []))
    )


def function(model: Any) -> None:
    model.functions.add(name="f", domain="d")


def many(model: Any) -> None:
    for _ in range(3000):
        model.graph.node.add(op_type="Identity", input=["x"])


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (outside_weights, "in another file"),
        (outside_constant, "in another file"),
        (lambda m: m.graph.node.add(op_type="Evil", domain="com.example"), "Evil of com.example"),
        (lambda m: m.graph.node.add(op_type="FusedMatMul", domain="com.microsoft"), "not one of ONNX's own"),
        (branch, "loops or branches"),
        (loop, "loops or branches"),
        (function, "functions"),
        (lambda m: m.graph.sparse_initializer.add(), "sparse"),
        (many, "operators, more than"),
        (lambda m: m.ClearField("graph"), "no graph"),
    ],
)
def test_networks_with_external_data_or_loops_are_rejected(change: Any, sentence: str) -> None:
    assert sentence in rejection(bundle_of(edited(change)))


@settings(max_examples=200, deadline=None)
@given(st.floats(0, 1, exclude_max=True), st.integers(1, 255))
def test_the_guard_accepts_or_refuses_any_damaged_file_in_one_sentence(where: float, flip: int) -> None:
    data = bytearray(NETWORK)
    data[int(where * len(data))] ^= flip
    for damaged in (bytes(data), NETWORK[: int(where * len(NETWORK))]):
        try:
            checked_onnx(damaged)
        except OnnxGuardError as error:
            assert "\n" not in str(error)  # noqa: PT017 - both outcomes are right


def test_no_tensorflow_in_the_process_that_forecasts(tmp_path: Path) -> None:
    write_tiny_bundle(tmp_path)
    code = (
        "import sys, numpy as np; from pathlib import Path\n"
        "from ankle_predictor.model.bundle import load_bundle; from ankle_predictor.model.engine import load_engine\n"
        f"engine = load_engine(load_bundle('tiny', [Path({str(tmp_path)!r})]))\n"
        "engine.forecast(np.zeros((200, 16)))\n"
        "print([m for m in ('tensorflow', 'keras', 'onnx') if m in sys.modules])\n"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (result.stdout.strip(), result.returncode) == ("[]", 0), result.stderr


def test_the_engine_has_the_manifest_of_its_bundle() -> None:
    assert isinstance(InferenceEngine(bundle_of()).manifest, Manifest)
