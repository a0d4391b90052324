"""The input monitor: which input is good enough, and which forecasts are plausible."""

from __future__ import annotations

import dataclasses
import math
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ankle_predictor_interfaces.msg import AnkleForecast
from hypothesis import given
from hypothesis import strategies as st

from ankle_imu_driver.conventions import FOOT, SHANK
from ankle_predictor.estimation.filter_config import FilterConfig
from ankle_predictor.estimation.samples import AngleSource, JointSample, PairSample, SegmentSample
from ankle_predictor.model.forecast import Forecast
from ankle_predictor.trust.input_monitor import InputMonitor, QueueDelay, TrustLimits
from ankle_predictor.trust.status import WITHHELD, Status, names

CONFIG = FilterConfig()
LEVEL = (0.0, 0.0, 0.0, 1.0)


def sample(stamp: float, accel: float = 9.8, gyro: float = 0.1) -> SegmentSample:
    return SegmentSample(stamp, (0.001 * math.sin(1e3 * stamp), 0.0, accel), (0.0, gyro, 0.0), LEVEL)


def monitored(
    seconds: float, period: float = 0.01, delay: float = 0.003, **options: bool
) -> tuple[InputMonitor, float]:
    """A monitor after some good input, and the monotonic time at its end."""
    monitor, now = InputMonitor(TrustLimits(), CONFIG, **options), 1000.0
    for k in range(round(seconds / period)):
        now = 1000.0 + k * period + delay
        for stream in (SHANK, FOOT):
            monitor.hear(stream, sample(k * period), now)
        monitor.pair(k * period, now, now, calibrated=True)
    return monitor, now


def test_the_pages_have_every_bit() -> None:
    pages = Path(__file__).parents[3] / "docs"
    topics, trust = ((pages / name).read_text(encoding="utf-8") for name in ("topics.md", "trust.md"))
    for bit in Status:
        if bit:
            withheld = "if `withhold_unfamiliar`" if bit is Status.UNFAMILIAR else "yes" if bit & WITHHELD else "no"
            assert re.search(rf"^\| {bit.value} \| `{bit.name}` \| .* \| {withheld} \|$", topics, re.MULTILINE)
            assert f"\n| `{bit.name}` | " in trust


def test_the_bits_match_the_message() -> None:
    for bit in Status:
        assert bit.value == getattr(AnkleForecast, bit.name)
    constants = {
        name for name in dir(AnkleForecast) if name.isupper() and isinstance(getattr(AnkleForecast, name), int)
    }
    sources = {f"FROM_{source.name}" for source in AngleSource}
    assert constants - {"OK"} - sources == {bit.name for bit in Status if bit}
    for source in AngleSource:
        assert source.value == getattr(AnkleForecast, f"FROM_{source.name}")
    assert names(Status.STALE | Status.NOT_CALIBRATED) == "not calibrated, stale"
    assert names(Status.OK) == "ok"


def test_good_input_is_trusted_until_it_is_old() -> None:
    monitor, now = monitored(0.5)
    assert monitor.status(now) == monitor.status(now + 0.05) == Status.OK
    assert monitor.status(now + 0.051) == Status.STALE
    assert InputMonitor(TrustLimits(), CONFIG).status(0.0) == Status.STALE


def test_one_silent_stream_is_distinguished_from_two() -> None:
    monitor, now = monitored(0.5)
    monitor.hear(SHANK, sample(0.6), now + 0.12)
    assert monitor.status(now + 0.12) == Status.STALE | Status.STREAM_SILENT
    assert monitor.status(now + 1.0) == Status.STALE


def test_a_pair_that_waited_in_a_queue_is_stale() -> None:
    monitor, now = monitored(1.0)
    for k in range(30):  # a delay of 0.2 s, then 2 ms for each pair
        stamp, looked = 1.0 + 0.01 * k, now + 0.2 + 0.002 * k
        monitor.pair(stamp, looked, looked, calibrated=True)
        late = looked - (1000.003 + stamp) > 0.05
        assert bool(monitor.status(looked) & Status.STALE) == late
        assert bool(monitor.status(looked) & Status.OVERRUN) == late
    assert not late


