"""The link to ROS with the real nodes: what is heard of them, what they are asked for, and what if they end."""

from __future__ import annotations

import asyncio
import math
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from rigs.dashboard_rig import lone_bringup

from ankle_imu_driver.conventions import OK
from ankle_imu_driver.recordings.recording import RecordingError
from ankle_imu_driver.recordings.rosbag_reader import read_bag
from ankle_predictor.dashboard.leg_tasks import LinkError
from ankle_predictor.dashboard.recorder import Recorder
from ankle_predictor.dashboard.ros_link import RosLink, ros_link
from ankle_predictor.nodes.child_process import NodesProcess, private_environment

PATIENCE = 120.0  # s, on a computer that has other things to do


def until(condition: Callable[[], object]) -> None:
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """A domain of its own, also for the nodes of this process."""
    private = private_environment(os.environ)
    for name, value in private.items():
        monkeypatch.setenv(name, value)
    return private


@pytest.fixture
def link(environment: dict[str, str], tmp_path: Path) -> Iterator[RosLink]:
    failures: list[bool] = []
    with ros_link([], Recorder(tmp_path / "recordings"), [], lambda: failures.append(True)) as made:
        yield made
        assert not failures, "the ROS thread ended"


@pytest.fixture
def nodes(environment: dict[str, str], tmp_path: Path) -> Iterator[NodesProcess]:
    """A simulated person with a left leg whose plantarflexion is positive, in a namespace."""
    parameters = {"joint_sign": -1.0, "joint_offset": 0.5, "side": "left"}
    with lone_bringup(environment, tmp_path, parameters, "/left_ankle") as running:
        yield running


def test_a_leg_is_found_seen_asked_and_lost(link: RosLink, nodes: NodesProcess, tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match="no leg"):
        link.start_recording()
    until(lambda: link.legs)
    (namespace, leg), *others = link.legs.items()
    assert (namespace, others) == ("/left_ankle", [])
    until(lambda: math.isfinite(leg.view().ahead))
    link.start_recording()
    view = leg.view()
    assert leg.side == "left"
    assert leg.models_dir == tmp_path / "models"
    assert abs(view.angle) < 15.0, "the offset of 0.5 rad is taken off"
    assert view.model == "base"
    assert view.diagnostics["imu_driver"][0] == OK, view.diagnostics
    until(lambda: math.isfinite(leg.view().shank) and math.isfinite(leg.view().foot))
    view = leg.view()
    assert view.angle == pytest.approx(view.shank - view.foot, abs=15.0), "dorsiflexion is positive again"

    assert "base" in asyncio.run(leg.load("base"))
    with pytest.raises(LinkError, match="missing"):
        asyncio.run(leg.load("missing"))
    adapted = asyncio.run(leg.adapt("anna", 1.0, "imu", lambda *_: None))
    assert not adapted.success, "one second is too short"
    assert adapted.message

    until(lambda: link.recorder.state.seconds > 1.5)
    link.stop_recording()
    path = link.recorder.state.path
    assert path is not None
    recording = read_bag(path)
    assert len(recording.shank.stamp) > 50
    assert recording.encoder is not None
    assert recording.calibration is not None
    assert recording.calibration == leg.calibration

    nodes.stop()
    until(lambda: leg.view().status.headline == "The leg is silent")
    with pytest.raises(LinkError, match="is it running"):
        asyncio.run(leg.calibrate())
