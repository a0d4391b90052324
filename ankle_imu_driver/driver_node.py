"""The node ``imu_driver``: publishes the raw samples of two MPU6050, of a recording, or of the gait simulator."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Protocol

from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import Imu, JointState, TimeReference

from ankle_imu_driver.conventions import (
    ENCODER,
    ENCODER_TOPIC,
    ERROR,
    RAW_TOPICS,
    SENSORS,
    SOURCE_TIME_TOPIC,
    WARN,
)
from ankle_imu_driver.deferred_publisher import DeferredPublisher
from ankle_imu_driver.driver_parameters import SPECS, DriverConfig, read_driver_parameters
from ankle_imu_driver.managed_node import Health, ManagedNode, spin_nodes
from ankle_imu_driver.mpu6050_parameters import SPECS as MPU6050_SPECS
from ankle_imu_driver.mpu6050_parameters import read_parameters
from ankle_imu_driver.mpu6050_source import Mpu6050Source
from ankle_imu_driver.playback_source import PlaybackSource
from ankle_imu_driver.raw_imu_message import SECOND, RawMessages
from ankle_imu_driver.recordings.following import Leader, Reference
from ankle_imu_driver.recordings.timeline import Sample
from ankle_imu_driver.refusal import Refusal

EXIT_DELAY = 1.0  # s for the last messages to arrive before the process ends
# The system's default QoS but for the depth, which may be 1, so that a busy computer loses samples, and for the
# durability: Fast DDS would keep samples for those who come later, and old ones are of no use to anybody.
QOS = QoSProfile(depth=50, reliability=ReliabilityPolicy.SYSTEM_DEFAULT, durability=DurabilityPolicy.VOLATILE)

LATCHED = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)


class Source(Protocol):
    """A source of samples. It calls the node's ``deliver`` in a thread of its own."""

    has_encoder: bool

    def start(self) -> None:
        """Start or continue."""
        ...

    def stop(self) -> None:
        """Pause."""
        ...

    def close(self) -> None:
        """Stop and give everything back."""
        ...

    def health(self) -> tuple[int, str, Mapping[str, object]]:
        """Return level, sentence and values for diagnostics."""
        ...


