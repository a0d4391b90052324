"""Writes a Keras network as ONNX, layer by layer, with the operators that a small computer runs fastest.

Keras's own exporter goes through TensorFlow's graph: it takes seconds, and what it writes has more than twice the
operators, most of them to work out a state that is zero. A tick of 100 Hz finds the caches cold, and pays for each of
them. Only the layers that our networks and the reference's are made of are known here.

Read from the network's configuration, which is Keras's file format; the operators are those of opset 17.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

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
LSTM_SETTINGS = {
    "activation": "tanh",
    "recurrent_activation": "sigmoid",
    "return_state": False,
    "stateful": False,
    "use_bias": True,
}


class UnknownLayerError(ValueError):
    """A network with a layer that is not known here; the message names it."""


def written(network: Any) -> bytes:
    """Return a functional Keras network of one input and one output as an ONNX file.

    Raises:
        UnknownLayerError: it has a layer, or a layer's setting, that is not known here.
    """
    graph, outputs, config = _Graph(), dict[str, str](), json.loads(network.to_json())["config"]
    weights = {layer.name: layer.get_weights() for layer in network.layers}
    for entry in config["layers"]:
        kind, name = str(entry["class_name"]), str(entry["config"]["name"])
        nodes = entry["inbound_nodes"]
        if kind == "InputLayer":
            outputs[name] = name
            continue
        if kind not in WRITERS or len(nodes) != 1:
            raise UnknownLayerError(f"layer {name} is a {kind}, used {len(nodes)} times")
        arguments = nodes[0]["args"]
        inputs = [outputs[source] for source in _sources(arguments)]
        layer = _Layer(name, entry["config"], inputs, arguments, weights.get(name, []))
        outputs[name] = WRITERS[kind](graph, layer)
    graph.add("Identity", [outputs[config["output_layers"][0]]], name="forecast")
    entry_name = config["input_layers"][0]
    described = helper.make_graph(
        graph.nodes,
        "network",
        [helper.make_tensor_value_info(entry_name, TensorProto.FLOAT, [BATCH, *network.input_shape[1:]])],
        [helper.make_tensor_value_info("forecast", TensorProto.FLOAT, [BATCH, *network.output_shape[1:]])],
        graph.constants,
    )
    model = helper.make_model(described, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION)
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString(deterministic=True))


@dataclass
class _Graph:
    nodes: list[Any] = field(default_factory=list)
    constants: list[Any] = field(default_factory=list)

    def add(self, operator: str, inputs: Sequence[str], name: str | None = None, **attributes: Any) -> str:
        """Append an operator and return the name of its output."""
        name = name or f"{operator.lower()}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, list(inputs), [name], **attributes))
        return name

    def constant(self, value: Any, kind: type = np.float32) -> str:
        """Keep numbers in the file and return their name."""
        name = f"constant_{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(value, kind), name))
        return name


@dataclass(frozen=True)
class _Layer:
    name: str
    config: dict[str, Any]
    inputs: list[str]
    arguments: list[Any]
    weights: list[npt.NDArray[np.float32]]

    def demand(self, **settings: Any) -> None:
        """Refuse a layer that is set otherwise."""
        for name, wanted in settings.items():
            if self.config.get(name) != wanted:
                raise UnknownLayerError(f"layer {self.name} has {name} {self.config.get(name)!r}, not {wanted!r}")


def _sources(arguments: Any) -> Iterator[str]:
    """Yield from which layers the tensors among a call's arguments come."""
    if isinstance(arguments, list):
        for argument in arguments:
            yield from _sources(argument)
    elif isinstance(arguments, dict) and arguments.get("class_name") == "__keras_tensor__":
        yield arguments["config"]["keras_history"][0]


def _activated(graph: _Graph, layer: _Layer, values: str) -> str:
    name = layer.config["activation"]
    if name not in ACTIVATIONS:
        raise UnknownLayerError(f"layer {layer.name} has the activation {name!r}")
    operator = ACTIVATIONS[name]
    return values if operator is None else graph.add(operator, [values])


def _same(_graph: _Graph, layer: _Layer) -> str:
    return layer.inputs[0]


def _activation(graph: _Graph, layer: _Layer) -> str:
    return _activated(graph, layer, layer.inputs[0])


def _dense(graph: _Graph, layer: _Layer) -> str:
    layer.demand(use_bias=True)
    kernel, bias = layer.weights
    values = graph.add("MatMul", [layer.inputs[0], graph.constant(kernel)])
    return _activated(graph, layer, graph.add("Add", [values, graph.constant(bias)]))


def _mean(graph: _Graph, layer: _Layer) -> str:
    layer.demand(axis=1, keepdims=True)
    return graph.add("ReduceMean", layer.inputs, axes=[1], keepdims=1)


