"""Measures the error of the present ankle angle: recorded walks against the encoder, simulations against the truth.

Run: scripts/run python benchmarks/angle.py --walks FOLDER [--output docs/angle_results.md]
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Sequence
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
from rich.progress import track

from ankle_imu_driver.calibration import SensorCalibration
from ankle_imu_driver.recordings.read_recording import read_recording
from ankle_imu_driver.recordings.recording import ImuSamples, Recording
from ankle_imu_driver.simulator.gait_scenario import Activity, Shuffle, Slope, Stairs, Stand, Turn, Walk
from ankle_imu_driver.simulator.sensor_model import SensorModel
from ankle_imu_driver.simulator.simulate import simulate
from ankle_imu_driver.simulator.user_profile import draw_user
from ankle_predictor.estimation.filter_config import FilterConfig
from ankle_predictor.model.features import FeatureSpec
from ankle_predictor.offline.pipeline import run_chain

OURS = FilterConfig()
VARIANTS = {
    "shipped": OURS,
    "no lever arm": replace(OURS, lever_arm=0.0),
    "no bias learning": replace(OURS, bias_gain=0.0),
    "no use of rest": replace(OURS, rest_rate=1e-9),
    "plain complementary filter, tau 1.5 s": replace(
        OURS, rest_rate=1e-9, drift=0.03, drift_turning=0.0, accel_noise_moving=0.045, start_variance=0.00135
    ),
}
ACTIVITIES: dict[str, list[Activity]] = {
    "level walking": [Walk(40.0)],
    "turns": [activity for side in (1, -1, 1, 1) for activity in (Turn(side * math.pi), Walk(5.0))],
    "8 deg uphill": [Slope(40.0, math.radians(8.0))],
    "8 deg downhill": [Slope(40.0, -math.radians(8.0))],
    "stairs up": [Stairs(40.0)],
    "stairs down": [Stairs(40.0, up=False)],
    "shuffling": [Shuffle(40.0)],
}
PEOPLE = range(100, 106)
ASSUMED_GRAVITY = ("LOG2", "LOG7")  # logs that do not show the gravity along the shank sensor's x axis
SETTLED = 5.0  # s from the start that do not count


def walk_error(recording: Recording, config: FilterConfig) -> float:
    """Return the mean absolute error in deg against the encoder; nothing is fitted to the encoder."""
    assert recording.encoder is not None
    table = run_chain(recording, FeatureSpec(filter=config))
    truth = np.interp(table.stamp, recording.encoder.stamp, recording.encoder.angle)
    return float(np.degrees(np.mean(np.abs(table.angle - truth)[table.stamp >= recording.start + SETTLED])))


def activity_error(activities: Sequence[Activity], config: FilterConfig) -> float:
    """Return the mean over people of the mean absolute error in deg against the simulator's truth."""
    errors = []
    for person in PEOPLE:
        walk = simulate([Stand(3.0), Walk(5.0), *activities], draw_user(person), SensorModel(), person)
        table = run_chain(walk.recording, FeatureSpec(filter=config))
        truth = np.interp(table.stamp, walk.recording.shank.stamp, walk.truth.angle)
        errors.append(np.mean(np.abs(table.angle - truth)[table.stamp >= walk.recording.start + 8.0]))
    return float(np.degrees(np.mean(errors)))


def with_shank_gravity(recording: Recording, change: float) -> Recording:
    """Return the recording with the shank's standing gravity changed by ``change`` m/s^2 along the sensor's x axis."""
    calibration = recording.calibration
    assert calibration is not None
    x, y, z = calibration.shank.gravity
    shank = replace(calibration.shank, gravity=(x + change, y, z))
    assert isinstance(shank, SensorCalibration)
    samples = ImuSamples(
        recording.shank.stamp, recording.shank.accel + np.array([change, 0.0, 0.0]), recording.shank.gyro
    )
    return replace(recording, shank=samples, calibration=replace(calibration, shank=shank))


def row(name: str, values: Sequence[float]) -> str:
    """Return a row of a Markdown table, two decimals."""
    return f"| {name} | " + " | ".join(f"{value:.2f}" for value in values) + " |"


def walks_table(walks: Sequence[Recording]) -> list[str]:
    """Return the errors of all variants on the recorded walks."""
    names = " | ".join(walk.name for walk in walks)
    lines = [
        f"| recorded walks, against the encoder from {SETTLED:g} s on | {names} | mean |",
        "|---" * (len(walks) + 2) + "|",
    ]
    for name, config in track(list(VARIANTS.items()), "recorded walks"):
        errors = [walk_error(walk, config) for walk in walks]
        lines.append(row(name, [*errors, float(np.mean(errors))]))
    return lines


def gravity_table(walks: Sequence[Recording]) -> list[str]:
    """Return the errors of the walks in which one component of gravity had to be assumed."""
    assumed = [walk for walk in walks if walk.name in ASSUMED_GRAVITY]
    if not assumed:
        return []
    names = " | ".join(walk.name for walk in assumed)
    lines = ["", f"| shank gravity along x, which these logs do not show | {names} |"]
    lines += ["|---" * (len(assumed) + 1) + "|"]
    for change in (-0.5, 0.0, 0.5):
        errors = [walk_error(with_shank_gravity(walk, change), OURS) for walk in assumed]
        lines.append(row(f"assumed {change:+.1f} m/s^2", errors))
    return lines


def constants_table(walks: Sequence[Recording]) -> list[str]:
    """Return the mean error with each constant of the filter halved and doubled."""
    lines = ["", f"| one constant changed, mean over the {len(walks)} walks | halved | doubled |", "|---|---|---|"]
    constants = [field.name for field in fields(OURS) if field.name not in ("accel_limit", "gyro_limit", "max_gap")]
    for name in track(constants, "constants"):
        changed = [replace(OURS, **{name: factor * getattr(OURS, name)}) for factor in (0.5, 2.0)]
        lines.append(row(name, [float(np.mean([walk_error(walk, config) for walk in walks])) for config in changed]))
    return lines


def activities_table() -> list[str]:
    """Return the errors of all variants in simulated activities."""
    names = " | ".join(VARIANTS)
    lines = ["", f"| simulated, mean of {len(PEOPLE)} people | {names} |", "|---" * (len(VARIANTS) + 1) + "|"]
    for name, activities in track(list(ACTIVITIES.items()), "simulated activities"):
        lines.append(row(name, [activity_error(activities, config) for config in VARIANTS.values()]))
    return lines


def main() -> None:
    """Measure all tables and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--walks", type=Path, required=True, help="folder with the logger's TXT files")
    parser.add_argument("--output", type=Path, default=Path("docs/angle_results.md"))
    arguments = parser.parse_args()
    walks = [read_recording(path) for path in sorted(arguments.walks.glob("*.TXT"))]
    lines = [
        "# Error of the ankle angle now",
        "",
        "Made by `scripts/run python benchmarks/angle.py --walks FOLDER`. Mean absolute error in deg, causal.",
        "",
        *walks_table(walks),
        *gravity_table(walks),
        *constants_table(walks),
        *activities_table(),
    ]
    arguments.output.write_text("\n".join(lines) + "\n", encoding="utf-8")
    print(f"written: {arguments.output}")


if __name__ == "__main__":
    main()
