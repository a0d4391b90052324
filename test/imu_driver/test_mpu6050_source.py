"""The choice between real and emulated buses, and the samples of the source."""

from __future__ import annotations

import itertools
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from rigs.walks import swinging

from ankle_imu_driver.conventions import ENCODER, FOOT, SHANK
from ankle_imu_driver.mpu6050.errors import SetupError
from ankle_imu_driver.mpu6050_parameters import read_parameters
from ankle_imu_driver.mpu6050_source import Mpu6050Source, open_driver
from ankle_imu_driver.recordings.rosbag_writer import write_bag
from ankle_imu_driver.recordings.timeline import Sample

QUIET = {"bus": "emulated", "mpu6050.priority": 0, "mpu6050.lock_memory": False}


def ignore(_: object) -> None:
    """Take a sample or a message."""


def test_real_buses_are_opened_by_their_numbers() -> None:
    parameters = read_parameters({"shank.bus_number": 97, "foot.bus_number": 98, "mpu6050.lock_memory": False})
    with pytest.raises(SetupError, match=r"/dev/i2c-97|smbus2 is missing"):
        open_driver(parameters, time.time_ns, ignore, ignore)


def test_the_simulator_has_no_encoder() -> None:
    driver, encoder = open_driver(read_parameters(QUIET), time.time_ns, ignore, ignore)
    driver.close()
    assert encoder is None


def test_each_foot_sample_has_an_encoder_sample_of_the_same_time(tmp_path: Path) -> None:
    walk = swinging(seconds=4.0)
    write_bag(tmp_path / "bag", walk)
    published: list[tuple[Sample, int]] = []
    parameters = read_parameters(QUIET, log=str(tmp_path / "bag"))
    source = Mpu6050Source(parameters, time.time_ns, lambda *sample: published.append(sample), ignore)
    assert source.has_encoder
    source.start()
    end = time.monotonic() + 10.0
    while len(published) < 60:
        assert time.monotonic() < end
        time.sleep(0.02)
    source.stop()
    source.close()
    assert {sample.stream for sample, _ in published} == {SHANK, FOOT, ENCODER}
    for (foot, stamp), (encoder, encoder_stamp) in itertools.pairwise(published):
        if foot.stream == FOOT:
            assert encoder.stream == ENCODER
            assert (encoder.time, encoder_stamp) == (foot.time, stamp)
    assert walk.encoder is not None
    angles = [sample.values[0] for sample, _ in published if sample.stream == ENCODER]
    assert np.ptp(angles) > 0
    assert walk.encoder.angle.min() <= min(angles) <= max(angles) <= walk.encoder.angle.max()


def test_the_hardware_driver_does_not_import_the_emulator_or_the_simulator() -> None:
    code = (
        "import sys, pkgutil, importlib, ankle_imu_driver.mpu6050 as room\n"
        "for module in pkgutil.iter_modules(room.__path__, room.__name__ + '.'): importlib.import_module(module.name)\n"
        "print([name for name in sys.modules if 'emulator' in name or 'simulator' in name])"
    )
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "[]"
