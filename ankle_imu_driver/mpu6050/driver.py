"""Runs both sensors: opens the buses, streams, reports health, and closes."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ankle_imu_driver.arrays import Vector
from ankle_imu_driver.mpu6050.acquisition import BusLoop, BusThread, Sample
from ankle_imu_driver.mpu6050.bus import OpenBus
from ankle_imu_driver.mpu6050.clock import SystemClock
from ankle_imu_driver.mpu6050.device_config import DeviceConfig
from ankle_imu_driver.mpu6050.errors import SetupError
from ankle_imu_driver.mpu6050.health import judge_all
from ankle_imu_driver.mpu6050.placement import MeanGravity, describe_up, placement_problem
from ankle_imu_driver.mpu6050.realtime import lock_memory, share_priority
from ankle_imu_driver.mpu6050.ros_time import RosTime
from ankle_imu_driver.mpu6050.self_test import check_sensor

SWITCH_INTERVAL = 0.001  # s


@dataclass(frozen=True)
class SensorWiring:
    """How one sensor is connected and mounted.

    Attributes:
        bus: number N of its /dev/i2c-N.
        device: address and settings.
        up: the direction that points up by its mounting, unit vector in the sensor's frame.
        is_auto: whether the filter finds its mounting; ``up`` is then the documented one.
    """

    bus: int
    device: DeviceConfig
    up: Vector
    is_auto: bool = False


@dataclass(frozen=True)
class Mpu6050Config:
    """Settings of both sensors.

    Attributes:
        sensors: by name, ``shank`` and ``foot``.
        rate: sampling rate in Hz.
        priority: SCHED_FIFO priority of the acquisition threads, 0 for none; the main thread gets one less.
        lock_memory: lock the process's memory.
        self_test: run the chips' self-test on opening.
    """

    sensors: Mapping[str, SensorWiring]
    rate: float = 100.0
    priority: int = 40
    lock_memory: bool = True
    self_test: bool = False

    def __post_init__(self) -> None:
        """Check the values.

        Raises:
            SetupError: both sensors have the same bus and address, or the rate or the priority is out of range.
        """
        places = [(wiring.bus, wiring.device.address) for wiring in self.sensors.values()]
        if len(set(places)) < len(places):
            bus, address = places[0]
            raise SetupError(
                f"both sensors are set to bus {bus}, address 0x{address:02x}; connect AD0 of one sensor to high, which "
                "gives it address 0x69"
            )
        if not 1 <= self.rate <= 500:
            raise SetupError(f"mpu6050.rate must be 1 to 500 Hz, not {self.rate}")
        if not 0 <= self.priority <= 99:
            raise SetupError(f"mpu6050.priority must be 0 to 99, not {self.priority}")

    @property
    def bus_numbers(self) -> list[int]:
        """Numbers of the buses in use, sorted."""
        return sorted({wiring.bus for wiring in self.sensors.values()})


class Mpu6050Driver:
    """Both sensors. The constructor opens the buses; ``start`` and ``stop`` may be repeated; ``close`` comes last.

    Args:
        config: settings of both sensors.
        buses: how to open each bus in ``config.bus_numbers``.
        ros_now: the ROS clock, in ns.
        deliver: takes each sample; called in an acquisition thread.
        notify: takes a sentence on each fault and recovery; called in an acquisition thread.

    Raises:
        SetupError: a bus cannot be opened, or a wrong chip is at an address; one sentence with the remedy.
    """

    def __init__(
        self,
        config: Mpu6050Config,
        buses: Mapping[int, OpenBus],
        ros_now: Callable[[], int],
        deliver: Callable[[Sample], None],
        notify: Callable[[str], None],
    ) -> None:
        self._config = config
        self._deliver = deliver
        self._notify = notify
        self._clock = SystemClock()
        self._ros_time = RosTime(ros_now, self._clock.now, notify)
        self._gravity = {name: MeanGravity() for name in config.sensors}
        self._memory = lock_memory() if config.lock_memory else "not locked, as configured"
        if "refused" in self._memory:
            notify(self._memory)
        self._streaming = False
        self._threads: list[BusThread] = []
        self._loops: list[BusLoop] = []
        try:
            for number in config.bus_numbers:
                self._open_bus(number, buses[number])
            if config.self_test:
                self._test_sensors()
        except BaseException:
            self.close()
            raise

    def start(self) -> None:
        """Start streaming.

        Raises:
            SetupError: a transfer that began before the last ``stop`` still blocks.
        """
        self.stop()
        if self._threads:
            raise SetupError("a transfer on the I2C bus still blocks; power the sensors off and on, then try again")
        # Other threads of this process then release the interpreter lock sooner than after the default 5 ms.
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
        """Stop streaming. Returns within two seconds even if a transfer blocks."""
        if self._threads and self._config.priority:
            share_priority(0)
        self._streaming = False  # also drops the sample of a blocked transfer that ends later
        self._threads = [thread for thread in self._threads if not thread.stop()]

    def close(self) -> None:
        """Stop and close the buses. A bus with a blocked transfer is closed when the transfer ends."""
        self.stop()
        blocked = [thread.loop for thread in self._threads]
        for thread in self._threads:
            thread.close_at_end()
        for loop in self._loops:
            if loop not in blocked:
                loop.close()
        self._loops = []

    def health(self) -> tuple[int, str, dict[str, str]]:
        """Return level (OK, WARN, ERROR), sentence and values for diagnostics."""
        channels = [channel for loop in self._loops for channel in loop.channels]
        reports = {channel.name: channel.report() for channel in channels}
        missed = max((loop.missed_share() for loop in self._loops), default=0.0)
        gravity = {name: mean.value for name, mean in self._gravity.items()}
        sensors = self._config.sensors
        auto = [name for name, wiring in sensors.items() if wiring.is_auto]
        placement = placement_problem(gravity, {name: wiring.up for name, wiring in sensors.items()}, auto)
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
                "samples held back": str(channel.order.held),
                "stream restarts": str(channel.order.restarts),
            }
            up = gravity[channel.name]
            report["orientation"] = describe_up(up) if up else "unknown"
            values |= {f"{channel.name} {key}": value for key, value in report.items()}
        return level, sentence, values

    def _open_bus(self, number: int, open_bus: OpenBus) -> None:
        sensors = [(name, wiring.device) for name, wiring in self._config.sensors.items() if wiring.bus == number]
        loop = BusLoop(
            open_bus,
            sensors,
            clock=self._clock,
            rate=self._config.rate,
            ros_time=self._ros_time,
            deliver=self._take,
            notify=self._notify,
        )
        self._loops.append(loop)
        loop.refuse_wrong_chips()

    def _take(self, sample: Sample) -> None:
        if not self._streaming:
            return
        self._gravity[sample.sensor].push(sample.measured, sample.accel)
        self._deliver(sample)

    def _test_sensors(self) -> None:
        for loop in self._loops:
            for channel in loop.channels:
                self._notify(check_sensor(channel.name, channel.device, self._sleep))

    def _sleep(self, seconds: float) -> None:
        self._clock.sleep_until(self._clock.now() + round(seconds * 1e9))
