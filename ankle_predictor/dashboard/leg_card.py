"""One leg on the page: status, figures, drawing, chart, and what can be done to it."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any

from nicegui import ui

from ankle_predictor.dashboard.angle_chart import chart_options, chart_update
from ankle_predictor.dashboard.leg_drawing import leg_svg
from ankle_predictor.dashboard.leg_link import LegLink
from ankle_predictor.dashboard.leg_tasks import USER_DURATIONS, LegTasks, TaskState
from ankle_predictor.dashboard.leg_view import LegView
from ankle_predictor.dashboard.wording import degrees, direction, gain_words, stage_words, task_words
from ankle_predictor.library.catalogue import model_names
from ankle_predictor.model.bundle import NAME, model_directories

CAPTION = (
    "Orange, left of now: what was forecast half a second before that moment. Right of now, and the dashed foot: "
    "the newest forecast."
)
DRAWING_PATIENCE = 5.0  # s
Begin = Callable[[Coroutine[Any, Any, None]], None]


class LegCard:
    """Built once in each browser, then refreshed."""

    def __init__(self, leg: LegLink, tasks: LegTasks, begin: Begin) -> None:
        """Build the card.

        Args:
            leg: what is shown.
            tasks: what can be done to it.
            begin: runs a task that goes on when the browser is closed.
        """
        self._leg, self._tasks, self._begin = leg, tasks, begin
        with ui.element("section").classes("card"):
            self._title = ui.label("").classes("text-2xl font-semibold").props("data-part=leg-title")
            with ui.element("div").classes("status") as self._status:
                self._headline = ui.label("").classes("headline").props("data-part=headline")
                self._advice = ui.label("").classes("advice").props("data-part=advice")
            self._figures()
            self._actions()  # above the picture, so that a small screen shows how a task stands
            self._answers()
            with ui.element("div").classes("picture"):
                self._drawing = ui.html("", sanitize=False).classes("leg")
                self._chart = ui.echart(chart_options()).classes("chart")
            ui.label(CAPTION).classes("caption")
            with ui.expansion("Details").classes("w-full"):
                self._details = ui.label("").classes("whitespace-pre-line").props("data-part=details")

    async def refresh(self, title: str) -> None:
        """Show the present state, and wait until it is drawn: a slow browser is not sent more than it can draw."""
        view = self._leg.view()
        self._title.set_text(title)
        self._status.classes(replace=f"status {view.status.level}")
        self._headline.set_text(view.status.headline)
        self._advice.set_text(view.status.advice)
        self._now.set_text(degrees(view.angle))
        self._now_note.set_text(direction(view.angle) + (" (encoder)" if view.by_encoder else ""))
        self._ahead.set_text(degrees(view.ahead))
        known = math.isfinite(view.margin)
        self._ahead_note.set_text(f"{direction(view.ahead)}, ± {view.margin:.0f}°" if known else "")
        self._error.set_text(degrees(view.error, signed=False))
        self._model.set_text(view.model or "–")
        self._drawing.set_content(leg_svg(view))
        self._details.set_text(_details(view, self._leg.namespace))
        self._refresh_tasks()
        with suppress(TimeoutError):  # the browser is gone, or very slow
            await self._chart.run_chart_method("setOption", chart_update(view), timeout=DRAWING_PATIENCE)

    def _figures(self) -> None:
        with ui.element("div").classes("figures"):
            self._now, self._now_note = _figure("Ankle now", "now")
            self._ahead, self._ahead_note = _figure("In half a second", "ahead")
            self._error, note = _figure("Error of the forecast", "error")
            note.set_text("in the last 10 s")
            self._model, note = _figure("Model", "model")
            self._model.style("font-size: 26px; overflow-wrap: anywhere; line-height: 1.5")

    def _actions(self) -> None:
        with ui.element("div").classes("actions"):
            self._calibrate = ui.button("Calibrate", icon="accessibility_new", on_click=self._press_calibrate)
            self._calibrate.props("data-part=calibrate")
            self._adapt = ui.button("Adapt", icon="directions_walk", on_click=self._press_adapt).props(
                "data-part=adapt"
            )
            self._choose = ui.button("Model", icon="tune", on_click=self._press_model).props("data-part=choose-model")

    def _answers(self) -> None:
        with ui.column().classes("w-full gap-2"):
            with ui.row().classes("w-full items-center gap-6") as self._counting:
                self._count = ui.label("").classes("count").props("data-part=countdown")
                with ui.column().classes("gap-2"):
                    ui.label("Stand still and upright, feet flat, looking ahead").classes("text-xl")
                    ui.button("Stop", on_click=self._tasks.cancel_calibrating).props("outline").props(
                        "data-part=stop-calibrating"
                    )
            self._calibrated = ui.label("").props("data-part=calibrated")
            with ui.column().classes("w-full gap-2") as self._adapting:
                with ui.row().classes("w-full items-center"):
                    self._stage = ui.label("").classes("text-xl").props("data-part=stage")
                    ui.space()
                    stop = ui.button("Stop", on_click=lambda: self._begin(self._tasks.cancel_adapting()))
                    stop.props("outline").props("data-part=stop-adapting")
                self._progress = ui.linear_progress(0.0, show_value=False, size="18px").props("rounded")
            with ui.element("div").classes("compare") as self._compare:
                self._before = ui.html("", sanitize=False).props("data-part=before")
                self._after = ui.html("", sanitize=False).props("data-part=after")
                self._gain = ui.label("").props("data-part=gain")
            self._adapted = ui.label("").props("data-part=adapted")
            self._loaded = ui.label("").props("data-part=loaded")

    def _refresh_tasks(self) -> None:
        tasks = self._tasks
        self._calibrate.set_enabled(not tasks.calibration.is_running)
        self._counting.set_visibility(tasks.calibration.is_running)
        self._count.set_text(str(tasks.calibration.seconds_left))
        _answer(self._calibrated, tasks.calibration, "Calibrating ...")
        adaptation = tasks.adaptation
        self._adapt.set_enabled(not adaptation.is_running)
        self._adapting.set_visibility(adaptation.is_running)
        self._stage.set_text(f"{stage_words(adaptation.stage)}: {adaptation.progress:.0%}")
        self._progress.set_value(adaptation.progress)
        _answer(self._adapted, adaptation, "")
        result = tasks.adapted
        self._compare.set_visibility(result is not None)
        if result is not None:
            self._before.set_content(f"error before <b>{degrees(result.before, signed=False)}</b>")
            self._after.set_content(f"after <b>{degrees(result.after, signed=False)}</b>")
            self._gain.set_text(gain_words(result))
        self._choose.set_enabled(not tasks.loading.is_running)
        _answer(self._loaded, tasks.loading, "Trying the model ...")

    def _press_calibrate(self) -> None:
        self._begin(self._tasks.calibrate())

    def _press_adapt(self) -> None:
        with ui.dialog() as dialog, ui.card().classes("gap-4 q-pa-lg").style("width: 480px"):
            ui.label("Adapt to the wearer").classes("text-2xl font-semibold")
            ui.label("The wearer walks as usual. The forecast goes on meanwhile.").classes("text-lg")
            name = ui.input(
                "Name for the wearer's model",
                validation={"Letters, digits, '.', '_' and '-', at most 64": lambda text: bool(NAME.fullmatch(text))},
            )
            name.classes("w-full text-xl").props("data-part=user")
            seconds = ui.toggle({s: f"{s} s of walking" for s in USER_DURATIONS}, value=USER_DURATIONS[0])
            labels = ui.toggle({"imu": "without an encoder", "encoder": "with the encoder"}, value="imu")

            def start() -> None:
                if name.validate():
                    dialog.close()
                    self._begin(self._tasks.adapt(name.value, seconds.value, labels.value))

            with ui.row().classes("w-full justify-end"):
                ui.button("Cancel", on_click=dialog.close).props("flat")
                ui.button("Start", on_click=start).props("data-part=start-adapting")
        dialog.open()

    async def _press_model(self) -> None:
        names = await asyncio.to_thread(model_names, model_directories(self._leg.models_dir))
        with ui.dialog() as dialog, ui.card().classes("gap-3 q-pa-lg").style("width: 420px"):
            ui.label("Choose a model").classes("text-2xl font-semibold")
            if not names:
                ui.label("There is no model on this computer.")

            def load(model: str) -> None:
                dialog.close()
                self._begin(self._tasks.load(model))

            for model in names:
                ui.button(model, on_click=lambda model=model: load(model)).props("outline no-caps").classes("w-full")
            ui.button("Cancel", on_click=dialog.close).props("flat").classes("self-end")
        dialog.open()


def _figure(label: str, kind: str) -> tuple[ui.label, ui.label]:
    with ui.element("div").classes(f"figure {kind}"):
        ui.label(label).classes("label")
        number = ui.label("–").classes("number").props(f"data-part={kind}")
        note = ui.label("").classes("note")
    return number, note


def _answer(label: ui.label, state: TaskState, running: str) -> None:
    """Show how a task ended, or that it runs."""
    text = task_words(state, running)
    label.set_text(text)
    label.classes(replace=f"answer {state.phase}")
    label.set_visibility(bool(text))


def _details(view: LegView, namespace: str) -> str:
    stride = f"stride: {view.stride:.2f} s" if math.isfinite(view.stride) else "no steady walking"
    lines = [f"namespace: {namespace}", stride]
    levels = ("ok", "warning", "error", "stale")
    lines += [f"{node}: {levels[level]}, {text}" for node, (level, text) in view.diagnostics.items()]
    return "\n".join(lines)
