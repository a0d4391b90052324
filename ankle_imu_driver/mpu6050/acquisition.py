"""Samples on time: one thread a bus, absolute deadlines, both sensors back to back."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ankle_imu_driver.arrays import Vector
from ankle_imu_driver.mpu6050.bus import OpenBus
from ankle_imu_driver.mpu6050.channel import SensorChannel
from ankle_imu_driver.mpu6050.clock import Clock
from ankle_imu_driver.mpu6050.device import Burst, DeviceConfig, Raw
from ankle_imu_driver.mpu6050.errors import Fault, SensorError, SetupError
from ankle_imu_driver.mpu6050.faults import is_saturated
from ankle_imu_driver.mpu6050.health import WINDOW
from ankle_imu_driver.mpu6050.realtime import request_priority
from ankle_imu_driver.mpu6050.ros_time import RosTime

_REOPEN_INTERVAL = 250_000_000  # ns
_STOP_TIMEOUT = 2.0  # s; an adapter that was never given a timeout blocks for one


@dataclass(frozen=True)
class Sample:
    """One sensor's measurement.

    Attributes:
        sensor: its name.
        stamp: when it was measured, on the ROS clock, ns; the low-pass's delay is taken off.
        measured: the same on the monotonic clock, ns.
        accel: specific force, m/s^2, sensor frame.
        gyro: angular rate, rad/s, sensor frame.
        temperature: degrees C.
        raw: as the chip gave it.
    """

    sensor: str
    stamp: int
    measured: int
    accel: Vector
    gyro: Vector
    temperature: float
    raw: Raw


class BusLoop:
    """Reads the sensors of one bus, tick by tick.

    Args:
        open_bus: opens the bus; called now, and again when nothing on it answers any more.
        sensors: name and settings of each sensor on it.
        clock: monotonic time.
        rate: Hz.
        ros_time: maps stamps.
        deliver: takes each sample, in the acquisition thread.
        say: takes a sentence on each fault and each recovery.

    Raises:
        SetupError: the bus cannot be opened, or a sensor is set to sample too slowly for the rate.
    """

    def __init__(
        self,
        open_bus: OpenBus,
        sensors: Sequence[tuple[str, DeviceConfig]],
        *,
        clock: Clock,
        rate: float,
        ros_time: RosTime,
        deliver: Callable[[Sample], None],
        say: Callable[[str], None],
    ) -> None:
        for name, config in sensors:
            if config.sample_rate < 2 * rate:
                raise SetupError(
                    f"{name}.sample_rate_divider {config.sample_rate_divider} lets the chip sample at "
                    f"{config.sample_rate:.0f} Hz; to be read at {rate:.0f} Hz without repeats it needs {2 * rate:.0f}"
                )
        self.missed = 0
        self.ticks = 0
        self.reopened = 0
        self.scheduling = "not started"
        self.ended = ""
        self._open_bus = open_bus
        self._bus = open_bus()
        self._clock = clock
        self._period = round(1e9 / rate)
        self._ros_time = ros_time
        self._deliver = deliver
        self._say = say
        self._missed_at: deque[int] = deque(maxlen=int(rate * WINDOW))
        self._next_reopen = 0
        self._refusal = ""
        self.channels = [SensorChannel(name, config, self._bus, clock, say) for name, config in sensors]

    def refuse_wrong_chips(self) -> None:
        """Ask every sensor who it is; one that does not answer is left to the recovery.

        Raises:
            SetupError: one is a chip that is not allowed.
        """
        for channel in self.channels:
            try:
                channel.device.identify()
            except SensorError as error:
                if error.fault is Fault.WRONG_CHIP:
                    raise SetupError(f"{channel.name} sensor: {error}") from error

    def tick(self) -> None:
        """Read every sensor once and deliver what came."""
        self._ros_time.check()
        self.ticks += 1
        streaming = [channel for channel in self.channels if channel.streaming]
        taken = [(channel, channel.sample()) for channel in streaming]
        for channel, burst in taken:
            if burst is not None:
                self._hand_on(channel, burst)
        # Last, so that what ails one sensor does not delay the other.
        for channel in self.channels:
            channel.attend(wire_in_use=any(other.streaming for other in self.channels if other is not channel))
        self._renew_bus()

    def run(self, stop: Callable[[], bool]) -> None:
        """Tick at absolute deadlines until ``stop`` says so. A deadline that has passed altogether is left out."""
        deadline = self._clock.now()
        while not stop():
            self._clock.sleep_until(deadline)
            late = (self._clock.now() - deadline) // self._period
            if late > 0:
                self.missed += late
                deadline += late * self._period
                self._missed_at.extend([deadline] * late)
            self.tick()
            deadline += self._period

    def set_scheduling(self, outcome: str) -> None:
        """Keep what the system said to the wish for real time, and say so if it refused."""
        self.scheduling = outcome
        if "refused" in outcome:
            self._say(outcome)

    def missed_share(self) -> float:
        """Share of the last 10 s' deadlines that were missed."""
        oldest = self._clock.now() - int(WINDOW * 1e9)
        due = min(self.ticks + self.missed, int(WINDOW * 1e9) // self._period)
        return sum(time > oldest for time in self._missed_at.copy()) / due if due else 0.0

    def close(self) -> None:
        """Give the bus back."""
        self._bus.close()

    def _renew_bus(self) -> None:
        now = self._clock.now()
        if now < self._next_reopen or not all(channel.wants_new_bus for channel in self.channels):
            return
        self._next_reopen = now + _REOPEN_INTERVAL
        try:
            bus = self._open_bus()
        except SetupError as error:
            if str(error) != self._refusal:
                self._refusal = str(error)
                self._say(f"the bus cannot be opened again: {error}")
            return
        self._refusal = ""
        self._bus.close()
        self._bus = bus
        self.reopened += 1
        for channel in self.channels:
            channel.attach(bus)

    def _hand_on(self, channel: SensorChannel, burst: Burst) -> None:
        measured = burst.before - round(channel.device.delay * 1e9)
        stamp = self._ros_time.to_ros(measured)
        if not channel.order.admit(stamp):
            return
        accel, gyro, temperature = channel.device.to_si(burst.raw)
        channel.stats.add_sample(burst.before, is_saturated(burst.raw), temperature)
        self._deliver(Sample(channel.name, stamp, measured, accel, gyro, temperature, burst.raw))


class BusThread:
    """Runs a ``BusLoop`` in a thread of its own, at real-time priority if the system grants it."""

    def __init__(self, loop: BusLoop, priority: int) -> None:
        self.loop = loop
        self._priority = priority
        self._stop = threading.Event()
        self._close = threading.Event()
        self._thread = threading.Thread(target=self._run, name="mpu6050", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> bool:
        """End after the running tick; False if a transfer blocks it beyond 2 s, then it ends by itself."""
        self._stop.set()
        self._thread.join(_STOP_TIMEOUT)
        return not self._thread.is_alive()

    def close_at_end(self) -> None:
        """Have a thread that ``stop`` could not end close its bus once it does."""
        self._close.set()
        if not self._thread.is_alive():  # it has ended meanwhile, perhaps before it could see this
            self.loop.close()

    def _run(self) -> None:
        self.loop.set_scheduling(request_priority(self._priority))
        try:
            self.loop.run(self._stop.is_set)
        except BaseException as error:
            self.loop.ended = f"the acquisition thread ended: {error!r}"
            raise
        finally:
            if self._close.is_set():
                self.loop.close()
