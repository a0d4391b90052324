"""More than one sender: on the filter's and the predictor's inputs, on the encoder, and on the forecast."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
import rclpy.subscription
from rigs.filter_rig import PERIOD, START, OrientationFilterNode, message_of, raw_of
from rigs.models import pairs, write_models
from rigs.node_bench import Bench, bench, stamp_of
from rigs.predictor_rig import Filter, ns, start
from rigs.walks import swinging
from sensor_msgs.msg import Imu, JointState

from ankle_imu_driver.calibration import save_calibration
from ankle_imu_driver.conventions import JointConvention
from ankle_predictor.estimation.samples import PairSample
from ankle_predictor.nodes.messages import JointMessage
from ankle_predictor.nodes.predictor_node import PredictorNode
from ankle_predictor.trust.sender_watch import MEMORY
from ankle_predictor.trust.status import Status

RAW = ("shank/imu/data_raw", "foot/imu/data_raw")


@pytest.fixture
def table() -> Iterator[Bench]:
    with bench() as made:
        yield made


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_models(tmp_path_factory.mktemp("models"))


BELIEVED = 1.7  # s, after which the calibration is confirmed


class Chain:
    """Filter and predictor, and two drivers that send the same walk."""

    def __init__(self, table: Bench, models: Path, folder: Path) -> None:
        self.table, self.sent, self.read = table, 0, 0
        walk = swinging(30.0)
        assert walk.calibration is not None
        save_calibration(folder / "calibration.yaml", walk.calibration)
        self.predictor = start(table, models)
        self.filter = table.start(OrientationFilterNode, {"calibration_file": str(folder / "calibration.yaml")})
        self._raw = raw_of(walk, START)
        table.advertise(*((Imu, topic) for topic in RAW))
        self.other = table.sender("zombie", *((Imu, topic) for topic in RAW))

    def walk(self, seconds: float, both: bool = False, mine: bool = True, answered: bool = True) -> None:
        """Send the next seconds of the walk, each pair after the answer to the one before; a zombie reads otherwise."""
        table, node = self.table, self.filter
        for _ in range(round(seconds * 100)):
            for stream, stamp, accel, gyro in self._raw[2 * self.sent : 2 * self.sent + 2]:
                table.simulated_time(stamp)
                if both:
                    read = -accel if mine else accel
                    self.other[RAW[stream]].publish(message_of((stream, stamp + 2_000_000, read, gyro)))
                if mine:
                    table.publish(RAW[stream], message_of((stream, stamp, accel, gyro)))
                self.read += both + mine
                table.until(lambda: node.inputs.received + node.senders.dropped >= self.read)
            self.sent += 1
            if not answered:
                table.spin(0.01)
                continue
            table.until(lambda: (heard := table.got["forecast_detail"]) and stamp_of(heard[-1]) >= self.now - PERIOD)

    @property
    def now(self) -> int:
        """Stamp of the newest sample."""
        return START + self.sent * PERIOD

    def statuses(self) -> list[int]:
        return [m.status for m in self.table.got["forecast_detail"]]


def test_a_second_driver_is_never_merged(table: Bench, models: Path, tmp_path: Path) -> None:
    chain = Chain(table, models, tmp_path)
    chain.walk(BELIEVED)
    table.until(lambda: table.got["forecast"])
    assert not any(status & Status.TWO_SOURCES for status in chain.statuses())
    chain.walk(0.1, both=True)
    mark = chain.now
    chain.walk(1.0, both=True)

    def later(topic: str) -> list[Any]:
        return [m for m in table.got[topic] if stamp_of(m) > mark]

    assert all(m.status & Status.TWO_SOURCES for m in later("forecast_detail"))
    assert len(later("forecast_detail")) > 10
    assert later("forecast") == later("joint_states") == []
    assert all(m.orientation_covariance[0] == -1.0 for m in later("shank/imu/data"))
    level, sentence, values = table.health(chain.filter)
    assert level == 2
    assert "imu/data_raw has 2 senders, /listener and /zombie: stop all but one" in sentence
    assert int(values["samples of other senders"]) > 50
    level, sentence, _ = table.health(chain.predictor)
    assert level == 2
    assert "has 2 senders" in sentence
    table.destroy_sender("zombie")
    table.spin(MEMORY + 0.3)  # until it is certain
    made = len(table.got["forecast"])
    chain.walk(0.1, answered=False)  # the first samples after a gap are held until more agree
    chain.walk(0.4)
    table.until(lambda: len(table.got["forecast"]) > made)
    assert not chain.statuses()[-1] & ~Status.OVERRUN
    table.health(chain.filter)
    assert "senders" not in table.health(chain.filter)[1]


def test_when_the_second_driver_ends_each_pair_is_answered_or_said_to_be_skipped(
    table: Bench, models: Path, tmp_path: Path
) -> None:
    chain = Chain(table, models, tmp_path)
    chain.walk(BELIEVED)
    chain.walk(0.3, both=True)
    first = chain.now
    end = time.monotonic() + MEMORY + 0.5
    while time.monotonic() < end:
        chain.walk(0.01, answered=False)
    chain.walk(0.1)
    answers = {stamp_of(m): m.status for m in table.got["forecast_detail"] if stamp_of(m) > first}
    assert list(answers) == sorted(answers)  # none of before the restart comes after it
    assert not list(answers.values())[-1] & Status.TWO_SOURCES
    stamps = range(first + PERIOD, max(answers) + 1, PERIOD)
    following = [min(s for s in answers if s > stamp) for stamp in stamps if stamp not in answers]
    assert all(answers[stamp] & (Status.OVERRUN | Status.TWO_SOURCES) for stamp in following)


def test_a_restarted_driver_is_no_second_one(table: Bench, models: Path, tmp_path: Path) -> None:
    """The old publisher is still there, as after a crash, but sends no more."""
    chain = Chain(table, models, tmp_path)
    chain.walk(BELIEVED)
    table.spin(0.3)
    chain.sent += 30
    chain.walk(0.1, both=True, mine=False, answered=False)  # the first samples after a gap may be held
    chain.walk(0.6, both=True, mine=False)
    assert not any(status & Status.TWO_SOURCES for status in chain.statuses())
    assert not chain.statuses()[-1] & ~Status.OVERRUN
    assert "senders" not in table.health(chain.filter)[1]


def test_a_raw_sample_without_estimate_is_not_used(table: Bench, models: Path, tmp_path: Path) -> None:
    chain = Chain(table, models, tmp_path)
    stream, stamp, accel, gyro = chain._raw[0]
    message = message_of((stream, stamp, accel, gyro))
    message.angular_velocity_covariance[0] = -1.0  # an accelerometer alone
    table.publish(RAW[stream], message)
    table.spin(0.1)
    assert table.got["shank/imu/data"] == []
    assert "no acceleration or no angular rate" in table.health(chain.filter)[1]


@pytest.mark.parametrize("topic", ["shank/imu/data", "foot/imu/data"])
def test_a_second_filter_is_told(table: Bench, models: Path, topic: str) -> None:
    node, source = start(table, models), Filter(table)
    other = table.sender("zombie", (Imu, topic))
    walk = pairs(1.0)
    source.feed(walk[:50])
    for pair in walk[50:]:
        message = Imu()
        message.header.stamp.sec, message.header.stamp.nanosec = divmod(ns(pair.joint.stamp) + 1, 10**9)
        other[topic].publish(message)
        source.feed([pair])
    assert table.got["forecast_detail"][-1].status & Status.TWO_SOURCES
    assert len(table.got["forecast"]) < 35
    level, sentence, _ = table.health(node)
    assert (level, f"/{topic} has 2 senders, /listener and /zombie" in sentence) == (2, True)


def test_a_foreign_joint_of_the_same_name_costs_no_forecast(table: Bench, models: Path) -> None:
    """In the namespace / the topic is the whole robot's, and its own ankle may be on it."""
    other = table.sender("robot", (JointState, "joint_states"))
    told = getattr(rclpy.subscription, "MessageInfo", None)
    if "publisher_gid" not in getattr(told, "__annotations__", {}):
        pytest.skip("this ROS does not tell who sent a message; Kilted does")
    _, source = start(table, models), Filter(table)
    source.feed(pairs(0.5))
    made = len(table.got["forecast"])
    foreign = JointMessage(JointConvention("ankle"))
    for pair in islice(pairs(1.0), 50, None):
        other["joint_states"].publish(foreign.fill(ns(pair.joint.stamp) + 1_000_000, 0.5, 0.0))
        source.feed([pair])
    assert len(table.got["forecast"]) == made + 50
    assert not any(m.status & Status.TWO_SOURCES for m in table.got["forecast_detail"])


