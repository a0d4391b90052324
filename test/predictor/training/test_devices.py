"""What trains a network: chosen by one option, before TensorFlow is imported."""

from __future__ import annotations

import os
import subprocess
import sys
from argparse import ArgumentParser
from importlib.util import find_spec

import pytest

from ankle_predictor.training.devices import OFFERED, Devices, add_device_option, gpu_of, hidden_gpus


@pytest.mark.parametrize(
    ("given", "devices"),
    [
        ([], Devices(gpu=True, count=1)),
        (["--devices", "auto"], Devices(gpu=True, count=1)),
        (["--devices", "cpu"], Devices(gpu=False, count=1)),
        (["--devices", "4"], Devices(gpu=True, count=4)),
    ],
)
def test_the_option_says_what_trains(given: list[str], devices: Devices) -> None:
    parser = ArgumentParser()
    add_device_option(parser)
    assert parser.parse_args(given).devices == devices


@pytest.mark.parametrize("given", ["0", "-1", "gpu", "1.5", ""])
def test_anything_else_is_refused_with_what_it_must_be(given: str, capsys: pytest.CaptureFixture[str]) -> None:
    parser = ArgumentParser()
    add_device_option(parser)
    with pytest.raises(SystemExit):
        parser.parse_args(["--devices", given])
    assert f"must be auto, cpu or a number of devices from 1 on, not '{given}'" in capsys.readouterr().err


def test_gpus_are_hidden_unless_they_were_offered_or_chosen() -> None:
    assert hidden_gpus({}) == {"CUDA_VISIBLE_DEVICES": "-1"}
    assert hidden_gpus({OFFERED: "1"}) == {}
    assert hidden_gpus({"CUDA_VISIBLE_DEVICES": "1"}) == {}


def test_each_process_has_a_gpu_of_those_that_are_seen() -> None:
    assert [gpu_of(rank, 2, {}) for rank in range(2)] == ["0", "1"]
    assert [gpu_of(rank, 2, {"CUDA_VISIBLE_DEVICES": "3, GPU-5f"}) for rank in range(2)] == ["3", "GPU-5f"]
    assert gpu_of(1, 0, {"CUDA_VISIBLE_DEVICES": "3"}) == "-1"


@pytest.mark.skipif(find_spec("tensorflow") is None, reason="tensorflow (requirements-train.txt) is not installed")
@pytest.mark.parametrize("offered", [False, True])
def test_tensorflow_sees_what_is_offered_when_it_is_imported(offered: bool) -> None:
    code = "import os\nfrom ankle_predictor.training.devices import offer_gpus\n"
    code += "offer_gpus()\n" if offered else ""
    code += "from ankle_predictor.training import network\nprint(os.environ.get('CUDA_VISIBLE_DEVICES'))"
    environment = {k: v for k, v in os.environ.items() if k not in {"CUDA_VISIBLE_DEVICES", OFFERED}}
    found = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert found.stdout.split()[-1] == ("None" if offered else "-1")
