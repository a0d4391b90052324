"""An ONNX file as plain values: reads the few parts of the format that a forecasting network needs, and writes them.

The numbers are those of ``onnx.proto`` of ONNX 1.16 (https://github.com/onnx/onnx/blob/main/onnx/onnx.proto). What is
not listed in ``MESSAGES`` is refused, except texts for people, which are dropped. What ``written`` returns contains
nothing that was not read, whatever other readers may see in the file.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ankle_predictor.model.protobuf_wire import (
    BYTES,
    FIXED32,
    VARINT,
    Value,
    WireError,
    WireReader,
    bytes_field,
    float_field,
    number_field,
    signed,
)

MAX_NAME = 256  # bytes of a name


@dataclass(frozen=True)
class Part:
    """A field of a message that is read.

    Attributes:
        name: as in ``onnx.proto``.
        kind: ``number`` (int64), ``float`` (its 4 bytes), ``text``, ``bytes``, the name of a message in ``MESSAGES``,
            or empty for a field for people, which is dropped.
        many: whether it may occur more than once.
    """

    name: str
    kind: str = ""
    many: bool = False


MESSAGES: Mapping[str, Mapping[int, Part]] = {
    "Model": {
        1: Part("ir_version", "number"),
        2: Part("producer_name"),
        3: Part("producer_version"),
        4: Part("domain"),
        5: Part("model_version"),
        6: Part("doc_string"),
        7: Part("graph", "Graph"),
        8: Part("opset_import", "OperatorSet", many=True),
        14: Part("metadata_props", many=True),
    },
    "OperatorSet": {1: Part("domain", "text"), 2: Part("version", "number")},
    "Graph": {
        1: Part("node", "Node", many=True),
        2: Part("name", "text"),
        5: Part("initializer", "Tensor", many=True),
        10: Part("doc_string"),
        11: Part("input", "ValueInfo", many=True),
        12: Part("output", "ValueInfo", many=True),
        13: Part("value_info", many=True),
        16: Part("metadata_props", many=True),
    },
    "Node": {
        1: Part("input", "text", many=True),
        2: Part("output", "text", many=True),
        3: Part("name"),
        4: Part("op_type", "text"),
        5: Part("attribute", "Attribute", many=True),
        6: Part("doc_string"),
        7: Part("domain", "text"),
        9: Part("metadata_props", many=True),
    },
    "Attribute": {
        1: Part("name", "text"),
        2: Part("f", "float"),
        3: Part("i", "number"),
        4: Part("s", "text"),
        5: Part("t", "Tensor"),
        7: Part("floats", "float", many=True),
        8: Part("ints", "number", many=True),
        9: Part("strings", "text", many=True),
        13: Part("doc_string"),
        20: Part("type", "number"),
    },
    "Tensor": {
        1: Part("dims", "number", many=True),
        2: Part("data_type", "number"),
        4: Part("float_data", "bytes"),  # packed
        7: Part("int64_data", "bytes"),  # packed
        8: Part("name", "text"),
        9: Part("raw_data", "bytes"),
        12: Part("doc_string"),
        14: Part("data_location", "number"),
        16: Part("metadata_props", many=True),
    },
    "ValueInfo": {
        1: Part("name", "text"),
        2: Part("type", "Type"),
        3: Part("doc_string"),
        4: Part("metadata_props", many=True),
    },
    "Type": {1: Part("tensor_type", "TensorType"), 6: Part("denotation")},
    "TensorType": {1: Part("elem_type", "number"), 2: Part("shape", "Shape")},
    "Shape": {1: Part("dim", "Dimension", many=True)},
    "Dimension": {1: Part("dim_value", "number"), 2: Part("dim_param", "text"), 3: Part("denotation")},
}
FORBIDDEN = {
    ("Model", 20): "it has training steps, which are not run",
    ("Model", 25): "it defines functions, which are not run",
    ("Graph", 15): "it has sparse weights, which are not run",
    ("Attribute", 6): "it has loops or branches, which are not run",
    ("Attribute", 11): "it has loops or branches, which are not run",
    ("Attribute", 22): "it has sparse weights, which are not run",
    ("Attribute", 23): "it has sparse weights, which are not run",
    ("Tensor", 13): "it keeps weights in another file",
}
WIRE_TYPES = {"number": VARINT, "float": FIXED32}

Message = dict[str, Any]
"""A message's fields by name; those that may occur more than once as a list, which is there even if empty."""


def read(data: bytes) -> Message:
    """Read a ``ModelProto``.

    Raises:
        WireError: it is none, or it has parts that a forecasting network does not need; the message says which.
    """
    return _read(WireReader(), "Model", data)


def written(kind: str, message: Message) -> bytes:
    """Return a message of a kind of ``MESSAGES`` as a serializer writes it."""
    parts = list[bytes]()
    for number, part in MESSAGES[kind].items():
        found = message.get(part.name)
        if not part.kind or found is None:
            continue
        for value in found if part.many else [found]:
            if part.kind == "number":
                parts.append(number_field(number, value))
            elif part.kind == "float":
                parts.append(float_field(number, value))
            elif part.kind == "text":
                parts.append(bytes_field(number, value.encode()))
            else:
                parts.append(bytes_field(number, value if part.kind == "bytes" else written(part.kind, value)))
    return b"".join(parts)


def _read(reader: WireReader, kind: str, data: bytes) -> Message:
    parts = MESSAGES[kind]
    message: Message = {part.name: [] for part in parts.values() if part.many and part.kind}
    seen = set[int]()
    for number, wire_type, value in reader.fields(data):
        part = parts.get(number)
        if part is None:
            raise WireError(
                FORBIDDEN.get((kind, number), f"it has a part {kind}.{number} that a network does not need")
            )
        if number in seen and not part.many:
            raise WireError(f"it has {kind}.{part.name} twice")
        seen.add(number)
        if not part.kind:
            continue
        if wire_type != WIRE_TYPES.get(part.kind, BYTES):
            raise WireError(f"its {kind}.{part.name} is of wire type {wire_type}")
        found = _value(reader, part.kind, value)
        if part.many:
            message[part.name].append(found)
        else:
            message[part.name] = found
    return message


def _value(reader: WireReader, kind: str, value: Value) -> Any:
    if isinstance(value, int):
        return signed(value)
    if kind in ("bytes", "float"):
        return value
    if kind != "text":
        return _read(reader, kind, value)
    if len(value) > MAX_NAME:
        raise WireError(f"it has a name of {len(value)} bytes, more than {MAX_NAME}")
    try:
        return value.decode()
    except UnicodeDecodeError as error:
        raise WireError("it has a name that is not UTF-8") from error
