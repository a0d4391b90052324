"""A bundle that is small enough to write in a test: its network forecasts the present ankle angle plus a constant."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ankle_predictor.model.bundle import write_bundle
from ankle_predictor.model.features import SEGMENT_FEATURES, FeatureSpec
from ankle_predictor.model.manifest import Canary, Intervals, Manifest, Metric, Output, Scaler, Training

HORIZON = 50
MARGIN = 0.05  # rad
CHANGE = 0.01  # rad, which the network adds to the present angle at every step
KERAS = b"no node opens this"


def tiny_manifest(name: str = "tiny", spec: FeatureSpec | None = None) -> Manifest:
    spec = spec or FeatureSpec()
    width = len(spec.names)
    window = np.round(np.random.default_rng(0).normal(scale=0.1, size=(spec.window, width)), 6)
    angle = window[-1, -2] + CHANGE if spec.names == SEGMENT_FEATURES else CHANGE
    return Manifest(
        name=name,
        parent=None,
        side="right",
        features=spec,
        horizon=HORIZON,
        scaler=Scaler((0.0,) * width, (1.0,) * width),
        output=Output("delta", ()),
        intervals=Intervals(0.9, (MARGIN,) * HORIZON, "made up for tests"),
        canary=Canary(tuple(map(tuple, window.tolist())), (float(angle),) * HORIZON),
        metrics=(Metric("LOG2", 150.0, 180.0, "held-out end", 100, 1.5, 2.5, 0.9),),
        training=Training("0" * 64, {"LOG2": "1" * 64}, {"seed": 0.0}, {"keras": "3"}),
        files={},
    )


def tiny_onnx(spec: FeatureSpec | None = None, change: float = CHANGE, horizon: int = HORIZON) -> bytes:
    """A network (batch, window, features) -> (batch, horizon) that gives a constant."""
    onnx = pytest.importorskip("onnx", reason="onnx, which comes with the training requirements, is not installed")
    spec = spec or FeatureSpec()
    helper, size = onnx.helper, spec.window * len(spec.names)
    weights = onnx.numpy_helper.from_array(np.zeros((size, horizon), np.float32), "w")
    bias = onnx.numpy_helper.from_array(np.full(horizon, change, np.float32), "b")
    nodes = [
        helper.make_node("Flatten", ["x"], ["flat"], axis=1),
        helper.make_node("MatMul", ["flat", "w"], ["m"]),
        helper.make_node("Add", ["m", "b"], ["y"]),
    ]
    ends = [
        helper.make_tensor_value_info("x", 1, ["n", spec.window, len(spec.names)]),
        helper.make_tensor_value_info("y", 1, ["n", horizon]),
    ]
    graph = helper.make_graph(nodes, "tiny", ends[:1], ends[1:], [weights, bias])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 15)], ir_version=8)
    return model.SerializeToString()


def write_tiny_bundle(models_dir: Path, name: str = "tiny", spec: FeatureSpec | None = None) -> Path:
    """Write a bundle that loads and runs; returns its directory."""
    write_bundle(models_dir / name, tiny_manifest(name, spec), tiny_onnx(spec), KERAS)
    return models_dir / name
