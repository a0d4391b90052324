"""The import contracts in pyproject.toml hold, and each of them finds a violation."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from importlinter.api import read_configuration
from rigs.repository import REPOSITORY

LINT_IMPORTS = "from importlinter.cli import lint_imports_command; lint_imports_command()"
PACKAGES = ("ankle_imu_driver", "ankle_predictor")
CONFIGURATION = str(REPOSITORY / "pyproject.toml")


def lint_imports(root: Path) -> subprocess.CompletedProcess[str]:
    """Run lint-imports on the two packages in a folder, with the contracts in its pyproject.toml."""
    return subprocess.run(
        [sys.executable, "-c", LINT_IMPORTS, "--no-cache"],
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root), "COLUMNS": "200"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_every_contract_is_kept() -> None:
    done = lint_imports(REPOSITORY)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 broken" in done.stdout


@pytest.mark.parametrize(
    ("contract", "module", "imported"),
    [
        ("packages", "ankle_imu_driver.recordings.timeline", "ankle_predictor.estimation.gait"),
        ("predictor-rooms", "ankle_predictor.estimation.gait", "ankle_predictor.model.features"),
        ("driver-rooms", "ankle_imu_driver.recordings.timeline", "ankle_imu_driver.simulator.simulate"),
        ("hardware", "ankle_imu_driver.mpu6050.bus", "ankle_imu_driver.mpu6050_emulator.chip"),
        ("ros", "ankle_predictor.estimation.gait", "rclpy"),
        ("ros", "ankle_imu_driver.calibration", "sensor_msgs"),
        ("ros", "ankle_predictor.nodes.topics", "sensor_msgs"),
        ("ros", "ankle_predictor.demo.live_run", "rclpy"),
        ("ros", "ankle_predictor.performance.latency", "rclpy"),
        ("ros-indirect", "ankle_predictor.offline.pipeline", "ankle_imu_driver.managed_node"),
        ("tensorflow", "ankle_predictor.model.engine", "tensorflow"),
        ("scale", "ankle_predictor.offline.pipeline", "distributed"),
        ("tensorflow-indirect", "ankle_predictor.nodes.worker", "ankle_predictor.training.network"),
    ],
)
def test_a_contract_finds_a_planted_import(contract: str, module: str, imported: str, tmp_path: Path) -> None:
    names = {options["id"]: options["name"] for options in read_configuration(CONFIGURATION)["contracts_options"]}
    for package in PACKAGES:
        shutil.copytree(REPOSITORY / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(REPOSITORY / "pyproject.toml", tmp_path)
    file = tmp_path.joinpath(*module.split(".")).with_suffix(".py")
    file.write_text(f"{file.read_text()}\nimport {imported}\n")
    done = lint_imports(tmp_path)
    assert done.returncode == 1, done.stdout + done.stderr
    assert f"{names[contract]} BROKEN" in done.stdout
    assert f"{module} -> {imported}" in done.stdout