def test_other_joints_may_have_other_senders(table: Bench, models: Path) -> None:
    node, source = start(table, models), Filter(table)
    topics = ("joint_states", "encoder/joint_states")
    other = table.sender("robot", *((JointState, topic) for topic in topics))
    for pair in pairs(0.5):
        for topic in topics:
            other[topic].publish(JointMessage(JointConvention("knee")).fill(ns(pair.joint.stamp), 0.5, 0.0))
        source.feed([pair])
    assert not any(m.status & Status.TWO_SOURCES for m in table.got["forecast_detail"])
    assert "senders" not in table.health(node)[1]


def test_a_second_encoder_is_told(table: Bench, models: Path) -> None:
    node, source = start(table, models), Filter(table)
    table.advertise((JointState, "encoder/joint_states"))
    other = table.sender("zombie", (JointState, "encoder/joint_states"))
    for pair in pairs(0.5):
        message = JointMessage(JointConvention("ankle")).fill(ns(pair.joint.stamp), pair.joint.angle, 0.0)
        table.publish("encoder/joint_states", message)
        other["encoder/joint_states"].publish(message)
        source.feed([pair])
    assert table.got["forecast_detail"][-1].status & Status.TWO_SOURCES
    assert "/encoder/joint_states has 2 senders" in table.health(node)[1]


