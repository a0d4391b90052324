"""The drawing: where the foot is in the picture."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from xml.etree import ElementTree

import pytest

from ankle_predictor.dashboard.leg_drawing import FORECAST, leg_svg
from ankle_predictor.dashboard.leg_view import LegView
from ankle_predictor.dashboard.plain_status import WORKING

STANDING = LegView(WORKING, angle=0.0, shank=0.0, foot=0.0)


def shoes(view: LegView) -> list[tuple[str, float, float, float]]:
    """Stroke, place of the ankle, and pitch in deg of each shoe that is drawn."""
    found = []
    for path in ElementTree.fromstring(leg_svg(view)).iter("path"):
        if transform := path.get("transform"):
            x, y, pitch = map(float, re.findall(r"-?\d+\.\d+", transform))
            found.append((str(path.get("stroke")), x, y, pitch))
    return found


def test_a_leg_of_unknown_position_is_grey_and_has_no_forecast() -> None:
    unknown = replace(STANDING, shank=math.nan, ahead=5.0, margin=1.0)
    assert len(shoes(unknown)) == 1
    assert FORECAST not in leg_svg(unknown)
    assert "unknown" in leg_svg(unknown)


def test_a_shank_that_leans_forward_has_its_ankle_behind_the_knee() -> None:
    (_, x, y, _), (_, x_leaning, y_leaning, _) = shoes(STANDING)[0], shoes(replace(STANDING, shank=30.0))[0]
    assert x_leaning < x - 50.0
    assert y_leaning < y


def test_toes_up_turns_the_forecast_foot_up() -> None:
    now, ahead = shoes(replace(STANDING, foot=10.0, angle=-5.0, ahead=7.0, margin=2.0))
    assert now[3] == pytest.approx(10.0)
    assert ahead[0] == FORECAST
    assert ahead[3] == pytest.approx(-2.0)  # clockwise is toes down; 12 deg more of dorsiflexion
    assert ahead[1:3] == now[1:3]


@pytest.mark.parametrize("shank", [-30.0, 0.0, 30.0])
def test_no_limb_is_cut_off_at_the_edge(shank: float) -> None:
    picture = ElementTree.fromstring(leg_svg(replace(STANDING, shank=shank)))
    left, top, width, height = map(float, picture.get("viewBox", "").split())
    limbs = [line for line in picture.iter("line") if line.get("stroke-linecap") == "round"]
    assert len(limbs) == 4
    for line in limbs:
        around = float(line.get("stroke-width", "")) / 2
        for end in "12":
            assert left + around <= float(line.get(f"x{end}", "")) <= left + width - around
            assert top + around <= float(line.get(f"y{end}", "")) <= top + height - around