class ImuDriverNode(ManagedNode):
    """Publishes ``shank/imu/data_raw``, ``foot/imu/data_raw`` and, if the source has it, ``encoder/joint_states``.

    At rate 1 the first sample is stamped with the ROS time of activation, and the others keep their distances to it.
    At any other rate the stamps are the source's own, and ``/clock`` follows them. Deactivating pauses. Activating
    continues with the next sample: at rate 1 the stamps then have a gap as long as the pause, at other rates none.
    Cleaning up returns to the start of the source, and so does ``/clock``. At the end of a recording the node stays
    active and reports the end in diagnostics.

    With source mpu6050, configuring opens the buses, activating starts streaming, and cleaning up closes the buses. If
    a sensor fails, the node stays active and tries to recover it.

    Attributes:
        tap: takes each sensor sample before it is published, in the source's thread: stream, frame, stamp in ns and
            ``Sample.values``. If it is set, samples are queued and published by ``send_waiting``; None otherwise.
        ring: called in the source's thread after each sensor sample that was tapped and queued.
        outputs: the publishers, by stream; empty while the node is not configured.
    """

    def __init__(self, **node_arguments: Any) -> None:
        super().__init__("imu_driver", **node_arguments)
        self.tap: Callable[[int, str, int, list[float]], None] | None = None
        self.ring: Callable[[], None] = lambda: None
        self._deferred = self._make_queue()
        self.outputs: dict[int, Any] = {}
        self._source: Source | None = None
        self._clock_output: Any = None
        self._time_output: Any = None
        self._follows: Any = None
        self.parameters.declare((*SPECS, *MPU6050_SPECS))
        self.parameters.guard(lambda: self._source is not None)
        self._finished = self.create_guard_condition(self.guarded(self._report_end))

    def autostart(self) -> None:
        """Configure and activate. With ``exit_at_end``, a source that cannot start ends the process."""
        super().autostart()
        if self.refusal and self.get_parameter("exit_at_end").value:
            self.failed = True
            self.context.try_shutdown()

    def setup(self) -> None:
        """Open the source and make the publishers."""
        values = {spec.name: self.parameters.value(spec.name) for spec in SPECS}
        self._config = config = read_driver_parameters(values, self.get_namespace())
        if self.tap is not None and config.rate != 1:
            raise Refusal(f"rate cannot change to {config.rate:g} in a process that started at rate 1; start it again")
        self._source = source = self._open_source(config)
        self._messages = RawMessages(config.frames, config.encoder)
        self.outputs = {stream: self.create_publisher(Imu, topic, QOS) for stream, topic in RAW_TOPICS.items()}
        if source.has_encoder:
            self.outputs[ENCODER] = self.create_publisher(JointState, ENCODER_TOPIC, QOS)
        if not config.follow and config.rate != 1:  # of two legs one publishes the time
            self._clock_output = self.create_publisher(Clock, "/clock", QOS)
        if not config.follow and config.rate == 1 and isinstance(source, PlaybackSource):
            self._time_output = self.create_publisher(TimeReference, SOURCE_TIME_TOPIC, LATCHED)
        self._clock_stamp = -1
        self._deferred = self._make_queue()  # a new queue: the last source may have left samples in the old one

    def start(self) -> None:
        """Start or continue the source."""
        assert self._source is not None
        self._source.start()

    def stop(self) -> None:
        """Pause the source and publish all queued samples."""
        if self._source is not None:
            self._source.stop()
        self._deferred.publish_all()

    def teardown(self) -> None:
        """Close the source and destroy the publishers."""
        if self._source is None:
            return
        self._source.close()
        self._source = None
        for output in (*self.outputs.values(), self._clock_output, self._time_output):
            if output is not None:
                self.destroy_publisher(output)
        if self._follows is not None:
            self.destroy_subscription(self._follows)
        self.outputs, self._clock_output, self._time_output, self._follows = {}, None, None, None

    def health(self) -> Health:
        """Return the source's health since the last call, or the problem of the publishing if that is worse."""
        assert self._source is not None
        level, message, values = self._source.health()
        has_failed, problem = self._deferred.take_problem()
        if problem and level != ERROR:
            level, message = ERROR if has_failed else WARN, problem
        dropped = {"samples not published": self._deferred.dropped} if self._deferred.dropped else {}
        return Health(level, message, {**values, **dropped})

    def hardware_id(self) -> str:
        """Return the sensors and their places on the buses, or what stands for them."""
        value = self.parameters.value
        if value("source") != "mpu6050":
            return f"{value('source')} {value('log')}".strip()
        places = (f"{value(f'{name}.bus_number')}:0x{value(f'{name}.address'):02x}" for name in SENSORS)
        return f"{'' if value('bus') == 'smbus2' else 'emulated '}MPU6050 i2c-{', i2c-'.join(places)}"

    def deliver(self, sample: Sample, stamp: int) -> None:
        """Take a sample and its stamp in ns from the source; called in the source's thread."""
        try:
            if self.tap is None:
                self._publish(sample, stamp)
                return
            is_tapped = sample.stream != ENCODER
            if is_tapped:
                self.tap(sample.stream, self._messages.frames[sample.stream], stamp, sample.values)
            self._deferred.put(sample, stamp)  # after the tap: the executor may have its turn in between
            if is_tapped:
                self.ring()
        except Exception:
            if self.context.ok():  # otherwise the process is ending, and publishing must fail
                raise

    def hold_later(self) -> None:
        """Let ``send_waiting`` publish none that is queued from now on, until the next call."""
        self._deferred.hold_later()

    def send_waiting(self) -> None:
        """Publish some of the queued samples; called in the executor's thread."""
        self._deferred.publish_batch()

    def _make_queue(self) -> DeferredPublisher:
        return DeferredPublisher(self._publish, self._log_publishing_error)

    def _open_source(self, config: DriverConfig) -> Source:
        if config.source == "mpu6050":
            if self.get_parameter("use_sim_time").value:
                raise Refusal("source mpu6050 stamps samples with the system's clock; set use_sim_time to false")
            values = {spec.name: self.parameters.value(spec.name) for spec in MPU6050_SPECS}
            parameters = read_parameters(
                values,
                log=config.log,
                leg=config.leg,
                namespace=config.namespace,
                seed=config.seed,
                person=config.person,
                side=config.side,
            )
            return Mpu6050Source(parameters, self._now, self.deliver, self.get_logger().warning)
        follows_clock = config.follow and config.rate != 1
        if follows_clock and not self.get_parameter("use_sim_time").value:
            raise Refusal(f"following {config.follow} at rate {config.rate:g} needs its /clock; set use_sim_time")
        source = PlaybackSource(config, self._now, self.deliver, self._finish, tell=self._tell_time)
        if source.leader is not None and not follows_clock:
            topic = f"{config.follow.rstrip('/')}/{SOURCE_TIME_TOPIC}"
            self._follows = self.create_subscription(TimeReference, topic, partial(_hear, source.leader), LATCHED)
        for note in source.notes:
            self.get_logger().info(note)
        if config.rate != 1:
            self.get_logger().info(f"/clock starts at {source.first_stamp:.3f} s; the other nodes need use_sim_time")
        return source

    def _publish(self, sample: Sample, stamp: int) -> None:
        if self._clock_output is not None and stamp != self._clock_stamp:
            self._clock_stamp = stamp
            self._clock_output.publish(self._messages.clock(stamp))
        self.outputs[sample.stream].publish(self._messages.fill(sample, stamp))

    def _tell_time(self, time: int, stamp: int) -> None:
        """Tell a follower how the source's time and the stamps go together; called in the source's thread."""
        if self._time_output is None:
            return
        message = TimeReference(source=self._config.source)
        for part, value in ((message.header.stamp, stamp), (message.time_ref, time)):
            part.sec, part.nanosec = divmod(value, SECOND)
        self._time_output.publish(message)

    def _log_publishing_error(self, text: str) -> None:
        if self.context.ok():  # otherwise the process is ending, and publishing must fail
            self.get_logger().error(text)

    def _now(self) -> int:
        return int(self.get_clock().now().nanoseconds)

    def _finish(self) -> None:
        """Have the executor report the end; called in the source's thread."""
        if self.context.ok():
            self._finished.trigger()

    def _report_end(self) -> None:
        if not isinstance(self._source, PlaybackSource):
            return
        self._deferred.publish_all()
        self.publish_diagnostics()  # with the last lateness figures, which ``take_status`` resets
        status = self._source.take_status()
        if status.failure:
            self.get_logger().error(status.traceback or f"{self._config.source} failed: {status.failure}")
        else:
            self.get_logger().info(f"recording ended after {sum(status.counts.values())} samples")
        if self._config.exit_at_end:
            self.failed = bool(status.failure)
            self.create_steady_timer(EXIT_DELAY, self.context.try_shutdown)


def _hear(leader: Leader, message: TimeReference) -> None:
    stamp, time = (part.sec * SECOND + part.nanosec for part in (message.header.stamp, message.time_ref))
    leader.reference = Reference(stamp, time)


def main() -> int:
    """Run the node."""
    return spin_nodes(lambda _: [ImuDriverNode()])
