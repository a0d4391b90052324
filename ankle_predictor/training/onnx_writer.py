"""Writes a Keras network as ONNX, layer by layer, with the operators that a small computer runs fastest.

Keras's own exporter (tf2onnx) goes through TensorFlow's graph: it takes seconds, and what it writes has more than twice
the operators, most of them to work out a state that is zero. A tick of 100 Hz finds the caches cold, and pays for each
of them. The layers that our networks and the reference's are made of are known here; others are refused.

Read from the network's configuration, which is Keras's file format; the operators are those of opset 17.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper

from ankle_imu_driver.arrays import Float32Array
from ankle_predictor.training.needs_tensorflow import NetworkError
from ankle_predictor.training.onnx_graph import Graph

OPSET = 17
IR_VERSION = 8  # the one that came with the operators
BATCH = "batch"
ACTIVATIONS = {
    "linear": None,
    "exponential": "Exp",
    "relu": "Relu",
    "sigmoid": "Sigmoid",
    "softplus": "Softplus",
    "tanh": "Tanh",
}
PAIRS = ("Add", "Dot", "Subtract")
LSTM_SETTINGS = {
    "activation": "tanh",
    "recurrent_activation": "sigmoid",
    "return_state": False,
    "stateful": False,
    "use_bias": True,
}


def written(network: Any) -> bytes:
    """Return a functional Keras network of one input and one output as an ONNX file.

    Raises:
        NetworkError: it has a layer, or a layer's setting, that is not known here.
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
    entry_name = config["input_layers"][0]
    described = helper.make_graph(
        graph.nodes,
        "network",
        [helper.make_tensor_value_info(entry_name, TensorProto.FLOAT, [BATCH, *network.input_shape[1:]])],
        [helper.make_tensor_value_info(result, TensorProto.FLOAT, [BATCH, *network.output_shape[1:]])],
        graph.constants,
    )
    model = helper.make_model(described, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION)
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString(deterministic=True))


@dataclass(frozen=True)
class _Layer:
    """One layer and how it is called: the tensors that go in, by name and by shape, and all arguments."""

    name: str
    config: dict[str, Any]
    weights: list[Float32Array]
    arguments: list[Any]
    inputs: list[str]
    shapes: list[list[int | None]]

    def demand(self, is_so: bool, what: str) -> None:
        """Refuse a layer that is otherwise.

        Raises:
            NetworkError: it is.
        """
        if not is_so:
            raise NetworkError(f"its layer {self.name} cannot be exported: {what}")

    def demand_settings(self, **settings: Any) -> None:
        """Refuse a layer that is set otherwise."""
        for name, wanted in settings.items():
            self.demand(self.config.get(name) == wanted, f"{name} is {self.config.get(name)!r} instead of {wanted!r}")


def _layer(entry: dict[str, Any], weights: list[Float32Array], outputs: dict[str, str]) -> _Layer:
    kind, config, calls = str(entry["class_name"]), entry["config"], entry["inbound_nodes"]
    arguments = calls[0]["args"] if calls else []
    tensors = list(_tensors(arguments))
    inputs = [outputs[tensor["keras_history"][0]] for tensor in tensors]
    layer = _Layer(config["name"], config, weights, arguments, inputs, [tensor["shape"] for tensor in tensors])
    layer.demand(kind in WRITERS, f"it is a {kind}, and only {', '.join(WRITERS)} are known")
    layer.demand(len(calls) == 1, f"it is used {len(calls)} times")
    layer.demand(not list(_tensors(list(calls[0]["kwargs"].values()))), "it takes more than its input")
    count = len(inputs) if kind == "Concatenate" else 2 if kind in PAIRS else 1
    layer.demand(len(inputs) == count, f"it takes {len(inputs)} layers' outputs instead of {count}")
    return layer


def _tensors(arguments: Any) -> Iterator[dict[str, Any]]:
    """Yield what is said of the tensors among a call's arguments."""
    if isinstance(arguments, list):
        for argument in arguments:
            yield from _tensors(argument)
    elif isinstance(arguments, dict) and arguments.get("class_name") == "__keras_tensor__":
        yield arguments["config"]


def _activated(graph: Graph, layer: _Layer, values: str) -> str:
    name = layer.config["activation"]
    layer.demand(isinstance(name, str) and name in ACTIVATIONS, f"its activation is {name!r}")
    operator = ACTIVATIONS[name]
    return values if operator is None else graph.add(operator, [values])


