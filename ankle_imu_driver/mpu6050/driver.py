"""Both sensors as one thing to open, start, stop and ask how it is, for ``imu_driver`` and ``imu_check``."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ankle_imu_driver.arrays import Vector
from ankle_imu_driver.mpu6050.acquisition import BusLoop, BusThread, Sample
from ankle_imu_driver.mpu6050.bus import OpenBus, SmbusBus
from ankle_imu_driver.mpu6050.clock import SystemClock
from ankle_imu_driver.mpu6050.device import DeviceConfig, Mpu6050
from ankle_imu_driver.mpu6050.errors import SensorError, SetupError
from ankle_imu_driver.mpu6050.health import judge_all
from ankle_imu_driver.mpu6050.placement import MeanGravity, describe_up, placement_problem
from ankle_imu_driver.mpu6050.realtime import lock_memory, share_priority
from ankle_imu_driver.mpu6050.ros_time import RosTime
from ankle_imu_driver.mpu6050.self_test import run_self_test
from ankle_imu_driver.mpu6050_emulator.wiring import EmulatedEncoder, Emulation, emulated_buses, emulated_encoder

SWITCH_INTERVAL = 0.001  # s


@dataclass(frozen=True)
class SensorWiring:
    """Where one sensor is.

    Attributes:
        bus: number of its /dev/i2c-N.
        device: address and settings.
        up: the sensor axis that its mounting says points up, unit vector.
    """

    bus: int
    device: DeviceConfig
    up: Vector


@dataclass(frozen=True)
class Mpu6050Config:
    """Both sensors.

    Attributes:
        sensors: by name, ``shank`` and ``foot``.
        rate: Hz.
        emulation: what takes the place of hardware; None is hardware.
        priority: SCHED_FIFO priority of the acquisition threads, 0 for none; the main thread gets one less.
        lock_memory: keep the process in memory.
        self_test: run the chips' self-test when opening.
    """

    sensors: Mapping[str, SensorWiring]
    rate: float = 100.0
    emulation: Emulation | None = None
    priority: int = 40
    lock_memory: bool = True
    self_test: bool = False

    def __post_init__(self) -> None:
        """Refuse two sensors at one place, and rates and priorities that do not exist.

        Raises:
            SetupError: one sentence says which.
        """
        places = [(wiring.bus, wiring.device.address) for wiring in self.sensors.values()]
        if len(set(places)) < len(places):
            bus, address = places[0]
            raise SetupError(
                f"both sensors are set to bus {bus}, address 0x{address:02x}; pull AD0 of one high, it is 0x69 then"
            )
        if not 1 <= self.rate <= 500:
            raise SetupError(f"mpu6050.rate must be 1 to 500 Hz, not {self.rate}")
        if not 0 <= self.priority <= 99:
            raise SetupError(f"mpu6050.priority must be 0 to 99, not {self.priority}")


class Mpu6050Driver:
    """Opens the buses at once; ``start`` and ``stop`` as often as needed; ``close`` at the end.

    Args:
        config: both sensors.
        ros_now: the ROS clock, ns.
        deliver: takes each sample, in an acquisition thread.
        say: takes a sentence on each fault and recovery, in an acquisition thread.

    Attributes:
        encoder: what the recording that moves emulated sensors has beside them; None for hardware.

    Raises:
        SetupError: a bus cannot be opened, or another chip sits at an address; one sentence with the remedy.
    """

    def __init__(
        self,
        config: Mpu6050Config,
        ros_now: Callable[[], int],
        deliver: Callable[[Sample], None],
        say: Callable[[str], None],
    ) -> None:
        self._config = config
        self._deliver = deliver
        self._say = say
        self._clock = SystemClock()
        self._ros_time = RosTime(ros_now, self._clock.now, say)
        self._gravity = {name: MeanGravity() for name in config.sensors}
        self.encoder: EmulatedEncoder | None = None
        self._memory = lock_memory() if config.lock_memory else "not locked, as asked for"
        if "refused" in self._memory:
            say(self._memory)
        self._streaming = False
        self._threads: list[BusThread] = []
        self._loops: list[BusLoop] = []
        try:
            for number, open_bus in self._buses().items():
                sensors = [(name, wiring.device) for name, wiring in config.sensors.items() if wiring.bus == number]
                loop = BusLoop(
                    open_bus,
                    sensors,
                    clock=self._clock,
                    rate=config.rate,
                    ros_time=self._ros_time,
                    deliver=self._take,
                    say=say,
                )
                self._loops.append(loop)
                loop.refuse_wrong_chips()
            if config.self_test:
                self._test_sensors()
        except BaseException:
            self.close()
            raise

    def start(self) -> None:
        """Stream.

        Raises:
            SetupError: a transfer of the time before still blocks.
        """
        self.stop()
        if self._threads:
            raise SetupError("a transfer on the I2C bus still blocks; power the sensors off and on, then try again")
        # Other threads of this process let go of the interpreter sooner than after the default 5 ms.
        sys.setswitchinterval(min(sys.getswitchinterval(), SWITCH_INTERVAL))
        if self._config.priority:
            share_priority(self._config.priority)
        for loop in self._loops:
            for channel in loop.channels:
                channel.stats.restart(self._clock.now())
        self._streaming = True
        self._threads = [BusThread(loop, self._config.priority) for loop in self._loops]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Stop streaming; returns within two seconds, also if a transfer blocks."""
        if self._threads and self._config.priority:
            share_priority(0)
        self._streaming = False  # also for a thread that comes out of a blocked transfer later
        self._threads = [thread for thread in self._threads if not thread.stop()]

    def close(self) -> None:
        """Stop and give the buses back; one on which a transfer still blocks follows when that ends."""
        self.stop()
        blocked = [thread.loop for thread in self._threads]
        for thread in self._threads:
            thread.close_at_end()
        for loop in self._loops:
            if loop not in blocked:
                loop.close()
        self._loops = []

    def health(self) -> tuple[int, str, dict[str, str]]:
        """Level (0 OK, 1 WARN, 2 ERROR), sentence and figures for diagnostics."""
        channels = [channel for loop in self._loops for channel in loop.channels]
        reports = {channel.name: channel.report() for channel in channels}
        missed = max((loop.missed_share() for loop in self._loops), default=0.0)
        gravity = {name: mean.value for name, mean in self._gravity.items()}
        placement = placement_problem(gravity, {name: wiring.up for name, wiring in self._config.sensors.items()})
        ended = [loop.ended for loop in self._loops if loop.ended]
        level, sentence = judge_all(reports, self._config.rate, missed, placement, ended)
        values = {
            "missed deadlines": str(sum(loop.missed for loop in self._loops)),
            "missed within 10 s (%)": f"{missed * 100:.2f}",
            "scheduling": "; ".join(sorted({loop.scheduling for loop in self._loops})),
            "memory": self._memory,
            "ROS clock steps": str(self._ros_time.steps),
            "bus opened again": str(sum(loop.reopened for loop in self._loops)),
        }
        for channel in channels:
            report = reports[channel.name].values() | {
                "chip": channel.device.chip.name,
                "held for order": str(channel.order.held),
                "streams begun anew": str(channel.order.restarts),
            }
            up = gravity[channel.name]
            report["orientation"] = describe_up(up) if up else "unknown"
            values |= {f"{channel.name} {key}": value for key, value in report.items()}
        return level, sentence, values

    def _buses(self) -> dict[int, OpenBus]:
        if self._config.emulation is not None:
            wiring = {name: (w.bus, w.device.address) for name, w in self._config.sensors.items()}
            start = self._clock.now()
            self.encoder = emulated_encoder(self._config.emulation, start)
            emulated = emulated_buses(self._config.emulation, wiring, self._clock, start)
            return {number: open_bus for number, (open_bus, _) in emulated.items()}
        numbers = sorted({wiring.bus for wiring in self._config.sensors.values()})
        return {number: _opener(number) for number in numbers}

    def _take(self, sample: Sample) -> None:
        if not self._streaming:
            return
        self._gravity[sample.sensor].push(sample.measured, sample.accel)
        self._deliver(sample)

    def _test_sensors(self) -> None:
        for loop in self._loops:
            for channel in loop.channels:
                self._say(check_sensor(channel.name, channel.device, self._sleep))

    def _sleep(self, seconds: float) -> None:
        self._clock.sleep_until(self._clock.now() + round(seconds * 1e9))


def check_sensor(name: str, device: Mpu6050, sleep: Callable[[float], None]) -> str:
    """Configure a sensor, run its self-test and return the outcome as a sentence.

    Raises:
        SetupError: the sensor failed; one sentence names the axes.
    """
    try:
        for wait in device.configure():
            sleep(wait)
        results = run_self_test(device, sleep)
    except (SensorError, SetupError) as error:
        return f"{name} sensor: self-test not done: {error}"
    failed = [result for result in results if not result.passed]
    if failed:
        axes = ", ".join(
            result.axis if result.deviation is None else f"{result.axis} ({result.deviation:+.0%})" for result in failed
        )
        raise SetupError(
            f"{name} sensor: self-test failed on {axes}, more than 14 % from the factory's trim; replace the sensor"
        )
    return f"{name} sensor: self-test passed on all six axes"


def _opener(number: int) -> OpenBus:
    return lambda: SmbusBus(number)
