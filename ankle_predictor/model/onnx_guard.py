"""Checks an ONNX file before ONNX Runtime reads it.

The networks of this package are plain chains of standard operators that contain their weights. An ONNX file can contain
much more: paths of other files with weights, operators of loaded libraries, endless loops. All of that is refused. The
check reads the few parts of the protobuf wire format that it needs, so that a robot needs no ONNX library except the
runtime. The field numbers are those of ``onnx.proto`` of ONNX 1.16.
"""

from __future__ import annotations

from collections.abc import Iterator

from ankle_imu_driver.refusal import Refusal

ALLOWED_DOMAINS = (b"", b"ai.onnx")
MAX_NODES = 2000
Field = tuple[int, "int | bytes"]


class OnnxGuardError(Refusal):
    """A network that must not be run; the message says why."""


def check_onnx(data: bytes) -> None:
    """Check that an ONNX model consists only of standard operators and weights inside the file.

    Raises:
        OnnxGuardError: it is not an ONNX model, or it has external weights, operators that are not ONNX's own,
            functions, control flow or too many operators.
    """
    nodes = 0
    graphs = [value for number, value in _fields(data) if number == 7]  # ModelProto.graph
    if len(graphs) != 1 or not isinstance(graphs[0], bytes):
        raise OnnxGuardError("it is not an ONNX model: it has no graph")
    for number, _ in _fields(data):
        if number in (20, 25):  # ModelProto.training_info, functions
            raise OnnxGuardError("it defines functions or training steps, which are not run")
    for number, value in _fields(graphs[0]):
        if number == 1:  # GraphProto.node
            nodes += 1
            _check_node(_message(value))
        elif number == 5:  # GraphProto.initializer
            _check_tensor(_message(value))
        elif number == 15:  # GraphProto.sparse_initializer
            raise OnnxGuardError("it has sparse weights, which are not run")
    if nodes > MAX_NODES:
        raise OnnxGuardError(f"it has {nodes} operators, more than {MAX_NODES}")


def _check_node(node: bytes) -> None:
    operator, domain = b"?", b""
    for number, value in _fields(node):
        if number == 4:  # NodeProto.op_type
            operator = _message(value)
        elif number == 7:  # NodeProto.domain
            domain = _message(value)
        elif number == 5:  # NodeProto.attribute
            _check_attribute(_message(value))
    if domain not in ALLOWED_DOMAINS:
        raise OnnxGuardError(f"its operator {_text(operator)} of {_text(domain)} is not one of ONNX's own")


def _check_attribute(attribute: bytes) -> None:
    for number, value in _fields(attribute):
        if number in (6, 11):  # AttributeProto.g, graphs
            raise OnnxGuardError("it has loops or branches, which are not run")
        if number in (22, 23):  # AttributeProto.sparse_tensor, sparse_tensors
            raise OnnxGuardError("it has sparse weights, which are not run")
        if number in (5, 10):  # AttributeProto.t, tensors
            _check_tensor(_message(value))


def _check_tensor(tensor: bytes) -> None:
    for number, value in _fields(tensor):
        if number == 13 or (number == 14 and value):  # TensorProto.external_data, data_location
            raise OnnxGuardError("it keeps weights in another file")


def _fields(data: bytes) -> Iterator[Field]:
    """Yield the number and the value of each field of a protobuf message."""
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        kind = key & 7
        if kind == 0:
            value, at = _varint(data, at)
            yield key >> 3, value
            continue
        if kind == 2:
            size, at = _varint(data, at)
        elif kind in (1, 5):
            size = 8 if kind == 1 else 4
        else:
            raise OnnxGuardError(f"it is not an ONNX model: wire type {kind} at byte {at}")
        if at + size > len(data):
            raise OnnxGuardError("it is not an ONNX model: it ends too early")
        yield key >> 3, data[at : at + size]
        at += size


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if at >= len(data):
            raise OnnxGuardError("it is not an ONNX model: it ends too early")
        value |= (data[at] & 0x7F) << shift
        at += 1
        if data[at - 1] < 0x80:
            return value, at
    raise OnnxGuardError(f"it is not an ONNX model: a number without end at byte {at}")


def _message(value: int | bytes) -> bytes:
    if isinstance(value, int):
        raise OnnxGuardError("it is not an ONNX model: a number in place of a message")
    return value


def _text(name: bytes) -> str:
    return name[:64].decode("utf-8", "replace")
