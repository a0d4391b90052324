"""The demo: its parts without ROS, and the whole of it as a user runs it, over processes."""

from __future__ import annotations

import io
import json
import math
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from ankle_predictor_interfaces.action import AdaptToUser
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console
from rigs.tiny_bundle import write_tiny_bundle
from rigs.walks import swinging
from rosbags.rosbag2 import Reader

from ankle_imu_driver.recordings.read_recording import read_recording
from ankle_imu_driver.recordings.recording import ImuSamples, Recording
from ankle_imu_driver.recordings.rosbag_writer import write_bag
from ankle_predictor.demo import adapting
from ankle_predictor.demo.before_after import compare
from ankle_predictor.demo.braille import Canvas
from ankle_predictor.demo.cli import main
from ankle_predictor.demo.plot import draw, typical_span
from ankle_predictor.demo.recorded_run import RecordedRun, read_run
from ankle_predictor.demo.summary import expected_forecasts, summarise
from ankle_predictor.demo.view import Frame, Snapshot, as_line, status_words
from ankle_predictor.model.bundle import load_bundle
from ankle_predictor.model.engine import InferenceEngine, load_engine
from ankle_predictor.model.features import FeatureSpec
from ankle_predictor.nodes.child_process import free_domain, private_environment
from ankle_predictor.nodes.topics import TOPICS
from ankle_predictor.offline.log_forecasts import forecast_log

PNG = b"\x89PNG\r\n\x1a\n"


def made_up_run(seconds: float = 12.0, off: float = math.radians(2.0), encoder: bool = True) -> RecordedRun:
    """A sine of 1 Hz, forecast with a constant error of ``off`` and a slightly wider interval."""
    stamp = np.arange(0.0, seconds, 0.01)
    angle = 0.2 * np.sin(2 * math.pi * stamp)
    made = stamp[199:]
    due = made[:, np.newaxis] + 0.01 * np.arange(1, 51)
    forecast = 0.2 * np.sin(2 * math.pi * due) + off
    nothing = np.empty(0)
    return RecordedRun(
        sensor_rate=100.0,
        pair_stamp=stamp,
        angle_stamp=stamp,
        angle=angle + math.radians(1.0),
        encoder_stamp=stamp if encoder else nothing,
        encoder=angle if encoder else nothing,
        forecast_stamp=made,
        forecast_model=("base",) * len(made),
        forecast=forecast,
        lower=forecast - 1.1 * off,
        upper=forecast + 1.1 * off,
        latency=np.full(len(made), 0.004),
        period=0.01,
        model="base",
    )


def test_figures_of_a_run_that_is_known() -> None:
    summary = summarise(made_up_run(), FeatureSpec())
    assert summary.forecasts == summary.expected == 1001
    assert summary.scored == 1001 - 50  # the encoder ends before the last ones come due
    assert summary.rate_hz == pytest.approx(100.0)
    assert summary.mae_h20_deg == pytest.approx(2.0, abs=0.01)
    assert summary.mae_h50_deg == pytest.approx(2.0, abs=0.01)
    assert summary.angle_mae_deg == pytest.approx(1.0)
    assert summary.coverage_90 == 1.0
    assert (summary.latency_p50_ms, summary.latency_p99_ms) == pytest.approx((4.0, 4.0))
    assert json.loads(json.dumps(summary.to_json(), allow_nan=False))["latency_ms"]["p50"] == pytest.approx(4.0)


def test_without_an_encoder_no_error_is_made_up(tmp_path: Path) -> None:
    run = made_up_run(encoder=False)
    summary = summarise(run, FeatureSpec())
    figures = summary.to_json()
    assert [figures[k] for k in ("mae_h20_deg", "mae_h50_deg", "angle_mae_deg", "coverage_90")] == [None] * 4
    assert summary.forecasts == 1001
    draw(run, summary, "walk", tmp_path / "p.png")
    assert (tmp_path / "p.png").read_bytes().startswith(PNG)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> InferenceEngine:
    folder = tmp_path_factory.mktemp("models")
    write_tiny_bundle(folder, "base")
    return load_engine(load_bundle("base", [folder]))


