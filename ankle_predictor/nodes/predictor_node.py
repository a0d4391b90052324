"""The node ``predictor``: segments and the ankle angle now in, the ankle angle of the next half second out."""

from __future__ import annotations

import math
import time
from functools import partial
from pathlib import Path
from typing import Any

from ankle_predictor_interfaces.msg import AnkleForecast
from sensor_msgs.msg import Imu, JointState
from trajectory_msgs.msg import JointTrajectory

from ankle_imu_driver.arrays import Quaternion, Vector
from ankle_imu_driver.conventions import FOOT, SHANK
from ankle_imu_driver.managed_node import ERROR, OK, WARN, Health, ManagedNode, spin_nodes
from ankle_imu_driver.refusal import Refusal
from ankle_predictor.estimation.gait import StrideMonitor
from ankle_predictor.estimation.pair_assembler import Joined, PairAssembler
from ankle_predictor.estimation.pair_matcher import PAIR_TOLERANCE
from ankle_predictor.estimation.samples import JointSample, SegmentSample
from ankle_predictor.forecasting.forecaster import Forecaster, PreparedModel
from ankle_predictor.model.bundle import Bundle, load_bundle, model_directories
from ankle_predictor.model.engine import InferenceEngine, load_engine
from ankle_predictor.model.forecast import Forecast
from ankle_predictor.model.manifest import BundleError
from ankle_predictor.nodes.adapt_action import AdaptAction
from ankle_predictor.nodes.input_queue import InputQueue
from ankle_predictor.nodes.messages import (
    FORECAST_QOS,
    SAMPLE_QOS,
    DetailMessage,
    TrajectoryMessage,
    joint_of,
    segment_imu,
)
from ankle_predictor.nodes.node_parameters import (
    declare_filter,
    declare_joint,
    fix_while,
    read_filter,
    read_joint,
    read_side,
)
from ankle_predictor.nodes.sample_executor import SampleExecutor
from ankle_predictor.nodes.stamps import TimeOrigin
from ankle_predictor.nodes.weights_service import WeightsService
from ankle_predictor.trust.forecast_counters import ForecastCounters
from ankle_predictor.trust.input_monitor import InputMonitor, TrustLimits
from ankle_predictor.trust.live_score import LiveScore
from ankle_predictor.trust.status import WITHHELD, Status

CATCH_UP = 2  # pairs that may wait and are all answered, the oldest a tick late; of more only the newest is
WATCH_PERIOD = 0.04  # s without a forecast_detail after which one says that no pairs come


