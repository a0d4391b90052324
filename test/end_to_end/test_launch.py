"""The launch file with the real ``ros2 launch``, if it is installed: all nodes start, and Ctrl-C ends them."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import rclpy
from ankle_predictor_interfaces.msg import AnkleForecast
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from rigs.walks import swinging

from ankle_imu_driver.recordings.rosbag_writer import write_bag

pytest.importorskip("launch_ros", reason="launch_ros is not installed: it comes with ROS 2, not from PyPI")
if shutil.which("ros2") is None:
    pytest.skip("the command ros2 is not on PATH", allow_module_level=True)

DOMAIN = 74
START = 90.0  # s, for three processes on a busy machine, five seconds of standing and a full window


@pytest.fixture
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    monkeypatch.setenv("ROS_AUTOMATIC_DISCOVERY_RANGE", "LOCALHOST")
    monkeypatch.setenv("ROS_DOMAIN_ID", str(DOMAIN))
    monkeypatch.setenv("ROS_LOG_DIR", str(tmp_path / "ros_log"))
    monkeypatch.setenv("HOME", str(tmp_path))  # where the filter saves its calibration
    return dict(os.environ)


@pytest.fixture
def forecasts(environment: dict[str, str]) -> Iterator[Any]:
    """A function that waits for the first forecast in the namespace ``leg``, or in another one."""
    context = Context()
    rclpy.init(context=context, domain_id=DOMAIN)
    node = rclpy.create_node("listener", context=context)
    executor = SingleThreadedExecutor(context=context)
    executor.add_node(node)

    def wait(namespace: str = "leg") -> AnkleForecast:
        heard: list[AnkleForecast] = []
        node.create_subscription(AnkleForecast, f"/{namespace}/forecast_detail", heard.append, 10)
        end = time.monotonic() + START
        while time.monotonic() < end:
            executor.spin_once(timeout_sec=0.1)
            made = [message for message in heard if len(message.angle)]  # whatever warning it comes with
            if made:
                return made[0]
        raise AssertionError(f"no forecast within {START} s; {len(heard)} reports why there is none")

    yield wait
    rclpy.shutdown(context=context)


def launch(*arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        ["ros2", "launch", "ankle_predictor", "ankle.launch.py", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


@pytest.mark.parametrize(("arguments", "processes"), [(["rate:=2", "side:=left"], 3), (["composed:=true"], 1)])
def test_all_nodes_start_and_ctrl_c_ends_them(forecasts: Any, arguments: list[str], processes: int) -> None:
    run = launch("source:=simulator", "namespace:=leg", *arguments)
    try:
        forecast = forecasts()
    finally:
        os.killpg(run.pid, signal.SIGINT)  # to all processes at once, as a terminal does
        output, _ = run.communicate(timeout=30)
    assert forecast.model == "base"
    assert len(forecast.angle) == 50
    assert output.count("process has finished cleanly") == processes, output
    assert "Traceback" not in output
    assert "sending signal 'SIGTERM'" not in output
    simulated_time = forecast.header.stamp.sec < 1_000_000
    assert simulated_time == ("rate:=2" in arguments)
    # The calibration of a simulated wearer must not be saved: it would be used for the next real one.
    assert not list(Path(os.environ["HOME"]).rglob("calibration*"))


def test_calibration_and_rate_of_a_log_in_the_parameter_file_are_used(forecasts: Any, tmp_path: Path) -> None:
    write_bag(tmp_path / "bag", swinging(120.0))
    file = tmp_path / "leg.yaml"
    file.write_text(f"/leg/imu_driver:\n  ros__parameters: {{log: {tmp_path / 'bag'}, rate: 2.0}}\n")
    run = launch(f"params_file:={file}", "namespace:=leg")
    try:
        forecast = forecasts()
    finally:
        os.killpg(run.pid, signal.SIGINT)
        output, _ = run.communicate(timeout=30)
    assert forecast.header.stamp.sec < 1_000_000
    assert "Traceback" not in output


def test_both_legs_start_in_one_process_and_a_killed_one_comes_back(forecasts: Any) -> None:
    run = launch("source:=simulator", "sides:=both", "composed:=true", "namespace:=exo")
    try:
        found = [forecasts(f"exo/{side}_ankle") for side in ("left", "right")]
        before = pids_of("bringup", run.pid)
        os.kill(before[0], signal.SIGKILL)
        again = forecasts("exo/left_ankle")
    finally:
        os.killpg(run.pid, signal.SIGINT)
        output, _ = run.communicate(timeout=30)
    assert [forecast.joint_name for forecast in found] == ["left_ankle", "right_ankle"]
    assert again.joint_name == "left_ankle"
    assert output.count("process started with pid") == 2, output


def pids_of(executable: str, session: int) -> list[int]:
    """The processes of an executable in a session."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            command, stat = (folder / "cmdline").read_bytes().split(b"\0"), (folder / "stat").read_text()
        except OSError:  # it has ended
            continue
        if int(stat.rpartition(")")[2].split()[3]) == session and any(
            Path(os.fsdecode(word)).name == executable for word in command
        ):
            found.append(int(folder.name))
    return found


@pytest.mark.parametrize(
    ("argument", "sentence"),
    [
        ("log:=nowhere.txt", "nowhere.txt does not exist; give a logger's TXT or a rosbag2"),
        ("rate:=fast", "rate must be a number, not 'fast'"),
        ("composed:=maybe", "composed must be true or false, not 'maybe'"),
        ("sides:=three", "sides must be left or right or both, not 'three'"),
        ("left_model:=anna", "left_model needs sides:=both or sides:=left; for a single leg give model"),
        ("params_file:=nowhere.yaml", "parameter file nowhere.yaml cannot be read"),
    ],
)
def test_a_wrong_argument_gives_one_sentence(environment: dict[str, str], argument: str, sentence: str) -> None:
    run = launch(argument)
    output, _ = run.communicate(timeout=60)
    assert run.returncode != 0
    assert sentence in output
    assert "Traceback" not in output
