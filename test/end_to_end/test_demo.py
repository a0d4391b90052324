"""``demo`` as a user runs it, with all its processes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import psutil
import pytest
from rosbags.rosbag2 import Reader

from ankle_imu_driver.recordings.read_recording import read_recording
from ankle_imu_driver.recordings.recording import ImuSamples, Recording
from ankle_imu_driver.recordings.rosbag_writer import write_bag
from ankle_predictor.demo.cli import main
from ankle_predictor.demo.recorded_run import read_run
from ankle_predictor.nodes.topics import TOPICS

PNG = b"\x89PNG\r\n\x1a\n"


def start(folder: Path, *arguments: object) -> subprocess.Popen[str]:
    """The demo as started by a user with a ROS domain of their own."""
    return subprocess.Popen(
        [sys.executable, "-m", "ankle_predictor.demo.cli", *map(str, arguments)],
        cwd=folder,
        env=os.environ | {"ROS_DOMAIN_ID": "33", "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # Whoever runs the tests in the background has Ctrl-C ignored, and children inherit that.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509
    )


def nodes_left(folder: Path) -> list[str]:
    """Command lines of nodes that still run for the demo with this output folder."""
    commands = (" ".join(process.info["cmdline"] or []) for process in psutil.process_iter(["cmdline"]))
    return [command for command in commands if "bringup" in command and str(folder) in command]


def check_results(folder: Path, figures: dict[str, object], seconds: float) -> None:
    # A busy computer processes some pairs too late, and late forecasts are withheld.
    assert figures["forecasts"] >= 0.7 * figures["expected"] > 0
    assert figures["model"] == "base"
    assert 0 < figures["latency_ms"]["p50"] <= figures["latency_ms"]["p99"]
    assert (folder / "forecast.png").read_bytes().startswith(PNG)
    with Reader(folder / "recording") as bag:
        recorded = {topic.lstrip("/"): info.msgcount for topic, info in bag.topics.items()}
    assert set(recorded) == set(TOPICS)
    assert recorded["forecast"] >= figures["forecasts"]
    run = read_run(folder / "recording", seconds)
    assert run.forecast_stamp[-1] == pytest.approx(seconds, abs=0.5)
    assert np.mean(np.isfinite(run.lower)) > 0.95
    assert not np.any(run.lower > run.forecast + 1e-9)
    assert not np.any(run.upper < run.forecast - 1e-9)
    assert nodes_left(folder) == []


@pytest.mark.parametrize("emulated", [(), ("--emulated",)], ids=["replayed", "through emulated sensors"])
def test_a_recorded_walk_end_to_end(walks_dir: Path, tmp_path: Path, emulated: tuple[str, ...]) -> None:
    # Long enough for the two seconds in which the log's calibration is confirmed to be a small part.
    folder = tmp_path / "a walk"
    log, figures_file = walks_dir / "LOG10.TXT", "o.json"
    demo = start(
        tmp_path, "--log", log, "--seconds", 12, "--headless", "--json", figures_file, "--output", folder, *emulated
    )
    out, err = demo.communicate(timeout=120)
    assert demo.returncode == 0, err
    assert "forecasts of those possible" in out
    figures = json.loads((tmp_path / "o.json").read_text())
    check_results(folder, figures, 12.0)
    assert figures["mae_h20_deg"] < figures["mae_h50_deg"] < 6.0
    assert figures["angle_mae_deg"] < 3.0
    assert figures["adaptation"] is None
    # the recording can be read as a walk with its calibration
    again = read_recording(folder / "recording")
    assert again.calibration is not None
    assert again.encoder is not None


def test_the_simulator_end_to_end(tmp_path: Path) -> None:
    demo = start(tmp_path, "--seconds", 10, "--json", "o.json")
    out, err = demo.communicate(timeout=120)
    assert demo.returncode == 0, err
    assert "not calibrated" in out or "warming up" in out  # the lines of the live view without a terminal
    assert "adapting to the new user is skipped: 10 s are too short" in out
    figures = json.loads((tmp_path / "o.json").read_text())
    (folder,) = (tmp_path / "demo_output").iterdir()
    check_results(folder, figures, 10.0)
    assert figures["mae_h50_deg"] < 15.0
    assert figures["adaptation"]["success"] is False
    assert figures["adaptation"]["message"].startswith("skipped")
    assert "calibrated by standing" in (folder / "nodes.log").read_text()
    calibration = read_recording(folder / "recording").calibration
    assert calibration is not None, "the recording can be run through again"
    assert "standing" in calibration.source


def test_ctrl_c_ends_it_in_order_and_without_encoder_the_imus_score(walks_dir: Path, tmp_path: Path) -> None:
    walk = read_recording(walks_dir / "LOG10.TXT")
    shank, foot = (ImuSamples(s.stamp[:2000], s.accel[:2000], s.gyro[:2000]) for s in (walk.shank, walk.foot))
    write_bag(tmp_path / "bare", Recording("bare", shank, foot, None, walk.calibration))
    demo = start(tmp_path, "--log", tmp_path / "bare", "--headless", "--json", "o.json", "--output", "out")
    recording = tmp_path / "out" / "recording" / "recording.mcap"
    until = time.monotonic() + 60
    while not (recording.exists() and recording.stat().st_size > 1_500_000):  # some 3.5 s
        assert time.monotonic() < until
        assert demo.poll() is None
        time.sleep(0.1)
    demo.send_signal(signal.SIGINT)
    out, err = demo.communicate(timeout=60)
    assert demo.returncode == 130, err
    assert "bare has no encoder" in out
    assert "Traceback" not in err
    figures = json.loads((tmp_path / "o.json").read_text())
    assert figures["forecasts"] > 0
    assert figures["labels"] == "IMUs"
    assert figures["angle_mae_deg"] is None
    assert figures["mae_h50_deg"] is None or figures["mae_h50_deg"] < 20.0
    assert set(figures["mountings"]) == {"shank.mounting", "foot.mounting"}
    assert nodes_left(tmp_path) == []


@pytest.mark.parametrize(
    ("arguments", "status", "sentence"),
    [
        (["--log", "nowhere.txt"], 1, "nowhere.txt does not exist"),
        (["--log", __file__], 1, "test_demo.py"),
        (["--json", "nowhere/o.json"], 1, "no folder nowhere"),
        (["--seconds", "0"], 2, "above 0"),
        (["--output", "."], 1, "not empty"),
    ],
)
def test_wrong_arguments_are_refused_before_anything_starts(
    arguments: list[str],
    status: int,
    sentence: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    if status == 2:  # argparse's own
        with pytest.raises(SystemExit, match="2"):
            main(arguments)
    else:
        assert main(arguments) == status
    message = capsys.readouterr().err
    assert sentence in message
    assert "Traceback" not in message
    assert sorted(p.name for p in tmp_path.iterdir()) == ["file"]


def test_a_run_too_short_to_forecast_says_so_and_fails(walks_dir: Path, tmp_path: Path) -> None:
    demo = start(tmp_path, "--log", walks_dir / "LOG2.TXT", "--seconds", 1, "--headless")
    _, err = demo.communicate(timeout=60)
    assert demo.returncode == 1
    assert err.startswith("demo: no forecast came")
    assert "warming up" in err
    assert nodes_left(tmp_path) == []
