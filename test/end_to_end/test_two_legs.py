"""Both legs in one process, from a bag with two legs: each reads its own and forecasts under its own name."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ankle_predictor_interfaces.msg import AnkleForecast
from rigs.node_bench import DEEP, LOCAL, Bench, bench, stamp_of
from rigs.tiny_bundle import write_tiny_bundle
from rigs.walks import swinging
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import Imu, JointState

from ankle_imu_driver.recordings.rosbag_writer import write_legs
from ankle_predictor.model.features import FeatureSpec

pytest.importorskip("onnx", reason="onnx, which comes with the training requirements, is not installed")

CODE = "import sys; from ankle_predictor.nodes.bringup import main; sys.exit(main())"
SIDES = ("left", "right")
START = 120.0  # s; each node reads the bag, which takes its time on a busy computer


@pytest.fixture
def table() -> Iterator[Bench]:
    with bench() as made:
        yield made


@pytest.fixture
def heard(table: Bench) -> dict[str, list[Any]]:
    kinds = {"forecast_detail": AnkleForecast, "joint_states": JointState, "foot/imu/data_raw": Imu}
    got: dict[str, list[Any]] = {}
    for topic, kind in [("/clock", Clock), *((f"/exo/{s}_ankle/{t}", k) for s in SIDES for t, k in kinds.items())]:
        got[topic] = []
        table.listener.create_subscription(kind, topic, got[topic].append, DEEP)
    return got


@pytest.mark.parametrize("rate", [1.0, 0.9])
def test_each_leg_of_a_bag_is_forecast_by_itself_and_in_step(
    table: Bench, heard: dict[str, list[Any]], tmp_path: Path, rate: float
) -> None:
    models = tmp_path / "models"
    write_tiny_bundle(models, "tiny", FeatureSpec(window=50))
    walks = {side: swinging(20.0, seed=1, jitter=0.002 * (side == "left")) for side in SIDES}
    write_legs(tmp_path / "bag", {f"exo/{side}_ankle": walk for side, walk in walks.items()})
    own = {"log": tmp_path / "bag", "rate": rate, "model": "tiny", "models_dir": models, "loop": "true"}
    process = subprocess.Popen(
        [sys.executable, "-c", CODE, "--sides", "both", "--parent", "exo", "--ros-args"]
        + [
            word
            for name, value in own.items()
            for word in ("-p", f"{name}:={str(value).lower() if value is True else value}")
        ],
        env={**os.environ, **LOCAL},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        table.until(
            lambda: all(len(heard[f"/exo/{side}_ankle/joint_states"]) > 100 for side in SIDES) or process.poll()
        )
    finally:
        process.send_signal(signal.SIGINT)
        output, _ = process.communicate(timeout=60)
    assert process.returncode == 0, output
    assert "Traceback" not in output
    begin = {}
    for side in SIDES:
        name = f"/exo/{side}_ankle"
        assert {m.joint_name for m in heard[f"{name}/forecast_detail"]} == {f"{side}_ankle"}
        assert heard[f"{name}/joint_states"][-1].name == [f"{side}_ankle"]
        assert heard[f"{name}/foot/imu/data_raw"][0].header.frame_id == f"{side}_foot_imu_link"
        begin[side] = np.array([stamp_of(m) for m in heard[f"{name}/foot/imu/data_raw"]])
    # The legs have one clock: what was recorded together has the same stamp, but for the left one's jitter.
    nearest = np.min(np.abs(begin["left"][:, np.newaxis] - begin["right"]), axis=1)
    assert np.median(nearest) < 3_000_000
    assert bool(heard["/clock"]) == (rate != 1.0)
