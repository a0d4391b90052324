"""The live view on terminals of any size."""

from __future__ import annotations

import math
import os

from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

from ankle_predictor.demo.view import Frame, Snapshot, as_line, status_words


@settings(max_examples=40, deadline=None)
@given(st.integers(12, 220), st.integers(3, 60), st.floats(-180, 180), st.integers(0, 255))
def test_the_view_fits_any_terminal(width: int, height: int, angle: float, status: int) -> None:
    curve = [(t / 50 - 3, angle * math.sin(t / 9)) for t in range(176)]
    shown = Snapshot(
        3.0, 30.0, angle, angle, angle, 3.0, 2.0, 97.0, 4.0, status, curve, curve, curve, curve, "adapting: 50 %"
    )
    console = Console(width=width, height=height, force_terminal=True, record=True, file=open(os.devnull, "w"))  # noqa: PTH123, SIM115
    for snapshot in (shown, Snapshot(0.0, 30.0)):
        lines = console.render_lines(Frame("LOG2", snapshot))
        assert all(sum(len(part.text) for part in line) <= width for line in lines)
    assert status_words(status) in as_line(shown)
