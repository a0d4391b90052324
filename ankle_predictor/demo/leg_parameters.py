"""What of the nodes' parameters a demo takes from ``--side`` and ``--params-file``."""

from __future__ import annotations

from pathlib import Path

from ankle_imu_driver.conventions import check_side
from ankle_imu_driver.parameter_file import full_name, parameters_of, sections_of
from ankle_predictor.nodes.child_process import Parameter

NODES = ("imu_driver", "orientation_filter", "predictor")
# The demo decides itself what is played and where its results go, and publishes dorsiflexion.
OF_THE_DEMO = {
    "autostart", "use_sim_time", "source", "log", "leg", "rate", "loop", "exit_at_end", "bus", "calibration_file",
    "calibration_save", "joint_name", "joint_sign", "joint_offset", "frame_prefix",
}  # fmt: skip
CONVENTION = ("joint_sign", "joint_offset")


def leg_parameters(side: str | None, params_file: Path | None, namespace: str = "") -> dict[str, Parameter]:
    """Return parameters as ``node:name``, as the nodes would get them from the file, but for what the demo decides.

    The published angle follows the encoder's convention, so that one can be compared with the other.

    Args:
        side: overrides the file's; None if it was not given.
        params_file: None for the nodes' defaults.
        namespace: of the nodes, whose sections of the file count.

    Raises:
        Refusal: the file cannot be read; one sentence says why.
    """
    found: dict[str, Parameter] = {}
    if params_file is not None:
        sections = sections_of(params_file)
        for node in NODES:
            for name, value in parameters_of(sections, full_name(node, namespace)).items():
                if name not in OF_THE_DEMO and value is not None:
                    found[f"{node}:{name}"] = value
        for name in CONVENTION:
            if (value := found.get(f"predictor:encoder.{name}")) is not None:
                found |= {f"{node}:{name}": value for node in ("orientation_filter", "predictor")}
    if side is not None:
        check_side(side)
        found |= {f"{node}:side": side for node in NODES}
    return found
