"""Both legs as the launch file starts them, in one process and in six: what is one leg's never reaches the other."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from ankle_predictor_interfaces.action import AdaptToUser
from ankle_predictor_interfaces.msg import AnkleForecast
from ankle_predictor_interfaces.srv import LoadWeights
from rclpy.action import ActionClient
from rigs.launch_processes import LaunchedProcess, launched
from rigs.node_bench import DEEP, LOCAL, Bench, bench, stamp_of
from rigs.tiny_bundle import write_tiny_bundle
from rigs.walks import UPRIGHT, swinging
from sensor_msgs.msg import Imu, JointState

from ankle_imu_driver.calibration import save_calibration
from ankle_imu_driver.recordings.rosbag_writer import write_legs
from ankle_predictor.model.features import FeatureSpec
from ankle_predictor.nodes.child_process import NodesProcess
from ankle_predictor.trust.status import Status

pytest.importorskip("onnx", reason="onnx, which comes with the training requirements, is not installed")

SIDES = ("left", "right")
ZERO = {"left": 0.1, "right": -0.05}  # rad, angle_zero of each leg's calibration
MODEL = {"left": "anna", "right": "ben"}
NODES = ("imu_driver", "orientation_filter", "predictor")
STRIDES = 18  # the recording has whole swings, so that its repetition is smooth
GOOD = (Status.OK, Status.UNFAMILIAR)
BUSY = Status.OVERRUN  # says something of this computer, nothing of the legs
TICKS = 40  # of each leg, in every step of a test
SETTLED = 500  # pairs after which a filter that began in the middle of a swing has found gravity
KEPT = 0.9  # share of the samples that must become ticks; a busy computer loses some
# With Fast DDS's shared memory a kill now and then halts all others for up to 1 s (docs/two_legs.md).
UDP = {"FASTDDS_BUILTIN_TRANSPORTS": "UDPv4"}
PATIENCE = 180.0  # s for a step, on a computer that has other things to do


@dataclass
class Leg:
    """What was heard of one leg."""

    raw: list[int] = field(default_factory=list)
    joint: list[JointState] = field(default_factory=list)
    detail: list[AnkleForecast] = field(default_factory=list)
    frames: set[str] = field(default_factory=set)

    def good(self, since: int = 0) -> list[AnkleForecast]:
        """The forecasts from the ``since``-th report on that can be trusted."""
        return [m for m in self.detail[since:] if len(m.angle) and Status(m.status) & ~BUSY in GOOD]


class Exo:
    """Both legs below ``/exo``, and what is heard of them.

    Attributes:
        model: the name of what each leg runs.
    """

    def __init__(self, table: Bench, folder: Path, composed: bool) -> None:
        self._table, self._folder = table, folder
        self.models, self.model = folder / "models", dict(MODEL)
        for model in (*MODEL.values(), "other"):
            write_tiny_bundle(self.models, model, FeatureSpec(window=50))
        walk = replace(swinging(STRIDES / 0.9), encoder=None)
        write_legs(folder / "bag", {f"exo/{side}_ankle": walk for side in SIDES})
        own: dict[str, Any] = {}
        for side, zero in ZERO.items():
            save_calibration(folder / f"{side}.yaml", replace(UPRIGHT, angle_zero=zero))
            own |= {f"{side}_calibration_file": folder / f"{side}.yaml", f"{side}_model": MODEL[side]}
        # How long a busy computer lets samples wait is not what is tested.
        settings = {"models_dir": str(self.models), "loop": True, "max_input_age": 5.0}
        (folder / "exo.yaml").write_text(yaml.safe_dump({"/**": {"ros__parameters": settings}}))
        common = {"namespace": "exo", "log": folder / "bag", "params_file": folder / "exo.yaml"}
        self.described = launched(folder, sides="both", composed=composed, **common, **own)
        self.legs = {side: self._listen(side) for side in SIDES}
        self.running: dict[LaunchedProcess, NodesProcess] = {}
        for process in self.described:
            self.start(process)

    def start(self, process: LaunchedProcess) -> None:
        log = self._folder / f"{process.namespace.replace('/', '_')}{process.executable}.log"
        self.running[process] = process.start({**os.environ, **LOCAL, **UDP}, log)

    def kill(self, process: LaunchedProcess) -> None:
        ended = self.running.pop(process)
        os.kill(ended.pid, signal.SIGKILL)
        ended.stop()

    def driver(self, side: str) -> LaunchedProcess:
        (found,) = (p for p in self.described if p.executable == "imu_driver" and side in p.namespace)
        return found

    def until(self, condition: Callable[[], object]) -> None:
        """Wait for what the processes make true."""
        self._table.until(lambda: condition() or self.ended(), PATIENCE)
        assert not self.ended(), "\n".join(p.last_words(30) for p in self.ended())

    def ended(self) -> list[NodesProcess]:
        return [process for process in self.running.values() if process.status is not None]

    def wait_for_ticks(self, side: str) -> list[AnkleForecast]:
        """Wait for more good forecasts of a leg, and return them."""
        leg, since = self.legs[side], len(self.legs[side].detail)
        self.until(lambda: len(leg.good(since)) >= TICKS)
        return leg.good(since)

    def stop(self) -> None:
        for process in self.running.values():
            process.stop()

    def _listen(self, side: str) -> Leg:
        leg, name, hear = Leg(), f"/exo/{side}_ankle", self._table.listener.create_subscription

        def raw(message: Imu) -> None:
            leg.raw.append(stamp_of(message))
            leg.frames.add(message.header.frame_id)

        hear(Imu, f"{name}/foot/imu/data_raw", raw, DEEP)
        hear(Imu, f"{name}/shank/imu/data", lambda m: leg.frames.add(m.header.frame_id), DEEP)
        hear(JointState, f"{name}/joint_states", leg.joint.append, DEEP)
        hear(AnkleForecast, f"{name}/forecast_detail", leg.detail.append, DEEP)
        return leg


@pytest.fixture(scope="module", params=[True, False], ids=["one process", "six processes"])
def table_and_exo(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with bench() as table:
        exo = Exo(table, tmp_path_factory.mktemp("exo"), request.param)
        try:
            yield table, exo
        finally:
            exo.stop()


@pytest.fixture
def table(table_and_exo: Any) -> Bench:
    return table_and_exo[0]


@pytest.fixture
def exo(table_and_exo: Any) -> Exo:
    """Both legs, once each has forecasts."""
    made: Exo = table_and_exo[1]
    made.until(lambda: all(leg.good() for leg in made.legs.values()))
    return made


def test_each_leg_has_its_own_names_calibration_and_model(exo: Exo) -> None:
    for side in SIDES:
        leg, ticks = exo.legs[side], exo.wait_for_ticks(side)
        assert {m.joint_name for m in ticks} == {f"{side}_ankle"}
        assert {m.model for m in ticks} == {exo.model[side]}
        assert leg.frames == {f"{side}_foot_imu_link", f"{side}_shank_link"}
        assert {name for m in leg.joint for name in m.name} == {f"{side}_ankle"}
    exo.until(lambda: all(len(leg.joint) > SETTLED + TICKS for leg in exo.legs.values()))
    common = in_common(exo)
    assert len(common["left"]) > KEPT * SETTLED, "what was recorded together has the same stamp"
    left, right = (common[side][-TICKS:] for side in SIDES)
    np.testing.assert_allclose(np.mean(left) - np.mean(right), ZERO["left"] - ZERO["right"], atol=0.02)


def in_common(exo: Exo) -> dict[str, np.ndarray]:
    """The angles of each leg at the stamps that both have."""
    angles = {side: {stamp_of(m): m.position[0] for m in exo.legs[side].joint} for side in SIDES}
    stamps = sorted(angles["left"].keys() & angles["right"].keys())
    return {side: np.array([angles[side][stamp] for stamp in stamps]) for side in SIDES}


def test_diagnostics_tell_the_legs_apart(table: Bench, exo: Exo) -> None:
    heard = table.got["/diagnostics"]
    heard.clear()
    wanted = {f"exo/{side}_ankle/{node}" for side in SIDES for node in NODES}
    exo.until(lambda: {s.name for m in heard for s in m.status} >= wanted)
    values = {s.name: {v.key: v.value for v in s.values} for m in heard for s in m.status}
    assert values.keys() == wanted
    for side in SIDES:
        assert values[f"exo/{side}_ankle/predictor"]["model"] == exo.model[side]
    assert values["exo/left_ankle/imu_driver"]["follows"] == "/exo/right_ankle"
    assert "follows" not in values["exo/right_ankle/imu_driver"]


def test_a_model_that_the_other_leg_runs_is_not_overwritten(table: Bench, exo: Exo) -> None:
    kept = {path: path.read_bytes() for path in (exo.models / "anna").iterdir()}
    client = ActionClient(table.listener, AdaptToUser, "/exo/right_ankle/predictor/adapt")
    exo.until(client.server_is_ready)
    sent = client.send_goal_async(AdaptToUser.Goal(user="anna", duration=30.0, labels="imu"))
    exo.until(sent.done)
    answer = sent.result().get_result_async()
    exo.until(answer.done)
    result = answer.result().result
    assert not result.success
    assert "anna" in result.message
    assert "in use" in result.message
    assert result.model == exo.model["right"]
    assert {path: path.read_bytes() for path in (exo.models / "anna").iterdir()} == kept
    client.destroy()


def test_a_swap_on_one_leg_leaves_the_others_model_as_it_is(table: Bench, exo: Exo) -> None:
    if len(exo.described) > 1:
        pytest.skip("the predictors of two processes share no memory")
    since = len(exo.legs["left"].detail)
    answer = table.call(LoadWeights, "/exo/right_ankle/predictor/load_weights", model="other")
    assert answer.result == LoadWeights.Response.SUCCESS, answer.message
    exo.model["right"] = "other"
    exo.until(lambda: exo.legs["right"].good()[-1].model == "other")
    exo.wait_for_ticks("left")
    assert {m.model for m in exo.legs["left"].detail[since:]} == {exo.model["left"]}


@pytest.mark.parametrize(("dies", "lives"), [SIDES, SIDES[::-1]])
def test_a_driver_that_died_and_came_back_costs_the_other_leg_no_tick(exo: Exo, dies: str, lives: str) -> None:
    """The right one sets the time of both, so that it is the one that the other could miss; the left one joins it."""
    if len(exo.described) == 1:
        pytest.skip("in one process nothing dies alone")
    exo.wait_for_ticks(lives)
    process, leg = exo.driver(dies), exo.legs[lives]
    assert process.respawn
    reports, samples, pairs = len(leg.detail), len(leg.raw), len(leg.joint)
    exo.kill(process)
    exo.until(lambda: exo.legs[dies].detail[-1].status & Status.STALE)
    exo.wait_for_ticks(lives)
    alone, back = len(leg.detail), len(exo.legs[dies].raw)
    exo.start(process)
    # Both are in step again, with the same stamps, as soon as each has found the other.
    exo.until(lambda: len(set(exo.legs[dies].raw[back:]) & set(leg.raw)) > KEPT * TICKS)
    together = len(leg.detail)
    exo.wait_for_ticks(lives)
    # When the right one begins its walk anew, so does the left one, by design; all other ticks must be there.
    anew = leg.detail[alone:together] if lives == "left" else []
    good = leg.good(reports)
    withheld = [Status(m.status) & ~BUSY for m in leg.detail[reports:] if m not in good and m not in anew]
    assert withheld == []
    assert len(leg.joint) - pairs > KEPT * (len(leg.raw) - samples)
    assert {m.model for m in leg.detail[reports:]} == {exo.model[lives]}
