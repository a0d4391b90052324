"""Reads the parameters of one node from a ROS parameter file, without ROS."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ankle_imu_driver.document import MOST_YAML, DocumentError, parse_yaml, shown
from ankle_imu_driver.refusal import Refusal
from ankle_imu_driver.regular_file import FileError, read_regular


class ParameterFileError(Refusal):
    """The file is not a ROS parameter file; the message says why."""


def read_parameter_file(path: Path, node: str, namespace: str = "") -> dict[str, Any]:
    """Return a node's parameters from a parameter file, as ROS reads it: later sections override earlier ones.

    Args:
        path: the YAML file.
        node: the node's name.
        namespace: the node's namespace, with or without slashes around it.

    Returns:
        The values by parameter name, such as ``encoder.joint_name``; nested names are joined by dots.

    Raises:
        ParameterFileError: the file cannot be read or has no sections; one sentence says why.
    """
    try:
        content = parse_yaml(read_regular(path, MOST_YAML))
    except FileError as error:
        raise ParameterFileError(f"parameter file {error}") from error
    except DocumentError as error:
        raise ParameterFileError(f"parameter file {path} cannot be read: {error}") from error
    if not isinstance(content, Mapping):
        raise ParameterFileError(f"parameter file {path} has no sections for nodes, such as /**")
    name = "/".join(part for part in (*namespace.split("/"), node) if part)
    values: dict[str, Any] = {}
    for section, body in content.items():
        if section in ("/**", f"/**/{node}", f"/{name}", name) and isinstance(body, Mapping):
            parameters = body.get("ros__parameters") or {}
            if not isinstance(parameters, Mapping):
                raise ParameterFileError(
                    f"parameter file {path}: ros__parameters of {section} must be names and values, "
                    f"not {shown(parameters)}"
                )
            values |= dict(_flat(parameters))
    return values


def _flat(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value
