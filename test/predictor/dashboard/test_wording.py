"""Numbers and names in words."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from ankle_predictor.dashboard.leg_tasks import Adapted, TaskState
from ankle_predictor.dashboard.recorder import RecorderState
from ankle_predictor.dashboard.wording import degrees, direction, gain_words, leg_title, recording_words, task_words


@pytest.mark.parametrize(
    ("angle", "text", "way"),
    [
        (12.4, "+12°", "toes up"),
        (-3.6, "−4°", "toes down"),
        (-0.4, "0°", "as in standing"),
        (math.nan, "–", ""),
    ],
)
def test_an_angle(angle: float, text: str, way: str) -> None:
    assert (degrees(angle), direction(angle)) == (text, way)


def test_what_is_said_while_a_task_runs_is_shown() -> None:
    assert task_words(TaskState("running"), "Trying the model ...") == "Trying the model ..."
    assert task_words(TaskState("running", seconds_left=3), "Calibrating ...") == ""
    assert task_words(TaskState("running", "it is too late to stop"), "") == "It is too late to stop"
    assert task_words(TaskState("done", "model anna runs"), "Trying the model ...") == "Model anna runs"


def test_an_error_has_a_tenth_and_no_sign() -> None:
    assert degrees(1.26, signed=False) == "1.3°"


@pytest.mark.parametrize(
    ("namespace", "side", "several", "title"),
    [
        ("/", "right", False, "Right leg"),
        ("/left_ankle", "left", True, "Left leg"),
        ("/anna", "left", True, "Left leg (anna)"),
        ("/anna", "left", False, "Left leg"),
        ("/left_ankle", "", True, "Leg (left_ankle)"),
        ("/", "", False, "Leg"),
    ],
)
def test_a_leg(namespace: str, side: str, several: bool, title: str) -> None:
    assert leg_title(namespace, side, several) == title


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [(2.0, 1.5, "25% less"), (2.0, 2.5, "25% more"), (2.0, 2.001, "no change"), (2.0, math.nan, ""), (0.0, 1.0, "")],
)
def test_a_gain(before: float, after: float, words: str) -> None:
    assert gain_words(Adapted(True, "", "anna", before, after)) == words


def test_a_recording() -> None:
    assert recording_words(RecorderState()) == ""
    assert recording_words(RecorderState(True, 75.2)) == "Recording: 1:15"
    assert recording_words(RecorderState(False, 9.0, 5, Path("/tmp/a"))) == "Recorded 0:09 as /tmp/a"
    assert "disk full" in recording_words(RecorderState(False, 9.0, 5, Path("/tmp/a"), "disk full"))