def statuses_after(table: Bench, pair: PairSample) -> list[int]:
    return [m.status for m in table.got["forecast_detail"] if stamp_of(m) > ns(pair.joint.stamp)]


def test_two_predictors_on_one_topic_both_withhold(table: Bench, models: Path) -> None:
    first, source, walk = start(table, models), Filter(table), iter(pairs(60.0))
    source.feed(islice(walk, 30))
    assert table.got["forecast"]
    second = start(table, models)
    both = [first, second]
    feed_until(table, source, walk, lambda: all(node.predictor.take_problem()[1] for node in both))
    mark = next(walk)
    feed_for(table, source, walk, 2 * MEMORY)  # for longer than anything is remembered
    feed_until(table, source, walk, lambda: len(statuses_after(table, mark)) > 20)
    assert not [m for m in table.got["forecast"] if stamp_of(m) > ns(mark.joint.stamp)]
    assert all(status & Status.TWO_SOURCES for status in statuses_after(table, mark))
    for node in both:
        level, sentence, _ = table.health(node)
        assert level == 2
        assert "has 2 senders, /predictor and /predictor: stop all but one" in sentence
    table.destroy(second)
    made = len(table.got["forecast"])
    feed_until(table, source, walk, lambda: len(table.got["forecast"]) > made + 10)


def feed_until(table: Bench, source: Filter, walk: Iterator[PairSample], condition: Callable[[], bool]) -> None:
    """Publish pairs until a condition holds."""
    while not condition():
        source.publish(next(walk))
        table.spin(0.01)


def feed_for(table: Bench, source: Filter, walk: Iterator[PairSample], seconds: float) -> None:
    """Publish pairs for some real time."""
    end = time.monotonic() + seconds
    feed_until(table, source, walk, lambda: time.monotonic() >= end)


def test_a_foreign_program_that_forecasts_is_a_second_sender_too(table: Bench, models: Path) -> None:
    node = start(table, models)
    source, walk = Filter(table), iter(pairs(60.0))
    source.feed(islice(walk, 30))
    message = table.got["forecast"][-1]
    other = table.sender("zombie", (type(message), "forecast"))
    node.create_steady_timer(0.05, lambda: other["forecast"].publish(message))
    feed_until(table, source, walk, lambda: bool(table.got["forecast_detail"][-1].status & Status.TWO_SOURCES))
    mark = next(walk)
    feed_for(table, source, walk, 2 * MEMORY)
    feed_until(table, source, walk, lambda: len(statuses_after(table, mark)) > 20)
    assert all(status & Status.TWO_SOURCES for status in statuses_after(table, mark))


def test_a_predictor_that_is_not_active_is_no_second_one(table: Bench, models: Path) -> None:
    start(table, models)
    idle = table.make(PredictorNode, {"models_dir": str(models), "model": "linear", "autostart": False})
    table.executor.add_node(idle)
    idle.trigger_configure()
    source, walk = Filter(table), iter(pairs(60.0))
    feed_for(table, source, walk, 1.0)
    source.feed(islice(walk, 40))
    assert not any(m.status & Status.TWO_SOURCES for m in table.got["forecast_detail"])
    assert len(table.got["forecast"]) > 15
