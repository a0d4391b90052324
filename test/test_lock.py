"""requirements-lock.txt has every requirement within its range, with SHA-256 of every file, and nothing else."""

from __future__ import annotations

import importlib.metadata
import platform
import re
import sys

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from rigs.repository import REPOSITORY

RANGES = (
    "requirements.txt",
    "requirements-train.txt",
    "requirements-web.txt",
    "requirements-dev.txt",
    "requirements-ros.txt",
)
LOCK = REPOSITORY / "requirements-lock.txt"
HASH = re.compile(r"--hash=sha256:[0-9a-f]{64}")
KILTED = {"sys_platform": "linux", "platform_machine": "x86_64"}  # the wheels of ROS 2 exist for that alone
PYTHONS = ("3.11", "3.12", "3.13")


def requirements(text: str) -> list[Requirement]:
    lines = (line.partition(" #")[0].strip() for line in text.splitlines())
    return [Requirement(line) for line in lines if line and not line.startswith("#")]


def locked() -> list[tuple[Requirement, list[str]]]:
    """Each locked requirement, and everything that stands behind it."""
    text = re.sub(r"(?m)^#.*\n", "", LOCK.read_text()).replace("\\\n", "")
    entries = [line.partition(" --hash") for line in text.splitlines()]
    return [(Requirement(name), (mark + rest).split()) for name, mark, rest in entries]


def applies(requirement: Requirement, python: str) -> bool:
    environment = {**KILTED, "python_version": python, "python_full_version": f"{python}.0"}
    return requirement.marker is None or requirement.marker.evaluate(environment)


@pytest.mark.parametrize("python", PYTHONS)
def test_every_requirement_is_locked_once_and_within_its_range(python: str) -> None:
    versions: dict[str, list[str]] = {}
    for entry, _ in locked():
        if applies(entry, python):
            versions.setdefault(canonicalize_name(entry.name), []).append(str(entry.specifier))
    wanted = [r for file in RANGES for r in requirements((REPOSITORY / file).read_text()) if applies(r, python)]
    assert len(wanted) > 40
    for requirement in wanted:
        (version,) = versions[canonicalize_name(requirement.name)]
        assert requirement.specifier.contains(version.removeprefix("==")), f"{requirement}: {version}"


def test_every_locked_version_is_exact_and_has_hashes_alone() -> None:
    for entry, hashes in locked():
        (specifier,) = entry.specifier
        assert specifier.operator == "==", entry
        assert not specifier.version.endswith("*"), entry
        assert entry.url is None, entry
        assert hashes, entry
        assert all(HASH.fullmatch(one) for one in hashes), entry


@pytest.mark.skipif(
    sys.prefix != str(REPOSITORY / ".venv") or sys.version_info < (3, 11),
    reason="these tests do not run in the .venv that scripts/setup makes from the lock",
)
def test_what_is_installed_is_what_is_locked() -> None:
    python = ".".join(platform.python_version_tuple()[:2])
    for entry, _ in locked():
        if applies(entry, python):
            installed = importlib.metadata.version(entry.name)
            assert entry.specifier.contains(installed), f"{entry}: {installed} is installed"
