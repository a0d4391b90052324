"""Curves in a terminal: each character cell is a braille pattern of 2 x 4 dots."""

from __future__ import annotations

import math
from collections.abc import Iterable

from rich.text import Text

# The bit of each dot in a braille character (Unicode block 2800), by row and column of the cell.
DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))


class Canvas:
    """A field of cells to draw on, in the caller's own coordinates."""

    def __init__(self, width: int, height: int, x: tuple[float, float], y: tuple[float, float]) -> None:
        """Make an empty field.

        Args:
            width: cells.
            height: cells.
            x: values at the left and the right edge.
            y: values at the lower and the upper edge.
        """
        self._bits = [[0] * width for _ in range(height)]
        self._styles = [[""] * width for _ in range(height)]
        self._x, self._y = x, y
        self._columns, self._rows = 2 * width, 4 * height

    def curve(self, points: Iterable[tuple[float, float]], style: str) -> None:
        """Draw a line through points of rising x; what lies outside is left out."""
        last: tuple[int, float] | None = None
        for x, y in points:
            column, row = self._place(x, y)
            if last is not None and column > last[0]:
                before, height = last
                for k in range(before + 1, column + 1):
                    next_height = height + (row - height) / (column - k + 1)
                    self._stroke(k, height, next_height, style)
                    height = next_height
            else:
                self._stroke(column, row, row, style)
            last = column, row

    def dots(self, points: Iterable[tuple[float, float]], style: str) -> None:
        """Draw single points."""
        for x, y in points:
            column, row = self._place(x, y)
            self._stroke(column, row, row, style)

    def lines(self) -> list[Text]:
        """Return the rows, the upper one first."""
        rows = []
        for bits, styles in zip(self._bits, self._styles, strict=True):
            row = Text()
            for bit, style in zip(bits, styles, strict=True):
                row.append(chr(0x2800 + bit) if bit else " ", style)
            rows.append(row)
        return rows

    def _place(self, x: float, y: float) -> tuple[int, float]:
        """Return the dot column and, still as a fraction, the dot row from the top."""
        column = math.floor((x - self._x[0]) / (self._x[1] - self._x[0]) * self._columns)
        return column, (self._y[1] - y) / (self._y[1] - self._y[0]) * (self._rows - 1)

    def _stroke(self, column: int, row: float, to_row: float, style: str) -> None:
        if not 0 <= column < self._columns:
            return
        first, last = sorted((round(row), round(to_row)))
        for k in range(max(first, 0), min(last, self._rows - 1) + 1):
            self._bits[k // 4][column // 2] |= DOTS[k % 4][column % 2]
            self._styles[k // 4][column // 2] = style
