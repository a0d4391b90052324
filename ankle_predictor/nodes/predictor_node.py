"""The node ``predictor``: forecasts the ankle angle of the next half second from segments and present angle."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from ankle_predictor_interfaces.msg import AnkleForecast
from sensor_msgs.msg import Imu, JointState
from trajectory_msgs.msg import JointTrajectory

from ankle_imu_driver.conventions import ENCODER_TOPIC, ERROR, FOOT, OK, SHANK, WARN
from ankle_imu_driver.managed_node import Health, ManagedNode, spin_nodes
from ankle_imu_driver.refusal import Refusal
from ankle_predictor.estimation.pair_assembler import JoinedPair
from ankle_predictor.estimation.samples import JointSample, LegSample, SegmentSample
from ankle_predictor.forecasting.live_predictor import LivePredictor
from ankle_predictor.forecasting.predictor_config import PredictorConfig
from ankle_predictor.forecasting.tick import skipped
from ankle_predictor.model.bundle import model_directories
from ankle_predictor.model.engine import InferenceEngine
from ankle_predictor.model.forecast import Forecast
from ankle_predictor.model.manifest import BundleError
from ankle_predictor.nodes.adapt_action import AdaptAction
from ankle_predictor.nodes.input_queue import InputQueue
from ankle_predictor.nodes.messages import DetailMessage, joint_of, segment_imu
from ankle_predictor.nodes.node_parameters import read_filter, read_joint
from ankle_predictor.nodes.parameter_specs import LIVE_LIMITS, PREDICTOR_SPECS
from ankle_predictor.nodes.predictor_senders import PredictorSenders
from ankle_predictor.nodes.qos import FORECAST_QOS, SAMPLE_QOS
from ankle_predictor.nodes.stamps import TimeOrigin
from ankle_predictor.nodes.topics import DETAIL_TOPIC, FORECAST_TOPIC, JOINT_TOPIC, SEGMENT_TOPICS
from ankle_predictor.nodes.trajectory_message import TrajectoryMessage
from ankle_predictor.nodes.weights_service import WeightsService
from ankle_predictor.trust.input_monitor import TrustLimits
from ankle_predictor.trust.status import UNTRUSTED_INPUT, Status

NO_JOINT = JointSample(stamp=math.nan, angle=math.nan, rate=math.nan)
# s without a forecast_detail, after which one is published to report that no pairs arrive; sensors may send at 20 Hz
WATCH_PERIOD = 0.06


class PredictorNode(ManagedNode):
    """Publishes ``forecast`` for every pair that can be trusted, and ``forecast_detail`` always.

    Without a usable model the node stays configured and reports it. ``~/load_weights`` then loads one and activates it.

    Attributes:
        inputs: the pending samples.
        time: the origin of the samples' time; nodes in one process that hand samples over share one.
        predictor: makes and judges the forecasts, without ROS.
        adapt_action: the action ``~/adapt``.
        outputs: the publishers by topic, while the node is configured.
    """

    def __init__(self, **node_arguments: Any) -> None:
        super().__init__("predictor", **node_arguments)
        self.inputs: InputQueue[JoinedPair] = InputQueue(self, self._process)
        self.time = TimeOrigin()
        self.predictor = LivePredictor(self._on_model)
        self.outputs: dict[str, Any] = {}
        self._missing_model = ""
        self._watch: Any = None
        self._senders = PredictorSenders(self)
        self.parameters.declare(PREDICTOR_SPECS)
        self.parameters.guard(lambda: self.predictor.is_configured, self._apply)
        WeightsService(self, self.predictor)
        self.adapt_action = AdaptAction(self, self.predictor)

    def setup(self) -> None:
        """Read the parameters, make the publishers and load the model."""
        config = self._read_config()
        self._joint, self._encoder = read_joint(self), read_joint(self, "encoder.")
        self._detail = DetailMessage(self._joint)
        self._newest = 0  # ns, stamp of the newest pair
        self._missing_model = ""
        self.outputs = {
            FORECAST_TOPIC: self.create_publisher(JointTrajectory, FORECAST_TOPIC, FORECAST_QOS),
            DETAIL_TOPIC: self.create_publisher(AnkleForecast, DETAIL_TOPIC, SAMPLE_QOS),
        }
        self.predictor.configure(config)
        try:
            self.predictor.use(self.predictor.load(self.parameters.value("model")))
        except BundleError as error:
            self._missing_model = f"nothing is forecast until load_weights loads a model: {error}"

    def start(self) -> None:
        """Start to receive the filter's samples.

        Raises:
            Refusal: no model is loaded yet.
        """
        if self._missing_model:
            raise Refusal(self._missing_model)
        self.predictor.restart()
        senders = self._senders
        if self.inputs.is_direct:
            self.inputs.accept(self._read_leg)
        else:
            for stream in (SHANK, FOOT):
                topic = SEGMENT_TOPICS[stream]
                self.inputs.listen(Imu, topic, partial(self._read_segment, stream), senders.segment(topic))
            self.inputs.listen(
                JointState, JOINT_TOPIC, self._read_joint, senders.joint(JOINT_TOPIC, self._joint, of_filter=True)
            )
        admit = senders.joint(ENCODER_TOPIC, self._encoder)
        self.inputs.listen(JointState, ENCODER_TOPIC, self._read_encoder, admit)
        senders.start({FORECAST_TOPIC: JointTrajectory, DETAIL_TOPIC: AnkleForecast})
        self._watch = self.create_steady_timer(WATCH_PERIOD, self._report_missing_pairs)

    def stop(self) -> None:
        """Stop receiving, and end an adaptation."""
        self.adapt_action.end("predictor was deactivated")
        self.inputs.close()
        self._senders.stop()
        if self._watch is not None:
            self.destroy_timer(self._watch)
            self._watch = None

    def teardown(self) -> None:
        """Undo ``setup``."""
        self.predictor.unconfigure()
        for output in self.outputs.values():
            self.destroy_publisher(output)
        self.outputs = {}

    def destroy_node(self) -> None:
        """Also end the processes that adapt and try models."""
        if hasattr(self, "predictor"):  # neither is there if a wrong parameter ended ``__init__``
            self.predictor.close()
        if hasattr(self, "adapt_action"):
            self.adapt_action.close()
        super().destroy_node()

    def health(self) -> Health:
        """Report how many forecasts were published and withheld since the last report, and why."""
        any_made, any_wrong, sentence, values = self.predictor.report()
        level, problem = self.predictor.take_problem()
        values |= self.inputs.losses(self._senders.lost)
        losses = self._senders.take_losses()
        if losses and not problem:
            level, problem = WARN, losses
        if problem:
            return Health(level, problem, {**values, "forecasts": sentence})
        return Health((WARN if any_wrong else OK) if any_made else ERROR, sentence, values)

    def _read_config(self) -> PredictorConfig:
        value = self.parameters.value
        folder = value("models_dir")
        return PredictorConfig(
            side=value("side"),
            filter=read_filter(self),
            encoder_role=value("encoder.role"),
            limits=TrustLimits(
                skew=value("pair_tolerance"), **{limit: value(name) for name, limit in LIVE_LIMITS.items()}
            ),
            withhold_unfamiliar=value("withhold_unfamiliar"),
            real_time=not self.get_parameter("use_sim_time").value,
            threads=value("threads"),
            spinning=value("spinning"),
            model_directories=tuple(model_directories(Path(folder).expanduser() if folder else None)),
        )

    def _apply(self, changes: Mapping[str, Any]) -> None:
        """Let changed parameters count at once."""
        limits = {limit: changes[name] for name, limit in LIVE_LIMITS.items() if name in changes}
        self.predictor.change_limits(
            replace(self.predictor.config.limits, **limits),
            changes.get("withhold_unfamiliar", self.predictor.config.withhold_unfamiliar),
        )

    def _read_segment(self, stream: int, message: Imu) -> list[JoinedPair]:
        stamp, accel, gyro, orientation, is_confirmed = segment_imu(message)
        sample = SegmentSample(self.time.seconds(stamp), accel, gyro, orientation, is_confirmed)
        return self.predictor.push_segment(stream, sample, time.monotonic())

    def _read_joint(self, message: JointState) -> list[JoinedPair]:
        values = joint_of(message, self._joint)
        if values is None:
            self.predictor.count(f"joint_states without {self._joint.name}")
            return []
        stamp, angle, rate = values
        return self.predictor.push_joint(JointSample(self.time.seconds(stamp), angle, rate))

    def _read_leg(self, sample: LegSample) -> list[JoinedPair]:
        return self.predictor.push_leg(sample, time.monotonic())

    def _read_encoder(self, message: JointState) -> list[JoinedPair]:
        values = joint_of(message, self._encoder)
        if values is None:
            self.predictor.count(f"{ENCODER_TOPIC} without {self._encoder.name}")
            return []
        stamp, angle, _ = values
        if self.predictor.push_encoder(self.time.seconds(stamp), angle):
            self.adapt_action.push_encoder(self.time.seconds(stamp), angle)
        return []

    def _process(self, pending: list[JoinedPair]) -> None:
        for joined, skip in zip(pending, skipped(len(pending)), strict=True):
            if self.predictor.is_configured:  # not if it was cleaned up while the pair was pending
                self._tick(joined, skip)

    def _tick(self, joined: JoinedPair, skip: bool) -> None:
        failure = self.predictor.model_failure
        self._newest = self.time.nanoseconds(joined.stamp)
        self.predictor.note_senders(self._senders.problem())
        tick = self.predictor.push(joined, time.monotonic(), skip, self._clock_seconds())
        if self.predictor.model_failure not in ("", failure):
            self.get_logger().error(self.predictor.model_failure)
        if tick.publish and tick.forecast is not None:
            # What takes time comes before the last judgement. Serialized by hand the message would be padded beyond its
            # end, which readers of recordings refuse.
            message = self._trajectory.fill(self._newest, tick.forecast)
            tick = self.predictor.approve(tick, time.monotonic(), self._clock_seconds())
            if tick.publish:
                self.outputs[FORECAST_TOPIC].publish(message)
                self._senders.published()
        published = self.get_clock().now().nanoseconds
        # A controller waits for the forecast, so everything else follows it.
        status = self.predictor.settle(tick, time.monotonic())
        joint = NO_JOINT
        if tick.pair is not None and not status & UNTRUSTED_INPUT:
            joint = tick.pair.joint
        if not tick.skipped:
            self._publish_detail(status, published, joint, tick.forecast if tick.publish else None)
        if joined.pair is None:
            self.adapt_action.interrupt()
        elif tick.pair is not None:
            self.adapt_action.push(tick.pair, status)

    def _clock_seconds(self) -> float:
        """Return the ROS clock in s, with the origin of the stamps."""
        return self.time.seconds(self.get_clock().now().nanoseconds)

    def _report_missing_pairs(self) -> None:
        self.predictor.note_senders(self._senders.problem())
        status = self.predictor.watch(time.monotonic(), self._clock_seconds() if self._newest else None)
        self._publish_detail(status, self.get_clock().now().nanoseconds)

    def _publish_detail(
        self, status: Status, published: int, joint: JointSample = NO_JOINT, forecast: Forecast | None = None
    ) -> None:
        """Publish ``forecast_detail``; ``published`` is the time in ns at which the forecast was published."""
        message = self._detail.fill(self._newest, status, joint.angle, forecast)
        message.angle_source = int(joint.source)
        message.input_age = (published - self._newest) / 1e9 if self._newest else math.nan
        message.model = self.predictor.model
        message.recent_error = self.predictor.recent_error
        message.stride_period = self.predictor.stride_period
        self.outputs[DETAIL_TOPIC].publish(message)
        if self._watch is not None:
            self._watch.reset()

    def _on_model(self, engine: InferenceEngine) -> None:
        """Adapt the messages to another model, and activate the node if it waited for one."""
        horizon, period = engine.manifest.horizon, engine.manifest.features.period
        self._trajectory = TrajectoryMessage(
            self._joint, horizon, period, velocities=self.get_parameter("velocities").value
        )
        self._detail.message.sample_period = period
        self._follow_model(engine)
        was_missing, self._missing_model = self._missing_model, ""
        if was_missing:
            self.refusal = ""
            if self.get_parameter("autostart").value:
                self.trigger_activate()

    def _follow_model(self, engine: InferenceEngine) -> None:
        """Let the parameter ``model`` say what is in use, so that it is used again after the node was cleaned up."""
        bundle, asked = engine.bundle, self.parameters.value("model")
        if asked not in (bundle.name, str(bundle.path)):
            found = (directory / bundle.name for directory in self.predictor.config.model_directories)
            is_first = next((path.absolute() for path in found if path.is_dir()), None) == bundle.path
            self.parameters.follow("model", bundle.name if is_first else str(bundle.path))


def main() -> int:
    """Run the node."""
    return spin_nodes(lambda _executor: [PredictorNode()])
