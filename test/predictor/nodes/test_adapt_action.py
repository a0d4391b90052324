"""The action ``predictor/adapt`` over DDS: success, every failure, cancellation, and that no files are left behind."""

from __future__ import annotations

import dataclasses
import errno
import math
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from action_msgs.msg import GoalStatus
from ankle_predictor_interfaces.action import AdaptToUser
from ankle_predictor_interfaces.srv import LoadWeights
from rclpy.action import ActionClient
from rigs.models import SHORT, moved, write_linear_bundle
from rigs.node_bench import Bench, bench, stamp_of
from rigs.predictor_rig import Filter, load, ns, start
from rigs.repository import REPOSITORY
from rigs.walks import swinging
from sensor_msgs.msg import JointState

from ankle_imu_driver.recordings.recording import EncoderSamples, ImuSamples
from ankle_imu_driver.refusal import Refusal
from ankle_predictor.adaptation import process as adaptation_process
from ankle_predictor.adaptation import run as adaptation_run
from ankle_predictor.adaptation.rolling_origin import shortest_walk
from ankle_predictor.estimation.samples import PairSample
from ankle_predictor.model.bundle import load_bundle
from ankle_predictor.nodes import adapt_action
from ankle_predictor.nodes.predictor_node import PredictorNode
from ankle_predictor.offline.pipeline import pairs_of
from ankle_predictor.trust.status import WITHHELD

FASTER = 1.3  # times the speed of ``swinging``: fast enough to count as steps
SUCCEEDED, CANCELED, ABORTED = GoalStatus.STATUS_SUCCEEDED, GoalStatus.STATUS_CANCELED, GoalStatus.STATUS_ABORTED
BASE = REPOSITORY / "models"

# Scripts that replace the adapting process, which would need tensorflow.
CHILD_START = """
import errno, json, os, shutil, sys, time
folder = sys.argv[1]
def say(**line): print(json.dumps(line), flush=True)
def done(adapted):
    after = 0.03 if adapted else 0.06
    say(outcome={"adapted": adapted, "message": "as scripted", "before": 0.05, "after": after})
sys.stdin.buffer.readline()
say(stage="adapting", share=0.3)
"""
DIES_EARLY = "raise RuntimeError('too early')"
HANGS = CHILD_START + "time.sleep(600)"
COPIES = CHILD_START + "shutil.copytree(folder + '/start/linear', folder + '/made/anna'); done(True)"
KEEPS_BASE = CHILD_START + "done(False)"
CRASHES = CHILD_START + "raise RuntimeError('out of luck')"
FULL = CHILD_START + "raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))"
REFUSES = CHILD_START + "say(refusal='the walk is too short')"
ENDS = CHILD_START + "sys.exit(0)"


@pytest.fixture
def table() -> Iterator[Bench]:
    with bench() as made:
        yield made


@pytest.fixture
def models(tmp_path: Path) -> Path:
    write_linear_bundle(tmp_path / "models", "linear", SHORT, seed=1)
    write_linear_bundle(tmp_path / "models", "second", SHORT, seed=2)
    return tmp_path / "models"


