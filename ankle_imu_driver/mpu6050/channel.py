"""One sensor's way through its faults: sample, retry, re-configure, wait, try again."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from ankle_imu_driver.mpu6050.bus import Bus
from ankle_imu_driver.mpu6050.clock import Clock
from ankle_imu_driver.mpu6050.device import Burst, DeviceConfig, Mpu6050
from ankle_imu_driver.mpu6050.errors import Fault, SensorError
from ankle_imu_driver.mpu6050.faults import SampleGuard
from ankle_imu_driver.mpu6050.health import StreamReport, StreamStats
from ankle_imu_driver.mpu6050.ros_time import StampOrder

TRANSFER_LIMIT = 10_000_000  # ns; the time of a sample from a slower transfer is not known well enough to publish it

_QUICK_FAULTS = frozenset({Fault.NACK, Fault.ARBITRATION, Fault.SHORT, Fault.IO})  # fail within a transfer's time
_SLOW_FAULTS = frozenset({Fault.TIMEOUT, Fault.BUS_LOW})  # each try blocks the bus, also for the other sensor
_CONFIGURE_AT_ONCE = frozenset({Fault.RESET, Fault.REGISTERS, Fault.GONE})  # another read cannot help
_FAILED_TICKS = 3  # in a row, before a bus fault is more than a disturbance
_REFUSED_SAMPLES = 5  # in a row, before what the guard refuses is more than chance
_PROVEN = 10  # good samples after which a recovery counts as done
_BACK_OFF = 0.02  # s, doubled with each failed attempt
_LONGEST_BACK_OFF = 0.05  # s; a try that is not answered takes 0.1 ms, and a sensor that is plugged in is soon back
_LONGEST_SLOW_BACK_OFF = 0.5  # s; a try that times out costs the other sensor two samples
_LONGEST_RESET_BACK_OFF = 2.0  # s; between resets that did not help, samples are read and refused
_VERIFY_INTERVAL = 80_000_000  # ns between looks at all registers; a reset is seen at every sample
_SAY_INTERVAL = 1_000_000_000  # ns between sentences of one recovery


class SensorChannel:
    """Drives one sensor; nothing here waits for anything but a transfer's end.

    Attributes:
        name: of the sensor, such as ``shank``.
        streaming: samples are being read; otherwise a recovery is under way.
        order: keeps the stamps increasing.
        stats: what happened.
    """

    def __init__(self, name: str, config: DeviceConfig, bus: Bus, clock: Clock, say: Callable[[str], None]) -> None:
        self.name = name
        self.streaming = False
        self.order = StampOrder()
        self.stats = StreamStats()
        self.device = Mpu6050(config, bus, clock)
        self._clock = clock
        self._say = say
        self._guard: SampleGuard | None = None
        self._steps: Iterator[float] | None = self.device.configure()
        self._due = clock.now()
        self._attempts = 0
        self._failed = self._refused = self._good = 0
        self._trouble: Fault | None = None
        self._said: Fault | None = None
        self._problem = ""
        self._since = self._verified = self._next_reset = self._said_at = clock.now()

    def attach(self, bus: Bus) -> None:
        """Go on with a bus that was opened anew."""
        self.device.bus = bus

    @property
    def wants_new_bus(self) -> bool:
        """Several attempts over this bus have failed."""
        return not self.streaming and self._attempts >= 2

    def attend(self, wire_in_use: bool) -> None:
        """Do what can wait until every sensor has been read: compare all registers, or take a step of a recovery.

        Args:
            wire_in_use: another sensor streams over the same wire.
        """
        now = self._clock.now()
        if not self.streaming:
            if now >= self._due:
                self._take_step(wire_in_use)
        elif not self._failed and now - self._verified >= _VERIFY_INTERVAL:
            self._verified = now
            self._verify()

    def report(self) -> StreamReport:
        """What diagnostics say about this sensor."""
        state = f"recovering, attempt {self._attempts + 1}"
        if self.streaming:
            state = "refusing what it gives" if self._refused else "streaming"
        stuck = self._guard.stuck_axes if self._guard else frozenset()
        return self.stats.report(self._clock.now(), state, self._problem, stuck)

    def sample(self) -> Burst | None:
        """Read a sample while streaming; None if there is none that may be published."""
        assert self._guard is not None
        try:
            burst = self._read_whole()
        except SensorError as error:
            self._failed += 1
            self._note(error.fault, str(error))
            if self._failed >= _FAILED_TICKS or error.fault in _CONFIGURE_AT_ONCE:
                self._begin(reset=False)
            return None
        self._failed = 0
        if burst.after - burst.before > TRANSFER_LIMIT:
            self._note(Fault.LATE, f"a transfer took {(burst.after - burst.before) / 1e6:.0f} ms")
            return None
        if fault := self._guard.check(burst.raw):
            self._refused += 1
            self._note(fault, f"what the sensor gives is no measurement: {fault.value}")
            if self._refused >= _REFUSED_SAMPLES and self._clock.now() >= self._next_reset:
                self._next_reset = self._clock.now() + self._back_off(_LONGEST_RESET_BACK_OFF)
                self._begin(reset=True)
            return None
        self._refused = 0
        self._good += 1
        if self._said is not None:
            self._said = None
            self._say(f"{self.name} sensor: streaming again after {(burst.before - self._since) / 1e9:.2f} s")
        if self._good >= _PROVEN:
            self._attempts = 0
            self._trouble = None
            self._problem = ""
        return burst

    def _read_whole(self) -> Burst:
        """Read a sample and make sure that the chip was there, awake, to its end.

        A chip that drops off the bus within a burst leaves the line high, and its last bytes read 0xFF without any
        error: the check after it does not get an answer then.
        """
        try:
            burst = self.device.read_burst()
            self.device.check_awake()
        except SensorError as error:
            if error.fault not in _QUICK_FAULTS:
                raise
            self._note(error.fault, str(error))
            burst = self.device.read_burst()
            self.device.check_awake()
        return burst

    def _verify(self) -> None:
        try:
            self.device.verify()
        except SensorError as error:
            self._note(error.fault, str(error))
            if error.fault in _CONFIGURE_AT_ONCE:
                self._begin(reset=False)

    def _note(self, fault: Fault, sentence: str) -> None:
        now = self._clock.now()
        self.stats.add_fault(now, fault)
        if self._trouble is None:
            self._since = now
        self._trouble = fault
        self._problem = sentence
        self._good = 0

    def _tell(self) -> None:
        """Say what a recovery is about, once; a transfer that only had to be repeated is left to diagnostics."""
        now = self._clock.now()
        if self._said is None or (self._said is not self._trouble and now >= self._said_at + _SAY_INTERVAL):
            self._said, self._said_at = self._trouble, now
            self._say(f"{self.name} sensor: {self._problem}")

    def _begin(self, reset: bool) -> None:
        self._tell()
        self.streaming = False
        self._failed = self._refused = 0
        self._steps = self.device.configure(reset)
        self._due = self._clock.now()
        if self._attempts and not reset:  # the last recovery did not last: do not hammer
            self._due += self._back_off(self._longest(wire_in_use=True))
        self._attempts += 1

    def _take_step(self, wire_in_use: bool) -> None:
        assert self._steps is not None
        try:
            wait = next(self._steps)
        except StopIteration:
            self._steps = None
            chip, config = self.device.chip, self.device.config
            if self._guard is None:
                bandwidth = min(
                    chip.low_pass[config.low_pass].accel_bandwidth, chip.low_pass[config.low_pass].gyro_bandwidth
                )
                self._guard = SampleGuard(self.device.noise, bandwidth)
            self._guard.resume()
            self.streaming = True
        except SensorError as error:
            self._note(error.fault, str(error))
            self._tell()
            self._due = self._clock.now() + self._back_off(self._longest(wire_in_use))
            self._attempts += 1
            # A chip that lost its registers while being set is set again; a reset first if it does not hold them.
            self._steps = self.device.configure(reset=error.fault is Fault.REGISTERS)
        else:
            self._due = self._clock.now() + round(wait * 1e9)

    def _longest(self, wire_in_use: bool) -> float:
        return _LONGEST_SLOW_BACK_OFF if wire_in_use and self._trouble in _SLOW_FAULTS else _LONGEST_BACK_OFF

    def _back_off(self, longest: float) -> int:
        return round(min(_BACK_OFF * 2.0 ** min(self._attempts, 10), longest) * 1e9)
