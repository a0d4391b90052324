"""The words and numbers of the page."""

from __future__ import annotations

import math

from ankle_predictor.dashboard.leg_tasks import Adapted, TaskState
from ankle_predictor.dashboard.recorder import RecorderState

STAGES = {
    "starting": "Getting ready",
    "collecting": "Please walk",
    "training": "Learning; walking on is fine",
    "swapping": "Changing to the new model",
}


def leg_title(namespace: str, side: str, several: bool) -> str:
    """Return what a leg is called: by its side, and by its namespace where the side says not enough."""
    name = namespace.strip("/")
    title = f"{side.capitalize()} leg" if side else "Leg"
    if name in {"", f"{side}_ankle"} or not (several or not side):
        return title
    return f"{title} ({name})"


def degrees(angle: float, signed: bool = True) -> str:
    """Return an angle in deg as text of constant width."""
    if not math.isfinite(angle):
        return "–"
    text = f"{abs(angle):.0f}°" if signed else f"{abs(angle):.1f}°"
    rounded = round(angle)
    return text if not signed or rounded == 0 else f"{'+' if rounded > 0 else '−'}{text}"


def direction(angle: float) -> str:
    """Return which way the foot points at an angle in deg."""
    if not math.isfinite(angle):
        return ""
    if round(angle) == 0:
        return "as in standing"
    return "toes up" if angle > 0 else "toes down"


def stage_words(stage: str) -> str:
    """Return a stage of an adaptation in words."""
    return STAGES.get(stage, stage.capitalize())


def task_words(state: TaskState, running: str) -> str:
    """Return how a task ended, or what was said meanwhile; ``running`` while it runs and nothing was said."""
    waits = state.is_running and state.seconds_left == 0
    text = state.message or (running if waits else "")
    return f"{text[:1].upper()}{text[1:]}"


def gain_words(adapted: Adapted) -> str:
    """Return what an adaptation changed."""
    if not (math.isfinite(adapted.after) and adapted.before > 0.0):
        return ""
    change = 1.0 - adapted.after / adapted.before
    if round(100 * change) == 0:
        return "no change"
    return f"{abs(change):.0%} {'less' if change > 0 else 'more'}"


def recording_words(state: RecorderState) -> str:
    """Return how the recording stands."""
    if state.error:
        return f"The recording ended: {state.error}"
    if state.is_on:
        return f"Recording: {_clock(state.seconds)}"
    return "" if state.path is None else f"Recorded {_clock(state.seconds)} as {state.path}"


def _clock(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"