@pytest.fixture(autouse=True)
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder for temporary files. Also allows walks that are short enough for tests."""
    folder = tmp_path / "scratch"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    monkeypatch.setattr(adapt_action, "shortest_walk", lambda *_: 1.0)
    monkeypatch.setattr(adaptation_run, "NEEDED", ())
    return folder


def steps(seconds: float, start: float = 0.0) -> list[PairSample]:
    """Pairs of a walking wearer at 100 Hz."""
    slow = swinging(FASTER * seconds, rate=100.0 / FASTER)

    def faster(samples: ImuSamples) -> ImuSamples:
        return ImuSamples(samples.stamp / FASTER, samples.accel, samples.gyro * FASTER)

    assert slow.encoder is not None
    encoder = EncoderSamples(slow.encoder.stamp / FASTER, slow.encoder.angle)
    parts = {"shank": faster(slow.shank), "foot": faster(slow.foot), "encoder": encoder}
    return [moved(pair, start) for pair in pairs_of(type(slow)(slow.name, calibration=slow.calibration, **parts))]


def with_feet(some: list[PairSample], **changes: Any) -> list[PairSample]:
    return [dataclasses.replace(pair, foot=dataclasses.replace(pair.foot, **changes)) for pair in some]


class Caller:
    """A client of the action, and the feedback that it received."""

    def __init__(self, table: Bench) -> None:
        self._table = table
        self._client = ActionClient(table.listener, AdaptToUser, "predictor/adapt")
        table.until(self._client.server_is_ready)
        self.feedback: list[AdaptToUser.Feedback] = []
        self.handle: Any = None
        self._answer: Any = None

    def call(self, **changes: Any) -> bool:
        """Send a goal, and return whether it was accepted."""
        goal = AdaptToUser.Goal(**({"user": "anna", "duration": 1.5, "labels": "imu"} | changes))
        sent = self._client.send_goal_async(goal, lambda message: self.feedback.append(message.feedback))
        self._table.until(sent.done)
        if sent.result().accepted:
            self.handle = sent.result()
            self._answer = self.handle.get_result_async()
        return bool(sent.result().accepted)

    def refusal(self, **changes: Any) -> str:
        """Send a goal that cannot be served, and return what its result says."""
        assert self.call(**changes)
        status, result = self.result()
        assert status == ABORTED
        assert not result.success
        return str(result.message)

    def cancel(self) -> bool:
        """Cancel, and return whether that was accepted."""
        answer = self.handle.cancel_goal_async()
        self._table.until(answer.done)
        return bool(answer.result().goals_canceling)

    def result(self) -> tuple[int, AdaptToUser.Result]:
        """Wait for the end, and return the goal's status and result."""
        self._table.until(self._answer.done)
        return self._answer.result().status, self._answer.result().result

    def is_answered(self) -> bool:
        """Whether the goal has ended."""
        return bool(self._answer.done())

    def until_stage(self, stage: str) -> None:
        self._table.until(lambda: any(f.stage == stage for f in self.feedback))

    def close(self) -> None:
        self._client.destroy()


@pytest.fixture
def caller(table: Bench) -> Iterator[Any]:
    made: list[Caller] = []

    def make() -> Caller:
        made.append(Caller(table))
        return made[-1]

    yield make
    for one in made:
        one.close()


def walk_enough(node: PredictorNode, source: Filter, start: float = 0.0) -> None:
    """Walk until the action has collected enough."""
    run, some = node.adapt_action.run, steps(5.0, start)
    assert run is not None
    for k in range(0, len(some), 5):
        if run.collected.done():
            return
        for pair in some[k : k + 5]:
            source.publish(pair)
        source.answered(some[k + 4])
    raise AssertionError("the walk was not long enough")


