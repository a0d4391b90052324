"""The executable ``imu_check``: a live view of both sensors, to check their wiring and mounting; needs no ROS."""

from __future__ import annotations

import argparse
import math
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.live import Live

from ankle_imu_driver.conventions import ERROR
from ankle_imu_driver.document import DocumentError
from ankle_imu_driver.imu_check_view import View
from ankle_imu_driver.mpu6050.driver import Mpu6050Driver
from ankle_imu_driver.mpu6050.errors import SetupError
from ankle_imu_driver.mpu6050.self_test import NOT_DONE
from ankle_imu_driver.mpu6050_parameters import PARAMETERS, Mpu6050Parameters, read_parameters
from ankle_imu_driver.mpu6050_source import open_driver
from ankle_imu_driver.parameter_file import full_name, parameters_of, sections_of, untaken_warning
from ankle_imu_driver.rcl_yaml import read_value
from ankle_imu_driver.refusal import Refusal

UPDATE = 0.2  # s between two updates of the view


def main(arguments: Sequence[str] | None = None) -> int:
    """Show the view until Ctrl-C or for ``--seconds``.

    Returns:
        1 if a sensor failed or could not be opened, or a self-test could not be done; else 0.
    """
    options = _parser().parse_args(arguments)
    try:
        parameters = _read(options)
        view = View(parameters.driver.sensors)
        undone: list[str] = []

        def note(message: str) -> None:
            view.messages.append(message)
            if NOT_DONE in message:
                undone.append(message)

        driver, _ = open_driver(parameters, time.time_ns, view.take, note)
    except Refusal as refusal:
        print(refusal, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    try:
        driver.start()
        level = _watch(driver, view, options.seconds)
    finally:
        driver.close()
    for message in undone:
        print(message, file=sys.stderr)
    return int(level == ERROR or bool(undone))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("imu_check", description=(__doc__ or "").partition(":")[2].strip())
    parser.add_argument("--bus", choices=("smbus2", "emulated"), help="emulated: without hardware")
    parser.add_argument("--params-file", type=Path, help="parameter file of imu_driver")
    parser.add_argument("--namespace", default="", help="namespace of the node imu_driver, e.g. right_ankle")
    parser.add_argument(
        "--set", action="append", default=[], metavar="NAME=VALUE", help="one parameter, e.g. foot.bus_number=3"
    )
    parser.add_argument("--log", default="", help="recording that moves the emulated sensors")
    parser.add_argument("--leg", default="", metavar="NAMESPACE", help="the leg to take from a rosbag2 with several")
    parser.add_argument("--seconds", type=float, default=math.inf, help="end after this time")
    parser.add_argument("--self-test", action="store_true", help="first run the chips' self-test; keep still")
    return parser


def _watch(driver: Mpu6050Driver, view: View, seconds: float) -> int:
    """Update the view for a time in s; return the last level."""
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
    return health[0]


def _read(options: argparse.Namespace) -> Mpu6050Parameters:
    """Combine the parameter file with the options."""
    values: dict[str, Any] = {}
    if options.params_file is not None:
        values |= _of_file(options.params_file, options.namespace)
    for text in options.set:
        name, separator, value = text.partition("=")
        if not separator or name not in PARAMETERS:
            raise SetupError(f"--set {text!r} must be NAME=VALUE with NAME one of {', '.join(PARAMETERS)}")
        try:
            values[name] = read_value(value)
        except DocumentError as error:
            raise SetupError(f"--set {name}: {error}") from error
    if options.bus:
        values["bus"] = options.bus
    if options.self_test:
        values["mpu6050.self_test"] = True
    return read_parameters(values, log=options.log, leg=options.leg)


def _of_file(path: Path, namespace: str) -> dict[str, Any]:
    sections, name = sections_of(path), full_name("imu_driver", namespace)
    values = parameters_of(sections, name)
    if not values.keys() & PARAMETERS.keys():
        raise SetupError(
            f"{path} sets no parameter of the sensors for {name}; name the file's namespace with --namespace"
        )
    if warning := untaken_warning(path, sections, [namespace]):
        print(f"imu_check: {warning}", file=sys.stderr)
    return dict(values)
