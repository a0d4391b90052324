"""The executable bringup: a real process, from a recording to forecasts, and how it ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState
from rigs.node_bench import DEEP, LOCAL, Bench, bench, stamp_of
from rigs.predictor_rig import forecasts_of
from rigs.tiny_bundle import write_tiny_bundle
from rigs.walks import part, swinging
from sensor_msgs.msg import Imu, JointState

from ankle_imu_driver.conventions import FOOT
from ankle_imu_driver.driver_node import ImuDriverNode
from ankle_imu_driver.recordings.read_recording import read_recording
from ankle_imu_driver.recordings.rosbag_writer import write_bag
from ankle_predictor.model.features import FeatureSpec
from ankle_predictor.nodes.bringup import connect
from ankle_predictor.nodes.filter_node import OrientationFilterNode
from ankle_predictor.nodes.predictor_node import PredictorNode
from ankle_predictor.nodes.sample_executor import SampleExecutor
from ankle_predictor.offline.pipeline import run_chain

pytest.importorskip("onnx", reason="onnx, which comes with the training requirements, is not installed")

CODE = "import sys; from ankle_predictor.nodes.bringup import main; sys.exit(main())"
SECOND = 10**9


@pytest.fixture
def table() -> Iterator[Bench]:
    with bench(SampleExecutor) as made:
        yield made


@pytest.fixture
def models(tmp_path: Path) -> Path:
    write_tiny_bundle(tmp_path / "models", "tiny", FeatureSpec(window=50))
    return tmp_path / "models"


class Bringup:
    """The process, with what it prints. None outlives its test."""

    started: ClassVar[list[Bringup]] = []

    def __init__(self, **parameters: Any) -> None:
        arguments = [x for name, value in parameters.items() for x in ("-p", f"{name.replace('__', '.')}:={value}")]
        self._process = subprocess.Popen(
            [sys.executable, "-c", CODE, "--ros-args", *arguments],
            env={**os.environ, **LOCAL},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.started.append(self)

    def until(self, table: Bench, condition: Callable[[], object]) -> None:
        """Wait for something that the process is to bring about."""
        table.until(lambda: condition() or self.has_ended())
        assert condition(), self.end()

    def has_ended(self) -> bool:
        return self._process.poll() is not None

    def end(self, how: signal.Signals | None = None) -> tuple[int, str]:
        """Exit status and output, after a signal or by itself."""
        if how is not None:
            self._process.send_signal(how)
        if self._process.stdout is None or self._process.stdout.closed:
            return self._process.returncode, ""
        try:
            output, _ = self._process.communicate(timeout=60)
        finally:
            self._process.kill()
        return self._process.returncode, output


@pytest.fixture(autouse=True)
def nothing_is_left() -> Iterator[None]:
    yield
    for process in Bringup.started:
        process.end(signal.SIGKILL)
    Bringup.started.clear()


def log_of(path: Path) -> str:
    """A bag of half a minute's swinging with its calibration beside it."""
    write_bag(path, swinging(30.0))
    return str(path)


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_cleanly(table: Bench, models: Path, tmp_path: Path, how: signal.Signals) -> None:
    process = Bringup(log=log_of(tmp_path / "bag"), models_dir=models, model="tiny")
    process.until(table, lambda: len(table.got["forecast"]) > 20)
    age = time.time_ns() - stamp_of(table.got["forecast"][-1])
    assert age < SECOND
    status, output = process.end(how)
    assert status == 0, output
    assert "Traceback" not in output