@given(st.floats(-1e6, 1e6), st.floats(-5e-4, 5e-4), st.lists(st.floats(0.0, 0.02), min_size=20, max_size=60))
def test_clocks_that_differ_and_drift_cause_no_queue_delay(offset: float, drift: float, jitter: list[float]) -> None:
    delay = QueueDelay()
    for k, late in enumerate(jitter):
        now = 0.01 * k + late
        waited = delay.update(offset + 0.01 * k * (1.0 + drift), now)
        assert -1e-9 <= waited <= 0.0201


def test_a_clock_that_is_set_back_resets_the_queue_delay() -> None:
    monitor, now = monitored(1.0)
    for stream in (SHANK, FOOT):
        monitor.hear(stream, sample(0.5), now + 0.01)
    monitor.pair(0.5, now + 0.01, now + 0.01, calibrated=True)
    assert monitor.status(now + 0.01) == Status.OK


@pytest.mark.parametrize("period", [0.002, 0.1])
def test_simulated_time_may_run_at_any_rate(period: float) -> None:
    monitor, now = monitored(1.0, real_time=False)
    for k in range(20):
        now += period
        for stream in (SHANK, FOOT):
            monitor.hear(stream, sample(1.0 + 0.01 * k), now)
        monitor.pair(1.0 + 0.01 * k, now, now, calibrated=True)
        assert monitor.status(now) == Status.OK


def test_missing_calibration_is_reported() -> None:
    monitor, now = monitored(0.1)
    monitor.pair(0.1, now, now, calibrated=False)
    assert monitor.status(now) == Status.NOT_CALIBRATED


@pytest.mark.parametrize(("accel", "gyro"), [(19.0, 0.1), (9.8, 8.72), (-30.0, 0.1)])
def test_a_sensor_at_its_limit_for_half_a_second_is_suspect(accel: float, gyro: float) -> None:
    monitor, now = monitored(0.5)
    for k in range(60):
        monitor.hear(FOOT, sample(0.5 + 0.01 * k, accel, gyro), now)
        assert k in (49, 50) or bool(monitor.status(now) & Status.SENSOR_SUSPECT) == (k > 50)
    monitor.hear(FOOT, sample(1.1), now)
    assert not monitor.status(now) & Status.SENSOR_SUSPECT


def test_a_frozen_sensor_is_suspect_and_a_quiet_one_is_not() -> None:
    monitor, now = monitored(0.5)
    for k in range(40):
        frozen = SegmentSample(0.5 + 0.01 * k, (0.0, 0.0, 9.8), (0.0, 0.001 * k, 0.0), LEVEL)
        monitor.hear(SHANK, frozen, now)
        assert k in (12, 13) or bool(monitor.status(now) & Status.SENSOR_SUSPECT) == (k > 12)
    monitor.hear(SHANK, sample(0.0), now)  # a clock that jumps back resets the timers
    assert not monitor.status(now) & Status.SENSOR_SUSPECT


@pytest.mark.parametrize(
    ("joint", "change", "plausible"),
    [
        ((0.1, 1.0), 0.01, True),
        ((1.1, 1.0), 0.0, False),
        ((0.1, -16.0), 0.0, False),
        ((math.nan, 0.0), 0.0, False),
        ((0.1, 0.0), 0.2, False),
        ((0.9, 0.0), 0.14, True),
        ((0.95, 0.0), 0.14, False),
        ((0.1, 0.0), math.nan, False),
    ],
)
def test_only_what_an_ankle_can_do_is_plausible(joint: tuple[float, float], change: float, plausible: bool) -> None:
    angle = np.full(50, joint[0] + change)
    monitor = InputMonitor(TrustLimits(), CONFIG)
    forecast = Forecast(angle, angle - 0.05, angle + 0.05)
    assert monitor.plausible(JointSample(0.0, *joint), forecast, 0.01) == plausible


@pytest.mark.parametrize(
    ("below", "above", "plausible"),
    [
        (0.05, 0.05, True),
        (0.0, 0.05, True),
        (0.0, 0.0, False),  # claims to know the future
        (1e-5, 1e-5, False),
        (-0.05, -0.05, False),  # inverted
        (-0.05, 0.1, False),  # does not contain the forecast
        (0.1, -0.05, False),
        (math.nan, 0.05, False),
        (0.05, math.nan, False),
        (math.inf, 0.05, False),
    ],
)
def test_only_an_interval_around_the_forecast_is_plausible(below: float, above: float, plausible: bool) -> None:
    angle = np.full(50, 0.1)
    lower, upper = angle - 0.05, angle + 0.05
    lower[20], upper[20] = 0.1 - below, 0.1 + above
    monitor = InputMonitor(TrustLimits(), CONFIG)
    assert monitor.plausible(JointSample(0.0, 0.1, 0.0), Forecast(angle, lower, upper), 0.01) == plausible


