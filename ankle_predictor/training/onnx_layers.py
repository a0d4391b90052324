"""Writes each kind of Keras layer as ONNX operators; other kinds and settings are refused."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ankle_imu_driver.arrays import Float32Array
from ankle_predictor.training.needs_tensorflow import NetworkError
from ankle_predictor.training.onnx_graph import Graph

ACTIVATIONS = {
    "linear": None,
    "exponential": "Exp",
    "relu": "Relu",
    "sigmoid": "Sigmoid",
    "softplus": "Softplus",
    "tanh": "Tanh",
}
LSTM_SETTINGS = {
    "activation": "tanh",
    "recurrent_activation": "sigmoid",
    "return_state": False,
    "stateful": False,
    "use_bias": True,
}


@dataclass(frozen=True)
class Layer:
    """One layer and how it is called.

    Attributes:
        name: Keras's.
        config: the layer's configuration.
        weights: the layer's arrays, in Keras's order.
        arguments: of the call.
        inputs: names of the input tensors.
        shapes: of the input tensors, None for the batch.
    """

    name: str
    config: dict[str, Any]
    weights: list[Float32Array]
    arguments: list[Any]
    inputs: list[str]
    shapes: list[list[int | None]]

    def demand(self, condition: bool, problem: str) -> None:
        """Refuse the layer if a condition does not hold.

        Raises:
            NetworkError: the condition does not hold; the message names the layer and the problem.
        """
        if not condition:
            raise NetworkError(f"its layer {self.name} cannot be exported: {problem}")

    def demand_settings(self, **settings: Any) -> None:
        """Refuse the layer if its configuration has other values than these.

        Raises:
            NetworkError: it has.
        """
        for name, wanted in settings.items():
            self.demand(self.config.get(name) == wanted, f"{name} is {self.config.get(name)!r} instead of {wanted!r}")


def _activated(graph: Graph, layer: Layer, values: str) -> str:
    """Apply the layer's activation to a tensor."""
    name = layer.config["activation"]
    layer.demand(isinstance(name, str) and name in ACTIVATIONS, f"its activation is {name!r}")
    operator = ACTIVATIONS[name]
    return values if operator is None else graph.add(operator, [values])


def _unchanged(_graph: Graph, layer: Layer) -> str:
    return layer.inputs[0]


def _activation(graph: Graph, layer: Layer) -> str:
    return _activated(graph, layer, layer.inputs[0])


def _dense(graph: Graph, layer: Layer) -> str:
    layer.demand(len(layer.weights) == 1 + layer.config["use_bias"], "it has other weights than kernel and bias")
    values = graph.add("MatMul", [*layer.inputs, graph.constant(layer.weights[0])])
    for bias in layer.weights[1:]:
        values = graph.add("Add", [values, graph.constant(bias)])
    return _activated(graph, layer, values)


def _time_distributed(graph: Graph, layer: Layer) -> str:
    inner = layer.config["layer"]
    layer.demand(inner["class_name"] == "Dense", f"it is made of {inner['class_name']} instead of Dense")
    return _dense(graph, dataclasses.replace(layer, config=inner["config"]))  # MatMul works on the last axis


def _relu(graph: Graph, layer: Layer) -> str:
    layer.demand_settings(max_value=None, negative_slope=0.0, threshold=0.0)
    return graph.add("Relu", layer.inputs)


def _mean(graph: Graph, layer: Layer) -> str:
    layer.demand_settings(axis=1, keepdims=True)
    rows = _rows(layer)
    return graph.mixed(layer.inputs[0], np.full((1, rows), 1.0 / rows))