def test_an_adaptation_is_judged_by_two_spans_of_the_same_length(tmp_path: Path, base: InferenceEngine) -> None:
    write_bag(tmp_path / "recording", swinging(40.0))
    run = made_up_run(40.0)
    swap = 25.0
    later = run.forecast_stamp >= swap - 1e-9
    better = np.where(later, math.radians(0.5), math.radians(2.0))
    truth = run.forecast - math.radians(2.0)
    models = tuple("anna" if is_later else "base" for is_later in later)
    run = replace(run, forecast=truth + better[:, np.newaxis], forecast_model=models, model="anna")
    compared = compare(run, tmp_path / "recording", base, "anna", 30.0)
    assert compared is not None
    assert compared.seconds == pytest.approx(39.99 - swap)
    assert (compared.before.model, compared.after.model) == ("base", "anna")
    assert (compared.before.mae_h50_deg, compared.after.mae_h50_deg) == pytest.approx((2.0, 0.5), abs=0.01)
    assert abs(compared.before.forecasts - compared.after.forecasts) <= 1
    shorter = compare(run, tmp_path / "recording", base, "anna", 5.0)
    assert shorter is not None
    assert shorter.before.forecasts == shorter.after.forecasts == 500
    figures = json.loads(json.dumps(shorter.to_json(), allow_nan=False))
    assert figures["span_s"] == 5.0
    assert figures["after"]["mae_h20_deg"] < figures["before"]["mae_h20_deg"]
    console = Console(width=100, file=io.StringIO())
    console.print(shorter.table())
    assert "0.50°" in console.file.getvalue()
    draw(compared.run, compared.after, "walk", tmp_path / "p.png", compared.before)
    assert (tmp_path / "p.png").read_bytes().startswith(PNG)
    assert compare(run, tmp_path / "recording", base, "ben", 30.0) is None
    assert compare(made_up_run(), tmp_path / "recording", base, "base", 30.0) is None


def test_had_the_base_stayed_it_would_have_forecast_as_it_does(tmp_path: Path, base: InferenceEngine) -> None:
    recording = swinging(12.0)
    assert recording.encoder is not None
    write_bag(tmp_path / "recording", recording)
    made = forecast_log(base, recording)
    run = replace(
        made_up_run(),
        encoder_stamp=recording.encoder.stamp - recording.start,
        encoder=recording.encoder.angle,
        forecast_stamp=made.stamp - recording.start,
        forecast_model=tuple("anna" if k >= 400 else "base" for k in range(len(made.stamp))),
        forecast=made.forecast.angle,
        lower=made.forecast.lower,
        upper=made.forecast.upper,
        latency=np.full(len(made.stamp), 0.004),
    )
    compared = compare(run, tmp_path / "recording", base, "anna", 3.0)
    assert compared is not None
    stayed, after = compared.stayed.to_json(), compared.after.to_json()
    assert (stayed["model"], stayed["forecasts"]) == ("base", 300)
    for name in ("forecasts", "mae_h20_deg", "mae_h50_deg", "coverage_90", "scored"):
        assert stayed[name] == pytest.approx(after[name], rel=1e-6)
    assert compared.before.mae_h50_deg != pytest.approx(compared.after.mae_h50_deg, rel=1e-3)


class Predictor:
    """In place of an action client: keeps the goal, and lets a test answer."""

    def __init__(self, *_: object) -> None:
        self.goals: list[AdaptToUser.Goal] = []

    def server_is_ready(self) -> bool:
        return True

    def destroy(self) -> None:
        """Nothing to do."""

    def send_goal_async(self, goal: AdaptToUser.Goal, feedback: Any) -> Future[Any]:
        self.goals.append(goal)
        self.feedback, self.sent = feedback, Future[Any]()
        return self.sent

    def accept(self) -> Future[Any]:
        answer = Future[Any]()
        self.sent.set_result(SimpleNamespace(accepted=True, get_result_async=lambda: answer))
        return answer


@pytest.mark.parametrize("success", [True, False])
def test_the_action_is_called_once_and_then_the_run_shows_what_it_was_worth(
    monkeypatch: pytest.MonkeyPatch, success: bool
) -> None:
    monkeypatch.setattr(adapting, "ActionClient", Predictor)
    monitor = SimpleNamespace(counts={"forecast": 0}, elapsed=4.0)
    run, asked_for, late = (
        adapting.Adapting(monitor, to_the_end, time.monotonic() - ago)
        for to_the_end, ago in ((False, 0.0), (True, 1000.0), (False, 1000.0))
    )
    assert late.enough == 4.0
    run.look()
    monitor.counts["forecast"] = 1
    run.look()
    assert run._client.goals == []
    for monitor.elapsed in (5.5, 6.0):
        run.look()
    (goal,) = run._client.goals
    assert (goal.duration, goal.labels) == (30.0, "imu")
    answer = run._client.accept()
    run._client.feedback(SimpleNamespace(feedback=AdaptToUser.Feedback(stage="collecting", progress=0.4)))
    assert run.words == "adapting to the stranger: collecting 40%"
    assert (run.enough, asked_for.enough) == (math.inf, math.inf)
    monitor.elapsed = 50.0
    answer.set_result(SimpleNamespace(result=AdaptToUser.Result(success=success, message="why not")))
    assert run.enough == (80.0 if success else 50.0)
    assert run.words == ("adapted to the stranger" if success else "not adapted: why not")
    result = run.close()
    assert result is not None
    assert result.success == success


