"""Builds an ONNX graph operator by operator, without the operators that later ones make unnecessary."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from onnx import helper, numpy_helper

from ankle_imu_driver.arrays import FloatArray

Matrix = FloatArray


@dataclass
class Graph:
    """The graph so far. Its tensor names contain a slash, which no layer's name does.

    A mean over the rows of a window, its subtraction, and a pooling are matrices that mix these rows. They are
    multiplied with each other once, here, instead of in every tick. ONNX's recurrent layers take and return rows first,
    so their output is transposed only for other kinds of layers.

    Attributes:
        nodes: the operators.
        constants: the arrays that operators use.
        rows_first: names of (batch, rows, ...) tensors that exist as (rows, batch, ...), too, and the names of these.
    """

    nodes: list[Any] = field(default_factory=list)
    constants: list[Any] = field(default_factory=list)
    rows_first: dict[str, str] = field(default_factory=dict)
    _mixes: dict[str, tuple[str, Matrix]] = field(default_factory=dict)
    _deferred: dict[str, Callable[[], str]] = field(default_factory=dict)  # written once they are used
    _written: dict[str, str] = field(default_factory=dict)

    def add(self, operator: str, inputs: Sequence[str], output: int = 0, **attributes: Any) -> str:
        """Append an operator and return the name of one of its outputs; the outputs before that one stay unused."""
        inputs = [self._write(name) for name in inputs]
        name = f"{operator}/{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, inputs, [""] * output + [name], **attributes))
        return name

    def constant(self, value: Any, kind: type = np.float32) -> str:
        """Store an array in the file and return its name."""
        name = f"constant/{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(value, kind), name))
        return name

    def batch_first(self, rows_first: str) -> str:
        """Return the name of a (rows, batch, ...) tensor as (batch, rows, ...), which is written once it is used."""
        name = self._defer(lambda: self.add("Transpose", [rows_first], perm=[1, 0, 2]))
        self.rows_first[name] = rows_first
        return name

    def mixed(self, source: str, matrix: Matrix) -> str:
        """Return the name of a matrix times the rows of a (batch, rows, ...) tensor; it is written once it is used."""
        origin, before = self._mixes.get(source, (source, None))
        return self._mix(origin, matrix if before is None else matrix @ before)

    def mixed_difference(self, source: str, rows: int, subtracted: str) -> str | None:
        """Return the name of a tensor with ``rows`` rows less one that was mixed from the same origin.

        None if the second one has another origin.
        """
        origin, matrix = self._mixes.get(source, (source, np.eye(rows)))
        other, subtrahend = self._mixes.get(subtracted, ("", matrix))
        return self._mix(origin, matrix - subtrahend) if other == origin else None

    def _mix(self, origin: str, matrix: Matrix) -> str:
        name = self._defer(lambda: self.add("MatMul", [self.constant(matrix), origin]))
        self._mixes[name] = origin, matrix
        return name

    def _defer(self, write: Callable[[], str]) -> str:
        name = f"later/{len(self._deferred)}"
        self._deferred[name] = write
        return name

    def _write(self, name: str) -> str:
        if name not in self._deferred:
            return name
        if name not in self._written:
            self._written[name] = self._deferred[name]()
        return self._written[name]
