"""All forecasts of a log, each made by the live code from past samples only."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Protocol

import numpy as np

from ankle_imu_driver.arrays import BoolArray, FloatArray
from ankle_imu_driver.recordings.recording import Recording
from ankle_imu_driver.refusal import Refusal
from ankle_predictor.estimation.filter_config import TIME_RESOLUTION
from ankle_predictor.estimation.samples import AngleSource
from ankle_predictor.forecasting.wearer import Wearer
from ankle_predictor.model.engine import InferenceEngine
from ankle_predictor.model.forecast import Forecast, joined, stacked
from ankle_predictor.model.manifest import Manifest
from ankle_predictor.offline.feature_tables import feature_table
from ankle_predictor.offline.pipeline import FeatureTable, windows_of

Span = tuple[float, float]

WHOLE: Span = (0.0, math.inf)
BATCH = 256


class EvaluationError(Refusal):
    """A log that cannot be scored; the message says why."""


class Timed(Protocol):
    """What is asked of a recording whose features are already there."""

    @property
    def name(self) -> str:
        """Its name in reports."""

    @property
    def start(self) -> float:
        """Stamp of its first sample in s."""

    @property
    def end(self) -> float:
        """Stamp of its last sample in s."""


@dataclass(frozen=True)
class TimeSpan:
    """Name, first and last stamp in s of a recording that is not in memory."""

    name: str
    start: float
    end: float


@dataclass(frozen=True, eq=False)
class LogForecasts:
    """All forecasts of one log's span.

    Attributes:
        stamp: (N,) s, of each forecast's newest pair.
        forecast: angle and interval, (N, H) each.
    """

    stamp: FloatArray
    forecast: Forecast


def forecast_log(
    engine: InferenceEngine,
    recording: Timed,
    span: Span = WHOLE,
    on_progress: Callable[[float], None] = lambda _share: None,
    table: FeatureTable | None = None,
) -> LogForecasts:
    """Forecast at every pair of a span, as the nodes do.

    The chain always runs from the log's first sample, so that filter and memory are in the state that they would have
    live.

    Args:
        engine: of the model, already tested by ``load_engine``.
        recording: with calibration; its samples are needed only where ``table`` is None.
        span: s from the log's first sample: start of the first forecast, and end of the last forecast's last step.
        on_progress: called with the share that is done, 0 to 1.
        table: the recording's features; None to make them here.

    Raises:
        ChainError, MountingError, ReferenceFeatureError: the features cannot be made from this recording.
        EvaluationError: the span has no forecast.
    """
    spec, horizon, (start, end) = engine.manifest.features, engine.manifest.horizon, span
    if table is None:
        assert isinstance(recording, Recording)
        table = feature_table(recording, spec)
    since = table.stamp - recording.start
    wanted = (since >= start) & (since + horizon * spec.period <= end + TIME_RESOLUTION)
    # A memory also needs the pairs before the span.
    needed = wanted if engine.manifest.memory is None else since <= end
    wearer = LogWearer(engine.manifest, table)
    index: list[int] = []
    forecasts: list[Forecast] = []
    for batch in _batches(windows_of(table, spec), needed):
        newest, windows = [k for k, _ in batch], np.array([window for _, window in batch])
        index += newest
        forecasts.append(wearer.forecast(newest, windows, engine.forecast_batch(windows)))
        on_progress(index[-1] / len(table.stamp))
    chosen = wanted[index]
    if not chosen.any():
        raise EvaluationError(no_forecast(engine.manifest, recording, span))
    return LogForecasts(table.stamp[index][chosen], joined(forecasts).at(chosen))


def no_forecast(manifest: Manifest, recording: Timed, span: Span) -> str:
    """Return the sentence that refuses a span of a log without any forecast."""
    period, until = manifest.features.period, f"{span[1]:g} s" if math.isfinite(span[1]) else "its end"
    return (
        f"{recording.name} has no forecast between {span[0]:g} s and {until}: a window takes "
        f"{manifest.features.window * period:g} s, the forecast {manifest.horizon * period:g} s, the log has "
        f"{recording.end - recording.start:.1f} s"
    )


class LogWearer:
    """Makes the forecasts of a log from the network's, with what is learned of the wearer, pair by pair as the node."""

    def __init__(self, manifest: Manifest, table: FeatureTable) -> None:
        """Start with nothing learned.

        Args:
            manifest: of the model; without a memory forecasts stay as they are.
            table: the log's features.
        """
        self._wearer = None if manifest.memory is None else Wearer(manifest)
        self._table = table
        self._next = 0

    def forecast(self, index: Sequence[int], windows: FloatArray, network: Forecast) -> Forecast:
        """Return the forecasts.

        Args:
            index: (N,) newest pair of each forecast, rising, and later than in earlier calls.
            windows: (N, W, F) unscaled features.
            network: the network's, (N, H).
        """
        if self._wearer is None:
            return network
        made, stamps, source = [], self._table.stamp, self._table.source
        for n, k in enumerate(index):
            self._push(k)
            from_encoder = bool(len(source)) and source[k] == AngleSource.ENCODER
            made.append(self._wearer.forecast(float(stamps[k]), windows[n], network.at(n), from_encoder))
            # The wearer learns from this pair only after its forecast, as in ``Forecaster.settle``.
            self._push(k + 1)
        return stacked(made)

    def _push(self, until: int) -> None:
        assert self._wearer is not None
        table = self._table
        for pair in range(self._next, until):
            self._wearer.push(float(table.stamp[pair]), table.values[pair], float(table.angle[pair]))
        self._next = until


def _batches(windows: Iterable[tuple[int, FloatArray]], needed: BoolArray) -> Iterator[list[tuple[int, FloatArray]]]:
    wanted = ((k, window) for k, window in windows if needed[k])
    while batch := list(islice(wanted, BATCH)):
        yield batch
