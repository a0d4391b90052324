"""A robot's workspace, built with the README's command: all that is needed at run time is in the install space."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from rigs.repository import REPOSITORY

COMMAND = "colcon build --base-paths src src/ankle_predictor/interfaces"
SHARED = (
    "config/ankle.yaml",
    "foxglove/ankle.json",
    "launch/ankle.launch.py",
    "models/base/bundle.json",
    "models/base/model.keras",
    "models/base/model.onnx",
    "package.xml",
    "plotjuggler/ankle.xml",
    "rviz/ankle.rviz",
    "urdf/leg.urdf.xacro",
)
# Run in the workspace's own environment: what is imported and loaded is the installed copy.
CHECK = """
import json
from pathlib import Path
import ankle_imu_driver, ankle_predictor
from ankle_predictor.model.bundle import load_bundle, model_directories
from ankle_predictor.model.engine import load_engine
from ankle_predictor_interfaces.action import AdaptToUser
from ankle_predictor_interfaces.msg import AnkleForecast
from ankle_predictor_interfaces.srv import LoadWeights
from ament_index_python.packages import get_package_prefix

load_engine(load_bundle("base", model_directories(None)))
print(json.dumps({
    "modules": [ankle_imu_driver.__file__, ankle_predictor.__file__],
    "prefixes": [get_package_prefix(name) for name in ("ankle_predictor", "ankle_predictor_interfaces")],
    "constants": [AnkleForecast.UNFAMILIAR, LoadWeights.Response.REJECTED],
}))
"""


@pytest.fixture(scope="module")
def environment() -> dict[str, str]:
    """This environment without the packages that are built here anew."""
    variables = dict(os.environ)
    for name in ("AMENT_PREFIX_PATH", "CMAKE_PREFIX_PATH", "COLCON_PREFIX_PATH", "LD_LIBRARY_PATH", "PYTHONPATH"):
        kept = [
            entry for entry in variables.pop(name, "").split(":") if entry and not entry.startswith(f"{REPOSITORY}/")
        ]
        if kept:
            variables[name] = ":".join(kept)
    if Path(sys.prefix, "share", "rclpy").is_dir():  # ROS 2 as wheels
        variables["AMENT_PREFIX_PATH"] = variables["CMAKE_PREFIX_PATH"] = sys.prefix
    variables["PATH"] = f"{Path(sys.executable).parent}:{variables['PATH']}"
    variables["VIRTUAL_ENV"] = sys.prefix
    return variables


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory, environment: dict[str, str]) -> Path:
    workspace = tmp_path_factory.mktemp("workspace")
    listing = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    for name in subprocess.check_output(listing, cwd=REPOSITORY, text=True).split("\0"):
        if (REPOSITORY / name).is_file():
            target = workspace / "src" / "ankle_predictor" / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(REPOSITORY / name, target)
    build = subprocess.run(
        shlex.split(COMMAND), cwd=workspace, env=environment, capture_output=True, text=True, timeout=300, check=False
    )
    assert build.returncode == 0, build.stdout + build.stderr
    return workspace


def test_the_readme_says_so() -> None:
    assert COMMAND in (REPOSITORY / "README.md").read_text()


def test_run_time_files_are_installed(workspace: Path) -> None:
    installed = workspace / "install" / "ankle_predictor"
    for name in SHARED:
        file = installed / "share" / "ankle_predictor" / name
        assert file.read_bytes() == (REPOSITORY / name).read_bytes()
        assert not file.is_symlink()
    executables = {file.name for file in (installed / "lib" / "ankle_predictor").iterdir()}
    assert executables >= {"imu_driver", "orientation_filter", "predictor", "bringup", "demo", "train", "evaluate"}


def test_what_is_installed_runs(workspace: Path, environment: dict[str, str]) -> None:
    script = '. install/setup.sh && exec python3 -c "$CHECK"'
    run = subprocess.run(
        ["bash", "-c", script],
        cwd=workspace,
        env={**environment, "CHECK": CHECK, "HOME": str(workspace)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    found = json.loads(run.stdout.splitlines()[-1])
    assert all(path.startswith(str(workspace)) for path in found["modules"] + found["prefixes"])
    assert found["constants"] == [32, 4]