def _average_pooling(graph: Graph, layer: Layer) -> str:
    """Average by a matrix product, as ONNX's own pooling would need two transpositions of its input."""
    (size,), rows = layer.config["pool_size"], _rows(layer)
    layer.demand_settings(strides=[size], padding="valid", data_format="channels_last")
    averages = np.kron(np.eye(rows // size), np.full(size, 1.0 / size))
    return graph.mixed(layer.inputs[0], np.pad(averages, ((0, 0), (0, rows % size))))


def _rows(layer: Layer) -> int:
    """Return the rows of a layer's input, (batch, rows, features)."""
    shape = layer.shapes[0]
    layer.demand(len(shape) == 3, f"its input has {len(shape)} axes instead of 3")
    layer.demand(shape[1] is not None, "its input is of any length")
    assert shape[1] is not None
    return shape[1]


def _lstm(graph: Graph, layer: Layer) -> str:
    return _recurrent(graph, layer, [layer.config], "forward")


def _bidirectional(graph: Graph, layer: Layer) -> str:
    layer.demand_settings(merge_mode="concat")
    parts = [layer.config["layer"], layer.config["backward_layer"]]
    layer.demand(all(part["class_name"] == "LSTM" for part in parts), "it is not made of LSTM")
    return _recurrent(graph, layer, [part["config"] for part in parts], "bidirectional")


def _recurrent(graph: Graph, layer: Layer, configs: Sequence[dict[str, Any]], direction: str) -> str:
    """Write an LSTM of one or two directions; without a given state, ONNX starts at zero as Keras does."""
    for k, config in enumerate(configs):
        dataclasses.replace(layer, config=config).demand_settings(**LSTM_SETTINGS, go_backwards=k == 1)
    units, is_sequence = configs[0]["units"], configs[0]["return_sequences"]
    parts = [layer.weights[k : k + 3] for k in range(0, len(layer.weights), 3)]
    # ONNX's kernels are (directions, 4 units, inputs), Keras's are transposed and have the gates in another order.
    kernel, recurrent = (np.stack([_gates(part[k]).T for part in parts]) for k in (0, 1))
    bias = np.stack([np.concatenate([_gates(part[2]), np.zeros(4 * units)]) for part in parts])
    rows = graph.rows_first.get(layer.inputs[0]) or graph.add("Transpose", layer.inputs, perm=[1, 0, 2])
    inputs = [rows, *(graph.constant(values) for values in (kernel, recurrent, bias))]
    # ONNX's first output has all rows, its second the last row only.
    states = graph.add("LSTM", inputs, output=0 if is_sequence else 1, hidden_size=units, direction=direction)
    # (rows, directions, batch, units), or the same without rows: put the directions side by side.
    transposed = graph.add("Transpose", [states], perm=[0, 2, 1, 3] if is_sequence else [1, 0, 2])
    shape = [0, 0, units * len(parts)] if is_sequence else [0, units * len(parts)]
    concatenated = graph.add("Reshape", [transposed, graph.constant(shape, np.int64)])
    return graph.batch_first(concatenated) if is_sequence else concatenated


def _gates(columns: Float32Array) -> Float32Array:
    """Reorder the last axis from Keras's gates input, forget, cell, output to ONNX's input, output, forget, cell."""
    gates = np.split(columns, 4, axis=-1)
    return np.concatenate([gates[k] for k in (0, 3, 1, 2)], axis=-1)


def _layer_normalization(graph: Graph, layer: Layer) -> str:
    last, axis = len(layer.shapes[0]) - 1, layer.config["axis"]
    layer.demand_settings(center=True, scale=True)
    layer.demand(not layer.config.get("rms_scaling"), "rms_scaling is set")
    layer.demand(axis in (-1, [-1], last, [last]), f"it normalises axis {axis}, not the last")
    weights = [graph.constant(values) for values in layer.weights]
    return graph.add("LayerNormalization", [*layer.inputs, *weights], axis=-1, epsilon=layer.config["epsilon"])


def _reshape(graph: Graph, layer: Layer) -> str:
    return graph.add("Reshape", [*layer.inputs, graph.constant([0, *layer.config["target_shape"]], np.int64)])


def _item(graph: Graph, layer: Layer) -> str:
    """Write a slice; only steps of one are known."""
    axes, starts, ends = list[int](), list[int](), list[int]()
    parts = layer.arguments[1] if isinstance(layer.arguments[1], list) else [layer.arguments[1]]
    for axis, part in enumerate(parts):
        is_slice = isinstance(part, dict) and part["class_name"] == "__slice__" and part["config"]["step"] in (None, 1)
        layer.demand(is_slice, f"it selects {part!r}, which is not a slice of step 1")
        start, end = part["config"]["start"], part["config"]["stop"]
        if (start, end) != (None, None):
            axes.append(axis)
            starts.append(start or 0)
            ends.append(np.iinfo(np.int64).max if end is None else end)
    return graph.add("Slice", [*layer.inputs, *(graph.constant(numbers, np.int64) for numbers in (starts, ends, axes))])


def _concatenate(graph: Graph, layer: Layer) -> str:
    return graph.add("Concat", layer.inputs, axis=layer.config["axis"])


def _add(graph: Graph, layer: Layer) -> str:
    return _elementwise(graph, layer, "Add")


def _subtract(graph: Graph, layer: Layer) -> str:
    first, second = layer.inputs
    rows = layer.shapes[0][1] if len(layer.shapes[0]) == 3 else None
    mixed = graph.mixed_difference(first, rows, second) if rows is not None else None
    return mixed or _elementwise(graph, layer, "Sub")


def _elementwise(graph: Graph, layer: Layer, operator: str) -> str:
    ranks = {len(shape) for shape in layer.shapes}  # Keras broadcasts different ranks in another way than ONNX
    layer.demand(len(ranks) == 1, "its inputs have different numbers of axes")
    return graph.add(operator, layer.inputs)


def _rescaling(graph: Graph, layer: Layer) -> str:
    values = graph.add("Mul", [*layer.inputs, graph.constant(layer.config["scale"])])
    offset = layer.config["offset"]
    return graph.add("Add", [values, graph.constant(offset)]) if np.any(offset) else values


def _dot(graph: Graph, layer: Layer) -> str:
    layer.demand_settings(axes=1, normalize=False)
    layer.demand(all(len(shape) == 2 for shape in layer.shapes), "it multiplies more than vectors")
    products = graph.add("Mul", layer.inputs)
    return graph.add("ReduceSum", [products, graph.constant([1], np.int64)], keepdims=1)


WRITERS: dict[str, Callable[[Graph, Layer], str]] = {
    "Activation": _activation,
    "Add": _add,
    "AveragePooling1D": _average_pooling,
    "Bidirectional": _bidirectional,
    "Concatenate": _concatenate,
    "Dense": _dense,
    "Dot": _dot,
    "Dropout": _unchanged,
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