def run_script(monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    monkeypatch.setattr(adaptation_process, "CHILD", script)


def child_of(table: Bench, node: PredictorNode) -> int:
    """The id of the adapting process, once it was started."""
    run = node.adapt_action.run
    assert run is not None
    table.until(lambda: run.process.pid)
    assert run.process.pid is not None
    return run.process.pid


def ended(pid: int) -> bool:
    return not Path(f"/proc/{pid}").exists()


def model_in_use(table: Bench) -> str:
    """The model of the newest forecast."""
    return str(next(m for m in reversed(table.got["forecast_detail"]) if len(m.angle)).model)


def test_the_swap_misses_no_pair_and_replaces_an_earlier_model_of_the_same_name(
    table: Bench, models: Path, scratch: Path, caller: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_script(monkeypatch, COPIES)
    write_linear_bundle(models, "anna", SHORT, seed=7)
    node, source, client = start(table, models), Filter(table), caller()
    source.feed(steps(0.3))
    assert client.call()
    at, sent = 0.3, steps(8.0, 0.3)
    for pair in sent:
        source.feed([pair])
        at = pair.joint.stamp
        if client.is_answered():
            break
    status, result = client.result()
    assert (status, result.success, result.message, result.model) == (SUCCEEDED, True, "as scripted", "anna")
    assert (result.error_before, result.error_after) == pytest.approx((0.05, 0.03))
    source.feed(steps(0.1, at + 0.01))
    assert model_in_use(table) == "anna"
    made = [m for m in table.got["forecast_detail"] if len(m.angle)]
    stamps = sorted({stamp_of(m) for m in made})
    assert stamps == [ns(0.19) + k * 10_000_000 for k in range(len(stamps))]
    assert stamps[-1] == ns(at + 0.1)
    models_heard = [m.model for m in made]
    assert models_heard == sorted(models_heard, reverse=True)  # linear, then anna
    assert load_bundle("anna", [models]).onnx == load_bundle("linear", [models]).onnx
    assert node.predictor.engine.bundle.path == models / "anna"
    assert {f.stage for f in client.feedback} >= {"collecting"}
    assert all(0.0 <= f.progress <= 1.0 for f in client.feedback)
    collecting = [f.progress for f in client.feedback if f.stage == "collecting"]
    assert collecting == sorted(collecting)
    assert list(scratch.iterdir()) == []
    assert sorted(p.name for p in models.iterdir()) == ["anna", "linear", "second"]
    with pytest.raises(ValueError, match="anna is the model in use"):
        node.adapt_action.check(AdaptToUser.Goal(user="anna", duration=30.0, labels="imu"))


def test_nothing_is_learned_across_a_restart_or_from_what_is_not_confirmed(
    table: Bench, models: Path, caller: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_script(monkeypatch, HANGS)
    node, source, client = start(table, models), Filter(table), caller()
    assert client.call(duration=60.0)
    walk = steps(10.0)
    source.feed(with_feet(walk[:300], is_confirmed=False))
    run = node.adapt_action.run
    assert run is not None
    assert run.collector.pairs == 0
    source.feed([*walk[300:650], *with_feet(walk[650:651], orientation=None), *walk[651:]])
    steps_between = np.diff(run.collector.walked().stamp)
    assert run.collector.pairs == 699
    assert np.count_nonzero(steps_between > run.base.manifest.features.filter.max_gap) == 1
    assert client.cancel()
    assert client.result()[1].message == "cancelled"


@pytest.mark.parametrize("stage", ["collecting", "training", "swapping"])
def test_it_can_be_cancelled_at_any_stage_and_leaves_no_files(
    table: Bench, models: Path, scratch: Path, caller: Any, monkeypatch: pytest.MonkeyPatch, stage: str
) -> None:
    run_script(monkeypatch, HANGS if stage == "training" else COPIES)
    node, source, client = start(table, models), Filter(table), caller()
    prepare = node.predictor.prepare

    def slowly(made: Any) -> Any:
        time.sleep(1.0)
        return prepare(made)

    node.predictor.prepare = slowly
    assert client.call()
    assert "already being adapted to anna" in caller().refusal(user="ben")
    pids = []
    if stage == "collecting":
        source.feed(steps(0.5))
    else:
        walk_enough(node, source)
    client.until_stage(stage)
    if stage != "swapping":
        pids.append(child_of(table, node))
    assert client.cancel()
    status, result = client.result()
    assert (status, result.success, result.message, result.model) == (CANCELED, False, "cancelled", "linear")
    assert math.isnan(result.error_after) == (stage != "swapping")
    assert all(ended(pid) for pid in pids)
    assert list(scratch.iterdir()) == []
    assert sorted(p.name for p in models.iterdir()) == ["linear", "second"]
    source.feed(steps(0.3, 10.0))
    assert model_in_use(table) == "linear"
    assert client.call()  # and again
    client.cancel()


@pytest.mark.parametrize(
    ("script", "sentence"),
    [
        (KEEPS_BASE, "as scripted"),
        (REFUSES, "the walk is too short"),
        (CRASHES, "the adaptation failed: RuntimeError: out of luck"),
        (FULL, "the adaptation failed: OSError: [Errno 28] No space left on device"),
        (ENDS, "the adaptation failed: it did not say why"),
        (HANGS, "the adaptation was killed; this computer may be short of memory"),
    ],
    ids=["guard", "refusal", "crash", "full disk", "silence", "kill -9"],
)
def test_when_the_process_fails_the_model_in_use_stays(
    table: Bench,
    models: Path,
    scratch: Path,
    caller: Any,
    monkeypatch: pytest.MonkeyPatch,
    script: str,
    sentence: str,
) -> None:
    run_script(monkeypatch, script)
    node, source, client = start(table, models), Filter(table), caller()
    assert client.call()
    walk_enough(node, source)
    if script == HANGS:
        client.until_stage("training")
        os.kill(child_of(table, node), 9)
    status, result = client.result()
    assert (status, result.success, result.message, result.model) == (ABORTED, False, sentence, "linear")
    assert (result.error_before, result.error_after) == pytest.approx(
        (0.05, 0.06) if script == KEEPS_BASE else (math.nan, math.nan), nan_ok=True
    )
    assert list(scratch.iterdir()) == []
    assert sorted(p.name for p in models.iterdir()) == ["linear", "second"]
    source.feed(steps(0.3, 10.0))
    assert model_in_use(table) == "linear"


def full(*_: Any) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_goals_that_must_fail_end_at_once(
    table: Bench, models: Path, caller: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(adaptation_run, "ENCODER_PATIENCE", 0.2)
    run_script(monkeypatch, HANGS)
    node, source, client = start(table, models), Filter(table), caller()
    with monkeypatch.context() as patch:
        patch.setattr(adaptation_run, "NEEDED", ("tensorflow_that_is_not_there",))
        assert client.call()
        assert client.result()[1].message == (
            "adapting needs tensorflow_that_is_not_there, which is not installed: pip install -r requirements-train.txt"
        )
    with monkeypatch.context() as patch:
        patch.setattr(os, "posix_fallocate", full)
        assert client.call()
        assert client.result()[1].message == f"model {models}/anna cannot be written: No space left on device"
    (models / "a_file").touch()
    with monkeypatch.context() as patch:
        nowhere = dataclasses.replace(node.predictor.config, model_directories=(models / "a_file" / "models",))
        patch.setattr(node.predictor, "config", nowhere)
        assert client.call()
        assert "cannot be written: Not a directory" in client.result()[1].message
    assert client.call(labels="encoder")
    source.feed(steps(0.1))
    status, result = client.result()
    assert (status, result.message) == (
        ABORTED,
        "no encoder is heard on encoder/joint_states; connect it, or use labels imu",
    )
    with monkeypatch.context() as patch:
        run_script(patch, DIES_EARLY)
        assert client.call()
        assert client.result()[1].message == "the adaptation failed: RuntimeError: too early"
    with monkeypatch.context() as patch:
        patch.setattr(tempfile, "tempdir", "/nowhere")
        assert client.call()
        assert "temporary folder cannot be used: No such file" in client.result()[1].message
    with monkeypatch.context() as patch:
        patch.setattr(adaptation_run, "WALKING_PATIENCE", 0.3)
        assert client.call()
        assert "no walking was seen" in client.result()[1].message


@pytest.mark.parametrize(("duration", "is_long_enough"), [(8.4, False), (8.5, True)])
def test_a_walk_that_adapting_would_refuse_as_too_short_is_rejected_before_it_begins(
    table: Bench, monkeypatch: pytest.MonkeyPatch, duration: float, is_long_enough: bool
) -> None:
    monkeypatch.setattr(adapt_action, "shortest_walk", shortest_walk)
    node = table.start(PredictorNode, {"models_dir": str(BASE), "model": "base"})
    goal = AdaptToUser.Goal(user="anna", duration=duration, labels="imu")
    if is_long_enough:
        node.adapt_action.check(goal)
        return
    with pytest.raises(Refusal, match=r"duration must be 8\.5 to 600 s of walking, not 8\.4"):
        node.adapt_action.check(goal)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"user": "../anna"}, "no name for a model"),
        ({"user": ""}, "no name for a model"),
        ({"user": "linear"}, "linear is the model in use"),
        ({"user": "a_file"}, "is already there"),
        ({"labels": "eyes"}, "labels must be 'imu' or 'encoder', not 'eyes'"),
        ({"duration": 0.5}, "duration must be"),
        ({"duration": math.nan}, "duration must be"),
        ({"duration": 1e9}, "duration must be"),
    ],
)
def test_a_wrong_goal_is_refused_with_a_sentence_to_its_caller(
    table: Bench, models: Path, caller: Any, changes: dict[str, Any], sentence: str
) -> None:
    (models / "a_file").touch()
    start(table, models)
    assert sentence in caller().refusal(**changes)


