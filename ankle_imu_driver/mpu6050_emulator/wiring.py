"""Builds the emulated buses: chips, their motion, and their scripted faults; and the emulated encoder."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ankle_imu_driver.conventions import SENSORS, check_seed
from ankle_imu_driver.mpu6050.clock import Clock
from ankle_imu_driver.mpu6050.errors import SetupError
from ankle_imu_driver.mpu6050_emulator.bus import EmulatedBus
from ankle_imu_driver.mpu6050_emulator.chip import EmulatedChip
from ankle_imu_driver.mpu6050_emulator.motion import Motion, Recorded, Streamed
from ankle_imu_driver.mpu6050_emulator.scripted_fault import Kind, ScriptedFault
from ankle_imu_driver.recordings.read_recording import read_recording
from ankle_imu_driver.recordings.recording import EncoderSamples, Recording


@dataclass(frozen=True)
class Emulation:
    """Settings of the emulated sensors.

    Attributes:
        log: recording that moves them, repeated endlessly; empty for the gait simulator.
        leg: the leg in that recording, as for ``read_recording``.
        namespace: the reader's own.
        seed: seed of the simulated walk and of the chips' noise.
        person: seed of the simulated person.
        side: leg of the simulated person that wears the sensors, "left" or "right".
        noise: factor on the data sheet's noise; a recording already contains its sensors' noise.
        faults: ``KIND SENSOR START DURATION``, times in s after configuring, separated by semicolons.
        swapped: each sensor is mounted in the other's place.
    """

    log: str = ""
    leg: str = ""
    namespace: str = ""
    seed: int = 1
    person: int = 1
    side: str = "right"
    noise: float = 1.0
    faults: str = ""
    swapped: bool = False

    def __post_init__(self) -> None:
        """Check the values.

        Raises:
            SetupError: the noise is negative or not finite.
            Refusal: a seed is negative.
        """
        if not (math.isfinite(self.noise) and self.noise >= 0):
            raise SetupError(f"emulator.noise must be 0 or more, not {self.noise}")
        check_seed("seed", self.seed)
        check_seed("simulator.person", self.person)


def parse_faults(text: str, wiring: Mapping[str, tuple[int, int]], start: int) -> list[tuple[int, ScriptedFault]]:
    """Read a fault script such as ``brownout foot 10 0; unplugged shank 20 2.5``.

    Args:
        text: the script.
        wiring: bus number and address by sensor name.
        start: start of the script on the monotonic clock, in ns.

    Returns:
        Each fault with the number of its bus.

    Raises:
        SetupError: one sentence says which part is wrong.
    """
    faults = []
    for part in filter(None, (part.strip() for part in text.split(";"))):
        try:
            kind, sensor, begin, duration = part.split()
            bus, address = wiring[sensor]
            fault = ScriptedFault(Kind(kind), address, start + _nanoseconds(begin), _nanoseconds(duration))
        except (ValueError, KeyError) as error:
            raise SetupError(
                f"emulator.faults: {part!r} must be KIND SENSOR START DURATION, with KIND one of "
                f"{', '.join(kind.value for kind in Kind)}, SENSOR one of {', '.join(wiring)}, and times in s"
            ) from error
        faults.append((bus, fault))
    return faults


def emulated_buses(
    emulation: Emulation, wiring: Mapping[str, tuple[int, int]], clock: Clock, start: int
) -> dict[int, EmulatedBus]:
    """Make the emulated buses.

    Args:
        emulation: settings of the emulated sensors.
        wiring: bus number and address by sensor name.
        clock: monotonic clock.
        start: start of the motion and of the fault script on this clock, in ns.

    Returns:
        The buses by number.

    Raises:
        SetupError: the fault script is wrong.
        RecordingError: the recording cannot be read; one sentence says why.
    """
    motions = emulated_motions(emulation)
    if emulation.swapped:
        motions = dict(zip(motions, reversed(list(motions.values())), strict=True))
    script = parse_faults(emulation.faults, wiring, start)
    buses = {}
    for number in sorted({number for number, _ in wiring.values()}):
        here = {name: address for name, (bus, address) in wiring.items() if bus == number}
        chips = {
            address: EmulatedChip(
                motions[name], start=start, seed=emulation.seed * 2 + SENSORS.index(name), noise=emulation.noise
            )
            for name, address in here.items()
        }
        buses[number] = EmulatedBus(chips, clock, [fault for bus, fault in script if bus == number])
    return buses


class EmulatedEncoder:
    """The encoder of the recording that moves the emulated sensors, in step with them."""

    def __init__(self, encoder: EncoderSamples, recording: Recording, start: int) -> None:
        """Make an encoder that starts at the monotonic time ``start`` in ns."""
        self._time = encoder.stamp - recording.start
        self._angle = encoder.angle
        self._length = recording.end - recording.start
        self._start = start

    def at(self, measured: int) -> float:
        """Return the ankle angle in rad, dorsiflexion positive, at a monotonic time in ns."""
        return float(np.interp((measured - self._start) / 1e9 % self._length, self._time, self._angle))


def emulated_encoder(emulation: Emulation, start: int) -> EmulatedEncoder | None:
    """Return the recording's encoder; None for a recording without an encoder, and for the simulator."""
    if not emulation.log:
        return None
    recording = _recording(emulation)
    return None if recording.encoder is None else EmulatedEncoder(recording.encoder, recording, start)


def emulated_motions(emulation: Emulation) -> dict[str, Motion]:
    """Return the motion of each sensor by name, from the recording or from the gait simulator."""
    if emulation.log:
        recording = _recording(emulation)
        return {
            "shank": Recorded(recording.shank, recording.start),
            "foot": Recorded(recording.foot, recording.start),
        }
    # Imported here because it loads scipy, 60 MB that a robot with real sensors does not need.
    from ankle_imu_driver.simulator.sensor_model import SensorModel  # noqa: PLC0415
    from ankle_imu_driver.simulator.simulate import stream  # noqa: PLC0415
    from ankle_imu_driver.simulator.user_profile import draw_user  # noqa: PLC0415

    # The emulated chip adds range, noise, low-pass and rounding itself.
    model = SensorModel(accel_range=16, gyro_range=2000, noise=0.0)

    def walk() -> Iterator[Recording]:
        return stream(draw_user(emulation.person), model, emulation.seed, emulation.side)

    # Two walks with the same seed are the same walk; each sensor's stream can then be read at its own pace.
    return {"shank": Streamed(chunk.shank for chunk in walk()), "foot": Streamed(chunk.foot for chunk in walk())}


def _recording(emulation: Emulation) -> Recording:
    return read_recording(Path(emulation.log), leg=emulation.leg, namespace=emulation.namespace)


def _nanoseconds(text: str) -> int:
    seconds = float(text)
    if not (math.isfinite(seconds) and seconds >= 0):
        raise ValueError(f"{text} is not a time")
    return round(seconds * 1e9)
