"""What is shown of a leg: from messages to figures and curves."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ankle_imu_driver.conventions import JointConvention
from ankle_predictor.dashboard.leg_view import PAST, SILENCE, Detail, LegHistory, detail_of
from ankle_predictor.trust.status import Status

PERIOD, STEPS = 0.01, 50
START = 1_800_000_000.0


def test_a_caution_that_comes_and_goes_is_shown_calmly() -> None:
    history = LegHistory()
    shown = []
    for k in range(200):
        busy = Status.OVERRUN if k % 3 == 0 and k < 100 else Status.OK
        history.push(detail(0.01 * k, status=busy), 0.01 * k)
        shown.append(history.view(0.01 * k).status.headline)
    assert set(shown[:199]) == {"The computer is too slow"}
    history.push(detail(2.0), 2.0)
    assert history.view(2.0).status.headline == "Working"


def motion(t: float) -> float:
    return 10.0 * math.sin(2.0 * math.pi * t)


def detail(t: float, forecast: bool = True, status: Status = Status.OK) -> Detail:
    """At t s after the start: a forecast that is 1 deg too high, with an interval of 2 deg to either side."""
    due = [motion(t + (k + 1) * PERIOD) + 1.0 for k in range(STEPS)] if forecast else []
    lower, upper = tuple(a - 2.0 for a in due), tuple(a + 2.0 for a in due)
    return Detail(START + t, status, "base", motion(t), PERIOD, tuple(due), lower, upper, 1.0, 1.1, False)


def history(seconds: float, rate: float = 25.0) -> tuple[LegHistory, float]:
    """A history and the time of its newest message."""
    kept, newest = LegHistory(), 0.0
    for k in range(round(seconds * rate) + 1):
        newest = k / rate
        kept.push(detail(newest), 100.0 + newest)
    return kept, newest


def test_forecasts_are_drawn_when_they_come_due() -> None:
    kept, newest = history(8.0)
    view = kept.view(100.0 + newest)
    assert view.measured[-1] == pytest.approx((0.0, motion(newest)), abs=1e-4)
    assert -PAST <= view.measured[0][0] < 0.1 - PAST
    assert len(view.came_due) == len(view.came_due_middle) > 100
    for due, angle in view.came_due_middle:
        assert -PAST <= due <= 1e-6
        assert angle == pytest.approx(motion(newest + due) + 1.0, abs=1e-3)
    for due, lower, upper in view.came_due:
        assert (lower, upper) == pytest.approx((motion(newest + due) - 1.0, motion(newest + due) + 3.0), abs=1e-3)


def test_the_newest_forecast_begins_at_the_angle_now() -> None:
    view = history(1.0)[0].view(101.0)
    assert view.coming[0] == (0.0, view.angle)
    assert view.coming_band[0] == (0.0, view.angle, view.angle)
    assert len(view.coming) == len(view.coming_band) == STEPS + 1
    assert view.coming[-1] == pytest.approx((0.5, view.ahead))
    assert (view.horizon, view.margin) == pytest.approx((0.5, 2.0))


def test_a_withheld_forecast_shows_none() -> None:
    kept, newest = history(2.0)
    withheld = replace(detail(newest + 0.04, forecast=False, status=Status.NOT_CALIBRATED), angle=math.nan)
    kept.push(withheld, 102.1)
    view = kept.view(102.1)
    assert math.isnan(view.angle)
    assert math.isnan(view.ahead)
    assert math.isnan(view.margin)
    assert view.coming == view.coming_band == ()
    assert view.measured[-1][0] == pytest.approx(-0.04, abs=1e-6)
    assert view.status.headline == "Not calibrated yet"


def test_a_silent_leg_shows_no_old_figure() -> None:
    kept, newest = history(2.0)
    kept.push_diagnostics("predictor", 2, "it failed", 100.0)
    assert math.isfinite(kept.view(100.0 + newest + 0.9 * SILENCE).angle)
    view = kept.view(100.0 + newest + 1.1 * SILENCE)
    assert math.isnan(view.angle)
    assert view.measured == ()
    assert view.status.level == "problem"
    assert view.diagnostics == {"predictor": (2, "it failed")}
    assert kept.view(200.0).diagnostics == {}


@given(st.floats(-1e6, 1e6).filter(lambda jump: abs(jump) > 1.1))
def test_a_clock_that_jumps_starts_the_curves_anew(jump: float) -> None:
    kept, newest = history(2.0)
    kept.push(detail(newest + jump), 103.0)
    view = kept.view(103.0)
    assert len(view.measured) == 1
    assert view.came_due == ()


def test_a_repeated_message_is_no_new_point() -> None:
    kept, newest = history(2.0)
    before = kept.view(100.0 + newest).measured
    kept.push(detail(newest), 100.0 + newest)
    assert kept.view(100.0 + newest).measured == before


@given(st.floats(-1.0, 1.0), st.floats(0.0, 0.5), st.sampled_from([1.0, -1.0]), st.floats(-1.0, 1.0))
def test_the_joints_convention_is_undone(angle: float, half: float, sign: float, offset: float) -> None:
    joint = JointConvention("ankle", sign, offset)
    ends = sorted((joint.published(angle - half), joint.published(angle + half)))
    curves = ([joint.published(angle)], [ends[0]], [ends[1]])
    read = detail_of(1.0, 32, "base", joint.published(angle), PERIOD, curves, 0.02, 1.0, True, joint)
    assert read.angle == pytest.approx(math.degrees(angle), abs=1e-9)
    assert read.forecast == pytest.approx((read.angle,), abs=1e-9)
    assert read.lower == pytest.approx((math.degrees(angle - half),), abs=1e-9)
    assert read.upper == pytest.approx((math.degrees(angle + half),), abs=1e-9)
    assert read.status is Status.UNFAMILIAR
    assert read.error == pytest.approx(math.degrees(0.02))
