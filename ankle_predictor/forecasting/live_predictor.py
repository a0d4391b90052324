"""One tick of the predictor without ROS: from samples of the filter to a forecast and its status."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from time import monotonic

from ankle_imu_driver.conventions import ERROR, OK, WARN
from ankle_predictor.estimation.encoder_fusion import EncoderFusion
from ankle_predictor.estimation.encoder_watch import EncoderLimits
from ankle_predictor.estimation.gait import StrideMonitor
from ankle_predictor.estimation.pair_assembler import JoinedPair, PairAssembler
from ankle_predictor.estimation.samples import AngleSource, JointSample, LegSample, PairSample, SegmentSample
from ankle_predictor.forecasting.forecaster import Forecaster, PreparedModel
from ankle_predictor.forecasting.model_choice import ModelChoice
from ankle_predictor.forecasting.predictor_config import PredictorConfig
from ankle_predictor.forecasting.tick import Tick
from ankle_predictor.model.bundle import Bundle, load_bundle, sweep_bundles
from ankle_predictor.model.engine import InferenceEngine, ModelFailure
from ankle_predictor.model.manifest import BundleError
from ankle_predictor.trust.departure_watch import DepartureWatch
from ankle_predictor.trust.forecast_counters import ForecastCounters
from ankle_predictor.trust.input_monitor import InputMonitor, TrustLimits
from ankle_predictor.trust.live_score import RECENT, LiveScore
from ankle_predictor.trust.status import UNTRUSTED_INPUT, WITHHELD, Status

DEFAULT_PERIOD = 0.01  # s between two steps of a forecast, before there is a model


class LivePredictor:
    """Joins samples to pairs, makes a forecast for each pair, and judges input and forecast.

    A controller waits for the forecast: ``push`` does what the forecast needs, ``settle`` everything that may follow
    its publication. In between ``approve`` judges once more whether it may go out, by the time of then. The model can
    be exchanged between two pairs. Before ``configure`` it accepts no model.

    Times named ``now`` are s on the monotonic clock; stamps are s on the clock of the samples; ``clock`` is s on the
    clock on which forecasts are due, with the same origin as the stamps, and None where there is no such clock.
    """

    def __init__(
        self, on_model: Callable[[InferenceEngine], None] = lambda _engine: None, clock: Callable[[], float] = monotonic
    ) -> None:
        """Make an unconfigured predictor.

        Args:
            on_model: called with the engine of each model that comes into use.
            clock: s; used only to measure how long a forecast takes.
        """
        self._on_model, self._clock = on_model, clock
        self._forecaster: Forecaster | None = None
        self._models = ModelChoice()
        self._reset(PredictorConfig())

    def _reset(self, config: PredictorConfig) -> None:
        self.config = config
        self._encoder = EncoderFusion(EncoderLimits(max_angle=config.limits.max_angle))
        self._assembler = PairAssembler(config.limits.skew)
        self._input = InputMonitor(config.limits, config.filter, config.real_time)
        self._counters, self._strides = ForecastCounters(), StrideMonitor()
        self._score, self._period = LiveScore(DEFAULT_PERIOD), DEFAULT_PERIOD
        self._departure = DepartureWatch(DEFAULT_PERIOD)
        self._last_pair = -math.inf  # s, when the newest pair was processed
        self._overrun = Status.OK  # OVERRUN after a skipped pair until the next status is published
        self._withholding = self._withheld(config)

    @staticmethod
    def _withheld(config: PredictorConfig) -> Status:
        return WITHHELD | (Status.UNFAMILIAR if config.withhold_unfamiliar else Status.OK)

    def change_limits(self, limits: TrustLimits, withhold_unfamiliar: bool) -> None:
        """Judge by other limits from the next pair on; what is known of input, encoder and wearer stays.

        Args:
            limits: of the age of input, of angles and rates; the others count when the predictor is configured.
            withhold_unfamiliar: whether a forecast of unfamiliar movement is withheld.
        """
        self.config = dataclasses.replace(self.config, limits=limits, withhold_unfamiliar=withhold_unfamiliar)
        self._input.change_limits(limits)
        self._encoder.change_max_angle(limits.max_angle)
        self._withholding = self._withheld(self.config)

    def configure(self, config: PredictorConfig) -> None:
        """Start over with these settings and without a model; remove what killed writers of models have left.

        Raises:
            OSError: a model that such a writer was about to replace cannot be put back.
        """
        self._reset(config)
        for directory in config.model_directories:
            sweep_bundles(directory)
        self._forecaster = Forecaster(config.side, config.filter)

    def unconfigure(self) -> None:
        """Drop the model and refuse new ones."""
        self._forecaster = None
        self._models.forget()

    @property
    def is_configured(self) -> bool:
        """Whether a model can be loaded."""
        return self._forecaster is not None

    @property
    def engine(self) -> InferenceEngine | None:
        """The engine of the model in use, None without one."""
        return None if self._forecaster is None else self._forecaster.engine

    @property
    def model(self) -> str:
        """Name of the model in use, empty without one."""
        return "" if self.engine is None else self.engine.bundle.name

    def load(self, model: str) -> PreparedModel:
        """Find a model by its name or path and prepare it while the old one stays in use; may be called in any thread.

        Raises:
            BundleError: it is not found, corrupt, incompatible or rejected.
        """
        self._configured()
        return self.prepare(load_bundle(model, self.config.model_directories))

    def prepare(self, bundle: Bundle) -> PreparedModel:
        """Test a model and fill its memory while the old one stays in use; may be called in any thread.

        Raises:
            BundleError: it is incompatible or rejected.
        """
        return self._models.prepare(self._configured(), bundle, self.config)

    def use(self, prepared: PreparedModel) -> None:
        """Switch to a prepared model between two pairs.

        Raises:
            BundleError: the predictor is not configured any more, or with settings that do not suit the model.
        """
        forecaster, engine = self._configured(), prepared.engine
        forecaster.check(engine.bundle.name, engine.manifest)  # the configuration may have changed since ``prepare``
        self._models.use(forecaster, prepared)
        self._began_to_use(engine)

    def _replace_failed(self, failure: ModelFailure, now: float) -> None:
        engine = self._models.replace_failed(self._configured(), failure, now)
        self._counters.counts["failed models"] += 1
        if engine is not None:
            self._began_to_use(engine)

    def _began_to_use(self, engine: InferenceEngine) -> None:
        manifest = engine.manifest
        self._period = manifest.features.period
        self._score = LiveScore(self._period)
        self._departure = DepartureWatch(self._period, manifest.memory is not None)
        self._on_model(engine)

    def restart(self) -> None:
        """Empty the window, the memory of the wearer and the score; nothing is known of the encoder any more."""
        self._encoder.restart()
        self._score.clear()  # another angle is no truth for forecasts of before
        self._departure.clear()
        if self._forecaster is not None:
            self._forecaster.restart()

    def push_segment(self, stream: int, sample: SegmentSample, now: float) -> list[JoinedPair]:
        """Add a sample of ``SHANK`` or ``FOOT`` received at ``now``; return the pairs that it completes."""
        self._input.hear(stream, sample, now)
        return self._assembler.push_segment(stream, sample, now)

    def push_joint(self, joint: JointSample) -> list[JoinedPair]:
        """Add the ankle angle of one time; return the pairs that it completes."""
        return self._assembler.push_joint(joint)

    def push_leg(self, sample: LegSample, now: float) -> list[JoinedPair]:
        """Add the filter's estimate of one time directly, without the topics; return its pair if it has one."""
        segments = [(stream, part) for stream, part in enumerate((sample.shank, sample.foot)) if part is not None]
        for stream, part in segments:
            self._input.hear(stream, part, now)
        if sample.shank is None or sample.foot is None:
            return []
        pair = None if sample.joint is None else PairSample(sample.shank, sample.foot, sample.joint)
        return [JoinedPair(max(sample.shank.stamp, sample.foot.stamp), now, pair)]

    def push_encoder(self, stamp: float, angle: float) -> bool:
        """Add an angle of the encoder in rad, dorsiflexion positive; ``stamp`` in s.

        Returns:
            Whether an ankle can have this angle. If not, it is counted and not used.
        """
        role = self.config.encoder_role
        if role == "input":
            self._encoder.push_encoder(stamp, angle)
        if not abs(angle) <= self.config.limits.max_angle:  # also if NaN
            self.count("implausible encoder angles")
            return False
        if role == "score":
            self._score.push_encoder(stamp, angle)
        return True

    def push(self, joined: JoinedPair, now: float, skip: bool = False, clock: float | None = None) -> Tick:
        """Process a pair and make a forecast from it.

        Args:
            joined: the pair.
            now: s.
            skip: whether to make no forecast, see ``tick.skipped``.
            clock: s.
        """
        forecaster, pair = self._forecaster, joined.pair
        assert forecaster is not None
        self._last_pair = now
        self._input.pair(joined.stamp, joined.received, now, pair is not None and pair.is_confirmed, clock)
        status = self._input.status(now, clock) | self._overrun
        if pair is None:
            self.restart()
            return Tick(now, joined.stamp, None, status | Status.WARMING_UP)
        if not self._input.usable(pair):  # for all later steps it is as if it had not come
            return Tick(now, joined.stamp, None, status | Status.IMPLAUSIBLE, skipped=skip)
        begun = self._clock()
        has_left = self._departure.push(joined.stamp, pair.joint.angle)
        if self.config.encoder_role == "input":
            pair = dataclasses.replace(pair, joint=self._encoder.fuse(pair.joint))
            status |= Status.ENCODER_SUSPECT if self._encoder.suspicion else Status.OK
        if not forecaster.push(pair):
            status |= Status.WARMING_UP
        status |= self._models.status(forecaster, now)
        # From a calibration that is not confirmed yet forecasts are made, so that the mixture learns, not published.
        if skip or status & WITHHELD & ~Status.NOT_CALIBRATED:
            return Tick(now, joined.stamp, pair, status, skipped=skip)
        try:
            forecast = forecaster.forecast()
        except ModelFailure as failure:
            self._replace_failed(failure, now)
            return Tick(now, joined.stamp, pair, status | self._models.status(forecaster, now))
        self._counters.took(self._clock() - begun)
        if Status.UNFAMILIAR & self._withholding:
            status |= self._familiarity(forecaster)
        if has_left or not self._input.plausible(pair.joint, forecast, self._period):
            status |= Status.IMPLAUSIBLE
        return Tick(now, joined.stamp, pair, status, forecast, publish=not status & self._withholding)

    def approve(self, tick: Tick, now: float, clock: float | None = None) -> Tick:
        """Judge again, right before publication: the forecast took its time, and the clock may have been set.

        Returns:
            The tick, with its status and ``publish`` as they are now.
        """
        if not tick.publish:
            return tick
        status = self._input.status(now, clock)
        if not status & self._withholding:
            return tick
        if status & Status.STALE:  # it was not when the pair came
            status |= Status.OVERRUN
        return dataclasses.replace(tick, status=tick.status | status, publish=False)

    def settle(self, tick: Tick, now: float) -> Status:
        """Do what follows the publication of a tick: score, remember, count.

        Args:
            tick: the result of ``push``.
            now: s, when the forecast was published.

        Returns:
            The status to publish.
        """
        status, pair, forecast, forecaster = tick.status, tick.pair, tick.forecast, self._forecaster
        assert forecaster is not None
        if forecast is not None:
            status |= self._familiarity(forecaster)
            if now - tick.started > self._period:
                status |= Status.OVERRUN
        if pair is not None:
            self._score.push_imu(pair.joint.stamp, pair.joint.angle)  # as an input, the encoder is in this angle
            if forecast is not None and tick.publish:
                self._score.push_forecast(pair.joint.stamp, forecast)
                if pair.joint.source == AngleSource.IMU and self._strides.is_striding:
                    self._departure.remember(tick.stamp, pair.joint.angle, forecast)
            self._strides.push(pair.joint.stamp, pair.shank.gyro[1])
            forecaster.settle()
        if tick.skipped:
            self.count("skipped")
            self._overrun = Status.OVERRUN
        else:
            self._count(status)
        return status

    def watch(self, now: float, clock: float | None = None) -> Status:
        """Return the status to publish when no pair has come for some time."""
        if now - self._last_pair > RECENT:
            self._score.clear()
        status = self._input.status(now, clock) | Status.STALE
        if self._forecaster is not None:
            status |= self._models.status(self._forecaster, now)
        self._count(status)
        return status

    def note_senders(self, problem: str) -> None:
        """Take a sentence while a stream has more than one sender, so that nothing is published; empty otherwise."""
        self._input.senders_problem = problem

    def count(self, what: str) -> None:
        """Count another event that diagnostics report under the name ``what``."""
        self._counters.counts[what] += 1

    @property
    def recent_error(self) -> float:
        """Mean absolute error in rad of the forecasts that came due in the last 10 s; NaN before the first."""
        return self._score.value

    @property
    def stride_period(self) -> float:
        """Stride period in s; NaN when the wearer does not walk steadily, and while the input cannot be trusted."""
        return math.nan if self._counters.status & UNTRUSTED_INPUT else self._strides.period

    @property
    def model_failure(self) -> str:
        """What the last model that was taken out of use did; empty if there is none, or another one was loaded."""
        return self._models.failure

    def close(self) -> None:
        """End a trial of a model that is in progress, and let go of the model in use."""
        self._models.close()

    def report(self) -> tuple[bool, bool, str, dict[str, object]]:
        """Return what diagnostics report.

        Returns:
            Whether any forecast was made since the last report, whether any was withheld or skipped or the encoder is
            suspect, a summary in one sentence, and all values by name.
        """
        unfamiliarity = math.nan if self._forecaster is None else self._forecaster.unfamiliarity
        any_made, any_wrong, sentence = self._counters.report()
        suspicion = self._encoder.suspicion
        if suspicion:
            any_wrong, sentence = True, f"{sentence}; the encoder is not used: {suspicion}"
        values: dict[str, object] = {
            "model": self.model,
            "recent error (deg)": f"{math.degrees(self._score.value):.2f}",
            "recent coverage of the interval": f"{self._score.coverage:.3f}",
            "unfamiliarity": "unknown" if math.isnan(unfamiliarity) else f"{unfamiliarity:.2f}",
            "gait": self._strides.gait.value,
            "stride period (s)": f"{self.stride_period:.2f}",
            **(self._encoder.report() if self.config.encoder_role == "input" else {}),
            **self._counters.take_durations(),
            **{f"segments.{name}": n for name, n in self._assembler.segments.counts.items() if n},
            **{f"joints.{name}": n for name, n in self._assembler.joints.counts.items() if n},
            **self._counters.counts,
        }
        return any_made, any_wrong, sentence, values

    def take_problem(self) -> tuple[int, str]:
        """Return what was wrong with input or model since the last call: level (OK, WARN, ERROR) and a sentence."""
        senders, clock = self._input.take_senders_problem(), self._input.take_clock_problem()
        if senders:
            return ERROR, senders
        if clock:
            return WARN, clock
        if self._counters.status & Status.MODEL_FAILED:
            return (WARN if self.engine else ERROR), self.model_failure
        return OK, ""

    def _familiarity(self, forecaster: Forecaster) -> Status:
        return Status.UNFAMILIAR if forecaster.unfamiliarity > 1.0 else Status.OK

    def _count(self, status: Status) -> None:
        self._overrun = Status.OK
        self._counters.tell(status, bool(status & self._withholding))

    def _configured(self) -> Forecaster:
        if self._forecaster is None:
            raise BundleError("REJECTED", "predictor is not configured; configure it first")
        return self._forecaster
