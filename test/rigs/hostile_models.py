"""Bundles that pass every check of their files and are bad all the same; each has a canary that agrees with it."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ankle_predictor.model.bundle import Bundle, write_bundle
from ankle_predictor.model.engine import InferenceEngine
from ankle_predictor.model.features import ANGLE_FEATURE, SEGMENT_FEATURES, FeatureSpec
from ankle_predictor.model.manifest import Canary, Intervals, Output
from rigs.tiny_bundle import HORIZON, KERAS, tiny_manifest, tiny_onnx

onnx = pytest.importorskip("onnx", reason="onnx, which comes with the training requirements, is not installed")

ANGLE = SEGMENT_FEATURES.index(ANGLE_FEATURE)
RATE = ANGLE + 1


def network(
    nodes: Sequence[Any], weights: dict[str, np.ndarray] | None = None, spec: FeatureSpec | None = None
) -> bytes:
    """The tiny network (persistence), with operators between its output ``m`` and ``y``."""
    model = onnx.load_from_string(tiny_onnx(spec))
    add = model.graph.node.pop()
    model.graph.node.extend(nodes)
    model.graph.node.append(add)
    for name, value in (weights or {}).items():
        model.graph.initializer.append(onnx.numpy_helper.from_array(value, name))
    return bytes(model.SerializeToString())


def op(kind: str, inputs: list[str], outputs: list[str], **attributes: Any) -> Any:
    return onnx.helper.make_node(kind, inputs, outputs, **attributes)


def linear(matrix: np.ndarray, spec: FeatureSpec | None = None) -> bytes:
    """A network that multiplies the flattened window, (W * F, H)."""
    model = onnx.load_from_string(tiny_onnx(spec, change=0.0))
    model.graph.initializer[0].CopyFrom(onnx.numpy_helper.from_array(matrix.astype(np.float32), "w"))
    return bytes(model.SerializeToString())


def reading(column: int, gain: np.ndarray, spec: FeatureSpec | None = None) -> bytes:
    """A network whose output is the newest value of one feature times (H,) gains."""
    spec = spec or FeatureSpec()
    matrix = np.zeros((spec.window * len(spec.names), HORIZON))
    matrix[(spec.window - 1) * len(spec.names) + column] = gain
    return linear(matrix, spec)


def slow(layers: int, size: int = 1500) -> bytes:
    """A network of many large products."""
    nodes = [op("MatMul", ["m", "in"], ["s0"])]
    nodes += [op("MatMul", [f"s{k}", "big"], [f"s{k + 1}"]) for k in range(layers)]
    nodes.append(op("MatMul", [f"s{layers}", "out"], ["slow"]))
    rng = np.random.default_rng(0)
    big = rng.normal(scale=size**-0.5, size=(size, size)).astype(np.float32)
    weights = {"in": rng.normal(size=(HORIZON, size)).astype(np.float32), "big": big, "out": np.zeros((size, HORIZON))}
    return network(nodes, {name: value.astype(np.float32) for name, value in weights.items()})


def large(doublings: int) -> bytes:
    """A network whose tensors grow twofold with every operator."""
    nodes = [op("Concat", [f"d{k}" if k else "m"] * 2, [f"d{k + 1}"], axis=1) for k in range(doublings)]
    return network([*nodes, op("ReduceMean", [f"d{doublings}"], ["mean"], axes=[1], keepdims=1)])


def bundle(onnx_bytes: bytes, name: str = "hostile", *, asked: bool = True, **changes: Any) -> Bundle:
    """A bundle of a network, whose canary has what the network says; not asked is one that takes minutes or GiB."""
    manifest = dataclasses.replace(tiny_manifest(name, changes.pop("spec", None)), **changes)
    if asked:
        window = np.array(manifest.canary.window)
        angle = InferenceEngine(Bundle("asked", Path(), manifest, onnx_bytes, KERAS)).forecast(window).angle
        manifest = dataclasses.replace(manifest, canary=Canary(manifest.canary.window, tuple(angle.tolist())))
    return Bundle(name, Path(name), manifest, onnx_bytes, KERAS)


def write(folder: Path, made: Bundle) -> None:
    write_bundle(folder / made.name, made.manifest, made.onnx, made.keras)


def without_width() -> Bundle:
    return bundle(tiny_onnx(), intervals=Intervals(0.9, (0.0,) * HORIZON, "none"))


def mirrored() -> Bundle:
    """Forecasts what the ankle does the wrong way round."""
    return bundle(reading(RATE, -0.01 * np.arange(1, HORIZON + 1)))


def constant(offset: float) -> Bundle:
    """Forecasts the angle now plus some rad."""
    return bundle(tiny_onnx(change=offset))


def inverted_when_moving() -> Bundle:
    """Has an interval on its canary window, and the ends of the interval change places when the foot turns fast."""
    spec = FeatureSpec()
    matrix = np.zeros((spec.window * len(spec.names), 3 * HORIZON))
    matrix[(spec.window - 1) * len(spec.names) + RATE] = np.tile([0.1, 0.0, -0.1], HORIZON)
    model = onnx.load_from_string(tiny_onnx(spec, change=0.0, horizon=3 * HORIZON))
    model.graph.initializer[0].CopyFrom(onnx.numpy_helper.from_array(matrix.astype(np.float32), "w"))
    model.graph.node[-1].output[0] = "flat_y"
    model.graph.initializer.append(onnx.numpy_helper.from_array(np.array([-1, HORIZON, 3], np.int64), "shape"))
    model.graph.node.append(op("Reshape", ["flat_y", "shape"], ["y"]))
    model.graph.output[0].CopyFrom(onnx.helper.make_tensor_value_info("y", 1, ["n", HORIZON, 3]))
    return bundle(model.SerializeToString(), output=Output("delta", (0.05, 0.5, 0.95)))


def not_finite_when_moving() -> Bundle:
    """Forecasts NaN while the shank leans back, which it does not in the canary window."""
    spec = FeatureSpec()
    matrix = np.zeros((spec.window * len(spec.names), HORIZON), np.float32)
    matrix[(spec.window - 1) * len(spec.names) + RATE] = 1.0
    weights = {"pick": matrix, "far": np.full(HORIZON, 1.5, np.float32), "zero": np.zeros(HORIZON, np.float32)}
    nodes = [
        op("MatMul", ["flat", "pick"], ["p"]),
        op("Add", ["p", "far"], ["q"]),
        op("Sqrt", ["q"], ["r"]),
        op("Mul", ["r", "zero"], ["s"]),
        op("Add", ["m", "s"], ["t"]),
    ]
    model = onnx.load_from_string(network(nodes, weights, spec))
    model.graph.node[-1].input[0] = "t"
    return bundle(model.SerializeToString())


def _depending_on_data(nodes: Sequence[Any], weights: dict[str, np.ndarray], spec: FeatureSpec) -> bytes:
    """A network that the guard refuses: persistence plus ``extra``, from ``beyond``: the largest input above 5, or 0.

    No value of the canary window is that large; the gravity of any real window is.
    """
    model = onnx.load_from_string(tiny_onnx(spec))
    model.graph.node[-1].output[0] = "plain"
    model.graph.initializer.append(onnx.numpy_helper.from_array(np.array(-5.0, np.float32), "minus5"))
    for name, value in weights.items():
        model.graph.initializer.append(onnx.numpy_helper.from_array(value, name))
    model.graph.node.extend(
        [
            op("Add", ["x", "minus5"], ["less"]),
            op("Relu", ["less"], ["above"]),
            op("ReduceMax", ["above"], ["beyond"], keepdims=0),
            *nodes,
            op("Add", ["plain", "extra"], ["y"]),
        ]
    )
    return bytes(model.SerializeToString())


def hanging(spec: FeatureSpec) -> bytes:
    """A network that counts for years on a real window."""
    helper, kinds = onnx.helper, onnx.TensorProto
    count = helper.make_tensor_value_info
    body = helper.make_graph(
        [op("Identity", ["go"], ["still"]), op("Add", ["sum", "sum"], ["next"])],
        "body",
        [count("k", kinds.INT64, []), count("go", kinds.BOOL, []), count("sum", kinds.FLOAT, [])],
        [count("still", kinds.BOOL, []), count("next", kinds.FLOAT, [])],
    )
    nodes = [
        op("Mul", ["beyond", "many"], ["turns_f"]),
        op("Cast", ["turns_f"], ["turns"], to=kinds.INT64),
        op("Loop", ["turns", "yes", "zero"], ["extra"], body=body),
    ]
    weights = {"many": np.array(1e15, np.float32), "yes": np.array(True), "zero": np.array(0.0, np.float32)}
    return _depending_on_data(nodes, weights, spec)


def failing(spec: FeatureSpec) -> bytes:
    """A network that looks beyond the end of a table on a real window."""
    nodes = [
        op("Cast", ["beyond"], ["place"], to=onnx.TensorProto.INT64),
        op("Gather", ["table", "place"], ["extra"]),
    ]
    return _depending_on_data(nodes, {"table": np.zeros(1, np.float32)}, spec)
