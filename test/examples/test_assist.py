"""The example of a controller: its control law, and the node with its watchdog over DDS."""

from __future__ import annotations

import math
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from ankle_predictor_interfaces.msg import AnkleForecast
from hypothesis import example, given
from hypothesis import strategies as st
from rigs.node_bench import LOCAL, Bench, bench
from rigs.repository import REPOSITORY
from std_msgs.msg import Float64MultiArray

sys.path.insert(0, str(REPOSITORY / "examples"))
from assist_law import LONGEST_STEP, AssistConfig, AssistLaw, Curve, SettingsError
from assist_node import AssistNode

CONFIG = AssistConfig()
PERIOD, HORIZON = 0.01, 50
NUMBER = st.floats(-3.0, 3.0)


def rising(slope: float = 1.0, half_width: float = 0.02, age: float = 0.005, **changed: Any) -> Curve:
    """A straight forecast with ``slope`` in rad/s and the same interval at every point."""
    angle = slope * PERIOD * np.arange(1, HORIZON + 1)
    return Curve(
        **{
            "current": 0.0,
            "angle": angle.tolist(),
            "lower": (angle - half_width).tolist(),
            "upper": (angle + half_width).tolist(),
            "period": PERIOD,
            "age": age,
            **changed,
        }
    )


def settled(curve: Curve, since: float = 0.0) -> float:
    """The torque in steady state, ``since`` s after the newest forecast."""
    law = AssistLaw(CONFIG)
    for k in range(100):
        law.receive(curve, k * 0.01)
        law.torque(k * 0.01)
    return law.torque(0.99 + since)


def test_the_torque_pulls_towards_the_forecast() -> None:
    assert settled(rising(1.0)) == pytest.approx(CONFIG.stiffness * 1.0 * CONFIG.lead)
    assert settled(rising(-1.0)) == pytest.approx(-CONFIG.stiffness * 1.0 * CONFIG.lead)
    assert settled(rising(0.0)) == 0.0
    assert settled(rising(100.0)) == CONFIG.max_torque


def test_points_are_interpolated() -> None:
    curve = rising(2.0)
    assert curve.at(0.0)[0] == 0.0
    assert curve.at(0.01)[0] == pytest.approx(0.02)
    assert curve.at(0.255)[0] == pytest.approx(0.51)
    assert curve.at(0.255)[1] == pytest.approx(0.02)
    assert curve.at(9.0)[0] == pytest.approx(1.0)


def test_the_wider_the_interval_the_less_torque() -> None:
    widths = np.radians([2.0, 4.0, 6.0, 9.5, 14.0, 15.0, 40.0])
    torques = [settled(rising(half_width=width)) for width in widths]
    whole = CONFIG.stiffness * CONFIG.lead
    assert torques[:2] == pytest.approx([whole, whole])
    assert torques[3] == pytest.approx(whole / 2)
    assert torques[-2:] == [0.0, 0.0]
    assert sorted(torques, reverse=True) == torques


def test_without_forecasts_the_torque_fades_out() -> None:
    whole = settled(rising())
    assert settled(rising(), since=0.05) == pytest.approx(whole)
    assert settled(rising(), since=0.125) == pytest.approx(whole / 2)
    assert settled(rising(), since=0.2) == pytest.approx(0.0, abs=1e-12)
    assert settled(rising(), since=3600.0) == 0.0


@pytest.mark.parametrize(
    "bad",
    [
        rising(age=0.06),
        rising(age=-0.06),
        rising(age=math.nan),
        rising(angle=[], lower=[], upper=[]),
        rising(upper=[0.1] * 49),
        rising(angle=[math.nan] * 50),
        rising(period=0.0),
        rising(unfamiliar=True),
        rising(half_width=-0.02),
        rising(half_width=0.0),
        rising(upper=[*[1.0] * 49, -1.0]),
        rising(lower=[math.inf] * 50),
    ],
)
def test_late_empty_and_unusable_forecasts_are_dropped(bad: Curve) -> None:
    law = AssistLaw(CONFIG)
    assert law.receive(rising(), 0.0)
    for k in range(1, 30):
        assert not law.receive(bad, k * 0.01)
        law.torque(k * 0.01)
    assert (law.dropped, law.torque(0.3), law.freshness(0.3)) == (29, 0.0, 0.0)


