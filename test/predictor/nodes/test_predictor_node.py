"""The node predictor over DDS: its forecasts, what it withholds, and changes of the model."""

from __future__ import annotations

import dataclasses
import math
import subprocess
import sys
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ankle_predictor_interfaces.srv import LoadWeights
from lifecycle_msgs.msg import State
from rclpy.duration import Duration
from rclpy.lifecycle import TransitionCallbackReturn
from rclpy.parameter import Parameter
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from rigs.filter_rig import PERIOD, START, OrientationFilterNode, raw_of, send
from rigs.models import pairs, write_models
from rigs.node_bench import Bench, bench, stamp_of
from rigs.predictor_rig import (
    IN_TIME,
    Filter,
    answers,
    forecasts_of,
    load,
    ns,
    positions,
    published_of,
    start,
    statuses,
)
from rigs.trials import leave_out_trials
from rigs.walks import part, swinging
from sensor_msgs.msg import JointState

from ankle_imu_driver.calibration import save_calibration
from ankle_imu_driver.conventions import JointConvention
from ankle_imu_driver.recordings.mirror import mirrored
from ankle_imu_driver.recordings.read_recording import read_recording
from ankle_imu_driver.recordings.recording import Recording
from ankle_predictor.estimation.samples import PairSample
from ankle_predictor.nodes.messages import JointMessage
from ankle_predictor.nodes.predictor_node import PredictorNode
from ankle_predictor.offline.pipeline import run_chain
from ankle_predictor.trust.status import Status


@pytest.fixture
def table() -> Iterator[Bench]:
    with bench() as made:
        yield made


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_models(tmp_path_factory.mktemp("models"))


def feed_in_step(table: Bench, node: OrientationFilterNode, walk: Recording) -> None:
    """Publish the samples of a walk, each pair after the predictor's answer to the one before."""
    raw, heard = raw_of(walk, START), table.got["forecast_detail"]
    for k in range(0, len(raw), 2):
        send(table, node, raw[k : k + 2])
        table.until(lambda stamp=raw[k][1]: heard and stamp_of(heard[-1]) == stamp)
    table.spin(0.1)


def test_the_live_forecasts_of_a_walk_equal_the_offline_ones(table: Bench, walks_dir: Path, models: Path) -> None:
    walk = part(read_recording(walks_dir / "LOG10.TXT"), 5.0)
    expected = published_of(walk, models, "whole")
    start(table, models, "whole")
    node = table.start(OrientationFilterNode, {"calibration_file": str(walks_dir / "LOG10.TXT")})
    feed_in_step(table, node, walk)
    heard = {stamp_of(m) - START: m for m in table.got["forecast"]}
    assert sorted(heard) == sorted(expected)
    for stamp, message in heard.items():
        assert message.joint_names == ["ankle"]
        np.testing.assert_allclose(positions(message), expected[stamp], atol=1e-6)
    times = [p.time_from_start.sec * 10**9 + p.time_from_start.nanosec for p in message.points]
    assert times == [(k + 1) * PERIOD for k in range(50)]
    assert not any(len(p.velocities) for p in message.points)
    details = {stamp_of(m) - START: m for m in table.got["forecast_detail"] if len(m.angle)}
    assert sorted(details) == sorted(expected)
    last = details[max(details)]
    assert (last.model, last.joint_name, last.sample_period) == ("whole", "ankle", 0.01)
    assert list(last.angle) == positions(heard[max(details)])
    np.testing.assert_allclose(np.array(last.upper) - np.array(last.lower), 0.1)
    assert last.current_angle == pytest.approx(run_chain(walk).angle[-1], abs=1e-9)
    assert math.isnan(last.stride_period)
    assert 0.0 < last.recent_error < 0.5


def test_the_other_leg_gets_the_same_forecasts(table: Bench, walks_dir: Path, models: Path, tmp_path: Path) -> None:
    walk = mirrored(part(read_recording(walks_dir / "LOG8.TXT"), 3.5))
    assert walk.calibration is not None
    save_calibration(tmp_path / "left.yaml", walk.calibration)
    start(table, models, side="left")
    node = table.start(OrientationFilterNode, {"calibration_file": str(tmp_path / "left.yaml"), "side": "left"})
    feed_in_step(table, node, walk)
    expected = published_of(mirrored(walk), models, "linear")
    assert len(table.got["forecast"]) == len(expected) > 200
    for message in table.got["forecast"]:
        np.testing.assert_allclose(positions(message), expected[stamp_of(message) - START], atol=1e-6)


