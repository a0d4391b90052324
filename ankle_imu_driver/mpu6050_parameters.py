"""The parameters of ``source: mpu6050``: names, defaults, and their checked values. No ROS here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ankle_imu_driver.arrays import Vector
from ankle_imu_driver.conventions import SENSORS
from ankle_imu_driver.mounting import AUTO, FOOT_MOUNTING, SHANK_MOUNTING, axes_of
from ankle_imu_driver.mpu6050.device_config import DeviceConfig
from ankle_imu_driver.mpu6050.driver import Mpu6050Config, SensorWiring
from ankle_imu_driver.mpu6050.errors import SetupError
from ankle_imu_driver.mpu6050_emulator.wiring import Emulation

BUSES = ("smbus2", "emulated")
PARAMETERS: dict[str, Any] = {
    "bus": "smbus2",
    "mpu6050.rate": 100.0,
    "mpu6050.accel_range": 8,
    "mpu6050.gyro_range": 1000,
    "mpu6050.low_pass": 3,
    "mpu6050.sample_rate_divider": 0,
    "mpu6050.allowed_chips": [0x68],
    "mpu6050.priority": 40,
    "mpu6050.lock_memory": True,
    "mpu6050.self_test": False,
    "shank.bus_number": 1,
    "shank.address": 0x68,
    "shank.accel_offset": [0.0, 0.0, 0.0],
    "shank.gyro_offset": [0.0, 0.0, 0.0],
    "shank.mounting": AUTO,
    "foot.bus_number": 1,
    "foot.address": 0x69,
    "foot.accel_offset": [0.0, 0.0, 0.0],
    "foot.gyro_offset": [0.0, 0.0, 0.0],
    "foot.mounting": AUTO,
    "emulator.noise": 1.0,
    "emulator.faults": "",
    "emulator.swapped": False,
}
_DOCUMENTED = {"shank": SHANK_MOUNTING, "foot": FOOT_MOUNTING}


@dataclass(frozen=True)
class Mpu6050Parameters:
    """The checked parameters.

    Attributes:
        driver: settings of both sensors.
        emulation: settings of the emulated sensors; None for real sensors.
    """

    driver: Mpu6050Config
    emulation: Emulation | None


def read_parameters(
    values: Mapping[str, Any],
    *,
    log: str = "",
    leg: str = "",
    namespace: str = "",
    seed: int = 1,
    person: int = 1,
    side: str = "right",
) -> Mpu6050Parameters:
    """Check the parameters' values.

    Args:
        values: values by the names in ``PARAMETERS``; a missing name has its default.
        log: recording that moves the emulated sensors; empty for the simulator.
        leg: the leg in that recording, as for ``read_recording``.
        namespace: the reader's own.
        seed: seed of the simulated walk and of the emulated noise.
        person: seed of the simulated person.
        side: leg of the simulated person that wears the sensors.

    Raises:
        SetupError: a value has the wrong type or is out of range; one sentence says which.
        MountingError: a mounting is impossible.
    """
    value = {name: _typed(name, values.get(name, default), default) for name, default in PARAMETERS.items()}
    if value["bus"] not in BUSES:
        raise SetupError(f"bus must be one of {', '.join(BUSES)}, not {value['bus']!r}")
    sensors = {}
    for name in SENSORS:
        up = axes_of(value[f"{name}.mounting"], _DOCUMENTED[name])[2]
        device = DeviceConfig(
            address=value[f"{name}.address"],
            accel_range=value["mpu6050.accel_range"],
            gyro_range=value["mpu6050.gyro_range"],
            low_pass=value["mpu6050.low_pass"],
            sample_rate_divider=value["mpu6050.sample_rate_divider"],
            accel_offset=_vector(f"{name}.accel_offset", value),
            gyro_offset=_vector(f"{name}.gyro_offset", value),
            allowed_chips=frozenset(value["mpu6050.allowed_chips"]),
        )
        sensors[name] = SensorWiring(value[f"{name}.bus_number"], device, (float(up[0]), float(up[1]), float(up[2])))
    emulation = Emulation(
        log=log,
        leg=leg,
        namespace=namespace,
        seed=seed,
        person=person,
        side=side,
        noise=value["emulator.noise"],
        faults=value["emulator.faults"],
        swapped=value["emulator.swapped"],
    )
    driver = Mpu6050Config(
        sensors=sensors,
        rate=value["mpu6050.rate"],
        priority=value["mpu6050.priority"],
        lock_memory=value["mpu6050.lock_memory"],
        self_test=value["mpu6050.self_test"],
    )
    return Mpu6050Parameters(driver, emulation if value["bus"] == "emulated" else None)


def _typed(name: str, value: Any, default: Any) -> Any:
    """Return a value of its default's type. A whole number is accepted for a float."""
    if isinstance(default, list):
        if isinstance(value, str) or not hasattr(value, "__iter__"):
            raise SetupError(f"{name} must be a list of numbers, not {value!r}")
        return [_typed(name, item, default[0]) for item in value]
    if isinstance(default, float) and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if type(value) is not type(default):
        kinds = {bool: "true or false", int: "a whole number", float: "a number", str: "a text"}
        raise SetupError(f"{name} must be {kinds[type(default)]}, not {value!r}")
    return value


def _vector(name: str, values: Mapping[str, Any]) -> Vector:
    numbers = values[name]
    if len(numbers) != 3:
        raise SetupError(f"{name} must be three numbers, not {len(numbers)}: {numbers}")
    return numbers[0], numbers[1], numbers[2]