def test_a_walk_at_its_own_pace_is_forecast_whole(table: Bench, models: Path, walks_dir: Path, tmp_path: Path) -> None:
    walk = part(read_recording(walks_dir / "LOG2.TXT"), 6.0)
    log = tmp_path / "bag"
    write_bag(log, walk)
    expected = run_chain(walk)
    own = {"imu_driver:autostart": False, "exit_at_end": True, "models_dir": models, "model": "tiny"}
    process = Bringup(log=log, rate=0.8, **own)
    for transition in (Transition.TRANSITION_CONFIGURE, Transition.TRANSITION_ACTIVATE):
        table.until(lambda: table.listener.count_publishers("forecast_detail"))
        table.spin(0.5)  # everyone has found everyone
        change = table.call(ChangeState, "imu_driver/change_state", transition=Transition(id=transition))
        assert change.success
    table.until(process.has_ended)
    status, output = process.end()
    assert status == 0, output
    angles = {stamp_of(m): m.position[0] for m in table.got["joint_states"]}
    truth = {ns(stamp): angle for stamp, angle in zip(expected.stamp, expected.angle, strict=True)}
    assert set(angles) <= set(truth)
    assert len(angles) >= 0.9 * len(truth)  # a busy computer loses some
    made = {stamp_of(m) for m in table.got["forecast_detail"] if len(m.angle)}
    due = [stamp for stamp in truth if stamp - min(truth) >= 0.5 * SECOND]
    assert len(made) >= 0.9 * len(due)
    # /clock is the log's time in all three nodes: the age of a forecast is real.
    ages = [m.input_age for m in table.got["forecast_detail"] if len(m.angle)]
    assert -0.01 < np.median(ages) < 0.1
    if len(angles) == len(truth):
        assert max(abs(angles[stamp] - truth[stamp]) for stamp in truth) < 1e-9


def in_one_process(table: Bench, models: Path, log: Path, *remapping: str) -> list[Any]:
    """Driver, filter and predictor as bringup connects them, on the bench's executor."""
    given = ["--ros-args", *(word for rule in remapping for word in ("-r", rule))]
    driver, orientation, predictor = (
        table.make(partial(kind, cli_args=given), {"autostart": False, **parameters})
        for kind, parameters in (
            (ImuDriverNode, {"log": str(log)}),
            (OrientationFilterNode, {"calibration_file": str(log), "calibration_save": ""}),
            (PredictorNode, {"models_dir": str(models), "model": "tiny"}),
        )
    )
    connect(table.executor, driver, orientation, predictor)
    for node in (predictor, orientation, driver):
        table.executor.add_node(node)
        node.trigger_configure()
        node.trigger_activate()
        assert node.is_active, node.refusal
    return [driver, orientation, predictor]


def test_within_the_process_samples_take_the_short_way(table: Bench, models: Path, tmp_path: Path) -> None:
    walk = swinging(3.0)
    write_bag(tmp_path / "bag", walk)
    driver, *_ = in_one_process(table, models, tmp_path / "bag")
    assert table.listener.count_subscribers("foot/imu/data_raw") == 0
    raw: list[int] = []
    table.listener.create_subscription(Imu, "foot/imu/data_raw", lambda m: raw.append(stamp_of(m)), DEEP)
    assert table.listener.count_subscribers("joint_states") == 1  # the test's own
    table.until(lambda: "ended" in table.health(driver)[1])
    table.settle()
    expected = run_chain(walk)
    stamps = [stamp_of(m) for m in table.got["joint_states"]]
    assert [s - stamps[0] for s in stamps] == [ns(stamp - expected.stamp[0]) for stamp in expected.stamp]
    np.testing.assert_allclose([m.position[0] for m in table.got["joint_states"]], expected.angle, atol=1e-9)
    assert len(raw) > 0.8 * len(stamps)  # those of the first moments come before anyone knows of the listener
    assert raw == stamps[-len(raw) :]
    made = {stamp_of(m) - stamps[0] + ns(expected.stamp[0]): m for m in table.got["forecast_detail"] if len(m.angle)}
    truth = forecasts_of(walk, models, "tiny")
    assert set(made) <= set(truth)
    assert len(made) > 0.5 * len(truth)  # a busy computer skips some, or withholds them as too old
    for stamp, message in made.items():
        np.testing.assert_allclose(message.angle, truth[stamp], atol=1e-6)


