"""Several processes train one network as one does; when one of them is missing, a sentence says so."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from rigs.joint_fit_child import arrays, trained
from rigs.joint_members import VARIABLE
from rigs.walks import swinging

from ankle_imu_driver.recordings.rosbag_writer import write_bag
from ankle_predictor.model.bundle import load_bundle
from ankle_predictor.model.engine import load_engine
from ankle_predictor.training import joint_training
from ankle_predictor.training.joint_training import learn_together
from ankle_predictor.training.learning import Job
from ankle_predictor.training.needs_tensorflow import NetworkError
from ankle_predictor.training.settings import TrainSettings
from ankle_predictor.training.train import main

TESTS = Path(__file__).resolve().parents[2]


def environment(**more: str) -> dict[str, str]:
    paths = [str(TESTS), str(TESTS.parent), *filter(None, [os.environ.get("PYTHONPATH")])]
    return os.environ | {"PYTHONPATH": os.pathsep.join(paths)} | more


def test_two_processes_train_the_network_that_one_trains(network_module: Any) -> None:
    addresses = joint_training.free_addresses(2)
    members = []
    for rank in range(2):
        task = {"cluster": {"worker": addresses}, "task": {"type": "worker", "index": rank}}
        command = [sys.executable, "-m", "rigs.joint_fit_child"]
        members.append(
            subprocess.Popen(command, env=environment(TF_CONFIG=json.dumps(task)), stdout=subprocess.PIPE, text=True)
        )
    alone = trained(network_module, network_module.fit)
    try:
        together = [json.loads(member.communicate(timeout=300)[0]) for member in members]
    finally:
        for member in members:
            member.kill()
    assert together[0] == together[1]
    untrained = network_module.build_network(network_module.NetworkShape(16, 3, 5, units=3, dropout=0.0), seed=1)
    before, window, change = untrained.get_weights(), *arrays()
    losses = []
    for weights in (before, alone, [np.array(weight, np.float32) for weight in together[0]]):
        untrained.set_weights(weights)
        losses.append(float(network_module.pinball(change, network_module.predict(untrained, window))))
    assert losses[1] < 0.95 * losses[0]
    assert losses[2] == pytest.approx(losses[1], rel=1e-5)
    for one, two, first in zip(alone, together[0], before, strict=True):
        assert np.allclose(one, two, atol=1e-3 * np.abs(one - first).max())


def test_what_two_processes_train_loads_and_forecasts_and_is_found_again(
    network_module: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_bag(tmp_path / "walk", swinging(16.0))
    arguments = ["--log", str(tmp_path / "walk"), "--epochs", "1", "--stride", "20", "--workers", "0"]
    arguments += ["--cache", str(tmp_path / "cache"), "--devices", "2", "--output"]
    assert main([*arguments, str(tmp_path / "models" / "two")]) == 0
    bundle = load_bundle("two", [tmp_path / "models"])
    load_engine(bundle)
    assert bundle.manifest.training.software["devices"] == "2 x CPU"
    assert [metric.log for metric in bundle.manifest.metrics] == ["walk"]
    monkeypatch.setattr(joint_training, "CHILD", "no.such.module")  # would fail
    assert main([*arguments, str(tmp_path / "models" / "again")]) == 0
    assert load_bundle("again", [tmp_path / "models"]).onnx == bundle.onnx


@pytest.mark.parametrize(
    ("does", "sentence"),
    [
        ("join hang;hang", "of the 2 .* did not join within 2 s"),
        ("join hang;die", "worker 2 of the 2 .* was ended by SIGKILL"),
        ("join die;join hang", "worker 1 of the 2 .* was ended by SIGKILL"),
        ("join hang;join", "worker 2 of the 2 .* failed: it ended with 0"),
        ("join hang;join fail", "worker 2 of the 2 .* failed: RuntimeError: out of order"),
        ("join refuse;join hang", "worker 1 of the 2 .*: no such walk"),
        ("join abc;join abd", "different weights"),
    ],
)
def test_a_worker_that_is_missing_or_fails_ends_all_with_a_sentence(
    network_module: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, does: str, sentence: str
) -> None:
    for name, value in environment(**{VARIABLE: does}).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(joint_training, "CHILD", "rigs.joint_members")
    monkeypatch.setattr(joint_training, "JOIN_LIMIT", 2.0 if does == "join hang;hang" else 300.0)
    begin = time.monotonic()
    with pytest.raises(NetworkError, match=sentence):
        learn_together(Job([], TrainSettings(), 1.0, tmp_path), "name", 2)
    assert time.monotonic() - begin < 300.0  # a process hangs for longer
    assert not [child for child in psutil.Process().children() if "rigs.joint_members" in child.cmdline()]


def test_fewer_gpus_than_devices_are_refused(
    network_module: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(network_module, "gpus", lambda: ["one"])
    with pytest.raises(NetworkError, match=r"needs 2 GPUs and there are 1; .*CUDA_VISIBLE_DEVICES=-1"):
        learn_together(Job([], TrainSettings(), 1.0, tmp_path), "name", 2)
