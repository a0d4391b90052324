"""Which bursts are refused, what diagnostics report, and the check of the sensors' placement."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ankle_imu_driver.mpu6050.clock import VirtualClock
from ankle_imu_driver.mpu6050.device import DeviceConfig, Mpu6050
from ankle_imu_driver.mpu6050.errors import Fault
from ankle_imu_driver.mpu6050.faults import SampleGuard, is_saturated
from ankle_imu_driver.mpu6050.health import ERROR, OK, WARN, StreamStats, judge_all
from ankle_imu_driver.mpu6050.placement import MeanGravity, describe_up, placement_problem

SECOND = 1_000_000_000
NOISE = (13.6, 1.33)  # LSB at +-8 g, +-1000 deg/s, DLPF_CFG 3
UP = {"shank": (0.0, -1.0, 0.0), "foot": (-1.0, 0.0, 0.0)}


def noisy(n, sigma=NOISE, seed=0):
    rng = np.random.default_rng(seed)
    accel = rng.normal(0, sigma[0], (n, 3)) + np.array([0, 0, 4096])
    rows = np.rint(np.column_stack([accel, np.full(n, -1200.0), rng.normal(0, sigma[1], (n, 3))])).astype(int)
    return [tuple(map(int, row)) for row in rows]


@pytest.mark.parametrize("quieter", [1.0, 0.5])
def test_a_sensor_that_lies_still_is_never_refused(quieter):
    guard = SampleGuard(NOISE, 42.0)
    assert all(guard.check(raw) is None for raw in noisy(20_000, (NOISE[0] * quieter, NOISE[1] * quieter)))


def test_a_burst_of_only_zeros_or_ones_is_refused():
    guard = SampleGuard(NOISE, 42.0)
    assert guard.check((0,) * 7) is Fault.ALL_ZERO
    assert guard.check((-1,) * 7) is Fault.ALL_ONES
    assert guard.check((0, 0, 0, 0, 0, 0, 1)) is None


@given(st.tuples(*[st.integers(-32767, 32766)] * 7).filter(lambda raw: any(raw) and set(raw) != {-1}))
def test_a_repeated_sample_is_refused_at_once_whatever_its_temperature(raw):
    guard = SampleGuard(NOISE, 42.0)
    assert guard.check(raw) is None
    assert guard.check(raw) is Fault.REPEATED
    assert guard.check((*raw[:3], raw[3] ^ 1, *raw[4:])) is Fault.REPEATED


@pytest.mark.parametrize("axis", [0, 1, 2, 4, 5, 6])
def test_a_stuck_axis_is_detected_and_stays_refused_until_its_value_changes(axis):
    guard = SampleGuard(NOISE, 42.0)
    rows = noisy(200)
    held = [(*raw[:axis], 17, *raw[axis + 1 :]) for raw in rows]
    verdicts = [guard.check(raw) for raw in held]
    first = verdicts.index(Fault.STUCK)
    assert first == (8 if axis < 3 else 27)
    assert set(verdicts[first:]) == {Fault.STUCK}
    after = [guard.check((*raw[:axis], 18 + k, *raw[axis + 1 :])) for k, raw in enumerate(rows[:10])]
    assert after == [Fault.STUCK] * 4 + [None] * 6, "one new value does not prove that the axis works"


def test_evidence_for_a_stuck_axis_is_kept_over_a_reset_that_changes_its_value():
    guard = SampleGuard(NOISE, 42.0)
    rows = noisy(60)
    before = [guard.check((*raw[:5], 17, raw[6])) for raw in rows[:20]]
    guard.resume()
    after = [guard.check((*raw[:5], 0, raw[6])) for raw in rows[20:]]
    assert set(before) == {None}
    assert after.index(Fault.STUCK) == 7, "19 repeats before, the reset, 7 after"


def test_a_stuck_gyro_axis_is_detected_sooner_while_the_leg_turns():
    guard = SampleGuard(NOISE, 42.0)
    turning = [(*raw[:4], 17, raw[5] + 100 * k, raw[6]) for k, raw in enumerate(noisy(50))]
    assert [guard.check(raw) for raw in turning].index(Fault.STUCK) == 6


def test_a_saturated_axis_is_not_stuck():
    guard = SampleGuard(NOISE, 42.0)
    for raw in noisy(200):
        clipped = (32767, *raw[1:])
        assert guard.check(clipped) is None
        assert is_saturated(clipped)


def test_an_axis_with_too_little_noise_is_not_judged():
    device = Mpu6050(DeviceConfig(gyro_range=2000, low_pass=6), None, VirtualClock())
    guard = SampleGuard(device.noise, 5.0)
    rows = noisy(500)
    assert all(guard.check((*raw[:4], 17, *raw[5:])) is None for raw in rows)
    assert Fault.STUCK in [guard.check((17, *raw[1:])) for raw in rows]


def stats_of(seconds, *, rate=100, saturated=0.0, temperature=30.0):
    stats = StreamStats()
    n = int(seconds * rate)
    for k in range(n):
        stats.add_sample(SECOND + k * SECOND // rate, k < saturated * n, temperature)
    return stats, SECOND + n * SECOND // rate


def judge(stats, now, problem=""):
    return stats.report(now, "streaming", problem, frozenset()).judge("foot", 100.0)


def test_levels_and_sentences_of_diagnostics():
    assert judge(*stats_of(12)) == (OK, "foot: 100.0 Hz")
    assert judge(*stats_of(12, rate=90))[0] == WARN
    assert "saturate" in judge(*stats_of(12, saturated=1.0))[1]
    assert judge(*stats_of(12, temperature=95.0))[0] == ERROR
    stats, now = stats_of(12)
    level, sentence = judge(stats, now + SECOND, "no answer (NACK)")
    assert level == ERROR
    assert "foot: no samples, no answer (NACK)" in sentence
    stats.add_fault(now, Fault.NACK)
    assert judge(stats, now) == (
        WARN,
        "foot: recovered from no answer (NACK) x1 within the last 10 s; check cable and supply",
    )
    assert judge(StreamStats(), now)[0] == ERROR


def test_a_stream_that_has_just_started_is_not_an_error():
    stats = StreamStats()
    for began in (SECOND, 100 * SECOND):
        stats.restart(began)
        assert judge(stats, began + SECOND // 10) == (WARN, "foot: starting")
        assert judge(stats, began + SECOND // 2)[0] == ERROR
        stats.add_sample(began + SECOND, False, 30.0)


def test_a_fault_is_recent_for_ten_seconds_and_stays_counted():
    stats, now = stats_of(2)
    stats.add_fault(now, Fault.RESET)
    for k in range(1200):
        stats.add_sample(now + k * SECOND // 100, False, 30.0)
    report = stats.report(now + 12 * SECOND, "streaming", "", frozenset())
    assert report.judge("foot", 100.0)[0] == OK
    assert report.resets == 1
    assert report.values()["faults: chip reset itself"] == "1"


def test_jitter_and_worst_interval():
    stats = StreamStats()
    for k in range(100):
        stats.add_sample(SECOND + k * 10_000_000 + (3_000_000 if k == 50 else 0), False, 30.0)
    report = stats.report(2 * SECOND, "streaming", "", frozenset())
    assert report.worst_interval == pytest.approx(0.013)
    assert report.jitter == pytest.approx(0.000426, rel=0.01)


def test_the_worst_level_is_reported():
    stats, now = stats_of(12)
    streams = {"foot": stats.report(now, "streaming", "", frozenset())}
    assert judge_all(streams, 100.0, 0.0, "")[0] == OK
    assert judge_all(streams, 100.0, 0.05, "") == (
        WARN,
        "5.0% of the deadlines missed; the computer is too busy or real-time priority was refused",
    )
    assert judge_all(streams, 100.0, 0.05, "the shank and the foot sensor are swapped")[0] == ERROR
    assert judge_all(streams, 100.0, 0.0, "", ["the acquisition thread ended"]) == (
        ERROR,
        "the acquisition thread ended",
    )


def mean_of(accel, seconds=10.0, sway=4.0):
    mean = MeanGravity()
    for k in range(int(seconds * 100)):
        swing = sway * np.sin(2 * np.pi * 0.9 * k / 100)
        mean.push(SECOND + k * 10_000_000, (accel[0] + swing, accel[1] - swing, accel[2] + swing))
    return mean.value


@pytest.mark.parametrize(
    ("shank", "foot", "expected"),
    [
        ((1.0, -9.6, 0.5), (-9.2, -0.6, -2.0), ""),
        ((-9.2, -0.6, -2.0), (1.0, -9.6, 0.5), "swapped"),
        ((9.0, -1.0, 0.5), (-9.2, -0.6, -2.0), r"shank.mounting \(up is 8\d degrees off\); unless the wearer sits"),
        ((1.0, 9.6, 0.5), (-9.2, -0.6, -2.0), r"shank.mounting \(up is 17\d degrees off\)"),
    ],
)
def test_gravity_shows_wrong_placement_also_while_walking(shank, foot, expected):
    import re  # noqa: PLC0415

    problem = placement_problem({"shank": mean_of(shank), "foot": mean_of(foot)}, UP)
    assert re.search(expected, problem) if expected else problem == ""


def test_placement_is_not_judged_before_there_are_enough_samples():
    assert mean_of((1.0, -9.6, 0.5), seconds=1.0) is None
    assert placement_problem({"shank": None, "foot": None}, UP) == ""


def test_the_upward_axis_is_named():
    assert describe_up((1.0, -9.6, 0.5)) == "-Y up, 7 degrees off"
