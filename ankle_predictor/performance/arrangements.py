"""The chains that ``benchmark`` measures: our nodes and the bare baseline, in three processes and in one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ankle_predictor.nodes.child_process import Parameter

NODES = {
    "imu_driver": "ankle_imu_driver.driver_node",
    "orientation_filter": "ankle_predictor.nodes.filter_node",
    "predictor": "ankle_predictor.nodes.predictor_node",
}
BARE = ("-m", "ankle_predictor.performance.plain_rclpy")


@dataclass(frozen=True)
class Arrangement:
    """The processes of one chain.

    Attributes:
        commands: arguments of ``python`` for each process, by its name.
        parameters: ROS parameters by ``node:name``, given to all processes.
        namespace: of the leg that is measured.
    """

    commands: Mapping[str, Sequence[str]]
    parameters: Mapping[str, Parameter]
    namespace: str = ""


def arrangements(log: Path, calibration: Path, model: str) -> dict[str, Arrangement]:
    """Return the chain in three processes and in one, each after its bare baseline.

    Args:
        log: a recording that the driver plays in a loop.
        calibration: its calibration file.
        model: that the predictor loads.
    """
    ours: dict[str, Parameter] = {
        "imu_driver:log": str(log),
        "imu_driver:loop": True,
        "orientation_filter:calibration_file": str(calibration),
        "orientation_filter:calibration_save": "",
        "predictor:model": model,
    }
    return {
        "separate_bare": Arrangement({role: [*BARE, role] for role in ("driver", "filter", "predictor")}, {}),
        "separate": Arrangement({name: main_of(module) for name, module in NODES.items()}, ours),
        "bringup_bare": Arrangement({"bringup": [*BARE, "driver,filter,predictor"]}, {}),
        "bringup": Arrangement({"bringup": main_of("ankle_predictor.nodes.bringup")}, ours),
    }


def main_of(module: str) -> list[str]:
    """Return arguments of ``python`` that run a module's ``main``."""
    return ["-c", f"import sys; from {module} import main; sys.exit(main())"]