class PredictorNode(ManagedNode):
    """Publishes ``forecast`` for every pair that can be trusted, and ``forecast_detail`` always.

    Without a usable model the node stays configured and says so; ``~/load_weights`` then brings one and activates it.

    Attributes:
        inputs: what it listens to.
    """

    def __init__(self, **node_arguments: Any) -> None:
        super().__init__("predictor", **node_arguments)
        self._forecaster: Forecaster | None = None
        self.inputs: InputQueue[Joined] = InputQueue(self, self._answer)
        limits = TrustLimits()
        self.declare_parameter("model", "base")
        self.declare_parameter("models_dir", "")
        self.declare_parameter("side", "right")
        self.declare_parameter("threads", 1)
        self.declare_parameter("spinning", False)
        self.declare_parameter("velocities", False)
        self.declare_parameter("withhold_unfamiliar", False)
        self.declare_number("pair_tolerance", PAIR_TOLERANCE)
        self.declare_number("max_input_age", limits.max_input_age)
        self.declare_number("plausible.angle", limits.max_angle)
        self.declare_number("plausible.rate", limits.max_rate)
        declare_joint(self)
        declare_joint(self, "encoder.")
        declare_filter(self)
        fix_while(self, lambda: self._forecaster is not None)
        WeightsService(self, self._load, self._switch, self._active)
        self._adapting = AdaptAction(
            self, self._engine, self._try_out, self._switch, lambda: self._models[0], lambda: self._score.value
        )

    def setup(self) -> None:
        """Read the parameters and load the model."""
        config = read_filter(self)
        limits = TrustLimits(
            skew=self.number("pair_tolerance"),
            max_input_age=self.number("max_input_age"),
            max_angle=self.number("plausible.angle"),
            max_rate=self.number("plausible.rate"),
        )
        self._joint, self._encoder = read_joint(self), read_joint(self, "encoder.")
        self._time = TimeOrigin()
        self._join = PairAssembler(limits.skew)
        self._trust = InputMonitor(limits, config, real_time=not self.get_parameter("use_sim_time").value)
        self._detail = DetailMessage(self._joint)
        self._newest = 0  # ns, stamp of the newest pair
        self._counters, self._stride = ForecastCounters(), StrideMonitor()
        self._overrun = Status.OK  # OVERRUN since pairs were skipped, until it was said
        self._withheld = WITHHELD
        if self.get_parameter("withhold_unfamiliar").value:
            self._withheld |= Status.UNFAMILIAR
        folder = self.get_parameter("models_dir").value
        self._models = model_directories(Path(folder).expanduser() if folder else None)
        self._threads = self.get_parameter("threads").value
        if self._threads < 1:
            raise Refusal(f"threads must be at least 1, not {self._threads}")
        self._score = LiveScore(period=0.01)
        self._missing = ""
        self._watch: Any = None
        forecaster = Forecaster(read_side(self), config)
        self._output = self.create_publisher(JointTrajectory, "forecast", FORECAST_QOS)
        self._detail_output = self.create_publisher(AnkleForecast, "forecast_detail", SAMPLE_QOS)
        self._forecaster = forecaster
        try:
            self._switch(self._load(self.get_parameter("model").value))
        except BundleError as error:
            self._missing = f"nothing is forecast until load_weights brings a model: {error}"

    def start(self) -> None:
        """Listen to the filter.

        Raises:
            Refusal: there is no model yet.
        """
        if self._missing:
            raise Refusal(self._missing)
        assert self._forecaster is not None
        self._forecaster.restart()
        for stream, name in ((SHANK, "shank"), (FOOT, "foot")):
            self.inputs.listen(Imu, f"{name}/imu/data", segment_imu, partial(self._read_segment, stream))
        for topic, joint, read in (
            ("joint_states", self._joint, self._read_joint),
            ("encoder/joint_states", self._encoder, self._read_encoder),
        ):
            self.inputs.listen(JointState, topic, partial(joint_of, joint=joint), read)
        self._watch = self.create_steady_timer(WATCH_PERIOD, self._look)

    def stop(self) -> None:
        """Listen no more."""
        self._adapting.end("predictor was deactivated")
        self.inputs.close()
        if self._watch is not None:
            self.destroy_timer(self._watch)
            self._watch = None

    def teardown(self) -> None:
        """Undo ``setup``."""
        if self._forecaster is None:
            return
        self._forecaster = None
        for output in (self._output, self._detail_output):
            self.destroy_publisher(output)

    def destroy_node(self) -> None:
        """Leave no adapting process behind."""
        self._adapting.close()
        super().destroy_node()

    def health(self) -> Health:
        """Say what was published and withheld since the last time, and why."""
        score = math.nan if self._forecaster is None else self._forecaster.unfamiliarity
        any_made, any_missing, sentence = self._counters.report()
        values = {
            "model": self._detail.message.model,
            "recent error (deg)": f"{math.degrees(self._score.value):.2f}",
            "recent coverage of the interval": f"{self._score.coverage:.3f}",
            "unfamiliarity": "unknown" if math.isnan(score) else f"{score:.2f}",
            "gait": self._stride.gait.value,
            "stride period (s)": f"{self._stride.period:.2f}",
            **self._counters.take_durations(),
            **{f"segments.{name}": n for name, n in self._join.segments.counts.items() if n},
            **{f"joints.{name}": n for name, n in self._join.joints.counts.items() if n},
            **self._counters.counts,
        }
        return Health((WARN if any_missing else OK) if any_made else ERROR, sentence, values)

    def _read_segment(self, stream: int, values: tuple[int, Vector, Vector, Quaternion | None]) -> list[Joined]:
        now = time.monotonic()
        stamp, accel, gyro, orientation = values
        sample = SegmentSample(self._time.seconds(stamp), accel, gyro, orientation)
        self._trust.hear(stream, sample, now)
        return self._join.push_segment(stream, sample, now)

    def _read_joint(self, values: tuple[int, float, float] | None) -> list[Joined]:
        if values is None:
            self._counters.counts[f"joint_states without {self._joint.name}"] += 1
            return []
        stamp, angle, rate = values
        return self._join.push_joint(JointSample(self._time.seconds(stamp), angle, rate))

    def _read_encoder(self, values: tuple[int, float, float] | None) -> list[Joined]:
        if values is not None:
            stamp, angle, _ = values
            self._score.push_encoder(self._time.seconds(stamp), angle)
            self._adapting.push_encoder(self._time.seconds(stamp), angle)
        return []

    def _answer(self, waiting: list[Joined]) -> None:
        """Forecast from the newest pair, and from the one before it if no more wait."""
        for left, joined in zip(reversed(range(len(waiting))), waiting, strict=True):
            self._predict(joined, skip=left > 0 and len(waiting) > CATCH_UP)

    def _predict(self, joined: Joined, skip: bool) -> None:
        if self._forecaster is None:  # it was cleaned up while this was on its way
            return
        pair, started = joined.pair, time.monotonic()
        self._newest = self._time.nanoseconds(joined.stamp)
        self._trust.pair(joined.stamp, joined.received, started, pair is not None)
        status = self._trust.status(started) | self._overrun
        if pair is None:
            self._forecaster.restart()
            self._tell(status | Status.WARMING_UP)
            return
        begun = time.monotonic()
        if not self._forecaster.push(pair):
            status |= Status.WARMING_UP
        joint, forecast = pair.joint, None
        if not skip and not status & WITHHELD:
            forecast = self._forecaster.forecast()
            self._counters.took(time.monotonic() - begun)
            if Status.UNFAMILIAR & self._withheld:
                status |= self._familiarity()
            if not self._trust.plausible(joint, forecast, self._detail.message.sample_period):
                status |= Status.IMPLAUSIBLE
            if not status & self._withheld:
                self._output.publish(self._trajectory.fill(self._newest, forecast))
            if time.monotonic() - started > self._detail.message.sample_period:
                status |= Status.OVERRUN
        # A controller waits for the forecast; all that is kept and told of it comes after it.
        published = self.get_clock().now().nanoseconds
        if forecast is not None:
            status |= self._familiarity()
        self._score.push_imu(joint.stamp, joint.angle)
        if forecast is not None and not status & self._withheld:
            self._score.push_forecast(joint.stamp, forecast)
        self._stride.push(joint.stamp, pair.shank.gyro[1])
        if skip:
            self._counters.counts["skipped"] += 1
            self._overrun = Status.OVERRUN
        else:
            self._tell(status, joint.angle, forecast, published)
        self._forecaster.settle()
        self._adapting.push(pair, status)

    def _familiarity(self) -> Status:
        assert self._forecaster is not None
        return Status.UNFAMILIAR if self._forecaster.unfamiliarity > 1.0 else Status.OK

    def _look(self) -> None:
        """Say so when no pair came."""
        self._tell(self._trust.status(time.monotonic()) | Status.STALE)

    def _tell(
        self, status: Status, angle: float = math.nan, forecast: Forecast | None = None, published: int = 0
    ) -> None:
        """Publish ``forecast_detail``, after what was ``published`` then, in ns."""
        withheld = bool(status & self._withheld)
        self._overrun = Status.OK
        self._counters.tell(status, withheld)
        message = self._detail.fill(self._newest, status, angle, None if withheld else forecast)
        age = (published or self.get_clock().now().nanoseconds) - self._newest
        message.input_age = age / 1e9 if self._newest else math.nan
        message.recent_error = self._score.value
        message.stride_period = math.nan if status & Status.STALE else self._stride.period
        self._detail_output.publish(message)
        if self._watch is not None:
            self._watch.reset()

    def _configured(self) -> Forecaster:
        """Return what forecasts.

        Raises:
            BundleError: REJECTED, there is nothing that a model could be loaded into.
        """
        if self._forecaster is None:
            raise BundleError("REJECTED", "predictor is not configured; configure it first")
        return self._forecaster

    def _load(self, model: str) -> PreparedModel:
        self._configured()
        return self._try_out(load_bundle(model, self._models))

    def _try_out(self, bundle: Bundle) -> PreparedModel:
        """Make a model ready beside the one that runs; in another thread."""
        engine = load_engine(bundle, self._threads, self.get_parameter("spinning").value)
        return self._configured().prepare(engine)

    def _switch(self, ready: PreparedModel) -> None:
        engine = ready.engine
        spec = engine.manifest.features
        velocities = self.get_parameter("velocities").value
        trajectory = TrajectoryMessage(self._joint, engine.manifest.horizon, spec.period, velocities)
        self._configured().use(ready)
        self._trajectory = trajectory
        self._score = LiveScore(spec.period)
        self._detail.message.sample_period = spec.period
        self._detail.message.model = engine.bundle.name
        was_missing, self._missing = self._missing, ""
        if was_missing:
            self.refusal = ""
        if was_missing and self.get_parameter("autostart").value:
            self.trigger_activate()

    def _engine(self) -> InferenceEngine | None:
        return None if self._forecaster is None else self._forecaster.engine

    def _active(self) -> str:
        return "" if self._forecaster is None else str(self._detail.message.model)


def make_nodes(executor: SampleExecutor) -> list[ManagedNode]:
    """Make the node, its input first on an executor."""
    node = PredictorNode()
    node.inputs.come_first(executor)
    return [node]


def main() -> int:
    """Run the node."""
    return spin_nodes(make_nodes, make_executor=SampleExecutor)