@given(st.lists(st.tuples(st.floats(0.0, 0.3), NUMBER, st.floats(0.001, 0.5), st.booleans()), min_size=1, max_size=40))
@example([(0.25, 0.0, 0.001, False), (0.25, -1.0, 0.001, True), (0.007387290394356995, 1.0, 0.001, True)])
def test_torque_and_its_rise_stay_within_bounds(steps: list[tuple[float, float, float, bool]]) -> None:
    law, now, before = AssistLaw(CONFIG), 0.0, 0.0
    for wait, slope, half_width, comes in steps:
        asked, now = now, now + wait
        most = CONFIG.max_slew * min(now - asked, LONGEST_STEP)  # not of ``wait``: a sum of times is rounded
        if comes:
            law.receive(rising(10.0 * slope, half_width), now)
        torque = law.torque(now)
        assert abs(torque) <= CONFIG.max_torque
        assert abs(torque) - abs(before) <= most + 1e-9
        assert torque * before >= 0.0 or abs(torque) <= most
        if law.freshness(now) == 0.0:
            assert torque == 0.0
        before = torque


@pytest.mark.parametrize(
    "wrong", [{"stiffness": 0.0}, {"lead": math.nan}, {"narrow": 0.3, "wide": 0.2}, {"hold": 0.2, "gone": 0.2}]
)
def test_wrong_settings_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(SettingsError, match=next(iter(wrong))):
        AssistConfig(**wrong)


@pytest.fixture
def table() -> Iterator[Bench]:
    with bench() as made:
        yield made


class Predictor:
    """Publishes ``forecast_detail`` as the predictor does."""

    def __init__(self, table: Bench) -> None:
        self._table = table
        self.torques: list[float] = []
        table.listener.create_subscription(
            Float64MultiArray, "assist_torque", lambda m: self.torques.append(m.data[0]), 1000
        )
        table.advertise((AnkleForecast, "forecast_detail"))

    def publish(self, seconds: float, withheld: bool = False, late: float = 0.0) -> None:
        """Publish at 100 Hz, and keep the torques of that time only."""
        self.torques.clear()
        curve = rising()
        for _ in range(round(seconds / 0.01)):
            message = AnkleForecast(sample_period=PERIOD)
            stamp = time.time_ns() - round(late * 1e9)
            message.header.stamp.sec, message.header.stamp.nanosec = divmod(stamp, 10**9)
            if not withheld:
                message.angle, message.lower, message.upper = curve.angle, curve.lower, curve.upper
            self._table.publish("forecast_detail", message)
            self._table.spin(0.01)


@pytest.mark.parametrize("how", ["silent", "withheld", "late"])
def test_the_watchdog_ends_the_torque(table: Bench, how: str) -> None:
    node = AssistNode(context=table.listener.context)
    table.executor.add_node(node)
    predictor = Predictor(table)
    table.until(lambda: predictor.torques)
    assert set(predictor.torques) == {0.0}
    predictor.publish(0.5)
    assert predictor.torques[-1] == pytest.approx(CONFIG.stiffness * CONFIG.lead, rel=0.05)
    if how == "silent":
        predictor.torques.clear()
        table.spin(0.4)
    else:
        predictor.publish(0.4, withheld=how == "withheld", late=0.1 if how == "late" else 0.0)
    assert predictor.torques[-1] == 0.0
    predictor.publish(0.3)
    assert predictor.torques[-1] > 0.0
    node.destroy_node()


def test_the_process_leaves_the_device_with_zero_torque(table: Bench) -> None:
    predictor = Predictor(table)
    process = subprocess.Popen(
        [sys.executable, str(REPOSITORY / "examples" / "assist_node.py"), "--ros-args", "-p", "stiffness:=12.0"],
        env={**os.environ, **LOCAL},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        table.until(lambda: predictor.torques)
        predictor.publish(0.5)
        assert predictor.torques[-1] > 0.0
        process.send_signal(signal.SIGTERM)
        table.until(lambda: process.poll() is not None)
        table.spin(0.3)
        output = process.communicate()[0]
    finally:
        process.kill()
    assert (process.returncode, predictor.torques[-1]) == (0, 0.0), output
    assert "Traceback" not in output


def test_the_process_refuses_wrong_settings_in_one_sentence() -> None:
    command = [sys.executable, str(REPOSITORY / "examples" / "assist_node.py"), "--ros-args", "-p", "stiffness:=-1.0"]
    done = subprocess.run(command, env={**os.environ, **LOCAL}, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 1
    assert "assist: stiffness must be a positive number, not -1.0\n" in done.stderr
    assert "Traceback" not in done.stderr
