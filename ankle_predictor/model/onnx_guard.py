"""Checks an ONNX file before ONNX Runtime reads it, and writes anew what was checked.

The networks of this package are plain chains of standard operators that contain their weights. An ONNX file can contain
much more: paths of other files with weights, operators of loaded libraries, endless loops, sizes that depend on the
data. Allowed is only a network of float tensors whose sizes follow from the file alone: from the operators of
``OPERATORS``, each from tensors that exist before it. The time and the memory of a forecast then depend on nothing that
the sensors measure, and no operator can fail on one window and work on another.

ONNX Runtime is given the network as it is written here from what was read, never the file itself. So it does not matter
whether another reader would see something else in the file.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from ankle_imu_driver.refusal import Refusal
from ankle_predictor.model.onnx_format import Message, read, written
from ankle_predictor.model.protobuf_wire import WireError, signed, varint

STANDARD_DOMAINS = ("", "ai.onnx")
MAX_NODES = 2000
MAX_ATTRIBUTES = 16  # of one operator
MAX_AXES = 8
MAX_INTEGERS = 4096  # in one constant: sizes, axes and positions
FLOAT, INT64 = 1, 7  # TensorProto.DataType
BYTES_EACH = {FLOAT: 4, INT64: 8}
ATTRIBUTE_FIELDS = {1: "f", 2: "i", 3: "s", 4: "t", 6: "floats", 7: "ints", 8: "strings"}  # AttributeProto.type

_ON_FLOATS = """
    Abs Add AveragePool BatchNormalization Celu Clip Concat Conv Cos Div Dropout Elu Erf Exp Flatten Floor GRU Gelu Gemm
    GlobalAveragePool GlobalMaxPool GroupNormalization HardSigmoid HardSwish Identity InstanceNormalization LSTM
    LayerNormalization LeakyRelu Log LogSoftmax LpNormalization MatMul Max MaxPool Mean Min Mish Mul Neg PRelu Pow RNN
    Reciprocal Relu Selu Sigmoid Sign Sin Softmax Softplus Softsign Sqrt Sub Sum Tanh ThresholdedRelu Transpose
