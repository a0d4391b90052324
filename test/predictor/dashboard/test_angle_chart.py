"""The chart's options: what changes fits what stays, and the range holds all that is drawn."""

from __future__ import annotations

import json

from ankle_predictor.dashboard.angle_chart import chart_options, chart_update
from ankle_predictor.dashboard.leg_view import LegView
from ankle_predictor.dashboard.plain_status import WORKING

VIEW = LegView(
    WORKING,
    measured=((-1.0, 5.0), (0.0, -31.0)),
    came_due=((-1.0, -3.0, 4.0),),
    came_due_middle=((-1.0, 1.0),),
    coming=((0.0, -31.0), (0.5, 2.0)),
    coming_band=((0.0, -31.0, -31.0), (0.5, -6.0, 44.0)),
)


def test_an_update_has_data_for_each_series() -> None:
    names = [series["name"] for series in chart_options()["series"]]
    data = [series["data"] for series in chart_update(VIEW)["series"]]
    assert len(names) == len(data)
    curves = dict(zip(names, data, strict=True))
    assert curves["angle"] == [[-1.0, 5.0], [0.0, -31.0]]
    assert curves["past lower"] == [[-1.0, -3.0]]
    assert curves["90 % interval"] == [[-1.0, 7.0]], "the upper bound is stacked on the lower one"
    assert curves["coming upper"] == [[0.0, 0.0], [0.5, 50.0]]


def test_the_range_holds_everything_in_whole_steps() -> None:
    assert chart_update(VIEW)["yAxis"] == {"min": -40.0, "max": 50.0}
    assert chart_update(LegView(WORKING))["yAxis"] == {"min": -30.0, "max": 20.0}


def test_it_is_json() -> None:
    json.dumps([chart_options(), chart_update(VIEW)], allow_nan=False)
