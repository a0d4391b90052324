"""What the launch file starts for which leg, from its arguments and the parameter file. No ROS here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ankle_imu_driver.conventions import NODE_NAMES, SENSORS, SIDES
from ankle_imu_driver.mpu6050_parameters import PARAMETERS
from ankle_imu_driver.parameter_file import Sections, full_name, parameters_of
from ankle_imu_driver.recordings.read_recording import is_calibration_file
from ankle_imu_driver.refusal import Refusal
from ankle_predictor.nodes.source_defaults import source_defaults
from ankle_predictor.nodes.two_legs import BOTH, joint_of_leg, leg_namespace, leg_prefix, step_of_leg

OF_A_LEG = ("model", "calibration_file")  # arguments that exist once more for each leg, such as left_model
COPIED = ("source", "log", "leg", "model", "calibration_file", "side", "frame_prefix", "joint_name")
CHOICES = {
    "sides": ("", *SIDES, BOTH),
    "side": ("", *SIDES),
    "composed": ("true", "false"),
    "driver": ("true", "false"),
    "respawn": ("true", "false"),
    "rviz": ("true", "false"),
    "autostart": ("", "true", "false"),
    "use_sim_time": ("", "true", "false"),
}


@dataclass(frozen=True)
class LegPlan:
    """The nodes of one leg.

    Attributes:
        namespace: of its nodes, absolute.
        parameters: what they are given beyond the parameter file; each ignores what it does not declare.
        respawns: whether a process that ended is started again.
    """

    namespace: str
    parameters: dict[str, Any] = field(default_factory=dict)
    respawns: bool = True

    def sections(self) -> dict[str, dict[str, dict[str, Any]]]:
        """Return the content of a parameter file with a section for each node, by its whole name.

        Such a section wins over all general ones that come before it.
        """
        return {full_name(node, self.namespace): {"ros__parameters": dict(self.parameters)} for node in NODE_NAMES}


def check_arguments(given: Mapping[str, str]) -> dict[str, str]:
    """Return the arguments with ``true`` and ``false`` in small letters.

    Raises:
        Refusal: one has a value that it cannot have, or does not fit another one.
    """
    checked = {name: value.lower() if name in CHOICES else value for name, value in given.items()}
    for name, choices in CHOICES.items():
        if checked.get(name, choices[0]) not in choices:
            allowed = " or ".join(choice for choice in choices if choice)
            raise Refusal(f"{name} must be {allowed}, not {given[name]!r}")
    if checked["composed"] == "true" and checked["driver"] == "false":
        raise Refusal("composed:=true also runs our driver; with driver:=false leave it out")
    sides = checked["sides"]
    if sides and checked["side"] not in ("", sides):
        raise Refusal(f"side {checked['side']} contradicts sides {sides}; give one of them")
    for side in SIDES:
        for name in OF_A_LEG:
            if checked[f"{side}_{name}"] and sides not in (side, BOTH):
                raise Refusal(f"{side}_{name} needs sides:={BOTH} or sides:={side}; for a single leg give {name}")
    if sides == BOTH and checked["calibration_file"] and is_calibration_file(Path(checked["calibration_file"])):
        raise Refusal(
            "calibration_file is the calibration of one leg; give left_calibration_file and right_calibration_file"
        )
    return checked


def plan_legs(given: Mapping[str, str], sections: Sections, outer: str = "") -> list[LegPlan]:
    """Return what to start for each leg.

    Args:
        given: the launch arguments, checked; empty where not given.
        sections: those of the parameter file.
        outer: the namespace that the launch file was included into.

    Raises:
        Refusal: two legs would read the same sensors, a section of the file would override an argument, or the log
            cannot be read.
    """
    parent = f"{outer}/{given['namespace']}"
    if given["namespace"].startswith("/"):
        parent = given["namespace"]
    sides = SIDES if given["sides"] == BOTH else (given["sides"],)
    plans = [_leg(given, sections, side, parent) for side in sides]
    for plan in plans:
        _check_sections(plan, sections)
    if len(plans) > 1 and given["driver"] == "true":
        _check_wiring([_settings(sections, "imu_driver", plan) for plan in plans])
    return plans


def _leg(given: Mapping[str, str], sections: Sections, side: str, parent: str) -> LegPlan:
    """Return the plan of one leg; ``side`` is empty for a single leg without a namespace of its own."""
    own: dict[str, Any] = {name: given[name] for name in COPIED if given[name]}
    namespace = full_name("", parent).rstrip("/") or "/"
    if given["source"] == "" and given["log"]:
        own["source"] = "replay"
    if side:
        own |= {name: given[f"{side}_{name}"] for name in OF_A_LEG if given[f"{side}_{name}"]}
        own |= {
            "side": side,
            "frame_prefix": given["frame_prefix"] + leg_prefix(side),
            "joint_name": joint_of_leg(side, given["joint_name"]),
        }
        namespace = leg_namespace(side, parent)
        if given["sides"] == BOTH:
            own |= step_of_leg(side, parent)
    own |= {name: given[name] == "true" for name in ("autostart", "use_sim_time") if given[name]}
    driver = parameters_of(sections, full_name("imu_driver", namespace)) | own
    if given["rate"]:
        own["rate"] = driver["rate"] = _number("rate", given["rate"])
    if given["driver"] == "true":
        own |= _following(driver, parameters_of(sections, full_name("orientation_filter", namespace)) | own, namespace)
        if given["rate"] and "use_sim_time" not in own:
            own["use_sim_time"] = False
    respawns = given["respawn"] == "true" and not driver.get("exit_at_end", False)
    return LegPlan(namespace, own, respawns)


def _following(driver: Mapping[str, Any], orientation: Mapping[str, Any], namespace: str) -> dict[str, Any]:
    """Return the settings of filter and predictor that follow from the driver's source."""
    given = ("calibration_file", "calibration_save")
    settings = {**driver, **{name: orientation[name] for name in given if name in orientation}}
    names = ("source", "log", "leg", "bus", "rate", *given)
    return source_defaults(**{name: settings[name] for name in names if name in settings}, namespace=namespace)