def _average_pooling(graph: _Graph, layer: _Layer) -> str:
    """Average by a matrix: one small product, where ONNX's own pooling needs its input turned around twice."""
    (size,), rows = layer.config["pool_size"], layer.arguments[0]["config"]["shape"][1]
    layer.demand(strides=[size], padding="valid", data_format="channels_last")
    averages = np.kron(np.eye(rows // size), np.full(size, 1.0 / size))
    return graph.add("MatMul", [graph.constant(np.pad(averages, ((0, 0), (0, rows % size)))), layer.inputs[0]])


def _lstm(graph: _Graph, layer: _Layer) -> str:
    return _recurrent(graph, layer, [layer.config], "forward")


def _bidirectional(graph: _Graph, layer: _Layer) -> str:
    layer.demand(merge_mode="concat")
    parts = [layer.config["layer"], layer.config["backward_layer"]]
    if any(part["class_name"] != "LSTM" for part in parts):
        raise UnknownLayerError(f"layer {layer.name} is not made of LSTM")
    return _recurrent(graph, layer, [part["config"] for part in parts], "bidirectional")


def _recurrent(graph: _Graph, layer: _Layer, configs: Sequence[dict[str, Any]], direction: str) -> str:
    """Let the state start at zero, as ONNX does where none is given."""
    for k, config in enumerate(configs):
        dataclasses.replace(layer, config=config).demand(**LSTM_SETTINGS, go_backwards=k == 1)
    units, is_sequence = configs[0]["units"], configs[0]["return_sequences"]
    parts = [layer.weights[k : k + 3] for k in range(0, len(layer.weights), 3)]
    # (directions, 4 units, inputs); Keras has a column for each number, the gates in another order.
    kernel, recurrent = (np.stack([_gates(part[k]).T for part in parts]) for k in (0, 1))
    bias = np.stack([np.concatenate([_gates(part[2]), np.zeros(4 * units)]) for part in parts])
    rows = graph.add("Transpose", layer.inputs, perm=[1, 0, 2])
    names = [f"{layer.name}_rows", ""] if is_sequence else ["", f"{layer.name}_last"]
    inputs = [rows, *(graph.constant(values) for values in (kernel, recurrent, bias))]
    graph.nodes.append(helper.make_node("LSTM", inputs, names, hidden_size=units, direction=direction))
    # (rows, directions, batch, units), or without rows, to both directions side by side
    turned = graph.add("Transpose", ["".join(names)], perm=[2, 0, 1, 3] if is_sequence else [1, 0, 2])
    shape = [0, 0, units * len(parts)] if is_sequence else [0, units * len(parts)]
    return graph.add("Reshape", [turned, graph.constant(shape, np.int64)])


def _gates(columns: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Put the last axis, in Keras's order input, forget, cell, output, into ONNX's: input, output, forget, cell."""
    gates = np.split(columns, 4, axis=-1)
    return np.concatenate([gates[k] for k in (0, 3, 1, 2)], axis=-1)


def _layer_normalization(graph: _Graph, layer: _Layer) -> str:
    layer.demand(center=True, scale=True)
    rank = len(layer.arguments[0]["config"]["shape"])
    if layer.config["axis"] not in (-1, [-1], [rank - 1], rank - 1):
        raise UnknownLayerError(f"layer {layer.name} normalises axis {layer.config['axis']}, not the last")
    weights = [graph.constant(values) for values in layer.weights]
    return graph.add("LayerNormalization", [*layer.inputs, *weights], axis=-1, epsilon=layer.config["epsilon"])


def _reshape(graph: _Graph, layer: _Layer) -> str:
    return graph.add("Reshape", [*layer.inputs, graph.constant([0, *layer.config["target_shape"]], np.int64)])


def _item(graph: _Graph, layer: _Layer) -> str:
    """Cut a piece out: only slices with a step of one, or none at all, for each axis."""
    axes, starts, ends = list[int](), list[int](), list[int]()
    for axis, part in enumerate(layer.arguments[1]):
        if not isinstance(part, dict) or part["class_name"] != "__slice__" or part["config"]["step"] not in (None, 1):
            raise UnknownLayerError(f"layer {layer.name} picks {part!r}, which is no plain slice")
        start, end = part["config"]["start"], part["config"]["stop"]
        if (start, end) != (None, None):
            axes.append(axis)
            starts.append(start or 0)
            ends.append(np.iinfo(np.int64).max if end is None else end)
    return graph.add("Slice", [*layer.inputs, *(graph.constant(numbers, np.int64) for numbers in (starts, ends, axes))])


def _concatenate(graph: _Graph, layer: _Layer) -> str:
    return graph.add("Concat", layer.inputs, axis=layer.config["axis"])


def _add(graph: _Graph, layer: _Layer) -> str:
    return graph.add("Sum" if len(layer.inputs) > 2 else "Add", _two_or_more(layer))


def _subtract(graph: _Graph, layer: _Layer) -> str:
    return graph.add("Sub", _two_or_more(layer))


def _two_or_more(layer: _Layer) -> list[str]:
    if len(layer.inputs) < 2:  # a number in the network's code
        raise UnknownLayerError(f"layer {layer.name} has an operand that is no layer's output")
    return layer.inputs


def _rescaling(graph: _Graph, layer: _Layer) -> str:
    values = graph.add("Mul", [*layer.inputs, graph.constant(layer.config["scale"])])
    offset = layer.config["offset"]
    return graph.add("Add", [values, graph.constant(offset)]) if np.any(offset) else values


def _dot(graph: _Graph, layer: _Layer) -> str:
    layer.demand(axes=1, normalize=False)
    if any(len(argument["config"]["shape"]) != 2 for argument in layer.arguments[0]):
        raise UnknownLayerError(f"layer {layer.name} multiplies more than vectors")
    products = graph.add("Mul", layer.inputs)
    return graph.add("ReduceSum", [products, graph.constant([1], np.int64)], keepdims=1)


WRITERS: dict[str, Callable[[_Graph, _Layer], str]] = {
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
    "Rescaling": _rescaling,
    "Reshape": _reshape,
    "Subtract": _subtract,
}
