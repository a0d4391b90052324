"""The executable bringup: a real process, from a recording to forecasts, and its end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState
from rclpy.publisher import Publisher
from rigs.node_bench import DEEP, LOCAL, Bench, bench, stamp_of
from rigs.predictor_rig import published_of
from rigs.tiny_bundle import write_tiny_bundle
from rigs.walks import part, swinging
from sensor_msgs.msg import Imu, JointState

from ankle_imu_driver.driver_node import ImuDriverNode
from ankle_imu_driver.recordings.read_recording import read_recording
from ankle_imu_driver.recordings.rosbag_writer import write_bag
from ankle_predictor.model.features import FeatureSpec
from ankle_predictor.nodes.bringup import connect_all
from ankle_predictor.nodes.filter_node import OrientationFilterNode
from ankle_predictor.nodes.predictor_node import PredictorNode
from ankle_predictor.nodes.sample_executor import SampleExecutor
from ankle_predictor.nodes.stamps import serialized_stamp
from ankle_predictor.offline.pipeline import run_chain
from ankle_predictor.trust.status import Status

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
    """The process and its output. Every process is ended after its test."""

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
        """Wait for a condition that the process makes true."""
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
def no_process_is_left() -> Iterator[None]:
    yield
    for process in Bringup.started:
        process.end(signal.SIGKILL)
    Bringup.started.clear()


def log_of(path: Path) -> str:
    """Write a bag of 30 s of ``swinging`` with its calibration, and return its path."""
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


def test_a_replayed_walk_gets_a_forecast_for_every_pair(
    table: Bench, models: Path, walks_dir: Path, tmp_path: Path
) -> None:
    walk = part(read_recording(walks_dir / "LOG13.TXT"), 6.0)
    log = tmp_path / "bag"
    write_bag(log, walk)
    expected = run_chain(walk)
    own = {"imu_driver:autostart": False, "exit_at_end": True, "models_dir": models, "model": "tiny"}
    process = Bringup(log=log, rate=0.8, **own)
    for transition in (Transition.TRANSITION_CONFIGURE, Transition.TRANSITION_ACTIVATE):
        table.until(lambda: table.listener.count_publishers("forecast_detail"))
        table.spin(0.5)  # all nodes have discovered each other
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
    due = [stamp for stamp in truth if stamp - min(truth) >= 1.1 * SECOND]  # who stands for a second is believed
    assert len(made) >= 0.9 * len(due)
    # All three nodes use the log's time from /clock, so the age of a forecast is correct.
    ages = [m.input_age for m in table.got["forecast_detail"] if len(m.angle)]
    assert -0.01 < np.median(ages) < 0.1
    if len(angles) == len(truth):
        assert max(abs(angles[stamp] - truth[stamp]) for stamp in truth) < 1e-9


def in_one_process(table: Bench, models: Path, log: Path, *remapping: str) -> list[Any]:
    """Make driver, filter and predictor, connected as in bringup, on the executor of the bench."""
    given = ["--ros-args", *(word for rule in remapping for word in ("-r", rule))]
    driver, orientation, predictor = (
        table.make(partial(kind, cli_args=given), {"autostart": False, **parameters})
        for kind, parameters in (
            (ImuDriverNode, {"log": str(log)}),
            (OrientationFilterNode, {"calibration_file": str(log), "calibration_save": ""}),
            (PredictorNode, {"models_dir": str(models), "model": "tiny"}),
        )
    )
    connect_all(table.executor, [(driver, orientation, predictor)])
    for node in (predictor, orientation, driver):
        table.executor.add_node(node)
        node.trigger_configure()
        node.trigger_activate()
        assert node.is_active, node.refusal
    return [driver, orientation, predictor]


def test_within_the_process_samples_do_not_go_over_dds(table: Bench, models: Path, tmp_path: Path) -> None:
    walk = replace(swinging(3.0), encoder=None)  # an encoder's samples do go over DDS, at their own time
    write_bag(tmp_path / "bag", walk)
    driver, *_ = in_one_process(table, models, tmp_path / "bag")
    assert table.listener.count_subscribers("foot/imu/data_raw") == 0
    raw: list[int] = []
    table.listener.create_subscription(Imu, "foot/imu/data_raw", lambda m: raw.append(stamp_of(m)), DEEP)
    assert table.listener.count_subscribers("joint_states") == 1  # the test's own
    table.until(lambda: "ended" in table.health(driver)[1])
    table.settle(quiet=0.5)  # a busy computer may pause for longer than the default
    expected = run_chain(walk)
    stamps = [stamp_of(m) for m in table.got["joint_states"]]
    assert [s - stamps[0] for s in stamps] == [ns(stamp - expected.stamp[0]) for stamp in expected.stamp]
    np.testing.assert_allclose([m.position[0] for m in table.got["joint_states"]], expected.angle, atol=1e-9)
    assert len(raw) > 0.8 * len(stamps)  # the first ones are published before the listener is discovered
    assert raw == stamps[-len(raw) :]
    made = {stamp_of(m) - stamps[0] + ns(expected.stamp[0]): m for m in table.got["forecast_detail"] if len(m.angle)}
    truth = published_of(walk, models, "tiny")
    assert set(made) <= set(truth)
    assert len(made) > 0.5 * len(truth)  # a busy computer skips some, or withholds them as too old
    for stamp, message in made.items():
        np.testing.assert_allclose(message.angle, truth[stamp], atol=1e-6)


def test_within_the_process_a_foreign_sender_does_no_harm(table: Bench, models: Path, tmp_path: Path) -> None:
    write_bag(tmp_path / "bag", swinging(30.0))
    topics = {"shank/imu/data_raw": Imu, "foot/imu/data": Imu, "joint_states": JointState}
    _, orientation, predictor = in_one_process(table, models, tmp_path / "bag")
    zombie = {topic: table.listener.create_publisher(kind, topic, DEEP) for topic, kind in topics.items()}

    def is_enough() -> bool:
        for topic, kind in topics.items():
            zombie[topic].publish(kind())
        return len(table.got["forecast"]) > 30

    table.until(is_enough)
    assert not any(m.status & Status.TWO_SOURCES for m in table.got["forecast_detail"])
    assert not any("senders" in table.health(node)[1] for node in (orientation, predictor))


def test_a_forecast_is_published_before_its_input(
    table: Bench, models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_bag(tmp_path / "bag", swinging(30.0))
    order: list[tuple[str, int]] = []
    publish = Publisher.publish

    def recorded(publisher: Publisher, message: Any) -> None:
        if publisher.topic_name in ("/forecast", "/joint_states", "/foot/imu/data_raw"):
            stamp = serialized_stamp(message) if isinstance(message, bytes) else stamp_of(message)
            order.append((publisher.topic_name, stamp))
        publish(publisher, message)

    monkeypatch.setattr(Publisher, "publish", recorded)
    in_one_process(table, models, tmp_path / "bag")
    table.until(lambda: sum(topic == "/forecast" for topic, _ in order) > 50)
    table.spin(0.1)
    place = {published: k for k, published in enumerate(order)}
    stamps = [stamp for topic, stamp in order if topic == "/forecast"][:50]
    for stamp in stamps:
        assert place["/forecast", stamp] < place["/joint_states", stamp] < place["/foot/imu/data_raw", stamp]


@pytest.mark.parametrize(
    ("input_of", "kind"), [("orientation_filter:shank/imu/data_raw", Imu), ("predictor:joint_states", JointState)]
)
def test_with_a_remapping_samples_go_over_dds(
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
def test_a_node_that_was_stopped_and_started_works_with_the_others_again(
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
        table.spin(0.5)  # the listener may still receive older ones
        assert all(stamp_of(message) <= stopped for message in table.got["forecast"])
        table.got["forecast"].clear()
        for step in redo:
            step()
    table.until(goes_on)


def ns(stamp: float) -> int:
    return round(stamp * SECOND)


def test_with_a_recording_without_calibration_the_filter_waits_for_standing(
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
        ({"log": __file__, "model": 12}, "model"),
    ],
)
def test_a_source_that_cannot_be_played_gives_one_sentence_and_status_1(
    parameters: dict[str, Any], sentence: str
) -> None:
    status, output = Bringup(**parameters).end()
    assert status == 1
    assert sentence in output
    assert "Traceback" not in output
    assert len(output.strip().splitlines()) == 1
