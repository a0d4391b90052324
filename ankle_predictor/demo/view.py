"""The live view: figures and a moving chart, or a line of text now and then if the terminal cannot redraw."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from types import TracebackType

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from ankle_predictor.demo.chart import Chart, Curve, Layer
from ankle_predictor.trust.status import Status, names

PAST, FUTURE = 3.0, 0.5  # s that the chart shows
FRAMES = 8.0  # a second
LINE_PERIOD = 2.0  # s between two lines of text
CHART_WIDTH, CHART_HEIGHT = 60, 9  # smallest chart in character cells; smaller terminals show none
NOW, NEAR, FAR, TRUTH = "bold", "bold cyan", "bold dark_orange", "grey50"


@dataclass(frozen=True)
class Snapshot:
    """What the view shows at one moment; angles in deg, NaN if unknown.

    Attributes:
        elapsed: s of the run.
        seconds: length of the run in s.
        now: present ankle angle.
        near: its forecast for 200 ms ahead.
        far: its forecast for 500 ms ahead.
        margin: half the 90 % interval of ``far``.
        error: mean absolute error of the forecasts that came due in the last 10 s.
        rate: forecasts per second.
        latency: ms from sample to forecast, median of the last two seconds.
        status: bits of ``AnkleForecast.status``; None before the first message.
        angles: (s, deg) of the angle, s relative to now.
        encoder: (s, deg) of the encoder.
        forecast: (s, deg) of the newest forecast.
        came_due: (s, deg) of the forecasts made 500 ms before.
        note: one more line of text.
    """

    elapsed: float
    seconds: float
    now: float = math.nan
    near: float = math.nan
    far: float = math.nan
    margin: float = math.nan
    error: float = math.nan
    rate: float = math.nan
    latency: float = math.nan
    status: int | None = None
    angles: Curve = ()
    encoder: Curve = ()
    forecast: Curve = ()
    came_due: Curve = ()
    note: str = ""


def status_words(status: int | None) -> str:
    """Return the status bits as text for people."""
    return "waiting for the nodes" if status is None else names(Status(status))


def as_line(snapshot: Snapshot) -> str:
    """Return a snapshot as one line of plain text."""
    s = snapshot
    return (
        f"{s.elapsed:5.1f} s  now {_deg(s.now)}  +200 ms {_deg(s.near)}  +500 ms {_deg(s.far)}  "
        f"error {_number(s.error, '.2f')} deg  {_number(s.rate, '.0f')} Hz  {_number(s.latency, '.1f')} ms  "
        f"{status_words(s.status)}{f'  {s.note}' if s.note else ''}"
    )


@dataclass(frozen=True)
class Frame:
    """One picture of the live view; it fits any width and height."""

    title: str
    snapshot: Snapshot

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Render the picture; called by rich."""
        s = self.snapshot
        inner = options.max_width - 4
        numbers = Table.grid(expand=True)
        for _ in range(3):
            numbers.add_column(justify="center", ratio=1)
        margin = f" ±{s.margin:.1f}" if math.isfinite(s.margin) and inner >= 50 else ""
        numbers.add_row(Text("now", NOW), Text("+200 ms", NEAR), Text("+500 ms", FAR))
        numbers.add_row(Text(_deg(s.now), NOW), Text(_deg(s.near), NEAR), Text(_deg(s.far) + margin, FAR))
        facts = Text(
            f"error {_number(s.error, '.2f')} deg (last 10 s)   {_number(s.rate, '.0f')} forecasts/s   "
            f"{_number(s.latency, '.1f')} ms from sample to forecast"
        )
        status = Text(status_words(s.status), "green" if s.status == 0 else "yellow")
        rows: list[RenderableType] = [numbers]
        height = min(options.size.height - 10, 14)
        if inner >= CHART_WIDTH and height >= CHART_HEIGHT and not options.ascii_only:
            rows += [*_chart(s, inner, height), _legend(s)]
        yield Panel(
            Group(*rows, facts, status, *([Text(s.note, "bold")] if s.note else [])),
            title=Text(self.title),
            title_align="left",
            subtitle=f"{s.elapsed:.0f} of {s.seconds:.0f} s, Ctrl-C ends it",
            subtitle_align="right",
            border_style="dim",
        )


class LiveView:
    """Shows snapshots; a context manager that restores the terminal in any case."""

    def __init__(self, console: Console, title: str) -> None:
        self._console, self._title = console, title
        self._live: Live | None = None
        self._due = 0.0
        if console.is_terminal and not console.is_dumb_terminal:
            self._live = Live(console=console, auto_refresh=False, transient=True)

    def __enter__(self) -> LiveView:
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live is not None:
            self._live.stop()

    @property
    def due(self) -> bool:
        """Whether it is time for the next snapshot."""
        return time.monotonic() >= self._due

    def show(self, snapshot: Snapshot) -> None:
        """Show a snapshot."""
        if self._live is None:
            self._due = time.monotonic() + LINE_PERIOD
            self._console.print(as_line(snapshot), soft_wrap=True, highlight=False)
        else:
            self._due = time.monotonic() + 1 / FRAMES
            self._live.update(Frame(self._title, snapshot), refresh=True)


def _chart(s: Snapshot, width: int, height: int) -> list[Text]:
    values = [y for curve in (s.angles, s.encoder, s.forecast, s.came_due) for _, y in curve]
    low, high = 10 * math.floor(min([-10.0, *values]) / 10), 10 * math.ceil(max([10.0, *values]) / 10)
    rows = Chart(width - 6, height, (-PAST, FUTURE), (low, high)).draw(
        [
            Layer(s.encoder, TRUTH),
            Layer(s.came_due, FAR, connected=False),
            Layer(s.angles, NOW),
            Layer(s.forecast, FAR),
        ]
    )
    labels = [""] * height
    labels[0], labels[-1] = f"{high:+.0f}°", f"{low:+.0f}°"
    return [Text.assemble((f"{label:>5} ", "dim"), row) for label, row in zip(labels, rows, strict=True)]


def _legend(s: Snapshot) -> Text:
    legend = Text("      angle now", NOW)
    if s.encoder:
        legend.append("   encoder", TRUTH)
    return legend.append("   forecast (dots: made 500 ms before)", FAR)


def _deg(value: float) -> str:
    return f"{value:+6.1f}°" if math.isfinite(value) else "     -"


def _number(value: float, form: str) -> str:
    return f"{value:{form}}" if math.isfinite(value) else "-"
