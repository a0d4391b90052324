"""The parameters of ``source: mpu6050``: names, defaults, and their checked values. No ROS here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ankle_imu_driver.arrays import Vector
from ankle_imu_driver.conventions import SENSORS
from ankle_imu_driver.mounting import (
    AUTO,
    FOOT_MOUNTING,
    MOUNTING_MEANING,
    SHANK_MOUNTING,
    axes_of,
    check_mounting,
    is_auto,
)
from ankle_imu_driver.mpu6050.device_config import DeviceConfig
from ankle_imu_driver.mpu6050.driver import Mpu6050Config, SensorWiring
from ankle_imu_driver.mpu6050_emulator.wiring import Emulation
from ankle_imu_driver.parameter_spec import ParameterSpec

BUSES = ("smbus2", "emulated")
_OFF = [0.0, 0.0, 0.0]


def _sensor_specs(name: str, address: int) -> tuple[ParameterSpec, ...]:
    return (
        ParameterSpec(f"{name}.bus_number", 1, f"I2C bus of the {name}'s sensor: 1 is /dev/i2c-1", low=0),
        ParameterSpec(
            f"{name}.address", address, "104 (0x68) with AD0 low, 105 (0x69) with AD0 high", choices=(104, 105)
        ),
        ParameterSpec(f"{name}.accel_offset", _OFF, "m/s^2, subtracted from every sample", length=3),
        ParameterSpec(f"{name}.gyro_offset", _OFF, "rad/s, subtracted from every sample", length=3),
        ParameterSpec(f"{name}.mounting", AUTO, MOUNTING_MEANING, check=check_mounting),
    )


SPECS = (
    ParameterSpec("bus", "smbus2", "real sensors, or emulated: chips in software", choices=BUSES),
    ParameterSpec("mpu6050.rate", 100.0, "samples per second of each sensor", low=1.0, high=500.0),
    ParameterSpec("mpu6050.accel_range", 8, "range of the accelerometers in g", choices=(2, 4, 8, 16)),
    ParameterSpec("mpu6050.gyro_range", 1000, "range of the gyroscopes in deg/s", choices=(250, 500, 1000, 2000)),
    ParameterSpec("mpu6050.low_pass", 3, "DLPF_CFG of the chip; 3 is 44 Hz", low=0, high=6),
    ParameterSpec("mpu6050.sample_rate_divider", 0, "SMPLRT_DIV of the chip", low=0, high=255),
    ParameterSpec("mpu6050.allowed_chips", [0x68], "accepted values of WHO_AM_I; clones have others", low=0, high=255),
    ParameterSpec("mpu6050.priority", 40, "SCHED_FIFO priority of the acquisition; 0 for none", low=0, high=99),
    ParameterSpec("mpu6050.lock_memory", True, "lock the process's memory"),
    ParameterSpec("mpu6050.self_test", False, "run the self-test when the buses are opened"),
    *_sensor_specs("shank", 0x68),
    *_sensor_specs("foot", 0x69),
    ParameterSpec("emulator.noise", 1.0, "factor on the noise of the data sheet", low=0.0),
    ParameterSpec("emulator.faults", "", "faults of the emulated sensors: KIND SENSOR START DURATION; ..."),
    ParameterSpec("emulator.swapped", False, "each emulated sensor is mounted in the other's place"),
)
PARAMETERS: dict[str, Any] = {spec.name: spec.default for spec in SPECS}
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
        Refusal: a value has the wrong type or is out of range; one sentence says which.
    """
    value = {spec.name: spec.checked(values.get(spec.name, spec.default)) for spec in SPECS}
    sensors = {}
    for name in SENSORS:
        mounting = value[f"{name}.mounting"]
        x, y, z = axes_of(mounting, _DOCUMENTED[name])[2].tolist()
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
        sensors[name] = SensorWiring(value[f"{name}.bus_number"], device, (x, y, z), is_auto(mounting))
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


def _vector(name: str, values: Mapping[str, Any]) -> Vector:
    numbers = values[name]
    return numbers[0], numbers[1], numbers[2]
