"""The chart of the ankle angle as options of Apache ECharts: measured, and forecast with its interval as it comes due.

https://echarts.apache.org/en/option.html
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from ankle_predictor.dashboard.leg_view import FUTURE, PAST, Band, LegView, Point

MEASURED, FORECAST = "#1c4f9c", "#e8590c"
LOW, HIGH, STEP = -30.0, 20.0, 10.0  # deg, the smallest range and its grid

Options = dict[str, Any]


def chart_options() -> Options:
    """Return the options that never change, with empty series in the order of ``chart_update``."""
    words = {"fontSize": 14, "color": "#334155"}
    return {
        "animation": False,
        "grid": {"left": 52, "right": 18, "top": 40, "bottom": 34},
        "legend": {
            "top": 4,
            "left": 52,
            "itemGap": 16,
            "textStyle": words,
            "selectedMode": False,
            "data": ["angle", "forecast", {"name": "90 % interval", "icon": "roundRect"}],
        },
        "xAxis": {
            "type": "value",
            "min": -PAST,
            "max": FUTURE,
            "interval": 1.0,
            "axisLabel": {**words, ":formatter": "v => v === 0 ? 'now' : (v > 0 || v < -4.9 ? '' : v + ' s')"},
            "splitLine": {"show": False},
            "axisLine": {"onZero": False},
            "axisTick": {"show": False},
        },
        "yAxis": {
            "type": "value",
            "min": LOW,
            "max": HIGH,
            "interval": STEP,
            "axisLabel": {**words, ":formatter": "v => v + '°'"},
            "splitLine": {"lineStyle": {"color": "#e2e8f0"}},
        },
        "series": [
            *_band("past", "90 % interval"),
            *_band("coming", ""),
            _line("forecast", FORECAST, 2),
            _line("coming", FORECAST, 4),
            {**_line("angle", MEASURED, 3), "markLine": _now_line()},
        ],
    }


def chart_update(view: LegView) -> Options:
    """Return what changes: the curves, and the range of the angle."""
    values = [y for curve in (view.measured, view.came_due_middle, view.coming) for _, y in curve]
    values += [y for band in (view.came_due, view.coming_band) for _, *ends in band for y in ends]
    return {
        "yAxis": {
            "min": STEP * math.floor(min([LOW, *values]) / STEP),
            "max": STEP * math.ceil(max([HIGH, *values]) / STEP),
        },
        "series": [
            {"data": data}
            for data in (
                *_bounds(view.came_due),
                *_bounds(view.coming_band),
                _rounded(view.came_due_middle),
                _rounded(view.coming),
                _rounded(view.measured),
            )
        ],
    }


def _rounded(curve: Iterable[Point]) -> list[list[float]]:
    return [[round(t, 3), round(y, 2)] for t, y in curve]


def _bounds(band: Iterable[Band]) -> tuple[list[list[float]], list[list[float]]]:
    """The lower bound, and what is stacked on it."""
    kept = list(band)
    return _rounded((t, low) for t, low, _ in kept), _rounded((t, high - low) for t, low, high in kept)


def _line(name: str, color: str, width: int) -> Options:
    return {
        "name": name,
        "type": "line",
        "data": [],
        "showSymbol": False,
        "silent": True,
        "color": color,
        "lineStyle": {"width": width, "color": color},
    }


def _band(stack: str, name: str) -> list[Options]:
    """Two stacked lines without a stroke, the upper one with an area down to the lower one."""
    common = {"stack": stack, "stackStrategy": "all"}
    area = {"areaStyle": {"color": FORECAST, "opacity": 0.22}, "color": "#f9cdb5"}
    lower = {**_line(f"{stack} lower", FORECAST, 0), **common}
    upper = {**_line(name or f"{stack} upper", FORECAST, 0), **common, **area}
    return [lower, upper]


def _now_line() -> Options:
    return {
        "silent": True,
        "symbol": "none",
        "label": {"show": False},
        "lineStyle": {"color": "#94a3b8", "type": "solid", "width": 1},
        "data": [{"xAxis": 0}],
    }
