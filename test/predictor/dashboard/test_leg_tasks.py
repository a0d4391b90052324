"""Calibrating, adapting and changing the model, with commands that answer at once, late, or not."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable

import pytest

from ankle_predictor.dashboard.leg_tasks import COUNTDOWN, Adapted, LegTasks, LinkError, Progress


class Commands:
    """Notes what it is asked for, and refuses what it is told to refuse."""

    def __init__(self, refuse: str = "", bug: bool = False, result: Adapted | None = None) -> None:
        self.refuse, self.bug = refuse, bug
        self.result = result or Adapted(True, "anna runs", "anna", 2.5, 1.5)
        self.asked: list[str] = []
        self.on_progress: Callable[[], None] = lambda: None

    def note(self, what: str) -> str:
        self.asked.append(what)
        if self.bug:
            raise RuntimeError(what)
        if self.refuse:
            raise LinkError(self.refuse)
        return f"{what} is done"

    async def calibrate(self) -> str:
        return self.note("calibrate")

    async def load(self, model: str) -> str:
        return self.note(f"load {model}")

    async def adapt(self, user: str, duration: float, labels: str, progress: Progress) -> Adapted:
        self.note(f"adapt {user} {duration:g} {labels}")
        progress("collecting", 1.5)
        self.on_progress()
        return self.result

    async def cancel_adapting(self) -> None:
        self.note("cancel")


async def at_once(_: float) -> None:
    await asyncio.sleep(0.0)


def test_the_countdown_comes_before_the_calibration() -> None:
    commands, counted = Commands(), []
    tasks = LegTasks(commands, sleep=lambda _: seen())

    async def seen() -> None:
        assert not commands.asked
        counted.append(tasks.calibration.seconds_left)

    asyncio.run(tasks.calibrate())
    assert counted == list(range(COUNTDOWN, 0, -1))
    assert (tasks.calibration.phase, tasks.calibration.message) == ("done", "calibrate is done")


def test_a_refused_calibration_says_why() -> None:
    tasks = LegTasks(Commands(refuse="the shank turns by 12 deg/s; stand still"), at_once)
    asyncio.run(tasks.calibrate())
    assert (tasks.calibration.phase, tasks.calibration.message) == (
        "failed",
        "the shank turns by 12 deg/s; stand still",
    )


def test_a_stopped_countdown_calibrates_nothing() -> None:
    commands = Commands()
    tasks = LegTasks(commands, lambda _: asyncio.sleep(60.0))

    async def start_and_stop() -> None:
        running = asyncio.ensure_future(tasks.calibrate())
        await asyncio.sleep(0.0)
        assert tasks.calibration.is_running
        tasks.cancel_calibrating()
        await running

    asyncio.run(start_and_stop())
    assert (commands.asked, tasks.calibration.phase) == ([], "idle")
    tasks.cancel_calibrating()  # nothing runs: nothing happens


def test_a_second_press_starts_nothing() -> None:
    commands = Commands()
    tasks = LegTasks(commands, at_once)

    async def twice() -> None:
        await asyncio.gather(tasks.calibrate(), tasks.calibrate())
        await asyncio.gather(tasks.load("anna"), tasks.load("bert"))

    asyncio.run(twice())
    assert commands.asked == ["calibrate", "load anna"] or commands.asked == ["calibrate", "load anna", "load bert"]
    assert commands.asked.count("calibrate") == 1


def test_adapting_shows_progress_and_then_before_and_after() -> None:
    commands = Commands()
    tasks = LegTasks(commands)
    shown = []
    commands.on_progress = lambda: shown.append((tasks.adaptation.stage, tasks.adaptation.progress, tasks.adapted))
    asyncio.run(tasks.adapt("anna", 30, "imu"))
    assert commands.asked == ["adapt anna 30 imu"]
    assert shown == [("collecting", 1.0, None)]
    assert tasks.adapted == commands.result
    assert (tasks.adaptation.phase, tasks.adaptation.message) == ("done", "anna runs")


def test_an_adaptation_that_did_not_help_shows_both_errors_and_says_so() -> None:
    result = Adapted(False, "the base stays: it was better", "base", 1.5, 1.6)
    tasks = LegTasks(Commands(result=result))
    asyncio.run(tasks.adapt("anna", 30, "imu"))
    assert (tasks.adaptation.phase, tasks.adapted) == ("failed", result)
    assert tasks.adaptation.message == "the base stays: it was better"


def test_an_adaptation_that_came_to_nothing_shows_no_errors() -> None:
    tasks = LegTasks(Commands(result=Adapted(False, "cancelled", "base", math.nan, math.nan)))
    asyncio.run(tasks.adapt("anna", 30, "imu"))
    assert (tasks.adaptation.message, tasks.adapted) == ("cancelled", None)


def test_stopping_too_late_says_so() -> None:
    tasks = LegTasks(Commands(refuse="too late"))
    asyncio.run(tasks.cancel_adapting())
    assert tasks.adaptation.message == "too late"


def test_a_bug_is_not_hidden_and_the_button_works_again() -> None:
    tasks = LegTasks(Commands(bug=True), at_once)
    with pytest.raises(RuntimeError, match="load anna"):
        asyncio.run(tasks.load("anna"))
    assert tasks.loading.phase == "failed"
    with pytest.raises(RuntimeError, match="calibrate"):
        asyncio.run(tasks.calibrate())
    assert tasks.calibration.phase == "failed"
