"""What the page does to a leg: calibrate after a countdown, adapt with progress, change the model. No ROS here."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Literal, Protocol

from ankle_imu_driver.refusal import Refusal

COUNTDOWN = 5  # s: time to take position, and the two seconds of standing that the filter averages
USER_DURATIONS = (30, 60)  # s of walking to choose from

Phase = Literal["idle", "running", "done", "failed"]
Progress = Callable[[str, float], None]
"""Takes the stage and the share of it that is done, 0 to 1."""


class LinkError(Refusal):
    """A leg's nodes did not do what was asked, or did not answer; the message is one sentence."""


@dataclass(frozen=True)
class Adapted:
    """The result of an adaptation; errors in deg, NaN if unknown."""

    success: bool
    message: str
    model: str
    before: float
    after: float


class LegCommands(Protocol):
    """What a leg's nodes can be asked for. Every method may raise ``LinkError``."""

    async def calibrate(self) -> str:
        """Calibrate from the last two seconds of standing; returns what the filter says."""

    async def load(self, model: str) -> str:
        """Change the model; returns what the predictor says."""

    async def adapt(self, user: str, duration: float, labels: str, progress: Progress) -> Adapted:
        """Adapt the model to the walking wearer."""

    async def cancel_adapting(self) -> None:
        """Stop the adaptation in progress; ``adapt`` then returns."""


@dataclass
class TaskState:
    """How a task stands.

    Attributes:
        phase: "idle" before the first time.
        message: what the nodes said at the end, or why it failed.
        stage: of an adaptation.
        progress: share of the stage that is done, 0 to 1.
        seconds_left: of the countdown.
    """

    phase: Phase = "idle"
    message: str = ""
    stage: str = ""
    progress: float = 0.0
    seconds_left: int = 0

    @property
    def is_running(self) -> bool:
        """Whether it has begun and not ended."""
        return self.phase == "running"


class LegTasks:
    """The tasks of one leg. They belong to the server and not to a browser: a page that is reloaded shows them again.

    Attributes:
        calibration, adaptation, loading: how each task stands.
        adapted: the result of the last adaptation that was judged; None before.
    """

    def __init__(self, commands: LegCommands, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
        self._commands, self._sleep = commands, sleep
        self.calibration, self.adaptation, self.loading = TaskState(), TaskState(), TaskState()
        self.adapted: Adapted | None = None
        self._countdown: asyncio.Task[None] | None = None

    async def calibrate(self) -> None:
        """Count down, then calibrate; does nothing while that is in progress."""
        if self.calibration.is_running:
            return
        state = self.calibration = TaskState("running", seconds_left=COUNTDOWN)
        self._countdown = asyncio.ensure_future(self._count_down(state))
        try:
            await asyncio.wait([self._countdown])
            if self._countdown.cancelled():
                self.calibration = TaskState()
                return
            self._countdown.result()
            await _told(state, self._commands.calibrate())
        finally:
            self._countdown = None
            _end(state)

    def cancel_calibrating(self) -> None:
        """Stop the countdown, if it runs."""
        if self._countdown is not None:
            self._countdown.cancel()

    async def load(self, model: str) -> None:
        """Change the model; does nothing while one is being loaded."""
        if self.loading.is_running:
            return
        state = self.loading = TaskState("running")
        try:
            await _told(state, self._commands.load(model))
        finally:
            _end(state)

    async def adapt(self, user: str, duration: float, labels: str) -> None:
        """Adapt to the walking wearer; does nothing while that is in progress."""
        if self.adaptation.is_running:
            return
        state = self.adaptation = TaskState("running", stage="starting")
        self.adapted = None

        def progress(stage: str, share: float) -> None:
            state.stage, state.progress = stage, min(max(share, 0.0), 1.0)

        async def adapt() -> str:
            result = await self._commands.adapt(user, duration, labels, progress)
            if math.isfinite(result.before):
                self.adapted = result
            if not result.success:
                raise LinkError(result.message)
            return result.message

        try:
            await _told(state, adapt())
        finally:
            _end(state)

    async def cancel_adapting(self) -> None:
        """Stop the adaptation in progress."""
        try:
            await self._commands.cancel_adapting()
        except LinkError as error:
            self.adaptation.message = str(error)

    async def _count_down(self, state: TaskState) -> None:
        while state.seconds_left > 0:
            await self._sleep(1.0)
            state.seconds_left -= 1


async def _told(state: TaskState, work: Awaitable[str]) -> None:
    """Await a task's work, and keep what it says."""
    try:
        state.message = await work
        state.phase = "done"
    except LinkError as error:
        state.message, state.phase = str(error), "failed"


def _end(state: TaskState) -> None:
    """Release a task that a bug ended, so that it can be tried again; the bug itself goes its way."""
    if state.is_running:
        state.phase, state.message = "failed", "this did not work; the output of dashboard says more"
