"""The processes that our launch file starts, worked out without ``ros2 launch``, which is not on PyPI.

The launch file itself is run; only the classes of ``launch`` and ``launch_ros`` that it uses are stand-ins here.
"""

from __future__ import annotations

import importlib.util
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from ankle_predictor.nodes.child_process import NodesProcess
from rigs.repository import REPOSITORY

MAINS = {
    "imu_driver": "ankle_imu_driver.driver_node",
    "orientation_filter": "ankle_predictor.nodes.filter_node",
    "predictor": "ankle_predictor.nodes.predictor_node",
    "bringup": "ankle_predictor.nodes.bringup",
}
"""Where ``setup.py`` has the entry point of each executable."""


@dataclass(frozen=True)
class LaunchedProcess:
    """One process as the launch file describes it."""

    executable: str
    namespace: str
    name: str
    files: tuple[str, ...]
    arguments: tuple[str, ...]
    respawn: bool

    def start(self, environment: Mapping[str, str], log: Path, before: str = "") -> NodesProcess:
        """Start it with the words that launch_ros gives an executable.

        Args:
            environment: says which ROS domain.
            log: file for its output.
            before: code that is run in the process first.
        """
        code = f"{before}\nimport sys; from {MAINS[self.executable]} import main; sys.exit(main())"
        ros = [word for file in self.files for word in ("--params-file", file)]
        ros += ["-r", f"__ns:={self.namespace}"] if self.namespace else []
        ros += ["-r", f"__node:={self.name}"] if self.name else []
        return NodesProcess({}, environment, log, ("-c", code, *self.arguments, "--ros-args", *ros))


def launched(folder: Path, **arguments: object) -> list[LaunchedProcess]:
    """Return what ``ros2 launch ankle_predictor ankle.launch.py`` with these arguments starts; files go to a folder."""
    found: list[LaunchedProcess] = []
    given = {name: str(value) for name, value in arguments.items()}

    def note(**options: Any) -> None:
        found.append(
            LaunchedProcess(
                options["executable"],
                options.get("namespace", ""),
                options.get("name", ""),
                tuple(options["parameters"]),
                tuple(options.get("arguments", ())),
                options.get("respawn", False),
            )
        )

    with pytest.MonkeyPatch.context() as patch:
        for name, stand_in in _stand_ins(note).items():
            patch.setitem(sys.modules, name, stand_in)
        patch.setattr(tempfile, "tempdir", str(folder))
        path = REPOSITORY / "launch" / "ankle.launch.py"
        spec = importlib.util.spec_from_file_location("ankle_launch", path)
        assert spec is not None
        assert spec.loader is not None
        file = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(file)
        values = {name: given.pop(name, default) for name, (default, _) in file.ARGUMENTS.items()}
        assert not given, f"the launch file has no argument {', '.join(given)}"
        file.start(SimpleNamespace(launch_configurations=values))
    return found


def _stand_ins(note: Any) -> dict[str, ModuleType]:
    class Configuration:
        def __init__(self, name: str) -> None:
            self._name = name

        def perform(self, context: Any) -> str:
            return str(context.launch_configurations[self._name])

    def ignored(*_: object, **__: object) -> None:
        return None

    content = {
        "launch": {"LaunchContext": object, "LaunchDescription": ignored},
        "launch.actions": dict.fromkeys(("DeclareLaunchArgument", "GroupAction", "OpaqueFunction"), ignored),
        "launch.logging": {"get_logger": ignored},
        "launch.substitutions": {"LaunchConfiguration": Configuration},
        "launch_ros": {},
        "launch_ros.actions": {"Node": note},
    }
    made = {}
    for name, members in content.items():
        made[name] = ModuleType(name)
        vars(made[name]).update(members)
    return made
