"""The parameters that all sources of ``imu_driver`` share: names, defaults, and their checked values. No ROS here."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ankle_imu_driver.conventions import (
    SENSOR_FRAMES,
    SIDES,
    STREAM_NAMES,
    JointConvention,
    check_seed,
    check_side,
    frame_specs,
    joint_specs,
)
from ankle_imu_driver.parameter_spec import ParameterSpec
from ankle_imu_driver.recordings.timeline import check_rate
from ankle_imu_driver.refusal import Refusal

SOURCES = ("replay", "simulator", "mpu6050")


def _check_phase(phase: float) -> None:
    if not 0.0 <= phase < 1.0:
        raise Refusal(f"simulator.phase must be a share of a stride from 0 to below 1, not {phase:g}")


def _check_namespace(name: str) -> None:
    if name and not re.fullmatch(r"/?[A-Za-z_]\w*(/[A-Za-z_]\w*)*/?", name, re.ASCII):
        raise Refusal(f"follow must be a namespace of letters, digits and _, such as /right, not {name[:80]!r}")


SPECS = (
    ParameterSpec("source", "replay", "where samples come from", choices=SOURCES),
    ParameterSpec("log", "", "recording to replay: a logger's TXT or a rosbag2"),
    ParameterSpec("leg", "", "in a rosbag2 with several legs, the namespace of one of them; empty for the node's own"),
    ParameterSpec("rate", 1.0, "seconds of the source per second; if not 1, /clock is published", check=check_rate),
    ParameterSpec("loop", False, "repeat the recording endlessly"),
    ParameterSpec("exit_at_end", False, "end the process at the end of the recording"),
    ParameterSpec("side", "right", "the leg that wears the sensors", choices=SIDES),
    ParameterSpec("seed", 1, "seed of the simulated walk", low=0),
    ParameterSpec("simulator.person", 1, "seed of the simulated person", low=0),
    ParameterSpec("simulator.accel_range", 2, "range of the simulated accelerometers in g", choices=(2, 4, 8, 16)),
    ParameterSpec(
        "simulator.phase",
        0.0,
        "share of a stride by which this leg is later; 0.5 for the other leg",
        check=_check_phase,
    ),
    ParameterSpec(
        "follow",
        "",
        "namespace of another leg's imu_driver to play in step with; empty for none",
        check=_check_namespace,
    ),
    ParameterSpec("frame_prefix", "", "prefix of the names of frames"),
    *frame_specs(),
    *joint_specs("encoder."),
)


@dataclass(frozen=True)
class DriverConfig:
    """The node's parameters. They cannot change while the node is configured.

    Attributes:
        source: "replay", "simulator" or "mpu6050".
        log: recording to replay; with an emulated bus, the recording that moves the emulated sensors.
        leg: namespace of the leg in a rosbag2 with several legs; empty for the one of the node's own namespace.
        namespace: the node's own.
        rate: seconds of the source per second.
        loop: start again at the end of the recording.
        side: leg of the simulated person that wears the sensors, "left" or "right".
        seed: seed of the simulated walk.
        person: seed of the simulated person.
        phase: share of a stride by which the simulated leg is behind the planned one, 0 to below 1.
        follow: namespace of a driver to keep step with, in s of the source's time; empty for none.
        accel_range: range of the simulated accelerometers: +-2, 4, 8 or 16 g.
        exit_at_end: end the process at the end of the recording; with status 1 if it cannot be played.
        frames: the frame of each sensor, by stream.
        encoder: name, sign and offset of the encoder's joint.
    """

    source: str
    log: str
    leg: str
    namespace: str
    rate: float
    loop: bool
    side: str
    seed: int
    person: int
    accel_range: int
    phase: float
    follow: str
    exit_at_end: bool
    frames: Mapping[int, str]
    encoder: JointConvention

    def __post_init__(self) -> None:
        """Check the values.

        Raises:
            Refusal: one sentence on the first parameter that is wrong.
        """
        if self.source not in SOURCES:
            raise Refusal(f"source must be one of {', '.join(SOURCES)}, not {self.source!r}")
        if self.source == "replay" and not self.log:
            raise Refusal("source replay needs the parameter log, the recording to play")
        check_side(self.side)
        check_seed("seed", self.seed)
        check_seed("simulator.person", self.person)
        check_rate(self.rate)
        _check_phase(self.phase)
        if self.source == "mpu6050" and self.rate != 1:
            raise Refusal(f"source mpu6050 needs rate 1, not {self.rate}; mpu6050.rate sets its sampling rate")


def read_driver_parameters(values: Mapping[str, Any], namespace: str = "") -> DriverConfig:
    """Check the parameters' values.

    Args:
        values: a value for each name in ``SPECS``.
        namespace: the node's own.

    Raises:
        Refusal: one sentence on the first parameter that is wrong.
    """
    try:
        encoder = JointConvention(*(values[f"encoder.{name}"] for name in ("joint_name", "joint_sign", "joint_offset")))
    except Refusal as refusal:
        raise Refusal(f"encoder.{refusal}") from refusal
    return DriverConfig(
        source=values["source"],
        log=values["log"],
        leg=values["leg"],
        namespace=namespace,
        rate=values["rate"],
        loop=values["loop"],
        side=values["side"],
        seed=values["seed"],
        person=values["simulator.person"],
        accel_range=values["simulator.accel_range"],
        phase=values["simulator.phase"],
        follow=values["follow"],
        exit_at_end=values["exit_at_end"],
        frames={
            stream: values[f"{STREAM_NAMES[stream]}.frame_id"] or values["frame_prefix"] + frame
            for stream, frame in SENSOR_FRAMES.items()
        },
        encoder=encoder,
    )