def _check_sections(plan: LegPlan, sections: Sections) -> None:
    """Refuse a file in which a general section after one for a node would override an argument.

    rcl applies the sections in the order in which it first saw them, over all files.
    """
    for node in NODE_NAMES:
        name = full_name(node, plan.namespace)
        merged = {section: dict(values) for section, values in sections.items()}
        merged[name] = {**merged.get(name, {}), **plan.parameters}
        found = parameters_of(merged, name)
        lost = sorted(key for key, value in plan.parameters.items() if found[key] != value)
        if lost:
            raise Refusal(
                f"params_file: a general section comes after {name} and would override {', '.join(lost)} of the launch "
                "arguments; put general sections such as /** first"
            )


def _settings(sections: Sections, node: str, plan: LegPlan) -> dict[str, Any]:
    return {**parameters_of(sections, full_name(node, plan.namespace)), **plan.parameters}


def _check_wiring(drivers: Sequence[Mapping[str, Any]]) -> None:
    """Refuse two legs with the same sensor, which would both be wrong half of the time."""
    taken: set[tuple[int, int]] = set()
    for driver in drivers:
        if driver.get("source") != "mpu6050" or driver.get("bus", PARAMETERS["bus"]) == "emulated":
            return
        for sensor in SENSORS:
            place = tuple(
                driver.get(f"{sensor}.{key}", PARAMETERS[f"{sensor}.{key}"]) for key in ("bus_number", "address")
            )
            if place in taken:
                raise Refusal(
                    f"both legs would read the sensor at address {place[1]:#x} of /dev/i2c-{place[0]}; give each leg "
                    "its bus_number in params_file, as config/two_legs.yaml does"
                )
            taken.add((place[0], place[1]))


def _number(name: str, value: str) -> float:
    try:
        return float(value)
    except ValueError:
        raise Refusal(f"{name} must be a number, not {value!r}") from None


def expanded_paths(given: Mapping[str, str]) -> dict[str, str]:
    """Return the arguments with ``~`` replaced in those that are paths."""
    paths = ("params_file", "log", "calibration_file", *(f"{side}_calibration_file" for side in SIDES))
    return {name: str(Path(value).expanduser()) if name in paths and value else value for name, value in given.items()}
