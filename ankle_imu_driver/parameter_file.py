"""What a ROS parameter file says to one node, without ROS: the sections that rclpy applies to it, in rclpy's order."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from ankle_imu_driver.conventions import NODE_NAMES
from ankle_imu_driver.document import MOST_YAML, DocumentError
from ankle_imu_driver.rcl_yaml import Value, read_sections
from ankle_imu_driver.refusal import Refusal
from ankle_imu_driver.regular_file import FileError, read_regular

Sections = Mapping[str, Mapping[str, Value]]


class ParameterFileError(Refusal):
    """The file is not a ROS parameter file; the message says why."""


def read_parameter_file(path: Path, node: str, namespace: str = "") -> dict[str, Value]:
    """Return a node's parameters from a parameter file, as ROS reads it.

    Args:
        path: the YAML file.
        node: the node's name.
        namespace: the node's namespace, with or without slashes around it.

    Returns:
        The values by parameter name, such as ``encoder.joint_name``; nested names are joined by dots.

    Raises:
        ParameterFileError: rcl would refuse the file; one sentence says why.
    """
    return parameters_of(sections_of(path), full_name(node, namespace))


def sections_of(path: Path) -> dict[str, dict[str, Value]]:
    """Return all sections of a parameter file and their parameters.

    Raises:
        ParameterFileError: rcl would refuse the file; one sentence says why.
    """
    try:
        return read_sections(read_regular(path, MOST_YAML))
    except FileError as error:
        raise ParameterFileError(f"parameter file {error}") from error
    except DocumentError as error:
        raise ParameterFileError(f"parameter file {path} cannot be read: {error}") from error


def parameters_of(sections: Sections, name: str) -> dict[str, Value]:
    """Return the parameters of the node with a full name, such as ``/left_ankle/predictor``.

    A later section overrides an earlier one, however general it is.
    """
    values: dict[str, Value] = {}
    for section, parameters in sections.items():
        if applies(section, name):
            values |= parameters
    return values


def applies(section: str, name: str) -> bool:
    """Return whether a section is for the node with a full name.

    ``*`` stands for one name, ``**`` for any number of names with their slashes, none included. Source:
    ``_populate_node_parameters_from_rcl_params`` in ``rclpy/src/rclpy/node.cpp`` of https://github.com/ros2/rclpy.
    """
    absolute = section if section.startswith("/") else f"/{section}"
    return re.fullmatch(absolute.replace("/*", r"(/\w+)"), name, re.ASCII) is not None


def full_name(node: str, namespace: str = "") -> str:
    """Return a node's full name; the namespace may have slashes around it."""
    return "/" + "/".join(part for part in (*namespace.split("/"), node) if part)


def untaken(sections: Sections, namespaces: Iterable[str] = ("",)) -> list[str]:
    """Return the sections that are for none of our nodes in these namespaces."""
    names = [full_name(node, namespace) for namespace in namespaces for node in NODE_NAMES]
    return [section for section in sections if not any(applies(section, name) for name in names)]


def untaken_warning(path: Path, sections: Sections, namespaces: Iterable[str] = ("",)) -> str:
    """Return a sentence that names the sections for none of our nodes in these namespaces; empty if there are none."""
    namespaces = list(namespaces)
    if not (lost := untaken(sections, namespaces)):
        return ""
    there = " or ".join(f"/{namespace.strip('/')}" for namespace in namespaces)
    return (
        f"parameter file {path}: no node takes the section{'s' * (len(lost) > 1)} {', '.join(lost)}; "
        f"the nodes in {there} are {', '.join(NODE_NAMES)}"
    )
