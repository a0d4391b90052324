"""Samples the sensors at a fixed rate: one thread per bus, absolute deadlines, all sensors of a bus back to back."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ankle_imu_driver.arrays import Vector
from ankle_imu_driver.mpu6050.bus import OpenBus
from ankle_imu_driver.mpu6050.channel import SensorChannel
from ankle_imu_driver.mpu6050.clock import Clock
from ankle_imu_driver.mpu6050.device import Burst, Raw
from ankle_imu_driver.mpu6050.device_config import DeviceConfig
from ankle_imu_driver.mpu6050.errors import Fault, SensorError, SetupError
from ankle_imu_driver.mpu6050.faults import is_saturated
from ankle_imu_driver.mpu6050.health import WINDOW
from ankle_imu_driver.mpu6050.realtime import request_priority
from ankle_imu_driver.mpu6050.ros_time import RosTime

STOP_TIMEOUT = 2.0  # s; an adapter without a transfer timeout may block for 1 s
_REOPEN_INTERVAL = 250_000_000  # ns


@dataclass(frozen=True)
class Sample:
    """One measurement of one sensor.

    Attributes:
        sensor: name of the sensor.
        stamp: time of the measurement on the ROS clock, in ns; the delay of the low-pass is subtracted.
        measured: the same time on the monotonic clock, in ns.
        accel: specific force in m/s^2, sensor frame.
        gyro: angular rate in rad/s, sensor frame.
        temperature: degrees C.
        raw: the chip's raw values.
    """

    sensor: str
    stamp: int
    measured: int
    accel: Vector
    gyro: Vector
    temperature: float
    raw: Raw


class BusLoop:
    """Reads the sensors of one bus, once per tick.

    Args:
        open_bus: opens the bus; called now, and again when no sensor on the bus answers any more.
        sensors: name and settings of each sensor on the bus.
        clock: monotonic clock.
        rate: sampling rate in Hz.
        ros_time: converts monotonic time to ROS time.
        deliver: takes each sample; called in the acquisition thread.
        notify: takes a sentence on each fault and each recovery.

    Attributes:
        ticks: number of ticks so far.
        missed: number of missed deadlines so far.
        reopened: how often the bus was reopened.
        scheduling: outcome of the request for real-time priority.
        ended: why the acquisition thread ended by itself; empty if it did not.
        channels: the sensors.

    Raises:
        SetupError: the bus cannot be opened, or a sensor's own sample rate is too low for ``rate``.
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
        notify: Callable[[str], None],
    ) -> None:
        for name, config in sensors:
            if config.sample_rate < 2 * rate:
                raise SetupError(
                    f"{name}.sample_rate_divider {config.sample_rate_divider} makes the chip sample at "
                    f"{config.sample_rate:.0f} Hz; reading at {rate:.0f} Hz without repeats needs at least "
                    f"{2 * rate:.0f} Hz, so reduce the divider"
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
        self._notify = notify
        self._missed_at: deque[int] = deque(maxlen=int(rate * WINDOW))
        self._next_reopen = 0
        self._reopen_error = ""
        self.channels = [SensorChannel(name, config, self._bus, clock, notify) for name, config in sensors]

    def refuse_wrong_chips(self) -> None:
        """Read every sensor's WHO_AM_I. A sensor that does not answer is not an error here; the recovery handles it.

        Raises:
            SetupError: a chip is not allowed.
        """
        for channel in self.channels:
            try:
                channel.device.identify()
            except SensorError as error:
                if error.fault is Fault.WRONG_CHIP:
                    raise SetupError(f"{channel.name} sensor: {error}") from error

    def tick(self) -> None:
        """Read every sensor once and deliver the samples."""
        self._ros_time.check()
        self.ticks += 1
        streaming = [channel for channel in self.channels if channel.streaming]
        taken = [(channel, channel.sample()) for channel in streaming]
        for channel, burst in taken:
            if burst is not None:
                self._deliver_burst(channel, burst)
        # Last, so that a fault of one sensor does not delay the other sensor's sample.
        for channel in self.channels:
            channel.maintain(bus_in_use=any(other.streaming for other in self.channels if other is not channel))
        self._reopen_bus()

    def run(self, stop: Callable[[], bool]) -> None:
        """Tick at absolute deadlines until ``stop`` returns true. Deadlines missed by a whole period are skipped."""
        self.ended = ""
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
        """Store the outcome of the request for real-time priority; notify if it was refused."""
        self.scheduling = outcome
        if "refused" in outcome:
            self._notify(outcome)

    def missed_share(self) -> float:
        """Return the share of deadlines within the last 10 s that were missed."""
        oldest = self._clock.now() - int(WINDOW * 1e9)
        due = min(self.ticks + self.missed, int(WINDOW * 1e9) // self._period)
        return sum(time > oldest for time in self._missed_at.copy()) / due if due else 0.0

    def close(self) -> None:
        """Close the bus."""
        self._bus.close()

    def _reopen_bus(self) -> None:
        """Reopen the bus if no sensor on it answers."""
        now = self._clock.now()
        if now < self._next_reopen or not all(channel.needs_new_bus for channel in self.channels):
            return
        self._next_reopen = now + _REOPEN_INTERVAL
        # First: while a handle is open, the kernel keeps an adapter that was unplugged, and a replugged one does not
        # get its number back.
        self._bus.close()
        try:
            bus = self._open_bus()
        except SetupError as error:
            if str(error) != self._reopen_error:
                self._reopen_error = str(error)
                self._notify(f"the bus cannot be reopened: {error}")
            return
        self._reopen_error = ""
        self._bus = bus
        self.reopened += 1
        for channel in self.channels:
            channel.attach(bus)

    def _deliver_burst(self, channel: SensorChannel, burst: Burst) -> None:
        measured = burst.before - round(channel.device.delay * 1e9)
        stamp = self._ros_time.to_ros(measured)
        if not channel.order.admit(stamp):
            return
        accel, gyro, temperature = channel.device.to_si(burst.raw)
        channel.stats.add_sample(burst.before, is_saturated(burst.raw), temperature)
        self._deliver(Sample(channel.name, stamp, measured, accel, gyro, temperature, burst.raw))


class BusThread:
    """Runs a ``BusLoop`` in its own thread, with real-time priority if the system allows it."""

    def __init__(self, loop: BusLoop, priority: int) -> None:
        self.loop = loop
        self._priority = priority
        self._stop = threading.Event()
        self._close = threading.Event()
        self._thread = threading.Thread(target=self._run, name="mpu6050", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> bool:
        """Stop after the current tick and return True.

        If a transfer blocks the thread for longer than ``STOP_TIMEOUT``, return False; the thread then ends when the
        transfer ends.
        """
        self._stop.set()
        self._thread.join(STOP_TIMEOUT)
        return not self._thread.is_alive()

    def close_at_end(self) -> None:
        """Make a thread that ``stop`` could not end close its bus when it ends."""
        self._close.set()
        if not self._thread.is_alive():  # it may have ended before it could see the flag
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
