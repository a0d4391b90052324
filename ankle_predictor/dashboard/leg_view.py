"""What the page shows of one leg: keeps the newest values and the last seconds of its messages. No ROS, no browser."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from ankle_imu_driver.conventions import JointConvention
from ankle_predictor.dashboard.plain_status import PlainStatus, plain_status
from ankle_predictor.trust.status import Status

PAST, FUTURE = 5.0, 0.5  # s that the chart shows
SILENCE = 1.0  # s without forecast_detail, which comes at 10 Hz or more
DIAGNOSTICS_LIFE = 5.0  # s; they come every second
CALM = 1.0  # s for which a caution is shown at least; some come and go with every message
JUMP = 1.0  # s between two stamps, after which the curve starts anew
CAUTIONS = (Status.OVERRUN, Status.UNFAMILIAR)

Point = tuple[float, float]
Band = tuple[float, float, float]


@dataclass(frozen=True)
class Detail:
    """The content of one ``forecast_detail``: stamp in s, angles in deg, dorsiflexion positive.

    Attributes:
        stamp: of the newest pair, s.
        status: the status bits.
        model: name of the model.
        angle: the ankle angle now; NaN if unknown.
        period: s between two points of the forecast.
        forecast: the k-th is due at ``stamp + (k + 1) * period``; empty while it is withheld.
        lower, upper: the 90 % interval of each.
        error: mean absolute error of forecasts due in the last 10 s; NaN if unknown.
        stride: stride period in s; NaN when not walking steadily.
        by_encoder: whether the angle is the encoder's.
    """

    stamp: float
    status: Status
    model: str
    angle: float
    period: float
    forecast: tuple[float, ...]
    lower: tuple[float, ...]
    upper: tuple[float, ...]
    error: float
    stride: float
    by_encoder: bool


def detail_of(  # noqa: PLR0917 - the fields of a message, as they come
    stamp: float,
    status: int,
    model: str,
    angle: float,
    period: float,
    curves: tuple[Sequence[float], Sequence[float], Sequence[float]],
    error: float,
    stride: float,
    by_encoder: bool,
    joint: JointConvention,
) -> Detail:
    """Convert a message's values, angles in rad as they were published, by the joint's convention."""

    def degrees(values: Sequence[float]) -> tuple[float, ...]:
        return tuple(math.degrees(joint.received(value)) for value in values)

    forecast, lower, upper = map(degrees, curves)
    if joint.sign < 0:
        lower, upper = upper, lower
    now = math.degrees(joint.received(angle))
    return Detail(
        stamp, Status(status), model, now, period, forecast, lower, upper, math.degrees(error), stride, by_encoder
    )


@dataclass(frozen=True)
class LegView:
    """One leg at one moment. Angles in deg, dorsiflexion (toes up) positive, times in s from now; NaN if unknown.

    Attributes:
        status: in plain words.
        angle: the ankle angle now.
        ahead: its forecast for the end of the horizon.
        margin: half the 90 % interval of ``ahead``.
        horizon: how far ``ahead`` is, s.
        error: mean absolute error of the forecasts that came due in the last 10 s.
        stride: stride period in s.
        model: name of the model in use.
        by_encoder: whether the angle is the encoder's.
        shank, foot: pitch of the segments, positive when the top leans forward (for the foot: toes down).
        measured: (time, angle) of the last seconds.
        came_due: (time due, lower, upper) of the forecasts made one horizon before they were due.
        came_due_middle: (time due, angle) of the same.
        coming: (time due, angle) of the newest forecast, from now on.
        coming_band: (time due, lower, upper) of the same.
        diagnostics: level and sentence by the node's name.
    """

    status: PlainStatus
    angle: float = math.nan
    ahead: float = math.nan
    margin: float = math.nan
    horizon: float = FUTURE
    error: float = math.nan
    stride: float = math.nan
    model: str = ""
    by_encoder: bool = False
    shank: float = math.nan
    foot: float = math.nan
    measured: tuple[Point, ...] = ()
    came_due: tuple[Band, ...] = ()
    came_due_middle: tuple[Point, ...] = ()
    coming: tuple[Point, ...] = ()
    coming_band: tuple[Band, ...] = ()
    diagnostics: dict[str, tuple[int, str]] = field(default_factory=dict)


class LegHistory:
    """Takes a leg's values as they come, and says what to show. Times of arrival are monotonic s."""

    def __init__(self) -> None:
        self._newest: Detail | None = None
        self._arrived = -math.inf
        self._cautioned: dict[Status, float] = {}
        self._measured: deque[Point] = deque()
        self._due: deque[tuple[float, float, float, float]] = deque()  # due, angle, lower, upper
        self._pitch = {"shank": math.nan, "foot": math.nan}
        self._diagnostics: dict[str, tuple[float, int, str]] = {}

    def push(self, detail: Detail, arrival: float) -> None:
        """Add a ``forecast_detail``."""
        newest = self._newest
        if newest is not None and not -JUMP < detail.stamp - newest.stamp < JUMP:
            self._measured.clear()
            self._due.clear()
        is_news = newest is None or detail.stamp > newest.stamp or not self._measured
        self._newest, self._arrived = detail, arrival
        self._cautioned |= {bit: arrival for bit in CAUTIONS if bit & detail.status}
        if is_news and math.isfinite(detail.angle):
            self._measured.append((detail.stamp, detail.angle))
        if is_news and detail.forecast:
            due = detail.stamp + len(detail.forecast) * detail.period
            self._due.append((due, detail.forecast[-1], detail.lower[-1], detail.upper[-1]))
        for kept in (self._measured, self._due):
            while kept and kept[0][0] < detail.stamp - PAST:
                kept.popleft()

    def push_pitch(self, segment: str, pitch: float) -> None:
        """Set the pitch in deg of "shank" or "foot"; NaN if it has no orientation."""
        self._pitch[segment] = pitch

    def push_diagnostics(self, node: str, level: int, sentence: str, arrival: float) -> None:
        """Set what a node, named without its namespace, says of itself."""
        self._diagnostics[node] = (arrival, level, sentence)

    def view(self, now: float) -> LegView:
        """Return what to show at a monotonic time."""
        diagnostics = {
            node: (level, text)
            for node, (arrival, level, text) in sorted(self._diagnostics.items())
            if now - arrival < DIAGNOSTICS_LIFE
        }
        detail = self._newest
        silent = now - self._arrived > SILENCE
        if detail is None or silent:
            status = plain_status(None if detail is None else detail.status, silent, diagnostics)
            return LegView(status, diagnostics=diagnostics)
        shown = detail.status
        for bit, arrival in self._cautioned.items():
            if now - arrival < CALM:
                shown |= bit
        status = plain_status(shown, silent, diagnostics)
        at = detail.stamp
        has_forecast = bool(detail.forecast)
        times = [(k + 1) * detail.period for k in range(len(detail.forecast))]
        start = ((0.0, detail.angle),) if has_forecast and math.isfinite(detail.angle) else ()
        start_band = ((0.0, detail.angle, detail.angle),) if start else ()
        past = [due for due in self._due if due[0] <= at]
        return LegView(
            status,
            angle=detail.angle,
            ahead=detail.forecast[-1] if has_forecast else math.nan,
            margin=(detail.upper[-1] - detail.lower[-1]) / 2 if has_forecast else math.nan,
            horizon=times[-1] if times else FUTURE,
            error=detail.error,
            stride=detail.stride,
            model=detail.model,
            by_encoder=detail.by_encoder,
            shank=self._pitch["shank"],
            foot=self._pitch["foot"],
            measured=tuple((stamp - at, angle) for stamp, angle in self._measured),
            came_due=tuple((due - at, lower, upper) for due, _, lower, upper in past),
            came_due_middle=tuple((due - at, angle) for due, angle, _, _ in past),
            coming=(*start, *zip(times, detail.forecast, strict=True)),
            coming_band=(*start_band, *zip(times, detail.lower, detail.upper, strict=True)),
            diagnostics=diagnostics,
        )
