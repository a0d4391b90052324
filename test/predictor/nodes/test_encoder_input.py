"""The node predictor over DDS with an encoder that falls silent, slips, is reversed, and is good again."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from ankle_predictor_interfaces.msg import AnkleForecast
from rigs.models import pairs, write_models
from rigs.node_bench import Bench, bench, stamp_of
from rigs.predictor_rig import Filter, ns, start
from sensor_msgs.msg import JointState

from ankle_imu_driver.conventions import ENCODER_TOPIC, JointConvention
from ankle_predictor.nodes.messages import JointMessage

WALK = pairs(24.0)
ABOVE = math.radians(1.0)
SILENT, GOOD, SLIPS, BACK, REVERSED, AGAIN, END = 4.0, 6.0, 8.0, 11.0, 15.0, 18.0, 24.0
"""When each part of the story begins, in s."""


def encoder_at(stamp: float, angle: float) -> float | None:
    good = angle + ABOVE
    if stamp < SILENT or GOOD <= stamp < SLIPS or BACK <= stamp < REVERSED or stamp >= AGAIN:
        return good
    if stamp < GOOD:
        return None
    return good + math.radians(4.0) * (stamp - SLIPS) if stamp < BACK else -good


@pytest.fixture
def table() -> Iterator[Bench]:
    with bench() as made:
        yield made


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_models(tmp_path_factory.mktemp("models"))


def test_no_tick_is_lost_and_nothing_jumps_whatever_the_encoder_does(table: Bench, models: Path) -> None:
    node, source = start(table, models), Filter(table)
    table.advertise((JointState, ENCODER_TOPIC))
    encoder = JointMessage(JointConvention("ankle"))
    for pair in WALK:
        angle = encoder_at(pair.joint.stamp, pair.joint.angle)
        if angle is not None:
            table.publish(ENCODER_TOPIC, encoder.fill(ns(pair.joint.stamp), angle, pair.joint.rate))
        source.publish(pair)
        source.answered(pair)

    details = {stamp_of(m): m for m in table.got["forecast_detail"] if len(m.angle)}
    forecasts = {stamp_of(m): m for m in table.got["forecast"]}
    assert len(forecasts) == len(details) == len(WALK) - 19  # the window has 20 pairs
    stamps = np.array([pair.joint.stamp for pair in WALK[19:]])
    heard = [details[ns(stamp)] for stamp in stamps]
    above = np.array([m.current_angle for m in heard]) - [pair.joint.angle for pair in WALK[19:]]
    assert np.degrees(np.abs(np.diff(above)).max()) < 0.5

    def between(first: float, last: float) -> list[AnkleForecast]:
        return [m for m, stamp in zip(heard, stamps, strict=True) if first <= stamp < last]

    def share(first: float, last: float) -> float:
        return float(np.mean([m.angle_source == AnkleForecast.FROM_ENCODER for m in between(first, last)]))

    def suspect(first: float, last: float) -> float:
        return float(np.mean([bool(m.status & AnkleForecast.ENCODER_SUSPECT) for m in between(first, last)]))

    assert (share(SILENT - 1.0, SILENT), share(SILENT + 0.5, GOOD)) == (1.0, 0.0)
    assert (suspect(0.0, SLIPS), share(GOOD + 1.5, SLIPS)) == (0.0, 1.0)
    assert (suspect(BACK - 0.5, BACK), share(BACK - 0.5, BACK)) == (1.0, 0.0)
    assert (share(REVERSED - 0.5, REVERSED), suspect(REVERSED - 0.5, REVERSED)) == (1.0, 0.0)
    assert (suspect(REVERSED + 1.0, AGAIN), share(REVERSED + 1.0, AGAIN)) == (1.0, 0.0)
    assert (share(END - 1.0, END), suspect(END - 1.0, END)) == (1.0, 0.0)
    counted = node.predictor.report()[3]["encoder suspect"]
    assert counted == sum(bool(m.status & AnkleForecast.ENCODER_SUSPECT) for m in table.got["forecast_detail"])


def test_messages_without_the_joint_are_counted_by_name(table: Bench, models: Path) -> None:
    node, source = start(table, models), Filter(table)
    table.advertise((JointState, ENCODER_TOPIC))
    knee = JointMessage(JointConvention("knee"))
    for pair in WALK[:50]:
        table.publish(ENCODER_TOPIC, knee.fill(ns(pair.joint.stamp), 0.5, 0.0))
        source.publish(pair)
        source.answered(pair)
    assert node.predictor.report()[3][f"{ENCODER_TOPIC} without ankle"] == 50
    assert all(m.angle_source == AnkleForecast.FROM_IMU for m in table.got["forecast_detail"])


def test_an_unknown_role_is_refused(table: Bench, models: Path) -> None:
    node = start(table, models, encoder__role="judge")
    assert "encoder.role must be one of input, score, off, not 'judge'" in node.refusal