def _same(_graph: Graph, layer: _Layer) -> str:
    return layer.inputs[0]


def _activation(graph: Graph, layer: _Layer) -> str:
    return _activated(graph, layer, layer.inputs[0])


def _dense(graph: Graph, layer: _Layer) -> str:
    layer.demand(len(layer.weights) == 1 + layer.config["use_bias"], "it has other weights than kernel and bias")
    values = graph.add("MatMul", [*layer.inputs, graph.constant(layer.weights[0])])
    for bias in layer.weights[1:]:
        values = graph.add("Add", [values, graph.constant(bias)])
    return _activated(graph, layer, values)


def _time_distributed(graph: Graph, layer: _Layer) -> str:
    inner = layer.config["layer"]
    layer.demand(inner["class_name"] == "Dense", f"it is made of {inner['class_name']} instead of Dense")
    return _dense(graph, dataclasses.replace(layer, config=inner["config"]))  # which works on the last axis anyway


def _relu(graph: Graph, layer: _Layer) -> str:
    layer.demand_settings(max_value=None, negative_slope=0.0, threshold=0.0)
    return graph.add("Relu", layer.inputs)


def _mean(graph: Graph, layer: _Layer) -> str:
    layer.demand_settings(axis=1, keepdims=True)
    rows = _rows(layer)
    return graph.mixed(layer.inputs[0], np.full((1, rows), 1.0 / rows))


