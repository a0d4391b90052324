"""Two emulated sensors on a bus and the acquisition that reads them, in virtual time."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

from ankle_imu_driver.mpu6050.acquisition import BusLoop, Sample
from ankle_imu_driver.mpu6050.clock import VirtualClock
from ankle_imu_driver.mpu6050.device_config import DeviceConfig
from ankle_imu_driver.mpu6050.ros_time import RosTime
from ankle_imu_driver.mpu6050_emulator.bus import EmulatedBus
from ankle_imu_driver.mpu6050_emulator.chip import EmulatedChip
from ankle_imu_driver.mpu6050_emulator.motion import Still
from ankle_imu_driver.mpu6050_emulator.scripted_fault import ScriptedFault

SECOND = 1_000_000_000
START = SECOND
SHANK, FOOT = 0x68, 0x69


@dataclass
class Rig:
    """A bus loop with two sensors in virtual time.

    Attributes:
        samples: delivered samples.
        messages: what the loop reported on faults and recoveries.
    """

    faults: tuple[ScriptedFault, ...] = ()
    names: tuple[str, ...] = ("shank", "foot")
    chips: dict[int, EmulatedChip] | None = None
    config: dict = field(default_factory=dict)
    ros_offset: int = 1_700_000_000 * SECOND

    def __post_init__(self) -> None:
        self.clock = VirtualClock(START)
        self.samples: list[Sample] = []
        self.messages: list[str] = []
        if self.chips is None:
            self.chips = {a: EmulatedChip(Still(), start=START, seed=a) for a in (SHANK, FOOT)}
        self.bus = EmulatedBus(self.chips, self.clock, self.faults, keep_served=True)
        self.ros_time = RosTime(lambda: self.clock.now() + self.ros_offset, self.clock.now, self.messages.append)
        addresses = {"shank": SHANK, "foot": FOOT}
        self.loop = BusLoop(
            self.bus.open,
            [(name, DeviceConfig(address=addresses[name], **self.config)) for name in self.names],
            clock=self.clock,
            rate=100.0,
            ros_time=self.ros_time,
            deliver=self.samples.append,
            notify=self.messages.append,
        )

    def run(self, seconds: float) -> Rig:
        """Read the sensors for a time in s."""
        end = self.clock.now() + round(seconds * SECOND)
        self.loop.run(lambda: self.clock.now() >= end)
        return self

    def of(self, name: str) -> list[Sample]:
        """Return the samples of a sensor."""
        return [sample for sample in self.samples if sample.sensor == name]

    def false_samples(self) -> list[Sample]:
        """Return the samples whose bytes a chip did not measure, or that repeat a measurement."""
        address = {"shank": SHANK, "foot": FOOT}
        true = {(served.address, served.data) for served in self.bus.served if served.true}
        false = []
        for sample in self.samples:
            key = (address[sample.sensor], struct.pack(">7h", *sample.raw))
            if key in true:
                true.remove(key)
            else:
                false.append(sample)
        return false
