"""The page: what a browser shows of each leg, and its buttons. Everything that is shown was made elsewhere."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

from nicegui import ui

from ankle_imu_driver.recordings.recording import RecordingError
from ankle_predictor.dashboard.leg_card import LegCard
from ankle_predictor.dashboard.leg_tasks import LegTasks
from ankle_predictor.dashboard.ros_link import RosLink
from ankle_predictor.dashboard.wording import leg_title, recording_words

REFRESH = 0.1  # s
STYLE = """
body { background: #eef2f7; color: #1e293b; font-size: 18px }
.nicegui-content { padding: 16px; gap: 16px }
.card { background: white; border-radius: 18px; box-shadow: 0 1px 4px #0f172a22; padding: 18px; gap: 14px;
        display: flex; flex-direction: column; flex: 1 1 460px; min-width: 0 }
.legs { display: flex; flex-wrap: wrap; gap: 16px; width: 100% }
.status { border-radius: 12px; padding: 12px 18px; width: 100%; min-height: 84px }
.status.good { background: #dcf5e3; color: #14532d } .status.wait { background: #e0ecff; color: #1e3a8a }
.status.caution { background: #fff1cc; color: #713f12 } .status.problem { background: #fde2e2; color: #7f1d1d }
.headline { font-size: 24px; font-weight: 600; line-height: 1.25 } .advice { font-size: 17px }
.figures { display: flex; flex-wrap: wrap; gap: 12px; width: 100% }
.figure { flex: 1 1 130px } .figure .label { font-size: 15px; color: #475569 }
.figure .number { font-size: 34px; font-weight: 600; font-variant-numeric: tabular-nums; line-height: 1.15 }
.figure .note { font-size: 15px; color: #475569 }
.now .number { color: #1c4f9c } .ahead .number { color: #c2410c }
.picture { display: flex; flex-wrap: wrap; gap: 12px; width: 100%; align-items: stretch }
.leg, .chart { height: clamp(220px, min(34vh, 100vh - 575px), 460px); min-width: 0 }
.caption { font-size: 15px; color: #475569; width: 100% }
.leg { flex: 1 1 150px } .chart { flex: 3 1 330px }
.actions { display: flex; flex-wrap: wrap; gap: 12px; width: 100%; align-items: center }
.q-btn { min-height: 52px; font-size: 18px; border-radius: 12px; padding: 4px 22px; text-transform: none }
.answer { font-size: 17px; width: 100% } .answer.failed { color: #991b1b }
.compare { display: flex; gap: 24px; align-items: baseline; font-size: 18px }
.compare b { font-size: 30px; font-variant-numeric: tabular-nums }
.count { font-size: 110px; font-weight: 700; line-height: 1; color: #1c4f9c }
"""


class Dashboard:
    """The page for every browser; the tasks and the recording are the server's, so that all browsers see the same."""

    def __init__(self, link: RosLink) -> None:
        """Show what ``link`` hears."""
        self._link = link
        self._tasks: dict[str, LegTasks] = {}
        self._running: set[asyncio.Task[None]] = set()

    def show(self) -> None:
        """Build the page in a browser that opens it."""
        ui.add_css(STYLE)
        ui.page_title("Ankle")
        recording = RecordingBar(self._link)
        with ui.element("main").classes("w-full"):
            waiting = ui.label("No leg is heard yet. Is the leg's computer on, and are its nodes running?")
            waiting.classes("text-xl q-pa-lg").props("data-part=waiting")
            legs = ui.element("div").classes("legs")
        cards: dict[str, LegCard] = {}

        async def refresh() -> None:
            for namespace, leg in self._link.legs.items():
                if namespace not in cards:
                    with legs:
                        cards[namespace] = LegCard(leg, self._tasks_of(namespace), self._begin)
                several = len(self._link.legs) > 1
                await cards[namespace].refresh(leg_title(namespace, leg.side, several))
            waiting.set_visibility(not cards)
            recording.refresh()

        ui.timer(REFRESH, refresh)

    def _tasks_of(self, namespace: str) -> LegTasks:
        if namespace not in self._tasks:
            self._tasks[namespace] = LegTasks(self._link.legs[namespace])
        return self._tasks[namespace]

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        """Run a task that goes on when the browser is closed."""
        task = asyncio.ensure_future(work)
        self._running.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        if not task.cancelled() and task.exception() is not None:
            asyncio.get_running_loop().call_exception_handler(
                {"message": "a task of the dashboard failed", "exception": task.exception(), "task": task}
            )


class RecordingBar:
    """The head of the page: the title, and the recording."""

    def __init__(self, link: RosLink) -> None:
        """Build it."""
        self._link = link
        with ui.element("header").classes("w-full flex items-center gap-4"):
            ui.label("Ankle forecast").classes("text-3xl font-semibold")
            ui.space()
            self._state = ui.label("").classes("text-lg").props("data-part=recording-state")
            self._button = ui.button("Record", icon="fiber_manual_record", on_click=self._press).props(
                "data-part=record"
            )

    def refresh(self) -> None:
        """Show how the recording stands."""
        state = self._link.recorder.state
        self._button.set_text("Stop" if state.is_on else "Record")
        self._button.set_icon("stop" if state.is_on else "fiber_manual_record")
        self._button.props(f"color={'negative' if state.is_on else 'grey-8'}")
        self._state.set_text(recording_words(state))

    def _press(self) -> None:
        if self._link.recorder.state.is_on:
            self._link.stop_recording()
            return
        try:
            self._link.start_recording()
        except RecordingError as error:
            ui.notify(str(error), type="negative", multi_line=True, timeout=10_000)
