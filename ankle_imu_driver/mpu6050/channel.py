"""Reads one sensor and recovers it from faults: retry, reconfigure, wait, try again."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from ankle_imu_driver.mpu6050.bus import Bus
from ankle_imu_driver.mpu6050.clock import Clock
from ankle_imu_driver.mpu6050.device import Burst, Mpu6050
from ankle_imu_driver.mpu6050.device_config import DeviceConfig
from ankle_imu_driver.mpu6050.errors import Fault, SensorError
from ankle_imu_driver.mpu6050.faults import SampleGuard
from ankle_imu_driver.mpu6050.health import StreamReport, StreamStats
from ankle_imu_driver.mpu6050.ros_time import StampOrder

TRANSFER_LIMIT = 10_000_000  # ns; after a slower transfer the time of the sample is too uncertain to publish it

_QUICK_FAULTS = frozenset({Fault.NACK, Fault.ARBITRATION, Fault.SHORT, Fault.IO})  # fail within a transfer's time
_SLOW_FAULTS = frozenset({Fault.TIMEOUT, Fault.BUS_LOW})  # each try blocks the bus, also for the other sensor
_CONFIGURE_AT_ONCE = frozenset({Fault.RESET, Fault.REGISTERS, Fault.GONE})  # reading again cannot help
_FAILED_TICKS = 3  # failed ticks in a row after which the sensor is reconfigured
_REFUSED_SAMPLES = 5  # refused samples in a row after which the chip is reset
_PROVEN = 10  # good samples after which a recovery counts as complete
_BACK_OFF = 0.02  # s, doubled after each failed attempt
_LONGEST_BACK_OFF = 0.05  # s; an unanswered try takes only 0.1 ms, so a sensor that is plugged in returns soon
_LONGEST_SLOW_BACK_OFF = 0.5  # s; a try that times out costs the other sensor two samples
_LONGEST_RESET_BACK_OFF = 2.0  # s; between resets that did not help, samples are read and refused
_VERIFY_INTERVAL = 80_000_000  # ns between checks of all registers; a reset is detected at every sample
_NOTIFY_INTERVAL = 1_000_000_000  # ns between messages on one recovery


class SensorChannel:
    """Reads one sensor. It never waits for anything except the end of a transfer.

    Attributes:
        name: name of the sensor, such as ``shank``.
        streaming: samples are being read; otherwise a recovery is in progress.
        order: keeps the stamps increasing.
        stats: statistics of the stream.
    """

    def __init__(self, name: str, config: DeviceConfig, bus: Bus, clock: Clock, notify: Callable[[str], None]) -> None:
        self.name = name
        self.streaming = False
        self.order = StampOrder()
        self.stats = StreamStats()
        self.device = Mpu6050(config, bus, clock)
        self._clock = clock
        self._notify = notify
        self._guard: SampleGuard | None = None
        self._steps: Iterator[float] | None = self.device.configure()
        self._due = clock.now()
        self._attempts = 0
        self._failed = self._refused = self._good = 0
        self._fault: Fault | None = None
        self._notified: Fault | None = None
        self._problem = ""
        self._since = self._verified = self._next_reset = self._notified_at = clock.now()

    def attach(self, bus: Bus) -> None:
        """Continue on a bus that was reopened."""
        self.device.bus = bus

    @property
    def needs_new_bus(self) -> bool:
        """Whether several attempts on this bus have failed."""
        return not self.streaming and self._attempts >= 2

    def maintain(self, bus_in_use: bool) -> None:
        """Verify all registers, or continue a recovery, if either is due; called after every sensor has been read.

        Args:
            bus_in_use: another sensor streams on the same bus.
        """
        now = self._clock.now()
        if not self.streaming:
            if now >= self._due:
                self._take_step(bus_in_use)
        elif not self._failed and now - self._verified >= _VERIFY_INTERVAL:
            self._verified = now
            self._verify()

    def report(self) -> StreamReport:
        """Return the report on this sensor for diagnostics."""
        state = f"recovering, attempt {self._attempts + 1}"
        if self.streaming:
            state = "refusing samples" if self._refused else "streaming"
        stuck = self._guard.stuck_axes if self._guard else frozenset()
        return self.stats.report(self._clock.now(), state, self._problem, stuck)

    def sample(self) -> Burst | None:
        """Read a sample while streaming. Return None if no valid sample could be read."""
        assert self._guard is not None
        try:
            burst = self._read_checked()
        except SensorError as error:
            self._failed += 1
            self._record(error.fault, str(error))
            if self._failed >= _FAILED_TICKS or error.fault in _CONFIGURE_AT_ONCE:
                self._start_recovery(reset=False)
            return None
        self._failed = 0
        if burst.after - burst.before > TRANSFER_LIMIT:
            self._record(Fault.LATE, f"a transfer took {(burst.after - burst.before) / 1e6:.0f} ms")
            return None
        if fault := self._guard.check(burst.raw):
            self._refuse(fault)
            return None
        self._accept(burst)
        return burst

    def _refuse(self, fault: Fault) -> None:
        self._refused += 1
        self._record(fault, f"the sensor's values are not a measurement: {fault.value}")
        if self._refused >= _REFUSED_SAMPLES and self._clock.now() >= self._next_reset:
            self._next_reset = self._clock.now() + self._back_off(_LONGEST_RESET_BACK_OFF)
            self._start_recovery(reset=True)

    def _accept(self, burst: Burst) -> None:
        self._refused = 0
        self._good += 1
        if self._notified is not None:
            self._notified = None
            self._notify(f"{self.name} sensor: streaming again after {(burst.before - self._since) / 1e9:.2f} s")
        if self._good >= _PROVEN:
            self._attempts = 0
            self._fault = None
            self._problem = ""

    def _read_checked(self) -> Burst:
        """Read a sample and check that the chip was awake until its end.

        If a chip loses contact during a burst, the line stays high and the last bytes read 0xFF without any error. The
        check after the burst then gets no answer.
        """
        try:
            burst = self.device.read_burst()
            self.device.check_awake()
        except SensorError as error:
            if error.fault not in _QUICK_FAULTS:
                raise
            self._record(error.fault, str(error))
            burst = self.device.read_burst()
            self.device.check_awake()
        return burst

    def _verify(self) -> None:
        try:
            self.device.verify()
        except SensorError as error:
            self._record(error.fault, str(error))
            if error.fault in _CONFIGURE_AT_ONCE:
                self._start_recovery(reset=False)

    def _record(self, fault: Fault, sentence: str) -> None:
        now = self._clock.now()
        self.stats.add_fault(now, fault)
        if self._fault is None:
            self._since = now
        self._fault = fault
        self._problem = sentence
        self._good = 0

    def _notify_fault(self) -> None:
        """Notify once of the reason for a recovery. Transfers that were only repeated appear in diagnostics alone."""
        now = self._clock.now()
        is_due = now >= self._notified_at + _NOTIFY_INTERVAL
        if self._notified is None or (self._notified is not self._fault and is_due):
            self._notified, self._notified_at = self._fault, now
            self._notify(f"{self.name} sensor: {self._problem}")

    def _start_recovery(self, reset: bool) -> None:
        self._notify_fault()
        self.streaming = False
        self._failed = self._refused = 0
        self._steps = self.device.configure(reset)
        self._due = self._clock.now()
        if self._attempts and not reset:  # the last recovery did not last long: wait before the next one
            self._due += self._back_off(self._longest_back_off(bus_in_use=True))
        self._attempts += 1

    def _take_step(self, bus_in_use: bool) -> None:
        """Do the next step of the configuration; after the last one, start streaming."""
        assert self._steps is not None
        try:
            wait = next(self._steps)
        except StopIteration:
            self._start_streaming()
        except SensorError as error:
            self._record(error.fault, str(error))
            self._notify_fault()
            self._due = self._clock.now() + self._back_off(self._longest_back_off(bus_in_use))
            self._attempts += 1
            # A chip that does not keep its registers is reset first; any other chip is only configured again.
            self._steps = self.device.configure(reset=error.fault is Fault.REGISTERS)
        else:
            self._due = self._clock.now() + round(wait * 1e9)

    def _start_streaming(self) -> None:
        self._steps = None
        if self._guard is None:
            low_pass = self.device.chip.low_pass[self.device.config.low_pass]
            self._guard = SampleGuard(self.device.noise, min(low_pass.accel_bandwidth, low_pass.gyro_bandwidth))
        self._guard.resume()
        self.streaming = True

    def _longest_back_off(self, bus_in_use: bool) -> float:
        return _LONGEST_SLOW_BACK_OFF if bus_in_use and self._fault in _SLOW_FAULTS else _LONGEST_BACK_OFF

    def _back_off(self, longest: float) -> int:
        return round(min(_BACK_OFF * 2.0 ** min(self._attempts, 10), longest) * 1e9)
