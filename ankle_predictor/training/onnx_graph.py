"""An ONNX graph that grows by operators, and leaves out those that a later one makes needless."""

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
    """What was written so far; its names have a slash, which no layer's has.

    A mean over the rows of a window, its subtraction and a pooling are matrices that mix those rows. They are
    multiplied with each other here, once, and not in every tick. A recurrent layer works row by row over the whole
    batch: what it says is turned around for others only.

    Attributes:
        nodes: the operators.
        constants: their numbers.
        rows_first: what to use of a (batch, rows, ...) tensor to have it as (rows, batch, ...), where that exists.
    """

    nodes: list[Any] = field(default_factory=list)
    constants: list[Any] = field(default_factory=list)
    rows_first: dict[str, str] = field(default_factory=dict)
    _mixes: dict[str, tuple[str, Matrix]] = field(default_factory=dict)
    _unwritten: dict[str, Callable[[], str]] = field(default_factory=dict)
    _written: dict[str, str] = field(default_factory=dict)

    def add(self, operator: str, inputs: Sequence[str], output: int = 0, **attributes: Any) -> str:
        """Append an operator and return the name of one of its outputs, which are not used before it."""
        inputs = [self._write(name) for name in inputs]
        name = f"{operator}/{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, inputs, [""] * output + [name], **attributes))
        return name

    def constant(self, value: Any, kind: type = np.float32) -> str:
        """Keep numbers in the file and return their name."""
        name = f"constant/{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(value, kind), name))
        return name

    def turned(self, rows_first: str) -> str:
        """Return the name of a (rows, batch, ...) tensor as (batch, rows, ...), written if somebody uses it."""
        name = self._later(lambda: self.add("Transpose", [rows_first], perm=[1, 0, 2]))
        self.rows_first[name] = rows_first
        return name

    def mixed(self, source: str, matrix: Matrix) -> str:
        """Return the name of a matrix times the rows of a (batch, rows, ...) tensor, written if somebody uses it."""
        origin, before = self._mixes.get(source, (source, None))
        return self._mix(origin, matrix if before is None else matrix @ before)

    def mixed_less(self, source: str, rows: int, less: str) -> str | None:
        """Return a tensor of so many rows less what was mixed from the same rows; None if it was not."""
        origin, matrix = self._mixes.get(source, (source, np.eye(rows)))
        other, taken = self._mixes.get(less, ("", matrix))
        return self._mix(origin, matrix - taken) if other == origin else None

    def _mix(self, origin: str, matrix: Matrix) -> str:
        name = self._later(lambda: self.add("MatMul", [self.constant(matrix), origin]))
        self._mixes[name] = origin, matrix
        return name

    def _later(self, write: Callable[[], str]) -> str:
        name = f"later/{len(self._unwritten)}"
        self._unwritten[name] = write
        return name

    def _write(self, name: str) -> str:
        if name not in self._unwritten:
            return name
        if name not in self._written:
            self._written[name] = self._unwritten[name]()
        return self._written[name]
