"""Line charts of Braille characters."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ankle_predictor.demo.chart import Chart, Layer

NUMBER = st.floats(-1e6, 1e6)


def plain(chart: Chart, *layers: Layer) -> list[str]:
    return [row.plain for row in chart.draw(layers)]


def test_points_and_lines_are_drawn_where_they_belong() -> None:
    points = Layer([(0.0, 7.0), (7.5, 0.0)], "", connected=False)
    assert plain(Chart(4, 2, (0.0, 8.0), (0.0, 7.0)), points) == ["\u2801   ", "   \u2880"]
    assert plain(Chart(4, 1, (0.0, 8.0), (0.0, 3.0)), Layer([(-3.0, 0.0), (8.5, 0.0)], "")) == ["\u28c0" * 4]


def test_a_steep_line_has_no_gaps() -> None:
    jump = Layer([(0.0, 0.0), (4.0, 0.0), (4.1, 15.0), (8.0, 15.0)], "")
    rows = plain(Chart(4, 4, (0.0, 8.0), (0.0, 15.0)), jump)
    assert rows[0][3] == "\u2809"
    assert all(row[2] != " " for row in rows)
    assert rows[-1][:2] == "\u28c0\u28c0"


def test_the_last_layer_gives_a_shared_cell_its_style() -> None:
    chart = Chart(2, 1, (0.0, 4.0), (0.0, 3.0))
    (row,) = chart.draw([Layer([(0.0, 0.0), (4.0, 0.0)], "red"), Layer([(3.0, 3.0)], "blue", connected=False)])
    assert [(span.start, span.end, span.style) for span in row.spans] == [(0, 1, "red"), (1, 2, "blue")]


@given(st.lists(st.tuples(NUMBER, NUMBER)), st.booleans(), st.integers(1, 80), st.integers(1, 20))
def test_any_curve_fits_the_chart(points: list[tuple[float, float]], connected: bool, width: int, height: int) -> None:
    rows = plain(Chart(width, height, (-3.0, 0.5), (-10.0, 10.0)), Layer(sorted(points), "", connected))
    assert [len(row) for row in rows] == [width] * height
    inside = any(-3.0 <= x < 0.5 and -10.0 <= y <= 10.0 for x, y in points)
    assert connected or not inside or any(row.strip() for row in rows)


def test_an_empty_chart_is_blank() -> None:
    assert plain(Chart(3, 2, (0.0, 1.0), (0.0, 1.0)), Layer([], "red")) == ["   "] * 2
    assert plain(Chart(3, 2, (0.0, 1.0), (0.0, 1.0))) == ["   "] * 2