def test_deactivation_ends_it_cleanly(
    table: Bench, models: Path, scratch: Path, caller: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_script(monkeypatch, HANGS)
    node, source, client = start(table, models), Filter(table), caller()
    assert client.call()
    source.feed(steps(0.5))
    node.trigger_deactivate()
    status, result = client.result()
    assert (status, result.message, result.model) == (ABORTED, "predictor was deactivated", "linear")
    assert client.refusal() == "predictor is not active; activate it first"
    node.trigger_activate()
    table.spin(0.2)
    assert client.call()
    walk_enough(node, source, 1.0)
    client.until_stage("training")
    pid = child_of(table, node)
    node.trigger_deactivate()
    node.trigger_cleanup()
    status, result = client.result()
    assert (status, result.message, result.model) == (ABORTED, "predictor was deactivated", "")
    assert ended(pid)
    assert list(scratch.iterdir()) == []


def test_destroying_the_node_ends_the_process(
    table: Bench, models: Path, scratch: Path, caller: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_script(monkeypatch, HANGS)
    node, source, client = start(table, models), Filter(table), caller()
    assert client.call()
    walk_enough(node, source)
    client.until_stage("training")
    pid = child_of(table, node)
    table.destroy(node)
    assert ended(pid)
    assert list(scratch.iterdir()) == []


def test_a_full_disk_at_the_end_and_another_model_loaded_meanwhile(
    table: Bench, models: Path, scratch: Path, caller: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_script(monkeypatch, COPIES)
    node, source, client = start(table, models), Filter(table), caller()
    fsync = os.fsync

    def full_at_the_end(handle: int) -> None:
        path = Path(f"/proc/self/fd/{handle}").readlink()
        if models in path.parents and path.name == "bundle.json":
            full()
        fsync(handle)

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full_at_the_end)
        assert client.call()
        walk_enough(node, source)
        status, result = client.result()
    assert (status, result.model) == (ABORTED, "linear")
    assert result.message == f"model {models}/anna cannot be written: No space left on device"
    assert client.call()
    source.feed(steps(0.5, 5.0))
    assert load(table, "second").result == LoadWeights.Response.SUCCESS
    walk_enough(node, source, 5.5)
    status, result = client.result()
    assert (status, result.model) == (ABORTED, "second")
    assert result.message == "the model to adapt is not in use any more"
    assert list(scratch.iterdir()) == []
    assert sorted(p.name for p in models.iterdir()) == ["linear", "second"]


def test_the_process_ends_with_its_parent(tmp_path: Path) -> None:
    code = "import sys; from ankle_predictor.adaptation.child import main; print('up', flush=True); main(sys.argv[1])"
    errors = (tmp_path / "errors.txt").open("w+")
    child = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors
    )
    assert child.stdin is not None
    assert child.stdout is not None
    with child.stdout:
        assert child.stdout.readline() == b"up\n"
    assert child.poll() is None
    child.stdin.close()  # as the end of the parent does
    assert child.wait(10) == 1
    with errors:
        errors.seek(0)
        assert "Traceback" not in errors.read()


ENCODER_OFFSET = 0.03  # rad: the memory cannot correct it, only an adaptation to the encoder can


def test_every_pair_gets_a_forecast_during_training_and_later_from_the_users_model(
    table: Bench, scratch: Path, tmp_path: Path, caller: Any
) -> None:
    for library in ("tensorflow", "onnx"):
        if find_spec(library) is None:
            pytest.skip(f"{library} (requirements-train.txt) is not installed")
    encoder = JointState(name=["ankle"], position=[0.0])
    users = tmp_path / "users"
    own = {"models_dir": str(users), "model": "base", "use_sim_time": True, "max_input_age": 2.0}
    node = table.start(PredictorNode, own)
    assert not node.refusal
    source, client = Filter(table), caller()
    table.advertise((JointState, "encoder/joint_states"))
    assert client.call(duration=9.0, labels="encoder")
    walk, sent, delays = steps(240.0), [], []

    def give(pair: PairSample) -> None:
        stamp = ns(pair.joint.stamp)
        encoder.header.stamp.sec, encoder.header.stamp.nanosec = divmod(stamp, 10**9)
        encoder.position[0] = pair.joint.angle + ENCODER_OFFSET
        table.publish("encoder/joint_states", encoder)
        source.publish(pair)
        sent.append(stamp)

    for k in range(0, 1200, 5):  # as fast as it can
        for pair in walk[k : k + 5]:
            give(pair)
        source.answered(walk[k + 4])
    client.until_stage("training")
    child = child_of(table, node)
    assert os.sched_getscheduler(child) == os.SCHED_IDLE
    group = Path(f"/proc/{child}/autogroup")  # with autogroups a process's own policy is not enough
    assert not group.exists() or group.read_text("ascii").split()[-1] == "19"
    first, began = len(sent), time.monotonic()
    for k, pair in enumerate(walk[1200:]):  # at 100 Hz
        table.until(lambda due=began + 0.01 * k: time.monotonic() >= due)  # type: ignore[misc]
        give(pair)
        given = time.monotonic()
        source.answered(pair)
        delays.append(time.monotonic() - given)
        if client.is_answered():
            break
    status, result = client.result()
    assert (status, result.success, result.model) == (SUCCEEDED, True, "anna"), result.message
    assert result.message.startswith("adapted:")
    assert result.error_after < result.error_before
    assert len(sent) - first > 100
    made = {stamp_of(m): m for m in table.got["forecast_detail"] if len(m.angle)}
    assert set(sent[first:]) <= set(made)
    assert not any(m.status & WITHHELD for m in made.values())
    assert np.median(delays) < 0.05
    source.feed([moved(walk[0], walk[len(sent)].joint.stamp)])
    assert model_in_use(table) == "anna"
    adapted = load_bundle("anna", [users])
    assert (adapted.manifest.parent, adapted.manifest.side) == ("base", "right")
    assert adapted.manifest.training.settings["encoder_labels"] == 1.0
    assert [p.name for p in users.iterdir()] == ["anna"]
    assert list(scratch.iterdir()) == []
