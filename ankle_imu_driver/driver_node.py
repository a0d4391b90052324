"""The node ``imu_driver``: publishes the raw samples of two MPU6050, of a recording or of the gait simulator."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path
from typing import Any

from rcl_interfaces.msg import ParameterDescriptor, SetParametersResult
from rclpy.parameter import Parameter
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import Imu, JointState

from ankle_imu_driver.conventions import ENCODER, FOOT, SHANK
from ankle_imu_driver.deferred_publisher import DeferredPublisher
from ankle_imu_driver.driver_parameters import CHOICES, NUMBERS, DriverConfig
from ankle_imu_driver.managed_node import ERROR, OK, WARN, Health, ManagedNode, spin_nodes
from ankle_imu_driver.mpu6050.acquisition import Sample as SensorSample
from ankle_imu_driver.mpu6050.driver import Mpu6050Driver
from ankle_imu_driver.mpu6050_parameters import PARAMETERS, read_parameters
from ankle_imu_driver.raw_imu_message import raw_imu_message
from ankle_imu_driver.recordings.playback import Playback
from ankle_imu_driver.recordings.read_recording import read_recording
from ankle_imu_driver.recordings.recording import Recording
from ankle_imu_driver.recordings.timeline import Sample, looped, samples
from ankle_imu_driver.refusal import Refusal

STREAMS = {SHANK: "shank", FOOT: "foot", ENCODER: "encoder"}
SECOND = 1_000_000_000  # ns
EXIT_DELAY = 1.0  # s in which the last messages reach the others before the process ends


class ImuDriverNode(ManagedNode):
    """Publishes ``shank/imu/data_raw``, ``foot/imu/data_raw`` and, where the source has it, ``encoder/joint_states``.

    At rate 1 the next sample is stamped with the ROS time of activation and the others follow at their own distances;
    at any other rate stamps are the source's own and ``/clock`` follows them. Deactivating pauses: activating goes on
    with the next sample, at rate 1 with the pause as a gap in the stamps, at other rates without one. Cleaning up goes
    back to the beginning, ``/clock`` with it. After the end of a recording the node stays active, and says so.

    With source mpu6050, configuring opens the buses, activating streams, and cleaning up closes; a fault of a sensor
    keeps the node active and recovering.

    Attributes:
        tap: who gets each sample first, in the source's thread: stream, frame, stamp in ns and ``Sample.values``. Where
            there is one, that thread publishes nothing; ``send_waiting`` does.
    """

    def __init__(self, **node_arguments: Any) -> None:
        super().__init__("imu_driver", **node_arguments)
        self._playback: Playback | None = None
        self._hardware: Mpu6050Driver | None = None
        self.tap: Callable[[int, str, int, list[float]], None] | None = None
        self._deferred = DeferredPublisher(self._send)
        self._outputs: dict[int, Any] = {}
        self._clock_output: Any = None
        for name, default in CHOICES.items():
            self.declare_parameter(name, default)
        for name, number in NUMBERS.items():
            self.declare_number(name, number)
        for name, default in PARAMETERS.items():
            self.declare_parameter(name, default, ParameterDescriptor(dynamic_typing=True))
        self.add_on_set_parameters_callback(self._guard)
        self._finished = self.create_guard_condition(self._tell_end)

    def autostart(self) -> None:
        """Configure and activate; who waits for the end of a source that does not even start, is not left waiting."""
        super().autostart()
        if self.refusal and self.get_parameter("exit_at_end").value:
            self.failed = True
            self.context.try_shutdown()

    def setup(self) -> None:
        """Open the source."""
        self._config = config = self._read_config()
        if self.tap is not None and config.rate != 1:
            raise Refusal(f"rate cannot become {config.rate:g} here, as the process was started at 1; start it anew")
        self._notes: tuple[str, ...] = ()
        if config.source == "mpu6050":
            self._hardware = self._open_hardware(config)
            has_encoder = self._hardware.encoder is not None
        else:
            chunks = _open(config)
            first = next(chunks)
            self._notes = first.notes
            has_encoder = first.encoder is not None
        self._imu = {k: raw_imu_message(f"{config.frame_prefix}{STREAMS[k]}_imu_link") for k in (SHANK, FOOT)}
        self._joint = JointState(name=[config.joint_name], position=[0.0])
        # The system's defaults, but for the depth: theirs may be 1, and a busy moment then loses a sample.
        qos = QoSProfile(
            depth=50, reliability=ReliabilityPolicy.SYSTEM_DEFAULT, durability=DurabilityPolicy.SYSTEM_DEFAULT
        )
        self._outputs = {k: self.create_publisher(Imu, f"{STREAMS[k]}/imu/data_raw", qos) for k in (SHANK, FOOT)}
        if has_encoder:
            self._outputs[ENCODER] = self.create_publisher(JointState, "encoder/joint_states", qos)
        self._clock_output = None if config.rate == 1 else self.create_publisher(Clock, "/clock", qos)
        self._counts = dict.fromkeys(self._outputs, 0)
        self._deferred = DeferredPublisher(
            self._send
        )  # a source that hung while it was stopped may have left something in the last
        self._clock_stamp = -1
        self._looked = time.monotonic()
        if self._hardware is not None:
            return
        self._playback = Playback(samples(chain([first], chunks)), config.rate, self._now, self._hand_on, self._finish)
        for note in self._notes:
            self.get_logger().info(note)
        if config.rate != 1:
            self.get_logger().info(f"/clock starts at {first.start:.3f} s; the other nodes need use_sim_time")

    def start(self) -> None:
        """Play on."""
        if self._hardware is not None:
            self._hardware.start()
            return
        assert self._playback is not None
        self._playback.punctuality()
        self._looked = time.monotonic()
        self._playback.start()

    def stop(self) -> None:
        """Pause."""
        if self._hardware is not None:
            self._hardware.stop()
        if self._playback is not None:
            self._playback.stop()
        self._deferred.send_all()

    def teardown(self) -> None:
        """Close the source."""
        if not self._is_open:
            return
        if self._hardware is not None:
            self._hardware.close()
        if self._playback is not None:
            self._playback.stop()
        self._hardware = self._playback = None
        for output in (*self._outputs.values(), self._clock_output):
            if output is not None:
                self.destroy_publisher(output)
        self._outputs, self._clock_output = {}, None

    def health(self) -> Health:
        """Say whether samples flow, and how punctually, since the last time."""
        source = Health(*self._hardware.health()) if self._hardware is not None else self._health_of_playback()
        level, message = source.level, source.message
        has_failed, problem = self._deferred.problem()
        if problem and level != ERROR:
            level, message = ERROR if has_failed else WARN, problem
        lost = {"samples not published": self._deferred.lost} if self._deferred.lost else {}
        return Health(level, message, {**source.values, **lost})

    def _health_of_playback(self) -> Health:
        assert self._playback is not None
        took = self._playback.punctuality()
        now = time.monotonic()
        rate, self._looked = took.sent / max(now - self._looked, 1e-9), now
        values = {
            "source": self._config.source,
            "log": self._config.log,
            "rate": self._config.rate,
            "messages per second": f"{rate:.1f}",
            **{f"{STREAMS[k]} samples": n for k, n in self._counts.items()},
            "position (s)": f"{(self._playback.position or 0) / SECOND:.3f}",
            "late": took.late,
            "worst lateness (ms)": f"{took.worst / 1e6:.2f}",
            **{f"note {k + 1}": self._notes[k] for k in range(len(self._notes))},
        }
        if self._playback.failure:
            return Health(ERROR, f"{self._config.source} failed: {self._playback.failure}", values)
        if self._playback.ended:
            return Health(OK, "recording ended", values)
        if took.late > 0.05 * took.sent:
            return Health(WARN, f"{took.late} of {took.sent} samples went out late; the computer is too busy", values)
        return Health(OK, f"{self._config.source} runs", values)

    @property
    def _is_open(self) -> bool:
        return self._playback is not None or self._hardware is not None

    def _open_hardware(self, config: DriverConfig) -> Mpu6050Driver:
        if self.get_parameter("use_sim_time").value:
            raise Refusal("source mpu6050 stamps with the system's clock; set use_sim_time to false")
        values = {name: self.get_parameter(name).value for name in PARAMETERS}
        wanted = read_parameters(values, log=config.log, seed=config.seed, person=config.person, side=config.side)
        return Mpu6050Driver(wanted, self._now, self._publish_measured, self.get_logger().warning)

    def _publish_measured(self, sample: SensorSample) -> None:
        """Send a sensor's sample; runs in an acquisition thread."""
        stream = SHANK if sample.sensor == STREAMS[SHANK] else FOOT
        try:
            self._hand_on(Sample(sample.measured, stream, [*sample.accel, *sample.gyro]), sample.stamp)
            if stream == FOOT and self._hardware is not None and self._hardware.encoder is not None:
                angle = self._hardware.encoder.at(sample.measured)
                self._hand_on(Sample(sample.measured, ENCODER, [angle]), sample.stamp)
        except Exception:
            if self.context.ok():  # else the process ends, and with it what this publishes to
                raise

    def _read_config(self) -> DriverConfig:
        value = {name: self.get_parameter(name).value for name in CHOICES}
        return DriverConfig(
            source=value["source"],
            log=value["log"],
            rate=self.number("rate"),
            loop=value["loop"],
            side=value["side"],
            seed=value["seed"],
            person=value["simulator.person"],
            accel_range=value["simulator.accel_range"],
            exit_at_end=value["exit_at_end"],
            frame_prefix=value["frame_prefix"],
            joint_name=value["encoder.joint_name"],
            joint_sign=self.number("encoder.joint_sign"),
            joint_offset=self.number("encoder.joint_offset"),
        )

    def _now(self) -> int:
        return int(self.get_clock().now().nanoseconds)

    def send_waiting(self) -> None:
        """Send what ``tap`` got first; in the executor's thread."""
        self._deferred.send_some()

    def _hand_on(self, sample: Sample, stamp: int) -> None:
        """Bring one sample on its way; runs in the source's thread."""
        if self.tap is None:
            self._send(sample, stamp)
            return
        self._deferred.put(sample, stamp)
        if sample.stream != ENCODER:
            self.tap(sample.stream, self._imu[sample.stream].header.frame_id, stamp, sample.values)

    def _send(self, sample: Sample, stamp: int) -> None:
        sec, nanosec = divmod(stamp, SECOND)
        if self._clock_output is not None and stamp != self._clock_stamp:
            self._clock_stamp = stamp
            clock = Clock()
            clock.clock.sec, clock.clock.nanosec = sec, nanosec
            self._clock_output.publish(clock)
        if sample.stream == ENCODER:
            message = self._joint
            message.position = [self._config.joint_sign * sample.values[0] + self._config.joint_offset]
        else:
            message = self._imu[sample.stream]
            accel, gyro = message.linear_acceleration, message.angular_velocity
            accel.x, accel.y, accel.z, gyro.x, gyro.y, gyro.z = sample.values
        message.header.stamp.sec, message.header.stamp.nanosec = sec, nanosec
        self._outputs[sample.stream].publish(message)
        self._counts[sample.stream] += 1

    def _finish(self) -> None:
        if self.context.ok():  # else the process ends, and with it what the thread publishes to
            self._finished.trigger()

    def _tell_end(self) -> None:
        playback = self._playback
        if playback is None:
            return
        self._deferred.send_all()
        if playback.failure:
            self.get_logger().error(f"{self._config.source} failed: {playback.failure}")
        else:
            self.get_logger().info(f"recording ended after {sum(self._counts.values())} samples")
        self.publish_diagnostics()
        if self._config.exit_at_end:
            self.failed = bool(playback.failure)
            self.create_steady_timer(EXIT_DELAY, self.context.try_shutdown)

    def _guard(self, parameters: list[Parameter]) -> SetParametersResult:
        fixed = {*CHOICES, *NUMBERS, *PARAMETERS}
        names = sorted(p.name for p in parameters if p.name in fixed)
        if names and self._is_open:
            reason = f"{', '.join(names)} cannot change while imu_driver is configured; clean it up first"
            return SetParametersResult(successful=False, reason=reason)
        return SetParametersResult(successful=True)


def _open(config: DriverConfig) -> Iterator[Recording]:
    """Return the source's samples, in chunks that follow each other in time."""
    if config.source == "simulator":
        # Imported only here: it brings scipy, 60 MB that a robot with real sensors has no use for.
        from ankle_imu_driver.simulator.sensor_model import SensorModel  # noqa: PLC0415
        from ankle_imu_driver.simulator.simulate import stream  # noqa: PLC0415
        from ankle_imu_driver.simulator.user_profile import draw_user  # noqa: PLC0415

        model = SensorModel(accel_range=config.accel_range)
        return stream(draw_user(config.person), model, config.seed, config.side)
    recording = read_recording(Path(config.log))
    return looped(recording) if config.loop else iter([recording])


def main() -> int:
    """Run the node."""
    return spin_nodes(lambda _: [ImuDriverNode()])
