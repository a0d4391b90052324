"""What a demo plays to which model, and for how long."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ankle_predictor.demo.adapting import LONGEST, NEEDED
from ankle_predictor.demo.output_folder import OutputFolder
from ankle_predictor.estimation.encoder_fusion import EncoderRole
from ankle_predictor.nodes.child_process import Parameter

SECONDS = 30.0  # of a recorded walk
WEB_SECONDS = 600.0  # of a walk that is watched and steered on the web page
PERSON, SEED = 2026, 2026  # the simulated person with their sensors, and the walk; no training uses these


@dataclass(frozen=True)
class Plan:
    """The settings of one demo.

    Attributes:
        log: a recorded walk; None for a simulated walk.
        model: name of the model.
        emulated: whether the walk moves two emulated MPU6050, which the real driver reads.
        seconds: as the user asked for; None for the default.
        encoder: what the predictor uses the encoder for; None for an input with a recorded walk, and only a judge with
            a simulated one, which shows what the IMUs alone can do.
        leg: the leg in a rosbag2 with several legs, by its namespace; empty for the only one.
        web: whether the web page runs, on which the user adapts the model.
        given: parameters of the nodes from the user's file, as ``node:name``.
    """

    log: Path | None
    model: str
    emulated: bool
    seconds: float | None
    encoder: EncoderRole | None = None
    leg: str = ""
    web: bool = False
    given: Mapping[str, Parameter] = field(default_factory=dict)

    @property
    def longest(self) -> float:
        """The longest time that the demo may last, in s of the walk."""
        if self.seconds is not None:
            return self.seconds
        if self.web:
            return WEB_SECONDS
        return LONGEST if self.log is None else SECONDS

    @property
    def encoder_role(self) -> EncoderRole:
        """What the predictor uses the encoder for."""
        return self.encoder or ("score" if self.log is None else "input")

    @property
    def adapts(self) -> bool:
        """Whether the demo adapts the model during the walk."""
        return self.log is None and not self.web and self.longest >= NEEDED

    def parameters(self, folder: OutputFolder) -> dict[str, Parameter]:
        """Return the parameters of all nodes as ``node:name``."""
        calibration = str(folder.calibration.absolute())
        parameters: dict[str, Parameter] = {
            **self.given,
            "imu_driver:autostart": False,
            "imu_driver:source": "simulator",
            "imu_driver:simulator.person": PERSON,
            "imu_driver:seed": SEED,
            # A walk without a calibration is calibrated by standing, which is saved here.
            "orientation_filter:calibration_save": calibration,
            "predictor:model": self.model,
            "predictor:encoder.role": self.encoder_role,
            "predictor:models_dir": str(folder.models.absolute()),
        }
        if self.log is not None:
            parameters |= {
                "imu_driver:source": "replay",
                "imu_driver:log": str(self.log.absolute()),
                "imu_driver:leg": self.leg,
                "imu_driver:exit_at_end": True,
                "imu_driver:emulator.noise": 0.0,  # a recording has its own noise
                "orientation_filter:calibration_file": calibration,
            }
        if self.emulated:
            parameters |= {"imu_driver:source": "mpu6050", "imu_driver:bus": "emulated"}
        return parameters
