"""The executable ``imu_check``: a live view of both sensors for whoever wires and mounts them; needs no ROS."""

from __future__ import annotations

import argparse
import math
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from ankle_imu_driver.mpu6050.acquisition import Sample
from ankle_imu_driver.mpu6050.driver import Mpu6050Config, Mpu6050Driver
from ankle_imu_driver.mpu6050.errors import SetupError
from ankle_imu_driver.mpu6050.placement import MeanGravity, describe_up
from ankle_imu_driver.mpu6050_parameters import PARAMETERS, read_parameters
from ankle_imu_driver.parameter_file import read_parameter_file
from ankle_imu_driver.refusal import Refusal

LEVELS = (("OK", "bold green"), ("LOOK", "bold yellow"), ("FAULT", "bold red"))
MOVING = 1.0  # rad/s
UPDATE = 0.2  # s
_HINTS = (
    "Turn one sensor in your hand: its row says MOVING. If it is the other row, exchange the plugs or the addresses.",
    "Stand upright: each row names the axis that points up, and whether the mounting agrees.",
)


class View:
    """What has come from both sensors, as a table."""

    def __init__(self, config: Mpu6050Config) -> None:
        self._config = config
        self._latest: dict[str, Sample] = {}
        self._gravity = {name: MeanGravity(0.5) for name in config.sensors}
        self.said: list[str] = []

    def take(self, sample: Sample) -> None:
        """Take a sample; called in an acquisition thread."""
        self._latest[sample.sensor] = sample
        self._gravity[sample.sensor].push(sample.measured, sample.accel)

    def render(self, health: tuple[int, str, Mapping[str, str]]) -> RenderableType:
        """Lay out the view of this moment."""
        level, sentence, values = health
        table = Table(expand=True)
        for heading in ("sensor", "state", "Hz", "jitter ms", "up", "accel m/s²", "gyro deg/s", "°C", "faults"):
            table.add_column(heading)
        for name, wiring in self._config.sensors.items():
            sample = self._latest.get(name)
            table.add_row(
                f"{name}\n/dev/i2c-{wiring.bus} 0x{wiring.device.address:02x}\n{values[f'{name} chip']}",
                values[f"{name} state"] + ("\nMOVING" if sample and math.hypot(*sample.gyro) > MOVING else ""),
                values[f"{name} rate (Hz)"],
                values[f"{name} jitter (ms)"],
                self._up(name),
                _vector(sample.accel) if sample else "",
                _vector(tuple(math.degrees(rate) for rate in sample.gyro)) if sample else "",
                values[f"{name} temperature (deg C)"],
                "\n".join(
                    f"{key.removeprefix(f'{name} faults: ')} {count}"
                    for key, count in values.items()
                    if key.startswith(f"{name} faults: ")
                ),
            )
        word, style = LEVELS[level]
        verdict = Panel(Text(f"{word}: {sentence}", style=style))
        notes = [Text(text, style="dim") for text in (*_HINTS, *self.said[-4:])]
        return Group(table, verdict, *notes)

    def _up(self, name: str) -> str:
        gravity, up = self._gravity[name].value, self._config.sensors[name].up
        wanted = describe_up(up).split(" ", maxsplit=1)[0]
        if gravity is None:
            return f"mounting says {wanted}"
        found = describe_up(gravity)
        return f"{found}\n" + (
            "as the mounting says" if found.startswith(wanted) else f"but the mounting says {wanted}"
        )


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the view until Ctrl-C or for ``--seconds``; 1 if there was a fault at the end or if nothing opens, else 0."""
    parser = argparse.ArgumentParser("imu_check", description=__doc__.partition(":")[2].strip())
    parser.add_argument("--bus", choices=("smbus2", "emulated"), help="emulated: without hardware")
    parser.add_argument("--params-file", type=Path, help="the parameters that imu_driver gets")
    parser.add_argument("--namespace", default="", help="whose section of the parameter file counts, as right_ankle")
    parser.add_argument(
        "--set", action="append", default=[], metavar="NAME=VALUE", help="one parameter, as foot.bus_number=3"
    )
    parser.add_argument("--log", default="", help="recording that moves the emulated sensors")
    parser.add_argument("--seconds", type=float, default=math.inf, help="end by itself")
    parser.add_argument("--self-test", action="store_true", help="run the chips' self-test first; keep still for it")
    options = parser.parse_args(arguments)
    try:
        config = _configure(options)
        view = View(config)
        driver = Mpu6050Driver(config, time.time_ns, view.take, view.said.append)
    except Refusal as refusal:
        print(refusal, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    try:
        driver.start()
        health = _watch(driver, view, options.seconds)
    finally:
        driver.close()
    return int(health[0] == len(LEVELS) - 1)


def _watch(driver: Mpu6050Driver, view: View, seconds: float) -> tuple[int, str, dict[str, str]]:
    end = time.monotonic() + seconds
    health = driver.health()
    with Live(view.render(health), console=Console(), auto_refresh=False) as live:
        try:
            while time.monotonic() < end:
                time.sleep(min(UPDATE, max(0.0, end - time.monotonic())))
                health = driver.health()
                live.update(view.render(health), refresh=True)
        except KeyboardInterrupt:
            health = driver.health()
    return health


def _configure(options: argparse.Namespace) -> Mpu6050Config:
    values: dict[str, Any] = {}
    if options.params_file is not None:
        values |= read_parameter_file(options.params_file, "imu_driver", options.namespace)
        if not values.keys() & PARAMETERS.keys():
            raise SetupError(
                f"{options.params_file} sets nothing of the sensors for imu_driver in namespace "
                f"'/{options.namespace.strip('/')}'; name the file's namespace by --namespace"
            )
    for text in options.set:
        name, separator, value = text.partition("=")
        if not separator or name not in PARAMETERS:
            raise SetupError(f"--set {text!r} must be NAME=VALUE with NAME one of {', '.join(PARAMETERS)}")
        try:
            values[name] = yaml.safe_load(value)
        except yaml.YAMLError as error:
            raise SetupError(f"--set {text!r}: the value cannot be read") from error
    if options.bus:
        values["bus"] = options.bus
    if options.self_test:
        values["mpu6050.self_test"] = True
    return read_parameters(values, log=options.log)


def _vector(vector: Sequence[float]) -> str:
    return "\n".join(f"{axis} {value:8.2f}" for axis, value in zip("xyz", vector, strict=True))
