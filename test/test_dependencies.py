"""docs/dependencies.md, package.xml, setup.py, the requirements files and the imports name the same dependencies."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from typing import Any
from xml.etree import ElementTree

from rigs.repository import REPOSITORY

PACKAGES = ("ankle_imu_driver", "ankle_predictor")
REQUIREMENTS = (
    "requirements.txt",
    "requirements-train.txt",
    "requirements-web.txt",
    "requirements-dev.txt",
    "requirements-ros.txt",
)


def documented(column: int, section: str = "") -> set[str]:
    """The names in one column of the tables: 0 imports, 1 package.xml, 2 PyPI."""
    names: set[str] = set()
    title = ""
    for line in (REPOSITORY / "docs" / "dependencies.md").read_text().splitlines():
        title = line.removeprefix("## ") if line.startswith("## ") else title
        cells = line.strip("|").split("|")
        if len(cells) == 5 and section in title:
            names.update(re.findall("`(.+?)`", cells[column]))
    assert names
    return names


def imported() -> Iterator[str]:
    for package in PACKAGES:
        for file in (REPOSITORY / package).rglob("*.py"):
            for node in ast.walk(ast.parse(file.read_text())):
                if isinstance(node, ast.Import):
                    yield from (alias.name for alias in node.names)
                elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                    yield node.module


def required(*files: str) -> set[str]:
    text = "\n".join((REPOSITORY / file).read_text() for file in files)
    return set(re.findall(r"^([A-Za-z][\w.-]*)", text, re.MULTILINE))


def from_package_xml() -> set[str]:
    tree = ElementTree.parse(REPOSITORY / "package.xml")
    return {str(element.text) for element in tree.getroot() if element.tag.endswith("depend")}


def from_setup_py(argument: str) -> Any:
    for node in ast.walk(ast.parse((REPOSITORY / "setup.py").read_text())):
        if isinstance(node, ast.keyword) and node.arg == argument:
            return ast.literal_eval(node.value)
    raise AssertionError(f"setup.py has no {argument}")


def test_the_wheels_of_jazzy_are_those_of_kilted_and_what_its_ament_cmake_ros_asks_for() -> None:
    kilted = {re.sub("^ros-", "ros-jazzy-", name) for name in required("requirements-ros.txt")}
    jazzy = required("requirements-ros-jazzy.txt")
    assert kilted - jazzy == {"ros-jazzy-ament-cmake-ros-core"}
    builds_tests = {"ament-cmake-gmock", "ament-cmake-gtest", "ament-cmake-pytest", "gmock-vendor", "gtest-vendor"}
    own = {*builds_tests, "ament-cmake-ros", "domain-coordinator", "python-cmake-module"}
    assert jazzy - kilted == {f"ros-jazzy-{name}" for name in own}


def test_every_import_is_documented() -> None:
    third_party = {name.split(".")[0] for name in imported()} - set(sys.stdlib_module_names) - set(PACKAGES)
    at_run_time = set().union(*(documented(0, section) for section in ("run time", "Training", "Web page", "ROS 2")))
    assert third_party == at_run_time


def test_package_xml_is_as_documented() -> None:
    assert from_package_xml() == documented(1)


def test_setup_py_and_requirements_are_as_documented() -> None:
    assert set(from_setup_py("install_requires")) == required("requirements.txt") == documented(2, "run time")
    assert required("requirements-train.txt") == documented(2, "Training")
    assert set(from_setup_py("extras_require")["web"]) == required("requirements-web.txt") == documented(2, "Web page")
    assert required(*REQUIREMENTS) == documented(2)
