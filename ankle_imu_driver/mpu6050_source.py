"""Opens the MPU6050 driver on real or emulated I2C buses, for ``imu_driver`` and ``imu_check``."""

from __future__ import annotations

from collections.abc import Callable

from ankle_imu_driver.conventions import ENCODER, FOOT, SENSORS, STREAM_NAMES
from ankle_imu_driver.mpu6050.acquisition import Sample as SensorSample
from ankle_imu_driver.mpu6050.bus import OpenBus, smbus_opener
from ankle_imu_driver.mpu6050.clock import SystemClock
from ankle_imu_driver.mpu6050.driver import Mpu6050Driver
from ankle_imu_driver.mpu6050_emulator.wiring import EmulatedEncoder, emulated_buses, emulated_encoder
from ankle_imu_driver.mpu6050_parameters import Mpu6050Parameters
from ankle_imu_driver.recordings.timeline import Sample

_STREAMS = {name: stream for stream, name in STREAM_NAMES.items() if name in SENSORS}


def open_driver(
    parameters: Mpu6050Parameters,
    ros_now: Callable[[], int],
    deliver: Callable[[SensorSample], None],
    notify: Callable[[str], None],
) -> tuple[Mpu6050Driver, EmulatedEncoder | None]:
    """Open both sensors on the buses that the parameters name: ``smbus2`` or ``emulated``.

    Args:
        parameters: the checked parameters.
        ros_now: the ROS clock, in ns.
        deliver: takes each sample; called in an acquisition thread.
        notify: takes a sentence on each fault and recovery; called in an acquisition thread.

    Returns:
        The driver, and the encoder of the recording that moves the emulated sensors; None if there is no encoder.

    Raises:
        SetupError: a bus cannot be opened, or a wrong chip is at an address; one sentence with the remedy.
        RecordingError: the recording that moves the emulated sensors cannot be read.
    """
    config, emulation = parameters.driver, parameters.emulation
    clock, encoder = SystemClock(), None
    buses: dict[int, OpenBus]
    if emulation is None:
        buses = {number: smbus_opener(number) for number in config.bus_numbers}
    else:
        start = clock.now()
        encoder = emulated_encoder(emulation, start)
        wiring = {name: (sensor.bus, sensor.device.address) for name, sensor in config.sensors.items()}
        buses = {number: bus.open for number, bus in emulated_buses(emulation, wiring, clock, start).items()}
    return Mpu6050Driver(config, buses, ros_now, deliver, notify), encoder


class Mpu6050Source:
    """Two MPU6050 as a source of ``imu_driver``, with the emulated encoder if there is one.

    Attributes:
        has_encoder: the source has encoder samples.
    """

    def __init__(
        self,
        parameters: Mpu6050Parameters,
        ros_now: Callable[[], int],
        publish: Callable[[Sample, int], None],
        notify: Callable[[str], None],
    ) -> None:
        """Open the sensors; see ``open_driver``. ``publish`` takes each sample and its stamp in ns."""
        self._publish = publish
        self._driver, self._encoder = open_driver(parameters, ros_now, self._deliver, notify)
        self.has_encoder = self._encoder is not None

    def start(self) -> None:
        """Start streaming."""
        self._driver.start()

    def stop(self) -> None:
        """Stop streaming."""
        self._driver.stop()

    def close(self) -> None:
        """Stop and close the buses."""
        self._driver.close()

    def health(self) -> tuple[int, str, dict[str, str]]:
        """Return level (OK, WARN, ERROR), sentence and values for diagnostics."""
        return self._driver.health()

    def _deliver(self, sample: SensorSample) -> None:
        """Publish a sensor's sample, and with a foot sample the encoder's angle at the same time."""
        stream = _STREAMS[sample.sensor]
        self._publish(Sample(sample.measured, stream, [*sample.accel, *sample.gyro]), sample.stamp)
        if stream == FOOT and self._encoder is not None:
            self._publish(Sample(sample.measured, ENCODER, [self._encoder.at(sample.measured)]), sample.stamp)