def test_old_forecasts_are_not_delivered(table: Bench, models: Path) -> None:
    node = table.start(PredictorNode, {"models_dir": str(models), "model": "linear"})
    qos: QoSProfile = table.listener.get_publishers_info_by_topic("forecast")[0].qos_profile
    assert (qos.reliability, qos.durability) == (ReliabilityPolicy.RELIABLE, DurabilityPolicy.VOLATILE)
    assert qos.lifespan == Duration(seconds=0.05)
    assert node.outputs["forecast"].qos_profile.depth == 1
    assert node.get_parameter("max_input_age").value == 0.05


def test_it_reports_why_it_withholds(table: Bench, models: Path) -> None:
    node, source = start(table, models, max_input_age=IN_TIME), Filter(table)
    table.until(lambda: table.got["forecast_detail"])
    assert statuses(table)[0] == Status.STALE
    assert stamp_of(table.got["forecast_detail"][0]) == 0
    source.feed(pairs(0.3))
    heard = [m for m in table.got["forecast_detail"] if m.status & ~Status.OVERRUN in (Status.WARMING_UP, Status.OK)]
    assert answers(table)[-30:] == [Status.WARMING_UP] * 19 + [Status.OK] * 11
    assert [len(m.angle) for m in heard] == [len(m.lower) for m in heard] == [len(m.upper) for m in heard]
    assert [len(m.angle) for m in heard] == [0] * 19 + [50] * 11
    assert len(table.got["forecast"]) == 11

    table.got["forecast_detail"].clear()
    table.spin(1.0)
    assert set(statuses(table)) == {Status.STALE}
    assert len(statuses(table)) >= 10
    assert {stamp_of(m) for m in table.got["forecast_detail"]} == {ns(0.29)}
    assert all(math.isnan(m.current_angle) for m in table.got["forecast_detail"])
    assert len(table.got["forecast"]) == 11
    table.health(node)
    table.spin(0.2)
    assert table.health(node)[:2] == (2, "nothing is forecast: stale")


def changed(pair: PairSample, **joint: float) -> PairSample:
    return PairSample(pair.shank, pair.foot, dataclasses.replace(pair.joint, **joint))


