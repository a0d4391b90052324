"""Writes a Keras network as ONNX, layer by layer, with the operators that run fastest on a small computer.

Keras's own exporter (tf2onnx) converts TensorFlow's graph. It takes seconds, and its result has more than twice the
operators, most of which compute an initial state of zero. A tick at 100 Hz finds the caches cold, so every operator
costs time. The layers of our networks and of the reference's are known here; others are refused.

The input is the network's configuration, which is also Keras's file format. The operators are those of opset 17.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import onnx
from onnx import TensorProto, helper

from ankle_imu_driver.arrays import Float32Array
from ankle_predictor.training.onnx_graph import Graph
from ankle_predictor.training.onnx_layers import WRITERS, Layer

OPSET = 17
IR_VERSION = 8  # the format version that was current with this opset
BATCH = "batch"
PAIRS = ("Add", "Dot", "Subtract")  # layers of two inputs


def to_onnx(network: Any) -> bytes:
    """Return a functional Keras network with one input and one output as an ONNX file.

    Raises:
        NetworkError: the network has a layer, or a layer has a setting, that is not known here.
    """
    graph, outputs, config = Graph(), dict[str, str](), json.loads(network.to_json())["config"]
    weights = {layer.name: layer.get_weights() for layer in network.layers}
    for entry in config["layers"]:
        kind, name = str(entry["class_name"]), str(entry["config"]["name"])
        if kind == "InputLayer":
            outputs[name] = name
            continue
        layer = _layer(entry, weights.get(name, []), outputs)
        outputs[name] = WRITERS[kind](graph, layer)
    result = graph.add("Identity", [outputs[config["output_layers"][0]]])
    source = config["input_layers"][0]
    onnx_graph = helper.make_graph(
        graph.nodes,
        "network",
        [helper.make_tensor_value_info(source, TensorProto.FLOAT, [BATCH, *network.input_shape[1:]])],
        [helper.make_tensor_value_info(result, TensorProto.FLOAT, [BATCH, *network.output_shape[1:]])],
        graph.constants,
    )
    model = helper.make_model(onnx_graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION)
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString(deterministic=True))


def _layer(entry: dict[str, Any], weights: list[Float32Array], outputs: dict[str, str]) -> Layer:
    """Read a layer from its entry in the configuration; ``outputs`` maps layers that are written to tensor names.

    Raises:
        NetworkError: the layer is not known here, or is called in a way that is not.
    """
    kind, config, calls = str(entry["class_name"]), entry["config"], entry["inbound_nodes"]
    arguments = calls[0]["args"] if calls else []
    tensors = list(_tensors(arguments))
    inputs = [outputs[tensor["keras_history"][0]] for tensor in tensors]
    layer = Layer(config["name"], config, weights, arguments, inputs, [tensor["shape"] for tensor in tensors])
    layer.demand(kind in WRITERS, f"it is a {kind}, and only {', '.join(WRITERS)} are known")
    layer.demand(len(calls) == 1, f"it is used {len(calls)} times")
    layer.demand(not list(_tensors(list(calls[0]["kwargs"].values()))), "it takes more than its input")
    count = len(inputs) if kind == "Concatenate" else 2 if kind in PAIRS else 1
    layer.demand(len(inputs) == count, f"it takes {len(inputs)} layers' outputs instead of {count}")
    return layer


def _tensors(arguments: Any) -> Iterator[dict[str, Any]]:
    """Yield the configuration of each tensor among a call's arguments."""
    if isinstance(arguments, list):
        for argument in arguments:
            yield from _tensors(argument)
    elif isinstance(arguments, dict) and arguments.get("class_name") == "__keras_tensor__":
        yield arguments["config"]