NUMBERS = st.floats(allow_nan=True, allow_infinity=True, width=64)


@given(st.lists(NUMBERS, min_size=18, max_size=18))
def test_nothing_that_no_leg_can_do_is_usable(values: list[float]) -> None:
    a, b, c, d, e, f, g, h, i, j, k, m, n, o, p, q, r, s = values
    shank = SegmentSample(0.0, (a, b, c), (d, e, f), LEVEL)
    foot = SegmentSample(0.0, (g, h, i), (j, k, m), (n, o, p, q))
    if InputMonitor(TrustLimits(), CONFIG).usable(PairSample(shank, foot, JointSample(0.0, r, s))):
        assert max(map(abs, values)) < 300.0


@pytest.mark.parametrize(
    ("change", "usable"),
    [
        ({}, True),
        ({"accel": (0.0, 0.0, 150.0)}, True),  # a heel strike of 15 g
        ({"accel": (0.0, 0.0, 1e4)}, False),
        ({"gyro": (0.0, 34.0, 0.0)}, True),
        ({"gyro": (0.0, 2000.0, 0.0)}, False),  # deg/s
        ({"gyro": (0.0, math.nan, 0.0)}, False),
        ({"orientation": None}, True),
        ({"orientation": (0.0, 0.0, 0.0, 0.0)}, False),
        ({"orientation": (0.0, math.inf, 0.0, 1.0)}, False),
    ],
)
def test_only_what_a_sensor_can_measure_is_usable(change: dict[str, Any], usable: bool) -> None:
    monitor, good = InputMonitor(TrustLimits(), CONFIG), sample(0.0)
    for shank, foot in ((dataclasses.replace(good, **change), good), (good, dataclasses.replace(good, **change))):
        assert monitor.usable(PairSample(shank, foot, JointSample(0.0, 0.1, 1.0))) == usable


@pytest.mark.parametrize(
    ("behind", "bits"),
    [(0.003, Status.OK), (0.2, Status.CLOCK), (3.0, Status.CLOCK), (-0.02, Status.CLOCK), (-3600.0, Status.CLOCK)],
)
def test_stamps_of_another_clock_are_told(behind: float, bits: Status) -> None:
    monitor = InputMonitor(TrustLimits(), CONFIG)
    for k in range(50):
        stamp, now = 0.01 * k, 500.0 + 0.01 * k
        for stream in (SHANK, FOOT):
            monitor.hear(stream, sample(stamp), now)
        monitor.pair(stamp, now, now, calibrated=True, clock=stamp + behind)
        early = Status.STALE if bits and behind > 0.0 and k < 25 else bits  # it may still be a slow start
        assert k == 25 or monitor.status(now, stamp + behind) == early
    assert bool(monitor.take_clock_problem()) == bool(bits)


@pytest.mark.parametrize("step", [-5.0, -1.0, -0.2, 0.2, 1.0, 5.0])
@pytest.mark.parametrize("held", [False, True])
def test_after_a_step_of_the_clock_that_the_stamps_follow_all_is_well(step: float, held: bool) -> None:
    """A driver that holds samples back until the clock passes the last stamp has stamps that never go back."""
    monitor, last = InputMonitor(TrustLimits(), CONFIG), -math.inf
    for k in range(1000):
        now = 500.0 + 0.01 * k + 0.003
        stamp = 0.01 * k + (step if k >= 200 else 0.0)
        if held and stamp <= last:
            continue
        last = stamp
        for stream in (SHANK, FOOT):
            monitor.hear(stream, sample(stamp), now)
        monitor.pair(stamp, now, now, calibrated=True, clock=stamp + 0.003)
        assert monitor.status(now, stamp + 0.003) == Status.OK


@pytest.mark.parametrize("value", [0.0, -1.0, math.nan, math.inf])
def test_limits_that_are_not_positive_are_refused(value: float) -> None:
    with pytest.raises(ValueError, match="max_rate must be a positive number"):
        TrustLimits(max_rate=value)