def test_a_forecast_is_published_before_all_other_work(
    table: Bench, models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    node, done = start(table, models), list[str]()

    def spy(owner: Any, method: str, what: str) -> None:
        real = getattr(owner, method)
        monkeypatch.setattr(owner, method, lambda *arguments: (done.append(what), real(*arguments))[1])

    spy(node.outputs["forecast"], "publish", "forecast")
    spy(node.outputs["forecast_detail"], "publish", "detail")
    spy(node.predictor, "settle", "settled")
    spy(node.adapt_action, "push", "collected")
    Filter(table).feed(pairs(0.5))
    made = done.index("forecast")
    assert done[made : made + 4] == ["forecast", "settled", "detail", "collected"]


def test_repeated_samples_and_missing_joints_do_no_harm(table: Bench, models: Path) -> None:
    node, source = start(table, models), Filter(table)
    for k, pair in enumerate(pairs(0.4)):
        source.publish(pair, joint=k != 30)
        source.publish(pair, joint=k != 30)
        if k != 30:
            source.answered(pair)
    table.spin(0.2)
    assert len(table.got["forecast"]) == 20
    values = table.health(node)[2]
    assert values["segments.repeated"] == "80"
    assert values["joints.unmatched"] == "1"
    other = JointState(name=["knee"], position=[0.3])
    table.publish("joint_states", other)
    table.spin(0.1)
    assert table.health(node)[2]["joint_states without ankle"] == "1"


def test_joint_conventions_apply_to_messages_only(table: Bench, models: Path) -> None:
    own = {"joint_name": "left_ankle", "joint_sign": -1, "joint_offset": 0.3}
    start(table, models, **own)
    source = Filter(table, JointConvention("left_ankle", -1.0, 0.3))
    source.feed(pairs(0.3))
    expected = forecasts_of(part(swinging(0.3), 1.0), models, "linear")
    message, detail = table.got["forecast"][-1], table.got["forecast_detail"][-1]
    assert message.joint_names == ["left_ankle"]
    np.testing.assert_allclose(positions(message), 0.3 - expected[290_000_000], atol=1e-6)
    assert np.all(np.array(detail.lower) < np.array(detail.angle))
    assert np.all(np.array(detail.angle) < np.array(detail.upper))
    assert detail.current_angle == pytest.approx(0.3 - pairs(0.3)[-1].joint.angle)


def test_the_recent_error_is_against_the_encoder_if_there_is_one(table: Bench, models: Path) -> None:
    start(
        table,
        models,
        "tiny",
        encoder__role="score",
        encoder__joint_name="encoder",
        encoder__joint_sign=-1,
        encoder__joint_offset=0.5,
    )
    source = Filter(table)
    still = [changed(pair, angle=0.1, rate=0.0) for pair in pairs(1.0)]
    table.advertise((JointState, "encoder/joint_states"))
    source.feed(still[:50])
    assert table.got["forecast_detail"][-1].recent_error == pytest.approx(0.01, abs=1e-6)  # the network adds 0.01
    for pair in still[50:]:
        truth = JointMessage(JointConvention("encoder", -1.0, 0.5)).fill(ns(pair.joint.stamp), 0.14, 0.0)
        table.publish("encoder/joint_states", truth)
        source.feed([pair])
    assert table.got["forecast_detail"][-1].recent_error == pytest.approx(0.03, abs=1e-6)


REFUSALS = {
    "nothing": ("NOT_FOUND", "there is no model 'nothing'"),
    "../linear": ("NOT_FOUND", "neither the name of a model"),
    "broken": ("CORRUPT", "model.onnx is not the file that was written"),
    "other_filter": ("INCOMPATIBLE", "was trained with rest_rate 3, the filter here has 1"),
    "other_features": ("INCOMPATIBLE", "was trained on other features (2 from MPU1_accX"),
    "wrong": ("REJECTED", "canary window"),
}


@pytest.mark.parametrize("model", REFUSALS)
def test_a_refused_model_leaves_the_one_in_use(table: Bench, models: Path, model: str) -> None:
    start(table, models)
    source = Filter(table)
    source.feed(pairs(0.25))
    response = load(table, model)
    code, words = REFUSALS[model]
    assert response.result == getattr(LoadWeights.Response, code)
    assert words in response.message
    assert "\n" not in response.message
    assert response.active_model == "linear"
    assert response.load_time > 0.0
    source.feed(pairs(0.05, 0.25))
    assert (statuses(table)[-1], table.got["forecast_detail"][-1].model) == (Status.OK, "linear")


def test_a_swap_keeps_the_window(table: Bench, models: Path) -> None:
    start(table, models)
    source = Filter(table)
    source.feed(pairs(0.25))
    response = load(table, "second")
    assert (response.result, response.active_model) == (LoadWeights.Response.SUCCESS, "second")
    assert response.message.startswith("model second runs; on the reference walk it is ")
    assert "the model in use" in response.message
    source.feed(pairs(0.3)[25:])
    assert (statuses(table)[-1], table.got["forecast_detail"][-1].model) == (Status.OK, "second")
    expected = forecasts_of(swinging(0.3), models, "second")[290_000_000]
    np.testing.assert_allclose(positions(table.got["forecast"][-1]), expected, atol=1e-6)
    load(table, "longer")
    source.feed(pairs(0.7)[30:])
    last = table.got["forecast_detail"][-1]
    assert (statuses(table)[-1], last.model, len(last.angle)) == (Status.OK, "longer", 20)
    assert len(table.got["forecast"][-1].points) == 20
    expected = forecasts_of(swinging(0.7), models, "longer")[690_000_000]
    np.testing.assert_allclose(positions(table.got["forecast"][-1]), expected, atol=1e-6)


def test_the_parameter_model_follows_a_swap_and_survives_a_cleanup(table: Bench, models: Path) -> None:
    node = start(table, models)
    assert load(table, "second").result == LoadWeights.Response.SUCCESS
    assert node.get_parameter("model").value == "second"
    assert load(table, "broken").result == LoadWeights.Response.CORRUPT
    assert node.get_parameter("model").value == "second"
    node.trigger_deactivate()
    node.trigger_cleanup()
    assert node.trigger_configure() == TransitionCallbackReturn.SUCCESS
    assert node.predictor.model == "second"


def test_limits_count_from_the_moment_on_at_which_they_are_set(table: Bench, models: Path) -> None:
    node, source = start(table, models), Filter(table)
    source.feed(pairs(0.3))
    made = len(table.got["forecast"])
    assert made
    assert node.set_parameters([Parameter("plausible.angle", value=1e-6)])[0].successful
    source.feed(pairs(0.4)[30:])
    assert len(table.got["forecast"]) == made
    assert statuses(table)[-1] & Status.IMPLAUSIBLE


def test_callers_are_served_in_turn_while_forecasts_continue(table: Bench, models: Path) -> None:
    start(table, models)
    source = Filter(table)
    source.feed(pairs(0.25))
    client = table.listener.create_client(LoadWeights, "predictor/load_weights")
    table.until(client.service_is_ready)
    order: list[int] = []
    names = ("second", "linear", "second")
    calls = [client.call_async(LoadWeights.Request(model=name)) for name in names]
    for number, call in enumerate(calls):
        call.add_done_callback(lambda _done, number=number: order.append(number))
    before = len(table.got["forecast"])
    fed = 0
    for pair in pairs(30.0)[25:]:
        source.feed([pair])
        fed += 1
        if all(call.done() for call in calls):
            break
    assert order == [0, 1, 2]
    answers = [call.result() for call in calls]
    # Whether a model is good enough depends on the seconds that were walked until its turn.
    assert [a.active_model == name for a, name in zip(answers, names, strict=True)] == [
        a.result == LoadWeights.Response.SUCCESS for a in answers
    ]
    assert answers[0].active_model == "second"
    table.until(lambda: len(table.got["forecast"]) >= before + fed)
    assert len(table.got["forecast"]) == before + fed
    makers = [m.model for m in table.got["forecast_detail"] if len(m.angle)]
    assert sum(a != b for a, b in pairwise(makers)) <= 3


def test_a_backlog_is_skipped_and_counted(table: Bench, models: Path) -> None:
    node, source = start(table, models), Filter(table)
    walk = pairs(0.6)
    source.feed(walk[:30])
    made = len(table.got["forecast"])
    table.hold_up(node)
    for pair in walk[30:45]:
        source.publish(pair)
    table.spin(0.1)
    table.release(node)
    source.answered(walk[44])
    last = table.got["forecast_detail"][-1]
    assert len(table.got["forecast"]) == made + 1
    assert last.status & Status.OVERRUN
    assert len(last.angle) == 50
    expected = forecasts_of(part(swinging(0.45), 1.0), models, "linear")[
        440_000_000
    ]  # the window includes the skipped pairs
    np.testing.assert_allclose(positions(table.got["forecast"][-1]), expected, atol=1e-6)
    level, sentence, values = table.health(node)
    assert (level, values["skipped"]) == (1, "14")
    assert "14 skipped, as this computer does not keep up" in sentence
    source.feed(walk[45:])
    assert len(table.got["forecast"]) == made + 16
    assert "skipped" not in table.health(node)[1]


@pytest.mark.parametrize("jump", [-7200.0, 7200.0])
def test_a_clock_that_jumps_in_real_time_restarts_the_window(
    table: Bench, models: Path, jump: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    node = start(table, models, use_sim_time=False)
    # The computer's clock cannot be set here; another node's shows what the stamps say.
    other = table.make(OrientationFilterNode, {"use_sim_time": True, "autostart": False})
    monkeypatch.setattr(node, "get_clock", other.get_clock)
    source = Filter(table)
    source.feed(pairs(0.3))
    for after in (pairs(0.3, 0.3 + jump), pairs(0.3, 0.6)):
        source.feed(after)
    # Of the pairs that then are pending, the newest gets an answer.
    assert answers(table)[-56:] == ([Status.WARMING_UP] * 17 + [Status.OK] * 11) * 2


SWAPS = 100
LONGEST_STORM = 60.0  # s; it takes 4 on an idle computer


def test_a_hundred_swaps_at_a_hundred_hertz_lose_no_forecast(
    table: Bench, models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every pair gets a forecast, and it is exactly that of the model that the message names.

    The trials, which run in processes of their own, are left out: a hundred of them take a minute.
    """
    leave_out_trials(monkeypatch)
    start(table, models)
    source = Filter(table)
    client = table.listener.create_client(LoadWeights, "predictor/load_weights")
    table.until(client.service_is_ready)
    names = ["second", "linear"] * 5 + ["broken"]  # a refused model does no harm
    answers: list[tuple[int, str]] = []
    took: dict[bool, list[float]] = {False: [], True: []}  # s from sample to answer, before and during the swaps
    asked: Any = None
    due, walk = time.monotonic(), pairs(LONGEST_STORM)
    for k, pair in enumerate(walk):
        due = max(due + 0.01, time.monotonic())
        table.until(lambda due=due: time.monotonic() >= due)
        source.feed([pair])
        took[asked is not None].append(time.monotonic() - due)
        if k < 100:
            continue
        if asked is not None and asked.done():
            answers.append((asked.result().result, asked.result().active_model))
            asked = None
        loaded = [model for result, model in answers if result == LoadWeights.Response.SUCCESS]
        if len(loaded) == SWAPS:
            break
        if asked is None:
            asked = client.call_async(LoadWeights.Request(model=names[len(answers) % len(names)]))
    assert loaded == ["second", "linear"] * (SWAPS // 2)
    refused = [answer for answer in answers if answer[0] != LoadWeights.Response.SUCCESS]
    assert refused == [(LoadWeights.Response.CORRUPT, "linear")] * (SWAPS // 10 - 1)

    details = {stamp_of(m): m for m in table.got["forecast_detail"] if len(m.angle)}
    heard = {stamp_of(m): m for m in table.got["forecast"]}
    assert sorted(details) == sorted(heard) == [ns(p.joint.stamp) for p in walk[19 : k + 1]]
    expected = {
        name: forecasts_of(part(swinging(LONGEST_STORM), 0.01 * k + 0.1), models, name) for name in ("linear", "second")
    }
    for stamp, message in details.items():
        np.testing.assert_allclose(message.angle, expected[message.model][stamp - START], atol=1e-6)
        assert positions(heard[stamp]) == list(message.angle)
    assert {m.model for m in details.values()} == {"linear", "second"}
    # Swaps add no delay: at most two sample periods, or five times the delay of a busy computer without swaps.
    assert np.quantile(took[True], 0.9) <= max(0.02, 5.0 * np.quantile(took[False], 0.9))


def test_without_a_model_it_stays_configured_until_one_is_loaded(table: Bench, models: Path) -> None:
    node = start(table, models, "nothing")
    assert table.state_of(node) == State.PRIMARY_STATE_INACTIVE
    assert "until load_weights loads a model: there is no model 'nothing'" in node.refusal
    assert table.health(node)[:2] == (2, node.refusal)
    response = load(table, "wrong")
    assert (response.result, response.active_model) == (LoadWeights.Response.REJECTED, "")
    assert not node.is_active
    assert load(table, "linear").active_model == "linear"
    assert node.is_active
    assert node.refusal == ""
    Filter(table).feed(pairs(0.3))
    assert len(table.got["forecast"]) == 11
    node.trigger_deactivate()
    node.trigger_cleanup()
    response = load(table, "linear")
    assert response.result == LoadWeights.Response.REJECTED
    assert response.message == "predictor is not configured; configure it first"


@pytest.mark.parametrize(
    ("parameters", "sentence"),
    [
        ({"side": "both"}, "side must be one of left, right"),
        ({"threads": 0}, "threads must be 1 to 64"),
        ({"max_input_age": -1}, "max_input_age must be above 0"),
        ({"encoder__joint_sign": 0}, "joint_sign must be one of 1, -1"),
        ({"accel_limit": "2 g"}, "accel_limit"),
    ],
)
def test_wrong_parameters_are_refused(table: Bench, models: Path, parameters: Any, sentence: str) -> None:
    node = start(table, models, **parameters)
    assert sentence in node.refusal
    assert table.state_of(node) == State.PRIMARY_STATE_UNCONFIGURED


def test_the_nodes_never_import_tensorflow() -> None:
    code = (
        "import sys, ankle_predictor.nodes.bringup; sys.exit(bool({'tensorflow', 'keras', 'onnx'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=60).returncode == 0
