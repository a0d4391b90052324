"""The live view of ``imu_check``: both sensors as a table in the terminal."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from rich.box import SIMPLE_HEAD
from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from ankle_imu_driver.mpu6050.acquisition import Sample
from ankle_imu_driver.mpu6050.driver import SensorWiring
from ankle_imu_driver.mpu6050.placement import MeanGravity, describe_up

LEVELS = (("OK", "bold green"), ("LOOK", "bold yellow"), ("FAULT", "bold red"))
MOVING = 1.0  # rad/s
_WIDTHS = {"sensor": 15, "state": 14, "up": 13, "accel\nm/s²": 9, "gyro\ndeg/s": 9, "faults": 8}  # least; 80 in all
_HINTS = (
    "Turn one sensor in your hand: its row says MOVING. If it is the other row, exchange the plugs or the addresses.",
    "Stand upright: each row names the axis that points up, and whether the mounting agrees.",
)
_SHOWN_MESSAGES = 4


class View:
    """The latest samples of both sensors, and the messages of the driver.

    Attributes:
        messages: the driver's messages, one sentence each.
    """

    def __init__(self, sensors: Mapping[str, SensorWiring]) -> None:
        self._sensors = sensors
        self._latest: dict[str, Sample] = {}
        self._gravity = {name: MeanGravity(0.5) for name in sensors}
        self.messages: list[str] = []

    def take(self, sample: Sample) -> None:
        """Store a sample; called in an acquisition thread."""
        self._latest[sample.sensor] = sample
        self._gravity[sample.sensor].push(sample.measured, sample.accel)

    def render(self, health: tuple[int, str, Mapping[str, str]]) -> RenderableType:
        """Return the view of the present state; ``health`` is the driver's level, sentence and values."""
        level, sentence, values = health
        table = Table(expand=True, box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
        for heading, width in _WIDTHS.items():
            table.add_column(heading, min_width=width, overflow="fold")
        for name in self._sensors:
            table.add_row(*self._row(name, values))
        word, style = LEVELS[level]
        verdict = Panel(Text(f"{word}: {sentence}", style=style))
        notes = [Text(text, style="dim") for text in (*_HINTS, *self.messages[-_SHOWN_MESSAGES:])]
        return Group(table, verdict, *notes)

    def _row(self, name: str, values: Mapping[str, str]) -> tuple[str, ...]:
        wiring, sample = self._sensors[name], self._latest.get(name)
        fault, temperature = f"{name} faults: ", values[f"{name} temperature (deg C)"]
        return (
            f"{name}\n/dev/i2c-{wiring.bus} 0x{wiring.device.address:02x}\n{values[f'{name} chip']}\n{temperature} °C",
            f"{values[f'{name} state']}\n{values[f'{name} rate (Hz)']} Hz\njitter {values[f'{name} jitter (ms)']} ms"
            + ("\nMOVING" if sample and math.hypot(*sample.gyro) > MOVING else ""),
            self._up(name),
            _vector(sample.accel) if sample else "",
            _vector([math.degrees(rate) for rate in sample.gyro]) if sample else "",
            "\n".join(f"{key.removeprefix(fault)} {count}" for key, count in values.items() if key.startswith(fault)),
        )

    def _up(self, name: str) -> str:
        gravity, sensor = self._gravity[name].value, self._sensors[name]
        expected = describe_up(sensor.up).split(" ", maxsplit=1)[0]
        if gravity is None:
            return f"mounting says {expected}"
        found = describe_up(gravity)
        if found.startswith(expected):
            return f"{found}\nas the mounting says"
        return f"{found}\n" + (
            f"usual is {expected}; auto finds it" if sensor.is_auto else f"but the mounting says {expected}"
        )


def _vector(vector: Sequence[float]) -> str:
    return "\n".join(
        f"{axis} {value:7.{1 if abs(value) >= 1000.0 else 2}f}" for axis, value in zip("xyz", vector, strict=True)
    )