def test_a_forecast_is_out_before_all_that_it_was_made_of(
    table: Bench, models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_bag(tmp_path / "bag", swinging(30.0))
    nodes = in_one_process(table, models, tmp_path / "bag")
    order: list[tuple[str, int]] = []
    for name, output in (
        ("forecast", nodes[2].outputs["forecast"]),
        ("joint", nodes[1].outputs["joint_states"]),
        ("raw", nodes[0]._outputs[FOOT]),
    ):

        def noted(message: Any, name: str = name, publish: Callable[[Any], None] = output.publish) -> None:
            order.append((name, stamp_of(message)))
            publish(message)

        monkeypatch.setattr(output, "publish", noted)
    table.until(lambda: sum(name == "forecast" for name, _ in order) > 50)
    table.spin(0.1)
    places = {published: place for place, published in enumerate(order)}
    stamps = [stamp for name, stamp in order if name == "forecast"][:50]
    for stamp in stamps:
        assert places["forecast", stamp] < places["joint", stamp] < places["raw", stamp]


@pytest.mark.parametrize(
    ("input_of", "kind"), [("orientation_filter:shank/imu/data_raw", Imu), ("predictor:joint_states", JointState)]
)
def test_what_a_remapping_has_parted_goes_over_dds(
    table: Bench, models: Path, tmp_path: Path, input_of: str, kind: Any
) -> None:
    write_bag(tmp_path / "bag", swinging(30.0))
    driver, orientation, _ = in_one_process(table, models, tmp_path / "bag", f"{input_of}:=elsewhere")
    assert driver.tap is None
    assert orientation.predictor_inputs is None
    assert table.listener.count_subscribers("foot/imu/data_raw") == 1
    table.until(lambda: table.listener.count_subscribers("elsewhere") == 1)
    table.spin(1.0)
    assert table.got["foot/imu/data"]
    assert not table.got["forecast"]
    relay = table.listener.create_publisher(kind, "elsewhere", DEEP)
    table.listener.create_subscription(kind, input_of.partition(":")[2], relay.publish, DEEP)
    table.until(lambda: len(table.got["forecast"]) > 10)


@pytest.mark.parametrize("which", [1, 2])
def test_a_node_that_stops_and_starts_finds_its_neighbours_again(
    table: Bench, models: Path, tmp_path: Path, which: int
) -> None:
    write_bag(tmp_path / "bag", swinging(60.0))
    node = in_one_process(table, models, tmp_path / "bag")[which]
    stopped = 0

    def goes_on() -> bool:
        return sum(stamp_of(message) > stopped for message in table.got["forecast"]) > 10

    for undo, redo in (
        ([node.trigger_deactivate], [node.trigger_activate]),
        ([node.trigger_deactivate, node.trigger_cleanup], [node.trigger_configure, node.trigger_activate]),
    ):
        table.until(goes_on)
        for step in undo:
            step()
        stopped = time.time_ns()
        table.spin(0.5)  # the listener may still have some of before to hear
        assert all(stamp_of(message) <= stopped for message in table.got["forecast"])
        table.got["forecast"].clear()
        for step in redo:
            step()
    table.until(goes_on)


def ns(stamp: float) -> int:
    return round(stamp * SECOND)


def test_a_recording_without_calibration_is_played_and_waits_for_standing(
    table: Bench, models: Path, tmp_path: Path
) -> None:
    log = Path(log_of(tmp_path / "bag"))
    for calibration in log.parent.rglob("*calibration*.yaml"):
        calibration.unlink()
    process = Bringup(log=log, models_dir=models, model="tiny")
    process.until(table, lambda: len(table.got["foot/imu/data"]) > 20)
    assert table.got["joint_states"] == []
    assert table.got["foot/imu/data"][-1].orientation_covariance[0] == -1.0
    status, output = process.end(signal.SIGINT)
    assert status == 0
    assert "has no calibration: the filter waits for two seconds of standing" in output


@pytest.mark.parametrize(
    ("parameters", "sentence"),
    [
        ({"log": "nowhere.TXT"}, "nowhere.TXT does not exist"),
        ({"log": __file__}, "test_bringup.py"),
        ({"source": "replay"}, "source replay needs the parameter log"),
        ({"log": __file__, "joint_name": 7}, "joint_name"),
    ],
)
def test_what_cannot_be_played_is_one_sentence_and_a_status(parameters: dict[str, Any], sentence: str) -> None:
    status, output = Bringup(**parameters).end()
    assert status == 1
    assert sentence in output
    assert "Traceback" not in output
    assert len(output.strip().splitlines()) == 1
