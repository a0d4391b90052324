"""The node ``orientation_filter``: estimates both segments and the present ankle angle from the raw samples."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from concurrent.futures import Future
from functools import partial
from pathlib import Path
from typing import Any

from sensor_msgs.msg import Imu, JointState
from std_msgs.msg import String
from std_srvs.srv import Trigger

from ankle_imu_driver.arrays import Vector
from ankle_imu_driver.calibration import Calibration, CalibrationError, calibration_text
from ankle_imu_driver.conventions import (
    ERROR,
    FOOT,
    OK,
    RAW_TOPICS,
    SEGMENT_FRAMES,
    SHANK,
    STREAM_NAMES,
    WARN,
)
from ankle_imu_driver.managed_node import Health, ManagedNode, spin_nodes
from ankle_imu_driver.recordings.read_recording import read_calibration
from ankle_imu_driver.refusal import Refusal
from ankle_imu_driver.regular_file import exists, expanded
from ankle_predictor.estimation.leg_estimator import LegEstimator
from ankle_predictor.estimation.samples import LegSample
from ankle_predictor.nodes.calibration_saver import CalibrationSaver
from ankle_predictor.nodes.input_queue import InputQueue
from ankle_predictor.nodes.messages import (
    JointMessage,
    SegmentMessage,
    framed_imu,
    is_measured,
    static_transforms,
)
from ankle_predictor.nodes.node_parameters import read_joint, read_leg
from ankle_predictor.nodes.parameter_specs import FILTER_SPECS
from ankle_predictor.nodes.qos import LATCHED_QOS, SAMPLE_QOS
from ankle_predictor.nodes.rate_limit import RateLimit
from ankle_predictor.nodes.sensor_frames import SensorFrames
from ankle_predictor.nodes.source_covariance import SourceCovariance
from ankle_predictor.nodes.source_defaults import AUTO
from ankle_predictor.nodes.stamps import TimeOrigin
from ankle_predictor.nodes.topic_senders import TopicSenders
from ankle_predictor.nodes.topics import JOINT_TOPIC, SEGMENT_TOPICS

try:
    from tf2_msgs.msg import TFMessage
except ImportError:  # not available as a pip package
    TFMessage = None

RawSample = tuple[int, str, int, Vector, Vector]
"""Stream, frame, stamp in ns, specific force in m/s^2 and angular rate in rad/s, sensor frame."""

NAMES = {stream: STREAM_NAMES[stream] for stream in (SHANK, FOOT)}
SILENT = 0.5  # s without a sample, after which a sensor counts as silent
RESET_PERIOD = 10.0  # s; the window needs two of them to be full again


class OrientationFilterNode(ManagedNode):
    """Publishes ``shank/imu/data``, ``foot/imu/data``, ``joint_states`` and the sensors' static transforms.

    Without a calibration the segments have no orientation and there are no ``joint_states``, until the wearer has stood
    still and upright for two seconds. ``~/calibrate`` calibrates again at any time. ``~/reset`` restarts the estimate
    and keeps the calibration.

    Attributes:
        inputs: the pending samples.
        time: the origin of the samples' time; nodes in one process that hand samples over share one.
        predictor_inputs: input queue of a predictor in the same process, which gets the samples before they are
            published; None if the predictor receives them over DDS.
        senders: who sends the raw samples, as far as they come over DDS.
        leg: the estimator, while the node is configured.
        outputs: the publishers by topic, while the node is configured.
        covariances: how accurate the sensors are, by stream, as the source of their samples says.
    """

    def __init__(self, **node_arguments: Any) -> None:
        super().__init__("orientation_filter", **node_arguments)
        self.leg: LegEstimator | None = None
        self.outputs: dict[str, Any] = {}
        self.inputs: InputQueue[LegSample] = InputQueue(self, self._process)
        self.time = TimeOrigin()
        self.predictor_inputs: InputQueue[Any] | None = None
        self.senders = TopicSenders(self)
        self.covariances = {stream: SourceCovariance() for stream in NAMES}
        self._is_mixed, self._senders_problem = False, ""
        self._resets = RateLimit(RESET_PERIOD)
        self.parameters.declare(FILTER_SPECS)
        self.parameters.guard(lambda: self.leg is not None)
        self.create_service(Trigger, "~/calibrate", self._on_calibrate)
        self.create_service(Trigger, "~/reset", self._on_reset)

    def setup(self) -> None:
        """Read the parameters and the calibration, and make the estimator and the publishers."""
        save_to = None if self.get_parameter("calibration_save").value == AUTO else self._path("calibration_save")
        leg = LegEstimator(read_leg(self), self._given_calibration(save_to))
        prefix = self.get_parameter("frame_prefix").value
        given = {stream: self.get_parameter(f"{name}.frame_id").value for stream, name in NAMES.items()}
        self._frames = SensorFrames(prefix, given)
        self._transformed: dict[int, str] = {}
        self._prefix = prefix
        self._segment_messages = {
            stream: SegmentMessage(f"{prefix}{frame}") for stream, frame in SEGMENT_FRAMES.items()
        }
        self._joint_message = JointMessage(read_joint(self))
        self._heard = dict.fromkeys(NAMES, -SILENT)
        self._unmeasured = ""
        self._pairs, self._pairs_reported, self._reported = 0, 0, time.monotonic()
        self.outputs = {t: self.create_publisher(Imu, t, SAMPLE_QOS) for t in SEGMENT_TOPICS.values()}
        self.outputs[JOINT_TOPIC] = self.create_publisher(JointState, JOINT_TOPIC, SAMPLE_QOS)
        self._calibration_output = self.create_publisher(String, "~/calibration", LATCHED_QOS)
        self._tf_output = self.create_publisher(TFMessage, "/tf_static", LATCHED_QOS) if TFMessage else None
        if self._tf_output is None:
            self.get_logger().info("tf2_msgs is not installed: the sensors' static transforms are not published")
        self.leg = leg
        self._saver = CalibrationSaver(save_to, self.get_logger().warning)
        self._calibration: Calibration | None = None
        self._apply_calibration()

    def start(self) -> None:
        """Start to receive raw samples."""
        if self.inputs.is_direct:
            self.inputs.accept(self._read)
            return
        for stream, topic in RAW_TOPICS.items():
            self.senders.watch(topic)
            self.inputs.listen(Imu, topic, partial(self._read_message, stream), partial(self.senders.admit, topic))

    def stop(self) -> None:
        """Stop receiving and reset the estimate."""
        self.inputs.close()
        self.senders.clear()
        if self.leg is not None:
            self.leg.reset()

    def teardown(self) -> None:
        """Undo ``setup``."""
        if self.leg is None:
            return
        self.leg = None
        self._saver.close()
        for output in (*self.outputs.values(), self._calibration_output, self._tf_output):
            if output is not None:
                self.destroy_publisher(output)

    def health(self) -> Health:
        """Report whether pairs arrive and whether the sensors are calibrated."""
        assert self.leg is not None
        now = time.monotonic()
        rate = (self._pairs - self._pairs_reported) / max(now - self._reported, 1e-9)
        self._pairs_reported, self._reported = self._pairs, now
        calibration = self.leg.calibration
        values = {
            "pairs": self._pairs,
            "pairs per second": f"{rate:.1f}",
            "side": self.get_parameter("side").value,
            "calibration": "none" if calibration is None else calibration.source or "given",
            **{f"{NAMES[stream]} samples per second": text for stream, text in self._rates()},
            **self.leg.mountings,
            **{f"{NAMES[stream]}.wrong_frame": n for stream, n in self._frames.refused.items() if n},
            **{name: n for name, n in self.leg.counts.items() if n},
            **self.inputs.losses(self.senders.lost),
        }
        losses = self.senders.take_losses()
        silent = self._silent()
        if self.senders.dropped:
            values["samples of other senders"] = self.senders.dropped
        unusable = self._senders_problem or self._unmeasured or self._frames.take_problem()
        self._senders_problem = self._unmeasured = ""
        silence = silent and f"no samples come from {silent}"
        if problem := unusable or silence or self.leg.rates.problem or self.leg.sensor_problem:
            return Health(ERROR, problem, values)
        if calibration is None:
            return Health(WARN, f"not calibrated: {self.leg.refusal or 'stand still and upright'}", values)
        if not rate:
            return Health(ERROR, "shank and foot make no pairs: their stamps differ too much, or repeat", values)
        notes = "; ".join([*self.leg.notes, *filter(None, [losses])])
        if concern := self.leg.waiting or self.leg.unconfirmed or notes:
            return Health(WARN, concern, values)
        return Health(OK, "calibrated", values)

    def _path(self, parameter: str) -> Path | None:
        text = self.get_parameter(parameter).value
        return expanded(Path(text)) if text else None

    def _given_calibration(self, save_to: Path | None) -> Calibration | None:
        path = self._path("calibration_file")
        # At the first start the file that the calibration is saved to does not exist yet.
        if path is None or (path == save_to and not exists(path)):
            return None
        return read_calibration(path, self.get_parameter("leg").value, self.get_namespace())

    def _read_message(self, stream: int, message: Imu) -> list[LegSample]:
        if not is_measured(message):
            self._unmeasured = (
                f"{RAW_TOPICS[stream]} says that it has no acceleration or no angular rate (its covariance begins with "
                "-1, see sensor_msgs/Imu); it is not used: both are needed"
            )
            return []
        if self.covariances[stream].note(message):
            self._carry_covariances()
        return self._read((stream, *framed_imu(message)))

    def _read(self, sample: RawSample) -> list[LegSample]:
        if self.leg is None:  # cleaned up while the sample was pending
            return []
        stream, frame, stamp, accel, gyro = sample
        if not self._frames.admit(stream, frame):
            return []
        self._heard[stream] = time.monotonic()
        return self.leg.push(stream, self.time.seconds(stamp), accel, gyro)

    def _process(self, samples: list[LegSample]) -> None:
        """Pass the samples to the predictor, if it is in this process, and then publish them."""
        if self.predictor_inputs is not None:
            for sample in samples:
                self.predictor_inputs.post(sample)
            self.predictor_inputs.drain()
        is_mixed = self.senders.several()
        if is_mixed and not self._senders_problem:
            self._senders_problem = self.senders.sentence()
        was_mixed, self._is_mixed = self._is_mixed, is_mixed
        for sample in samples:
            for topic, message in self._messages_of(sample, from_one=not (was_mixed or is_mixed)):
                self.outputs[topic].publish(message)
            self._pairs += sample.shank is not None and sample.foot is not None
        if self.leg is None:
            return
        if was_mixed and not is_mixed:
            self.leg.reset()  # after the samples above were published, which were estimated before
        if self.leg.calibration is not self._calibration:
            self._use_new_calibration().add_done_callback(self.guarded(self._log_saving))
        elif self._frames.names() != self._transformed:
            self._send_transforms()

    def _messages_of(self, sample: LegSample, from_one: bool) -> Iterator[tuple[str, Any]]:
        """Yield topic and message of one time; each message is valid until the next one of its topic.

        Args:
            sample: the estimate.
            from_one: False if it was made while a stream had several senders.
        """
        for stream, segment in ((SHANK, sample.shank), (FOOT, sample.foot)):
            if segment is not None:
                stamp = self.time.nanoseconds(segment.stamp)
                yield SEGMENT_TOPICS[stream], self._segment_messages[stream].fill(stamp, segment, from_one)
        joint = sample.joint
        if joint is not None and from_one:
            stamp = self.time.nanoseconds(joint.stamp)
            yield JOINT_TOPIC, self._joint_message.fill(stamp, joint.angle, joint.rate)

    def _on_calibrate(self, request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        try:
            if self.leg is None:
                raise CalibrationError("orientation_filter is not configured; configure it first")
            if silent := self._silent():
                raise CalibrationError(f"no samples come from {silent}")
            self.leg.calibrate()
        except Refusal as refusal:
            response.message = str(refusal)
            return response
        response.success = True
        response.message = self._use_new_calibration().result()
        return response

    def _on_reset(self, request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        wait = self._resets.wait(time.monotonic())
        if self.leg is None:
            response.message = "orientation_filter is not configured; configure it first"
        elif wait > 0.0:  # each restart costs two seconds of forecasts, and anyone may call
            response.message = f"the estimate was restarted a moment ago; call again in {math.ceil(wait)} s"
        else:
            self._resets.use(time.monotonic())
            self.leg.reset()
            response.success = True
            response.message = "the estimate was restarted; a calibration stays in use"
        return response

    def _rates(self) -> Iterator[tuple[int, str]]:
        assert self.leg is not None
        for stream, rate in enumerate(self.leg.rates.rates):
            if rate.cadence is not None:
                yield stream, f"{1.0 / rate.cadence.period:.1f}" + (", in packets" if rate.cadence.packet else "")

    def _silent(self) -> str:
        now = time.monotonic()
        return " and ".join(NAMES[stream] for stream, heard in self._heard.items() if now - heard >= SILENT)

    def _use_new_calibration(self) -> Future[str]:
        """Apply a new calibration, and begin to save it; the result is a sentence about it."""
        assert self.leg is not None
        assert self.leg.calibration is not None
        self._apply_calibration()
        sentence = f"calibrated by {self.leg.calibration.source}"
        if why := self.leg.waiting or self.leg.unconfirmed:
            sentence = f"{sentence}; no forecast yet: {why}"
        return self._saver.save(self.leg.calibration, sentence)

    def _log_saving(self, done: Future[str]) -> None:
        self.get_logger().info(done.result())

    def _apply_calibration(self) -> None:
        assert self.leg is not None
        self._calibration = self.leg.calibration
        text = "" if self._calibration is None else calibration_text(self._calibration)
        self._calibration_output.publish(String(data=text))
        self._carry_covariances()
        self._send_transforms()

    def _send_transforms(self) -> None:
        """Publish the static transforms to the sensors' frames as they are called now."""
        assert self.leg is not None
        self._transformed = frames = self._frames.names()
        if self._tf_output is None:
            return
        if len(set(frames.values())) < len(frames):
            self.get_logger().warning(
                f"both sensors call their frame {frames[SHANK]!r}, which tf cannot tell apart: their static transforms "
                "are not published; give each driver a frame of its own"
            )
            return
        stamp = self.get_clock().now().to_msg()
        transforms = static_transforms(self._prefix, frames, self.leg.rotations, stamp)
        self._tf_output.publish(TFMessage(transforms=transforms))

    def _carry_covariances(self) -> None:
        if self.leg is not None:
            for stream, rotation in zip((SHANK, FOOT), self.leg.rotations, strict=True):
                self._segment_messages[stream].carry(*self.covariances[stream].turned(rotation))


def main() -> int:
    """Run the node."""
    return spin_nodes(lambda _executor: [OrientationFilterNode()])
