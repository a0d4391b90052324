"""Parameter files as ROS reads them: sections, namespaces, and names with dots or nested."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from rigs.repository import REPOSITORY

from ankle_imu_driver.parameter_file import ParameterFileError, read_parameter_file

FILE = """
/**:
  ros__parameters: {source: replay, shank: {bus_number: 3, address: 104}, foot.address: 105}
/left_ankle/imu_driver:
  ros__parameters: {source: simulator}
imu_driver:
  ros__parameters: {seed: 7}
/**/imu_driver:
  ros__parameters: {rate: 2}
/predictor:
  ros__parameters: {model: anna}
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "leg.yaml"
    path.write_text(FILE)
    return path


@pytest.mark.parametrize(
    ("namespace", "own"),
    [
        ("", {"source": "replay", "seed": 7}),
        ("left_ankle", {"source": "simulator"}),
        ("/left_ankle/", {"source": "simulator"}),
        ("right_ankle", {"source": "replay"}),
    ],
)
def test_a_node_gets_the_parameters_of_its_sections(file: Path, namespace: str, own: dict[str, object]) -> None:
    nested = {"shank.bus_number": 3, "shank.address": 104, "foot.address": 105}
    assert read_parameter_file(file, "imu_driver", namespace) == nested | {"rate": 2} | own


def test_the_packages_own_file_is_read() -> None:
    values = read_parameter_file(REPOSITORY / "config" / "ankle.yaml", "imu_driver", "leg")
    assert (values["source"], values["rate"], values["foot.address"]) == ("replay", 1.0, 105)


@pytest.mark.parametrize(
    "text",
    [
        "- a\n",
        "a: [1",
        "\x00",
        "/**:\n  ros__parameters: [1]\n",
        "/**:\n  ros__parameters: 3\n",
        "a: &a [*a]",
        "[" * 5000,
        "/**:\n  ros__parameters: {a: }\n",
    ],
)
def test_other_files_give_one_sentence(tmp_path: Path, text: str) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text(text)
    with pytest.raises(ParameterFileError, match=r"bad\.yaml") as refusal:
        read_parameter_file(path, "imu_driver")
    assert "\n" not in str(refusal.value)


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo.yaml")
    for path, sentence in (
        (tmp_path, "cannot be read: it is a directory, not a file"),
        (tmp_path / "fifo.yaml", "cannot be read: it is a FIFO, not a file"),
        (tmp_path / "none.yaml", "cannot be read: No such file or directory"),
        (Path("/dev/zero"), "cannot be read: it is a device, not a file"),
    ):
        with pytest.raises(ParameterFileError, match=f"parameter file {path} {sentence}"):
            read_parameter_file(path, "imu_driver")
