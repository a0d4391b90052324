"""The parameters of ``imu_driver`` that all its sources share, and what they become; no ROS in here."""

from __future__ import annotations

import math
from dataclasses import dataclass

from ankle_imu_driver.conventions import check_side
from ankle_imu_driver.recordings.timeline import check_rate
from ankle_imu_driver.refusal import Refusal

SOURCES = ("replay", "simulator", "mpu6050")
CHOICES = {
    "source": "replay",
    "log": "",
    "loop": False,
    "side": "right",
    "seed": 1,
    "simulator.person": 1,
    "simulator.accel_range": 2,
    "exit_at_end": False,
    "frame_prefix": "",
    "encoder.joint_name": "ankle",
}
NUMBERS = {"rate": 1.0, "encoder.joint_sign": 1.0, "encoder.joint_offset": 0.0}


@dataclass(frozen=True)
class DriverConfig:
    """The node's parameters, fixed while it is configured.

    Attributes:
        source: "replay", "simulator" or "mpu6050".
        log: the recording to replay; with an emulated bus, the motion of its sensors.
        rate: seconds of the source per second.
        loop: start again at the recording's end.
        side: the leg of the simulated person that wears the sensors, "left" or "right".
        seed: of the simulated walk.
        person: seed of the simulated person.
        accel_range: of the simulated sensors, +-2, 4, 8 or 16 g.
        exit_at_end: end the process with the recording; with status 1 if it cannot be played.
        frame_prefix: goes before the frame names.
        joint_name: the encoder's joint.
        joint_sign: the published angle is sign * dorsiflexion + offset; 1 or -1.
        joint_offset: rad, see joint_sign.
    """

    source: str
    log: str
    rate: float
    loop: bool
    side: str
    seed: int
    person: int
    accel_range: int
    exit_at_end: bool
    frame_prefix: str
    joint_name: str
    joint_sign: float
    joint_offset: float

    def __post_init__(self) -> None:
        """Refuse what cannot be played.

        Raises:
            Refusal: one sentence on the first parameter that is wrong.
        """
        if self.source not in SOURCES:
            raise Refusal(f"source must be one of {', '.join(SOURCES)}, not {self.source!r}")
        if self.source == "replay" and not self.log:
            raise Refusal("source replay needs the parameter log, the recording to play")
        check_side(self.side)
        check_rate(self.rate)
        if self.source == "mpu6050" and self.rate != 1:
            raise Refusal(f"source mpu6050 runs at rate 1, not {self.rate}; its samples a second are mpu6050.rate")
        if self.joint_sign not in (1.0, -1.0):
            raise Refusal(f"encoder.joint_sign must be 1 or -1, not {self.joint_sign}")
        if not math.isfinite(self.joint_offset):
            raise Refusal(f"encoder.joint_offset must be finite, not {self.joint_offset}")
