"""Runs a whole recording through the live predictor, sample by sample, and keeps every tick."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from ankle_imu_driver.arrays import BoolArray, FloatArray
from ankle_imu_driver.conventions import ENCODER_JOINT, JointConvention
from ankle_imu_driver.recordings.recording import Recording
from ankle_predictor.estimation.encoder_fusion import EncoderRole
from ankle_predictor.estimation.filter_config import TIME_RESOLUTION, FilterConfig
from ankle_predictor.estimation.leg_estimator import LegConfig, LegEstimator
from ankle_predictor.estimation.samples import LegSample, pitch_of
from ankle_predictor.forecasting.live_predictor import LivePredictor
from ankle_predictor.forecasting.predictor_config import PredictorConfig
from ankle_predictor.forecasting.tick import Tick
from ankle_predictor.model.bundle import Bundle
from ankle_predictor.model.forecast import Forecast
from ankle_predictor.offline.pipeline import ChainError, EncoderFeed, leg_samples
from ankle_predictor.trust.input_monitor import TrustLimits

REPORT_EVERY = 200  # ticks between two reports of progress


@dataclass(frozen=True)
class LiveSettings:
    """What the nodes' parameters say about the leg.

    Attributes:
        side: the leg that the sensors are on, "left" or "right". ``worn_on`` sets it here and in ``leg``.
        leg: mounting of the sensors and tolerance of pairs; see ``filter`` for its constants.
        limits: within which input and forecast are trusted.
        filter: constants of the filter; None for those that the model was trained with.
        encoder: name, sign and offset of the encoder's joint.
        encoder_role: with "input" the encoder is an input of the forecasts.
        withhold_unfamiliar: whether a forecast of unfamiliar movement is withheld.
    """

    side: str = "right"
    leg: LegConfig = field(default_factory=LegConfig)
    limits: TrustLimits = field(default_factory=TrustLimits)
    filter: FilterConfig | None = None
    encoder: JointConvention = ENCODER_JOINT
    encoder_role: EncoderRole = "score"
    withhold_unfamiliar: bool = False

    def worn_on(self, side: str) -> LiveSettings:
        """Return these settings for sensors on the ``left`` or ``right`` leg."""
        return dataclasses.replace(self, side=side, leg=dataclasses.replace(self.leg, side=side))


@dataclass(frozen=True, eq=False)
class LiveRun:
    """What the predictor did with a recording: T ticks, N of which made a forecast of H steps.

    Attributes:
        stamp: (T,) s, of each tick's pair.
        angle: (T,) rad, the present ankle angle: the IMUs', or the encoder's where it is an input; NaN where there was
            none.
        pitch: (T, 2) rad, of shank and foot; NaN where there was no angle.
        status: (T,) bits of ``Status``, as published.
        made: (T,) whether a forecast was made; N are.
        published: (T,) whether a forecast was published.
        walking: (T,) whether the predictor saw steady gait.
        forecast: angle and interval, (N, H) each, of the ticks that made one.
        encoder_role: what the recording's encoder was used for; "off" without one.
    """

    stamp: FloatArray
    angle: FloatArray
    pitch: FloatArray
    status: npt.NDArray[np.int64]
    made: BoolArray
    published: BoolArray
    walking: BoolArray
    forecast: Forecast
    encoder_role: EncoderRole = "off"


def run_live(
    bundle: Bundle,
    recording: Recording,
    settings: LiveSettings | None = None,
    end: float = math.inf,
    on_progress: Callable[[float], None] = lambda _share: None,
) -> LiveRun:
    """Run a recording through the classes that the nodes run, in the order in which they are called live.

    A sample is received at its stamp and processed at once. Nothing is computed in batches: a forecast may depend on
    everything before it.

    Args:
        bundle: the model.
        recording: without a calibration it is made from standing in the recording, as the nodes do.
        settings: of the leg; None for the defaults of the nodes.
        end: s from the recording's first sample after which it is not run.
        on_progress: called with the share that is done, 0 to 1.

    Raises:
        BundleError: the model cannot run live.
        ChainError, MountingError: the recording cannot be processed.
    """
    settings = settings or LiveSettings()
    filter_config = settings.filter or bundle.manifest.features.filter
    predictor = LivePredictor()
    role = settings.encoder_role
    predictor.configure(
        PredictorConfig(
            side=settings.side,
            filter=filter_config,
            limits=settings.limits,
            encoder_role=role,
            withhold_unfamiliar=settings.withhold_unfamiliar,
        )
    )
    predictor.use(predictor.prepare(bundle))
    ticks, last = _Ticks(predictor), min(recording.end, recording.start + end + TIME_RESOLUTION)
    encoder = EncoderFeed(recording.encoder if role == "input" else None, predictor.push_encoder)
    leg = LegEstimator(dataclasses.replace(settings.leg, filter=filter_config), recording.calibration)
    for now, sample in leg_samples(recording, leg):
        if now > last:
            break
        encoder.until(now)
        ticks.add(sample, now)
        if len(ticks) % REPORT_EVERY == 0:
            on_progress((now - recording.start) / (last - recording.start))
    if not len(ticks):
        raise ChainError(f"{recording.name} has no pair of samples: the stamps of shank and foot never come close")
    if leg.calibration is None:
        why = leg.refusal or "nobody stands still in it for 2 s"
        raise ChainError(f"{recording.name} has no calibration, and none can be made from it: {why}")
    return dataclasses.replace(
        ticks.result(bundle.manifest.horizon), encoder_role="off" if recording.encoder is None else role
    )


class _Ticks:
    """Collects what the predictor does with each sample."""

    def __init__(self, predictor: LivePredictor) -> None:
        self._predictor = predictor
        self._leg: list[tuple[float, float, float, float]] = []  # stamp, ankle angle, pitch of shank and foot
        self._state: list[tuple[int, bool, bool, bool]] = []  # status, made, published, walking
        self._forecasts: list[Forecast] = []

    def __len__(self) -> int:
        return len(self._leg)

    def add(self, sample: LegSample, now: float) -> None:
        for pair in self._predictor.push_leg(sample, now):
            tick = self._predictor.push(pair, now)
            status = self._predictor.settle(tick, now)
            self._leg.append((tick.stamp, *_angles(tick)))
            walking = math.isfinite(self._predictor.stride_period)
            self._state.append((int(status), tick.forecast is not None, tick.publish, walking))
            if tick.forecast is not None:
                self._forecasts.append(tick.forecast)

    def result(self, horizon: int) -> LiveRun:
        leg = np.array(self._leg).reshape(-1, 4)
        status, made, published, walking = np.array(self._state, dtype=np.int64).reshape(-1, 4).T
        none = np.empty((0, horizon))
        stacked = [
            np.array([getattr(forecast, name) for forecast in self._forecasts]) if self._forecasts else none
            for name in ("angle", "lower", "upper")
        ]
        made, published, walking = made == 1, published == 1, walking == 1
        return LiveRun(leg[:, 0], leg[:, 1], leg[:, 2:], status, made, published, walking, Forecast(*stacked))


def _angles(tick: Tick) -> tuple[float, float, float]:
    """Return ankle angle and pitch of shank and foot in rad; NaN while the sensors are not calibrated."""
    if tick.pair is None:
        return math.nan, math.nan, math.nan
    shank, foot = tick.pair.shank.orientation, tick.pair.foot.orientation
    assert shank is not None
    assert foot is not None
    return tick.pair.joint.angle, pitch_of(shank), pitch_of(foot)
