"""One tick of the predictor without ROS: from samples of the filter to a forecast and to what is known about it."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from ankle_predictor.estimation.filter_config import FilterConfig
from ankle_predictor.estimation.gait import StrideMonitor
from ankle_predictor.estimation.pair_assembler import Joined, PairAssembler
from ankle_predictor.estimation.samples import JointSample, LegSample, PairSample, SegmentSample
from ankle_predictor.forecasting.forecaster import Forecaster, PreparedModel
from ankle_predictor.model.bundle import Bundle, load_bundle
from ankle_predictor.model.engine import InferenceEngine, load_engine
from ankle_predictor.model.forecast import Forecast
from ankle_predictor.model.manifest import BundleError
from ankle_predictor.trust.forecast_counters import ForecastCounters
from ankle_predictor.trust.input_monitor import InputMonitor, TrustLimits
from ankle_predictor.trust.live_score import LiveScore
from ankle_predictor.trust.status import WITHHELD, Status

CATCH_UP = 2  # pairs that may be pending and are all forecast from; of more, only the newest is
DEFAULT_PERIOD = 0.01  # s between two steps of a forecast, before there is a model


@dataclass(frozen=True)
class PredictorConfig:
    """The settings of a predictor.

    Attributes:
        side: the leg that the samples come from, "left" or "right".
        filter: the constants of the filter that makes the samples.
        limits: of input and forecast.
        withhold_unfamiliar: whether a forecast of unfamiliar movement is withheld.
        real_time: whether stamps advance with the monotonic clock, as they do not in simulated time.
        threads: cores that one forecast may use.
        spinning: whether these wait for work without sleeping.
        model_directories: where models are searched; a user's model is written to the first.
    """

    side: str = "right"
    filter: FilterConfig = field(default_factory=FilterConfig)
    limits: TrustLimits = field(default_factory=TrustLimits)
    withhold_unfamiliar: bool = False
    real_time: bool = True
    threads: int = 1
    spinning: bool = False
    model_directories: tuple[Path, ...] = ()


@dataclass(frozen=True, eq=False)
class Tick:
    """What one pair of samples gave.

    Attributes:
        started: s on the monotonic clock, when its processing began.
        stamp: s, of the pair.
        pair: None while the sensors are not calibrated.
        status: what is known when the forecast is due to be published; ``settle`` adds what may come later.
        forecast: None if none was made.
        publish: whether the forecast may be published.
        skipped: whether the pair was skipped, as newer ones are pending.
    """

    started: float
    stamp: float
    pair: PairSample | None
    status: Status
    forecast: Forecast | None = None
    publish: bool = False
    skipped: bool = False


class LivePredictor:
    """Joins samples to pairs, forecasts from each pair, judges input and forecast, and changes models in between.

    A controller waits for the forecast: ``push`` does what the forecast needs, ``settle`` everything that may follow
    its publication. Without a configuration it has no model and refuses one.

    Times named ``now`` are s on the monotonic clock; stamps are s on the clock of the samples.
    """

    def __init__(self, on_model: Callable[[InferenceEngine], None] = lambda _engine: None) -> None:
        """Make a predictor without a configuration; ``on_model`` is called whenever another model is in use."""
        self._on_model = on_model
        self._forecaster: Forecaster | None = None
        self._reset(PredictorConfig())

    def _reset(self, config: PredictorConfig) -> None:
        self.config = config
        self._assembler = PairAssembler(config.limits.skew)
        self._input = InputMonitor(config.limits, config.filter, config.real_time)
        self._counters, self._strides = ForecastCounters(), StrideMonitor()
        self._score, self._period = LiveScore(DEFAULT_PERIOD), DEFAULT_PERIOD
        self._overrun = Status.OK  # OVERRUN from a skipped pair until the next status is published
        self._withheld = WITHHELD | (Status.UNFAMILIAR if config.withhold_unfamiliar else Status.OK)

    def configure(self, config: PredictorConfig) -> None:
        """Start afresh with these settings and without a model."""
        self._reset(config)
        self._forecaster = Forecaster(config.side, config.filter)

    def unconfigure(self) -> None:
        """Drop the model and refuse new ones."""
        self._forecaster = None

    @property
    def is_configured(self) -> bool:
        """Whether a model can be loaded."""
        return self._forecaster is not None

    @property
    def engine(self) -> InferenceEngine | None:
        """The model in use."""
        return None if self._forecaster is None else self._forecaster.engine

    @property
    def model(self) -> str:
        """Name of the model in use, empty without one."""
        return "" if self.engine is None else self.engine.bundle.name

    def load(self, model: str) -> PreparedModel:
        """Find a model by its name or path and prepare it beside the one in use; may be called in any thread.

        Raises:
            BundleError: it is not found, corrupt, incompatible or rejected; the model in use stays.
        """
        self._configured()
        return self.prepare(load_bundle(model, self.config.model_directories))

    def prepare(self, bundle: Bundle) -> PreparedModel:
        """Try a model and let it learn from the last minute, beside the one in use; may be called in any thread.

        Raises:
            BundleError: it is incompatible or rejected.
        """
        forecaster, config = self._configured(), self.config
        return forecaster.prepare(load_engine(bundle, config.threads, config.spinning))

    def use(self, prepared: PreparedModel) -> None:
        """Switch to a prepared model between two pairs.

        Raises:
            BundleError: the predictor is not configured any more.
        """
        self._configured().use(prepared)
        self._period = prepared.engine.manifest.features.period
        self._score = LiveScore(self._period)
        self._on_model(prepared.engine)

    def restart(self) -> None:
        """Empty the window and forget the wearer."""
        if self._forecaster is not None:
            self._forecaster.restart()

    def push_segment(self, stream: int, sample: SegmentSample, now: float) -> list[Joined]:
        """Take a sample of ``SHANK`` or ``FOOT`` that came in ``now``; return the pairs that are complete with it."""
        self._input.hear(stream, sample, now)
        return self._assembler.push_segment(stream, sample, now)

    def push_joint(self, joint: JointSample) -> list[Joined]:
        """Take the ankle angle of one time; return the pairs that are complete with it."""
        return self._assembler.push_joint(joint)

    def push_leg(self, sample: LegSample, now: float) -> list[Joined]:
        """Take what the filter gave at one time, from the filter itself; return the pair if there is one."""
        segments = [(stream, part) for stream, part in enumerate((sample.shank, sample.foot)) if part is not None]
        for stream, part in segments:
            self._input.hear(stream, part, now)
        if sample.shank is None or sample.foot is None:
            return []
        pair = None if sample.joint is None else PairSample(sample.shank, sample.foot, sample.joint)
        return [Joined(max(sample.shank.stamp, sample.foot.stamp), now, pair)]

    def push_encoder(self, stamp: float, angle: float) -> None:
        """Take the encoder's angle in rad, dorsiflexion positive."""
        self._score.push_encoder(stamp, angle)

    def push(self, joined: Joined, now: float, skip: bool = False) -> Tick:
        """Take a pair and forecast from it.

        Args:
            joined: the pair.
            now: s.
            skip: whether to leave the forecast out, see ``skipped``.
        """
        forecaster, pair = self._forecaster, joined.pair
        assert forecaster is not None
        self._input.pair(joined.stamp, joined.received, now, pair is not None)
        status = self._input.status(now) | self._overrun
        if pair is None:
            forecaster.restart()
            return Tick(now, joined.stamp, None, status | Status.WARMING_UP)
        if not forecaster.push(pair):
            status |= Status.WARMING_UP
        if skip or status & WITHHELD:
            return Tick(now, joined.stamp, pair, status, skipped=skip)
        forecast = forecaster.forecast()
        if Status.UNFAMILIAR & self._withheld:
            status |= self._familiarity(forecaster)
        if not self._input.plausible(pair.joint, forecast, self._period):
            status |= Status.IMPLAUSIBLE
        return Tick(now, joined.stamp, pair, status, forecast, publish=not status & self._withheld)

    def settle(self, tick: Tick, made: float, now: float) -> Status:
        """Do what follows the publication of a tick: score, learn, count.

        Args:
            tick: what ``push`` returned.
            made: s, when it returned it.
            now: s, when the forecast was out.

        Returns:
            The status to publish.
        """
        status, pair, forecast, forecaster = tick.status, tick.pair, tick.forecast, self._forecaster
        assert forecaster is not None
        if forecast is not None:
            self._counters.took(made - tick.started)
            status |= self._familiarity(forecaster)
            if now - tick.started > self._period:
                status |= Status.OVERRUN
        if pair is not None:
            self._score.push_imu(pair.joint.stamp, pair.joint.angle)
            if forecast is not None and tick.publish:
                self._score.push_forecast(pair.joint.stamp, forecast)
            self._strides.push(pair.joint.stamp, pair.shank.gyro[1])
            forecaster.settle()
        if tick.skipped:
            self.count("skipped")
            self._overrun = Status.OVERRUN
        else:
            self._count(status)
        return status

    def watch(self, now: float) -> Status:
        """Return the status to publish when no pair has come for some time."""
        status = self._input.status(now) | Status.STALE
        self._count(status)
        return status

    def count(self, what: str) -> None:
        """Count something else that diagnostics are to report."""
        self._counters.counts[what] += 1

    @property
    def recent_error(self) -> float:
        """Mean absolute error in rad of what came due in the last 10 s, NaN before anything did."""
        return self._score.value

    @property
    def stride_period(self) -> float:
        """Stride period in s, NaN when the wearer does not walk steadily."""
        return self._strides.period

    def report(self) -> tuple[bool, bool, str, dict[str, object]]:
        """Return what diagnostics report.

        Returns:
            Whether any forecast was made since the last report, whether any was withheld or skipped, a sentence, and
            the values behind it.
        """
        unfamiliarity = math.nan if self._forecaster is None else self._forecaster.unfamiliarity
        any_made, any_missing, sentence = self._counters.report()
        values: dict[str, object] = {
            "model": self.model,
            "recent error (deg)": f"{math.degrees(self._score.value):.2f}",
            "recent coverage of the interval": f"{self._score.coverage:.3f}",
            "unfamiliarity": "unknown" if math.isnan(unfamiliarity) else f"{unfamiliarity:.2f}",
            "gait": self._strides.gait.value,
            "stride period (s)": f"{self._strides.period:.2f}",
            **self._counters.take_durations(),
            **{f"segments.{name}": n for name, n in self._assembler.segments.counts.items() if n},
            **{f"joints.{name}": n for name, n in self._assembler.joints.counts.items() if n},
            **self._counters.counts,
        }
        return any_made, any_missing, sentence, values

    def _familiarity(self, forecaster: Forecaster) -> Status:
        return Status.UNFAMILIAR if forecaster.unfamiliarity > 1.0 else Status.OK

    def _count(self, status: Status) -> None:
        self._overrun = Status.OK
        self._counters.tell(status, bool(status & self._withheld))

    def _configured(self) -> Forecaster:
        if self._forecaster is None:
            raise BundleError("REJECTED", "predictor is not configured; configure it first")
        return self._forecaster


def skipped(pending: int) -> list[bool]:
    """Tell which of so many pending pairs are skipped, oldest first: all but the newest if more than two wait."""
    return [pending > CATCH_UP and k < pending - 1 for k in range(pending)]
