"""Line charts for the terminal, drawn with Braille characters: each character cell holds 2 x 4 dots."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np
from rich.text import Text

from ankle_imu_driver.arrays import BoolArray

DOTS = np.array([[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]])  # Unicode block 2800, by row and column
EMPTY_CELL = 0x2800

Curve = Sequence[tuple[float, float]]


@dataclass(frozen=True)
class Layer:
    """One curve of a chart.

    Attributes:
        points: (x, y) in any unit; x must rise if the points are connected.
        style: of rich.
        connected: whether a line connects the points.
    """

    points: Curve
    style: str
    connected: bool = True


@dataclass(frozen=True)
class Chart:
    """The area to draw on.

    Attributes:
        width: in character cells.
        height: in character cells.
        x: values at the left and the right edge.
        y: values at the bottom and the top edge.
    """

    width: int
    height: int
    x: tuple[float, float]
    y: tuple[float, float]

    def draw(self, layers: Sequence[Layer]) -> list[Text]:
        """Return the rows of text from top to bottom; where layers share a cell, the last one gives its style."""
        dots = np.zeros((self.height, self.width), int)
        owner = np.full((self.height, self.width), -1)  # index of the layer that gives the style
        for index, layer in enumerate(layers):
            if not layer.points:
                continue
            lit = self._lit(layer).reshape(self.height, 4, self.width, 2)
            cells = np.einsum("hrwc,rc->hw", lit, DOTS)
            dots |= cells
            owner[cells > 0] = index
        styles = [*(layer.style for layer in layers), ""]
        return [_text(*row, styles) for row in zip(dots.tolist(), owner.tolist(), strict=True)]

    def _lit(self, layer: Layer) -> BoolArray:
        """Return (4 height, 2 width) which dots a layer lights; what lies outside the chart is left out."""
        rows, columns = 4 * self.height, 2 * self.width
        x, y = np.array(layer.points).T
        column = (x - self.x[0]) / (self.x[1] - self.x[0]) * columns
        row = (self.y[1] - y) / (self.y[1] - self.y[0]) * (rows - 1)
        if not layer.connected:
            lit = np.zeros((rows, columns), bool)
            inside = (column >= 0) & (column < columns) & (row > -0.5) & (row < rows - 0.5)
            lit[np.rint(row[inside]).astype(int), column[inside].astype(int)] = True
            return lit
        at_column = np.rint(np.interp(np.arange(columns) + 0.5, column, row, left=np.nan, right=np.nan))
        before = np.concatenate([at_column[:1], at_column[:-1]])
        top, bottom = np.fmin(at_column, before), np.fmax(at_column, before)
        dot_row = np.arange(rows)[:, np.newaxis]
        connected: BoolArray = (dot_row >= top) & (dot_row <= bottom) & np.isfinite(at_column)
        return connected


def _text(dots: list[int], owners: list[int], styles: Sequence[str]) -> Text:
    """Return one row of cells as text, with one span for each run of cells of the same layer."""
    text = Text()
    for owner, run in groupby(zip(owners, dots, strict=True), key=lambda cell: cell[0]):
        text.append("".join(chr(EMPTY_CELL + cell) if cell else " " for _, cell in run), styles[owner])
    return text
