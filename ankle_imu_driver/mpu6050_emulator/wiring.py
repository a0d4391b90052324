"""Builds the emulated wiring that stands in for the real: chips, their motion, and the script of their faults."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ankle_imu_driver.mpu6050.bus import OpenBus
from ankle_imu_driver.mpu6050.clock import Clock
from ankle_imu_driver.mpu6050.errors import SetupError
from ankle_imu_driver.mpu6050_emulator.bus import EmulatedBus, Kind, ScriptedFault
from ankle_imu_driver.mpu6050_emulator.chip import EmulatedChip
from ankle_imu_driver.mpu6050_emulator.motion import Motion, Recorded, Streamed
from ankle_imu_driver.recordings.read_recording import read_recording
from ankle_imu_driver.recordings.recording import EncoderSamples, ImuSamples, Recording

SENSORS = ("shank", "foot")


@dataclass(frozen=True)
class Emulation:
    """What the emulated sensors feel and suffer.

    Attributes:
        log: recording that moves them, over and over; empty for the gait simulator.
        seed: of the simulated walk and of the chips' noise.
        person: seed of the simulated person.
        side: which leg of the simulated person's wears the sensors, "left" or "right".
        noise: factor on the data sheet's noise; a recording has its own already.
        faults: ``KIND SENSOR START DURATION``, times in s after configuring, separated by semicolons.
        swapped: each sensor sits where the other should.
    """

    log: str = ""
    seed: int = 1
    person: int = 1
    side: str = "right"
    noise: float = 1.0
    faults: str = ""
    swapped: bool = False

    def __post_init__(self) -> None:
        """Refuse noise and seeds that do not exist.

        Raises:
            SetupError: one sentence says which.
        """
        if not (math.isfinite(self.noise) and self.noise >= 0):
            raise SetupError(f"emulator.noise must be 0 or more, not {self.noise}")
        for name, value in (("seed", self.seed), ("simulator.person", self.person)):
            if value < 0:
                raise SetupError(f"{name} must be 0 or more, not {value}")


def parse_faults(text: str, wiring: Mapping[str, tuple[int, int]], start: int) -> list[tuple[int, ScriptedFault]]:
    """Read a fault script such as ``brownout foot 10 0; unplugged shank 20 2.5``.

    Args:
        text: the script.
        wiring: bus number and address by sensor name.
        start: monotonic time of its second 0, ns.

    Returns:
        Each fault with the number of the bus on which it happens.

    Raises:
        SetupError: one sentence says which part is wrong.
    """
    faults = []
    for part in filter(None, (part.strip() for part in text.split(";"))):
        try:
            kind, sensor, begin, duration = part.split()
            times = float(begin), float(duration)
            if not all(math.isfinite(time) and time >= 0 for time in times):
                raise ValueError
            ns = [round(time * 1e9) for time in times]
            bus, address = wiring[sensor]
            faults.append((bus, ScriptedFault(Kind(kind), address, start + ns[0], ns[1])))
        except (ValueError, KeyError) as error:
            raise SetupError(
                f"emulator.faults: {part!r} must be KIND SENSOR START DURATION, KIND one of "
                f"{', '.join(kind.value for kind in Kind)} and SENSOR one of {', '.join(wiring)}"
            ) from error
    return faults


def emulated_buses(
    emulation: Emulation, wiring: Mapping[str, tuple[int, int]], clock: Clock, start: int
) -> dict[int, tuple[OpenBus, EmulatedBus]]:
    """Make the emulated buses.

    Args:
        emulation: what happens on them.
        wiring: bus number and address by sensor name.
        clock: monotonic time.
        start: the time on it at which the motion and the fault script begin, ns.

    Returns:
        By bus number, what opens it and the bus itself.

    Raises:
        SetupError: the fault script cannot be read.
        RecordingError: the recording cannot be read; one sentence says why.
    """
    motions = _motions(emulation)
    if emulation.swapped:
        motions = dict(zip(motions, reversed(list(motions.values())), strict=True))
    buses: dict[int, tuple[OpenBus, EmulatedBus]] = {}
    for number in sorted({number for number, _ in wiring.values()}):
        here = {name: address for name, (bus, address) in wiring.items() if bus == number}
        chips = {
            address: EmulatedChip(
                motions[name], start=start, seed=emulation.seed * 2 + SENSORS.index(name), noise=emulation.noise
            )
            for name, address in here.items()
        }
        script = parse_faults(emulation.faults, wiring, start)
        bus = EmulatedBus(chips, clock, [fault for where, fault in script if where == number])
        buses[number] = (bus.handle, bus)
    return buses


class EmulatedEncoder:
    """The encoder of the recording that moves the emulated sensors, at their pace."""

    def __init__(self, encoder: EncoderSamples, recording: Recording, start: int) -> None:
        """Make one that begins at the monotonic time ``start`` in ns."""
        self._time = encoder.stamp - recording.start
        self._angle = encoder.angle
        self._length = recording.end - recording.start
        self._start = start

    def at(self, measured: int) -> float:
        """Return the ankle angle in rad, dorsiflexion positive, at a monotonic time in ns."""
        return float(np.interp((measured - self._start) / 1e9 % self._length, self._time, self._angle))


def emulated_encoder(emulation: Emulation, start: int) -> EmulatedEncoder | None:
    """Return the recording's encoder; None for a recording without one, and for the simulator."""
    if not emulation.log:
        return None
    recording = read_recording(Path(emulation.log))
    return None if recording.encoder is None else EmulatedEncoder(recording.encoder, recording, start)


def _motions(emulation: Emulation) -> dict[str, Motion]:
    if emulation.log:
        recording = read_recording(Path(emulation.log))
        return {
            "shank": Recorded(recording.shank, recording.start),
            "foot": Recorded(recording.foot, recording.start),
        }
    # Imported only here: it brings scipy, 60 MB that a robot with real sensors has no use for.
    from ankle_imu_driver.simulator.sensor_model import SensorModel  # noqa: PLC0415
    from ankle_imu_driver.simulator.simulate import stream  # noqa: PLC0415
    from ankle_imu_driver.simulator.user_profile import draw_user  # noqa: PLC0415

    # Range, noise, low-pass and rounding are the emulated chip's own.
    model = SensorModel(accel_range=16, gyro_range=2000, noise=0.0)

    def walk(pick: Callable[[Recording], ImuSamples]) -> Motion:
        chunks = stream(draw_user(emulation.person), model, emulation.seed, emulation.side)
        return Streamed(pick(chunk) for chunk in chunks)

    return {"shank": walk(lambda chunk: chunk.shank), "foot": walk(lambda chunk: chunk.foot)}
