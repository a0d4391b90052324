"""The simulated walk that chains are measured with, as files that the nodes read."""

from __future__ import annotations

from pathlib import Path

from ankle_imu_driver.calibration import save_calibration
from ankle_imu_driver.recordings.recording import Recording
from ankle_imu_driver.recordings.rosbag_writer import write_bag
from ankle_imu_driver.simulator.gait_scenario import Stand, Walk
from ankle_imu_driver.simulator.sensor_model import SensorModel
from ankle_imu_driver.simulator.simulate import simulate
from ankle_imu_driver.simulator.user_profile import draw_user

STANDING, WALKING = 3.0, 60.0  # s


def simulated_walk() -> Recording:
    """Return a minute of a simulated person's walk, calibrated by standing before it."""
    return simulate([Stand(STANDING), Walk(WALKING)], draw_user(1), SensorModel(), seed=1).recording


def write_walk(walk: Recording, folder: Path) -> tuple[Path, Path]:
    """Write a walk for the driver to play, and its calibration for the filter; returns both paths."""
    assert walk.calibration is not None
    log, calibration = folder / "walk", folder / "calibration.yaml"
    write_bag(log, walk)
    save_calibration(calibration, walk.calibration)
    return log, calibration