"""
OPERATORS: Mapping[str, tuple[int, ...]] = dict.fromkeys(_ON_FLOATS.split(), ()) | {
    "Gather": (1,),
    "Pad": (1, 3),
    "ReduceMax": (1,),
    "ReduceMean": (1,),
    "ReduceMin": (1,),
    "ReduceSum": (1,),
    "Reshape": (1,),
    "Slice": (1, 2, 3, 4),
    "Split": (1,),
    "Squeeze": (1,),
    "Unsqueeze": (1,),
}
"""The operators that are run, and which of their inputs are integer constants of the file; all others are floats."""
WITH_OUTPUTS = ("GRU", "LSTM", "RNN", "Split")  # operators that may have more than one output; all of these are floats


class OnnxGuardError(Refusal):
    """A network that must not be run; the message says why."""


def checked_onnx(data: bytes) -> bytes:
    """Check a network, and return it written anew: the bytes to run.

    Raises:
        OnnxGuardError: it is not an ONNX model, or it has more than a network of float tensors needs, such as weights
            in other files, loops, sizes that depend on data, or operators that are not ONNX's own.
    """
    try:
        model = read(data)
    except WireError as error:
        raise OnnxGuardError(f"it is not an ONNX model that is run here: {error}") from error
    graph = model.get("graph")
    if graph is None:
        raise OnnxGuardError("it is not an ONNX model: it has no graph")
    for opset in model["opset_import"]:
        if opset.get("domain", "") not in STANDARD_DOMAINS:
            raise OnnxGuardError(f"it has operators of {_shown(opset['domain'])}, which are not ONNX's own")
    if len(model["opset_import"]) != 1:
        raise OnnxGuardError(f"it names {len(model['opset_import'])} sets of operators instead of one")
    _Graph(graph).check()
    return written("Model", model)


class _Graph:
    def __init__(self, graph: Message) -> None:
        self._graph = graph
        self._is_integer = dict[str, bool]()  # of each tensor so far, by its name

    def check(self) -> None:
        """Raise ``OnnxGuardError`` unless the graph is a network of float tensors of fixed sizes."""
        nodes = self._graph["node"]
        if len(nodes) > MAX_NODES:
            raise OnnxGuardError(f"it has {len(nodes)} operators, more than {MAX_NODES}")
        for constant in self._graph["initializer"]:
            _check_tensor(constant)
            self._define(constant.get("name", ""), constant["data_type"] == INT64)
        for what, ends in (("inputs", self._graph["input"]), ("outputs", self._graph["output"])):
            if len(ends) != 1:
                raise OnnxGuardError(f"it has {len(ends)} {what} instead of one")
            if ends[0].get("type", {}).get("tensor_type", {}).get("elem_type") != FLOAT:
                raise OnnxGuardError(f"its {what} are not floats")
        self._define(self._graph["input"][0].get("name", ""), False)
        for node in nodes:
            self._check_node(node)
        result = self._graph["output"][0].get("name", "")
        if self._is_integer.get(result, True):
            raise OnnxGuardError(f"no operator makes its output {_shown(result)}")

    def _define(self, name: str, is_integer: bool) -> None:
        if not name or name in self._is_integer:
            raise OnnxGuardError(f"it has two tensors with the name {_shown(name)}" if name else "a tensor has no name")
        self._is_integer[name] = is_integer

    def _check_node(self, node: Message) -> None:
        operator, domain = node.get("op_type", ""), node.get("domain", "")
        if domain not in STANDARD_DOMAINS:
            raise OnnxGuardError(f"its operator {_shown(operator)} of {_shown(domain)} is not one of ONNX's own")
        _check_attributes(operator, node["attribute"])
        outputs = node["output"]
        if operator == "Constant":
            self._define_constant(node)
            return
        integers = OPERATORS.get(operator)
        if integers is None:
            raise OnnxGuardError(f"its operator {_shown(operator)} is not one that a forecasting network needs")
        for place, name in enumerate(node["input"]):
            if name and name not in self._is_integer:
                raise OnnxGuardError(f"its operator {operator} uses {_shown(name)}, which does not exist before it")
            if name and self._is_integer[name] != (place in integers):
                kind = "an integer constant of the file" if place in integers else "a float tensor"
                raise OnnxGuardError(f"its operator {operator} has an input {_shown(name)} that is not {kind}")
        if not 1 <= len(outputs) <= (MAX_NODES if operator in WITH_OUTPUTS else 1):
            raise OnnxGuardError(f"its operator {operator} has {len(outputs)} outputs")
        for name in filter(None, outputs):
            self._define(name, False)

    def _define_constant(self, node: Message) -> None:
        values = [a.get("t") for a in node["attribute"] if a.get("name") == "value"]
        if (
            len(values) != 1
            or len(node["attribute"]) != 1
            or not values[0]
            or node["input"]
            or len(node["output"]) != 1
        ):
            raise OnnxGuardError("it has a Constant that is not one tensor")
        self._define(node["output"][0], values[0]["data_type"] == INT64)


def _check_attributes(operator: str, attributes: list[Message]) -> None:
    if len(attributes) > MAX_ATTRIBUTES:
        raise OnnxGuardError(f"its operator {_shown(operator)} has {len(attributes)} attributes")
    for attribute in attributes:
        field = ATTRIBUTE_FIELDS.get(attribute.get("type", 0))
        filled = [name for name in ATTRIBUTE_FIELDS.values() if attribute.get(name) not in (None, [])]
        if field is None or not set(filled) <= {field}:
            raise OnnxGuardError(f"its operator {_shown(operator)} has an attribute without one clear value")
        if field == "t":
            _check_tensor(attribute.get("t") or {"dims": []})


def _check_tensor(tensor: Message) -> None:
    """Check a constant, so that its bytes are as many as its sizes say."""
    name, kind, dims = tensor.get("name", ""), tensor.get("data_type"), tensor["dims"]
    if tensor.get("data_location", 0):
        raise OnnxGuardError("it keeps weights in another file")
    if kind not in BYTES_EACH:
        raise OnnxGuardError(f"its constant {_shown(name)} is neither of floats nor of 64-bit integers")
    if len(dims) > MAX_AXES or min(dims, default=1) < 0:
        raise OnnxGuardError(f"its constant {_shown(name)} has the sizes {dims[:MAX_AXES]}")
    count = math.prod(dims)
    if kind == INT64 and count > MAX_INTEGERS:
        raise OnnxGuardError(f"its constant {_shown(name)} has {count} integers, more than {MAX_INTEGERS}")
    filled = [field for field in ("raw_data", "float_data", "int64_data") if tensor.get(field)]
    if len(filled) > 1 or (filled and filled[0] == {FLOAT: "int64_data", INT64: "float_data"}[kind]):
        raise OnnxGuardError(f"its constant {_shown(name)} has values in {' and '.join(filled)}")
    if filled == ["int64_data"]:  # varints, here in the form that all constants have from now on
        values = _integers(tensor.pop("int64_data"))
        tensor["raw_data"] = b"".join(value.to_bytes(8, "little", signed=True) for value in values)
    elif filled == ["float_data"]:
        tensor["raw_data"] = tensor.pop("float_data")
    given = len(tensor.get("raw_data", b""))
    if given != count * BYTES_EACH[kind]:
        raise OnnxGuardError(f"its constant {_shown(name)} has {given} bytes instead of {count * BYTES_EACH[kind]}")


def _integers(packed: bytes) -> list[int]:
    if len(packed) > 10 * MAX_INTEGERS:
        raise OnnxGuardError(f"it has a constant of more than {MAX_INTEGERS} integers")
    values, at = list[int](), 0
    while at < len(packed):
        try:
            value, at = varint(packed, at)
        except WireError as error:
            raise OnnxGuardError(f"it is not an ONNX model that is run here: {error}") from error
        values.append(signed(value))
    return values


def _shown(name: str) -> str:
    """Return a name from the file for a message: short, and without characters that a terminal obeys."""
    return "".join(c if c.isprintable() else "?" for c in name[:64]) or "''"