def _average_pooling(graph: Graph, layer: _Layer) -> str:
    """Average by a matrix: one small product, where ONNX's own pooling needs its input turned around twice."""
    (size,), rows = layer.config["pool_size"], _rows(layer)
    layer.demand_settings(strides=[size], padding="valid", data_format="channels_last")
    averages = np.kron(np.eye(rows // size), np.full(size, 1.0 / size))
    return graph.mixed(layer.inputs[0], np.pad(averages, ((0, 0), (0, rows % size))))


def _rows(layer: _Layer) -> int:
    """Return the rows of a layer's input, (batch, rows, features)."""
    shape = layer.shapes[0]
    layer.demand(len(shape) == 3, f"its input has {len(shape)} axes instead of 3")
    layer.demand(shape[1] is not None, "its input is of any length")
    assert shape[1] is not None
    return shape[1]


def _lstm(graph: Graph, layer: _Layer) -> str:
    return _recurrent(graph, layer, [layer.config], "forward")


def _bidirectional(graph: Graph, layer: _Layer) -> str:
    layer.demand_settings(merge_mode="concat")
    parts = [layer.config["layer"], layer.config["backward_layer"]]
    layer.demand(all(part["class_name"] == "LSTM" for part in parts), "it is not made of LSTM")
    return _recurrent(graph, layer, [part["config"] for part in parts], "bidirectional")


def _recurrent(graph: Graph, layer: _Layer, configs: Sequence[dict[str, Any]], direction: str) -> str:
    """Let the state start at zero, as ONNX does where none is given."""
    for k, config in enumerate(configs):
        dataclasses.replace(layer, config=config).demand_settings(**LSTM_SETTINGS, go_backwards=k == 1)
    units, is_sequence = configs[0]["units"], configs[0]["return_sequences"]
    parts = [layer.weights[k : k + 3] for k in range(0, len(layer.weights), 3)]
    # (directions, 4 units, inputs); Keras has a column for each number, the gates in another order.
    kernel, recurrent = (np.stack([_gates(part[k]).T for part in parts]) for k in (0, 1))
    bias = np.stack([np.concatenate([_gates(part[2]), np.zeros(4 * units)]) for part in parts])
    rows = graph.rows_first.get(layer.inputs[0]) or graph.add("Transpose", layer.inputs, perm=[1, 0, 2])
    inputs = [rows, *(graph.constant(values) for values in (kernel, recurrent, bias))]
    # All rows of it are the first output, the last one is the second.
    states = graph.add("LSTM", inputs, output=0 if is_sequence else 1, hidden_size=units, direction=direction)
    # (rows, directions, batch, units), or without rows, to both directions side by side
    turned = graph.add("Transpose", [states], perm=[0, 2, 1, 3] if is_sequence else [1, 0, 2])
    shape = [0, 0, units * len(parts)] if is_sequence else [0, units * len(parts)]
    beside = graph.add("Reshape", [turned, graph.constant(shape, np.int64)])
    return graph.turned(beside) if is_sequence else beside


def _gates(columns: Float32Array) -> Float32Array:
    """Put the last axis, in Keras's order input, forget, cell, output, into ONNX's: input, output, forget, cell."""
    gates = np.split(columns, 4, axis=-1)
    return np.concatenate([gates[k] for k in (0, 3, 1, 2)], axis=-1)


def _layer_normalization(graph: Graph, layer: _Layer) -> str:
    last, axis = len(layer.shapes[0]) - 1, layer.config["axis"]
    layer.demand_settings(center=True, scale=True)
    layer.demand(not layer.config.get("rms_scaling"), "rms_scaling is set")
    layer.demand(axis in (-1, [-1], last, [last]), f"it normalises axis {axis}, not the last")
    weights = [graph.constant(values) for values in layer.weights]
    return graph.add("LayerNormalization", [*layer.inputs, *weights], axis=-1, epsilon=layer.config["epsilon"])


def _reshape(graph: Graph, layer: _Layer) -> str:
    return graph.add("Reshape", [*layer.inputs, graph.constant([0, *layer.config["target_shape"]], np.int64)])


def _item(graph: Graph, layer: _Layer) -> str:
    """Cut a piece out: only slices with a step of one, or none at all, for each axis."""
    axes, starts, ends = list[int](), list[int](), list[int]()
    parts = layer.arguments[1] if isinstance(layer.arguments[1], list) else [layer.arguments[1]]
    for axis, part in enumerate(parts):
        is_slice = isinstance(part, dict) and part["class_name"] == "__slice__" and part["config"]["step"] in (None, 1)
        layer.demand(is_slice, f"it picks {part!r}, which is no plain slice")
        start, end = part["config"]["start"], part["config"]["stop"]
        if (start, end) != (None, None):
            axes.append(axis)
            starts.append(start or 0)
            ends.append(np.iinfo(np.int64).max if end is None else end)
    return graph.add("Slice", [*layer.inputs, *(graph.constant(numbers, np.int64) for numbers in (starts, ends, axes))])


def _concatenate(graph: Graph, layer: _Layer) -> str:
    return graph.add("Concat", layer.inputs, axis=layer.config["axis"])


def _add(graph: Graph, layer: _Layer) -> str:
    return _alike(graph, layer, "Add")


def _subtract(graph: Graph, layer: _Layer) -> str:
    first, second = layer.inputs
    rows = layer.shapes[0][1] if len(layer.shapes[0]) == 3 else None
    mixed = graph.mixed_less(first, rows, second) if rows is not None else None
    return mixed or _alike(graph, layer, "Sub")


def _alike(graph: Graph, layer: _Layer, operator: str) -> str:
    ranks = {len(shape) for shape in layer.shapes}  # Keras lines up what differs in another way than ONNX
    layer.demand(len(ranks) == 1, "its inputs have different numbers of axes")
    return graph.add(operator, layer.inputs)


def _rescaling(graph: Graph, layer: _Layer) -> str:
    values = graph.add("Mul", [*layer.inputs, graph.constant(layer.config["scale"])])
    offset = layer.config["offset"]
    return graph.add("Add", [values, graph.constant(offset)]) if np.any(offset) else values


def _dot(graph: Graph, layer: _Layer) -> str:
    layer.demand_settings(axes=1, normalize=False)
    layer.demand(all(len(shape) == 2 for shape in layer.shapes), "it multiplies more than vectors")
    products = graph.add("Mul", layer.inputs)
    return graph.add("ReduceSum", [products, graph.constant([1], np.int64)], keepdims=1)


WRITERS: dict[str, Callable[[Graph, _Layer], str]] = {
    "Activation": _activation,
    "Add": _add,
    "AveragePooling1D": _average_pooling,
    "Bidirectional": _bidirectional,
    "Concatenate": _concatenate,
    "Dense": _dense,
    "Dot": _dot,
    "Dropout": _same,
    "GetItem": _item,
    "LSTM": _lstm,
    "LayerNormalization": _layer_normalization,
    "Mean": _mean,
    "ReLU": _relu,
    "Rescaling": _rescaling,
    "Reshape": _reshape,
    "Subtract": _subtract,
    "TimeDistributed": _time_distributed,
}