def test_a_gap_restarts_the_window_as_it_does_live() -> None:
    stamp = np.arange(0.0, 8.0, 0.01)
    assert expected_forecasts(stamp, FeatureSpec()) == 800 - 199
    assert expected_forecasts(stamp[(stamp < 4.0) | (stamp > 4.2)], FeatureSpec()) == (400 - 199) + (379 - 199)


def test_the_picture_shows_neither_the_best_nor_the_worst_stretch() -> None:
    run = made_up_run(40.0)
    off = np.where(run.forecast_stamp < 12.0, 0.01, np.where(run.forecast_stamp < 28.0, 0.05, 0.2))
    run = replace(run, forecast=run.forecast + off[:, np.newaxis])
    assert 12.5 <= typical_span(run) <= 24.6


@settings(max_examples=40, deadline=None)
@given(st.integers(12, 220), st.integers(3, 60), st.floats(-180, 180), st.integers(0, 255))
def test_the_view_fits_any_terminal(width: int, height: int, angle: float, status: int) -> None:
    curve = [(t / 50 - 3, angle * math.sin(t / 9)) for t in range(176)]
    shown = Snapshot(
        3.0, 30.0, angle, angle, angle, 3.0, 2.0, 97.0, 4.0, status, curve, curve, curve, curve, "adapting: 50 %"
    )
    console = Console(width=width, height=height, force_terminal=True, record=True, file=open(os.devnull, "w"))  # noqa: PTH123, SIM115
    for snapshot in (shown, Snapshot(0.0, 30.0)):
        lines = console.render_lines(Frame("LOG2", snapshot))
        assert all(sum(len(part.text) for part in line) <= width for line in lines)
    assert status_words(status) in as_line(shown)


def test_a_curve_lands_where_it_belongs() -> None:
    canvas = Canvas(4, 2, (0.0, 8.0), (0.0, 7.0))
    canvas.dots([(0.0, 7.0), (7.5, 0.0)], "")
    assert [line.plain for line in canvas.lines()] == ["\u2801   ", "   \u2880"]
    canvas = Canvas(4, 1, (0.0, 8.0), (0.0, 3.0))
    canvas.curve([(-3.0, 0.0), (8.5, 0.0)], "")
    assert canvas.lines()[0].plain == "\u28c0" * 4


def test_the_demo_keeps_to_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    assert free_domain("5") in range(1, 100)
    environment = private_environment({"ROS_DOMAIN_ID": "7", "ROS_STATIC_PEERS": "10.0.0.1", "HOME": "/h"})
    assert environment["ROS_DOMAIN_ID"] != "7"
    assert environment["ROS_AUTOMATIC_DISCOVERY_RANGE"] == "LOCALHOST"
    assert "ROS_STATIC_PEERS" not in environment
    assert environment["HOME"] == "/h"


def start(folder: Path, *arguments: object) -> subprocess.Popen[str]:
    """The demo as a user starts it, who has a ROS domain of their own."""
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
    """Command lines of nodes that still run for a demo whose results go to ``folder``."""
    found = []
    for process in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            command = process.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if "bringup" in command and str(folder) in command:
            found.append(command)
    return found


def check_results(folder: Path, figures: dict[str, object], seconds: float) -> None:
    # A busy computer looks at pairs late, and what is late is withheld.
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
    folder = tmp_path / "a walk"
    log, figures_file = walks_dir / "LOG2.TXT", "o.json"
    demo = start(
        tmp_path, "--log", log, "--seconds", 8, "--headless", "--json", figures_file, "--output", folder, *emulated
    )
    out, err = demo.communicate(timeout=120)
    assert demo.returncode == 0, err
    assert "forecasts of those possible" in out
    figures = json.loads((tmp_path / "o.json").read_text())
    check_results(folder, figures, 8.0)
    assert figures["mae_h20_deg"] < figures["mae_h50_deg"] < 6.0
    assert figures["angle_mae_deg"] < 3.0
    assert figures["adaptation"] is None
    # what was recorded is itself a walk, calibration and all
    again = read_recording(folder / "recording")
    assert again.calibration is not None
    assert again.encoder is not None


def test_the_simulator_end_to_end(tmp_path: Path) -> None:
    demo = start(tmp_path, "--seconds", 10, "--json", "o.json")
    out, err = demo.communicate(timeout=120)
    assert demo.returncode == 0, err
    assert "not calibrated" in out or "warming up" in out  # the lines of the live view without a terminal
    assert "adapting to the stranger is skipped: 10 s are too short" in out
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


def test_ctrl_c_ends_it_in_order_and_a_log_without_encoder_has_no_errors(walks_dir: Path, tmp_path: Path) -> None:
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
    assert figures["mae_h50_deg"] is None
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
def test_what_is_wrong_is_said_before_anything_starts(
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
