"""Draws a leg from the side as SVG: as it is now, and where the foot is forecast to be."""

from __future__ import annotations

import math

from ankle_predictor.dashboard.leg_view import LegView

WIDTH, HEIGHT = 360, 300
ROOM = 25  # above, for the round end of the thigh
KNEE = (175.0, 62.0)
SHANK_LENGTH = 150.0
FAN_RADIUS = 118.0
# A shoe from the side with the ankle at 0, 0 and the toes to the right; y points down.
SHOE = (
    "M-20,-14 C-26,2 -34,10 -35,22 C-36,32 -30,34 -22,34 L88,34 C99,34 103,29 100,23 "
    "C95,14 74,10 55,4 C38,-2 26,-8 19,-14 Z"
)
SKIN, OUTLINE, FORECAST, UNKNOWN = "#cfd8e3", "#334155", "#e8590c", "#e2e8f0"


def leg_svg(view: LegView) -> str:
    """Return the picture; a grey leg with a straight ankle while the orientation is unknown."""
    known = math.isfinite(view.shank) and math.isfinite(view.foot) and math.isfinite(view.angle)
    shank, foot = (view.shank, view.foot) if known else (0.0, 0.0)
    lean = math.radians(shank)
    ankle = KNEE[0] - SHANK_LENGTH * math.sin(lean), KNEE[1] + SHANK_LENGTH * math.cos(lean)
    fill = SKIN if known else UNKNOWN
    parts = [
        f'<line x1="0" y1="{HEIGHT - 42}" x2="{WIDTH}" y2="{HEIGHT - 42}" stroke="#cbd5e1" stroke-width="2"/>',
        _limb((KNEE[0] + 6, 0.0), KNEE, 46, fill),
        _limb(KNEE, ankle, 38, fill),
        _joint(KNEE, 9),
    ]
    if known and math.isfinite(view.ahead):
        parts.append(_fan(ankle, foot, view))
    parts.append(_shoe(ankle, foot, f'fill="{fill}" stroke="{OUTLINE}" stroke-width="3"'))
    if known and math.isfinite(view.ahead):
        turned = foot - (view.ahead - view.angle)
        parts.append(_shoe(ankle, turned, f'fill="none" stroke="{FORECAST}" stroke-width="3.5" stroke-dasharray="7 5"'))
    parts.append(_joint(ankle, 8))
    label = "the leg from the side, its foot now and as forecast" if known else "the leg; its position is unknown"
    return (
        f'<svg viewBox="0 {-ROOM} {WIDTH} {HEIGHT + ROOM}" role="img" aria-label="{label}" '
        f'style="width:100%;height:100%;display:block">{"".join(parts)}</svg>'
    )


def _limb(start: tuple[float, float], end: tuple[float, float], width: int, fill: str) -> str:
    """A limb: a thick line with an outline."""
    place = f'x1="{start[0]:.1f}" y1="{start[1]:.1f}" x2="{end[0]:.1f}" y2="{end[1]:.1f}" stroke-linecap="round"'
    return (
        f'<line {place} stroke="{OUTLINE}" stroke-width="{width}"/>'
        f'<line {place} stroke="{fill}" stroke-width="{width - 6}"/>'
    )


def _joint(place: tuple[float, float], radius: int) -> str:
    circle = f'cx="{place[0]:.1f}" cy="{place[1]:.1f}" r="{radius}"'
    return f'<circle {circle} fill="white" stroke="{OUTLINE}" stroke-width="3"/>'


def _shoe(ankle: tuple[float, float], pitch: float, paint: str) -> str:
    """The shoe, turned about the ankle by ``pitch`` deg: positive is clockwise, which is toes down."""
    return (
        f'<path d="{SHOE}" {paint} stroke-linejoin="round" '
        f'transform="translate({ankle[0]:.1f},{ankle[1]:.1f}) rotate({pitch:.1f})"/>'
    )


def _fan(ankle: tuple[float, float], foot: float, view: LegView) -> str:
    """The interval of the forecast, as a fan of the directions of the foot about the ankle."""
    ends = []
    for angle in (view.ahead - view.margin, view.ahead + view.margin):
        turn = math.radians(foot - (angle - view.angle) + 14.0)  # the toe is 14 deg below the ankle
        ends.append((ankle[0] + FAN_RADIUS * math.cos(turn), ankle[1] + FAN_RADIUS * math.sin(turn)))
    (x0, y0), (x1, y1) = ends
    return (
        f'<path d="M{ankle[0]:.1f},{ankle[1]:.1f} L{x0:.1f},{y0:.1f} '
        f'A{FAN_RADIUS:g},{FAN_RADIUS:g} 0 0 0 {x1:.1f},{y1:.1f} Z" fill="{FORECAST}" fill-opacity="0.22"/>'
    )
