"""Strides that suddenly turn, lean or drift otherwise although the leg walks on as before."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from rigs.told_faults import told, walk

from ankle_imu_driver.conventions import SHANK
from ankle_imu_driver.recordings.read_recording import read_recording
from ankle_predictor.estimation.leg_estimator import LegConfig, LegEstimator
from ankle_predictor.estimation.stride_evidence import StrideEvidence
from ankle_predictor.estimation.stride_watch import FORGOTTEN, StrideWatch
from ankle_predictor.estimation.swap_watch import SwapWatch
from ankle_predictor.offline.pipeline import leg_samples
from benchmarks.fault_chain import Message

NOBODY = (0.0, 0.0)
BEGIN, END = 10.8, 14.0  # s of a fault; four strides are behind


def stride(scale: tuple[float, float] = (1.0, 1.0), lean: float = 0.0, rate: float = 0.0, time: float = 1.1):
    """A stride whose sensors turn by so many times the usual, whose shank leans by rad, whose foot drifts by rad/s."""
    shank, foot = 4.0 * scale[0] ** 2, 6.0 * scale[1] ** 2
    return StrideEvidence(
        stamp=0.0, shank_turn=(0.0,) * 3, foot_turn=(0.1, 0.0, foot), shank_foot=(0.0,) * 4,
        shank_spread=(0.1, 0.0, shank), shank_skew=(0.0,) * 4, step=(1.0, 0.0),
        shank_force=(-9.81 * math.sin(lean), 0.0, 9.81 * math.cos(lean)),
        shank_rate=(0.0,) * 3, foot_rate=(0.0, rate, 0.0), duration=time,
    )  # fmt: skip


def after_usual(*strides: StrideEvidence) -> StrideWatch:
    watch = StrideWatch()
    for one in (*(stride() for _ in range(5)), *strides):
        watch.push(one, NOBODY)
    return watch


@pytest.mark.parametrize(
    ("odd", "words"),
    [
        (stride(scale=(0.5, 1.0)), "the shank's gyro suddenly turns 0.5 times as much"),
        (stride(scale=(2.0, 1.1)), "the shank's gyro suddenly turns 2.0 times as much"),
        (stride(scale=(0.95, 2.0)), "the foot's gyro suddenly turns 2.0 times as much"),
        (stride(rate=0.5), "the foot's gyro suddenly reads 0.50 rad/s more or less"),
        (stride(lean=0.29), "the shank's accelerometer suddenly leans 17 degrees otherwise"),
    ],
)
def test_what_changes_while_the_leg_walks_as_before_is_told_until_it_is_as_before(
    odd: StrideEvidence, words: str
) -> None:
    assert words in after_usual(odd).problem
    assert words in after_usual(odd, odd, odd).problem
    assert after_usual(odd, stride()).problem == ""
    assert after_usual(*[odd] * FORGOTTEN).problem == "", "that is how it walks now"


@pytest.mark.parametrize(
    "other",
    [
        stride(scale=(0.6, 0.6)),
        stride(scale=(0.5, 1.0), time=1.4),
        stride(lean=0.29, scale=(1.35, 1.1)),
        stride(lean=0.15, rate=0.3),
        stride(scale=(1.4, 1.0)),
    ],
)
def test_another_way_of_walking_is_no_fault(other: StrideEvidence) -> None:
    assert after_usual(other).problem == ""


def test_turning_more_than_legs_can_and_out_of_proportion_is_said() -> None:
    watch = StrideWatch()
    for _ in range(6):
        watch.push(stride(scale=(0.5, 1.0)), NOBODY)
    assert "the shank turns 0.42 times as much as the foot" in watch.note
    assert watch.problem == ""
    for _ in range(2 * FORGOTTEN):  # no leg ever comes to walk so
        watch.push(stride(scale=(3.5, 3.0)), NOBODY)
        assert "more in a stride than legs can" in watch.problem
    watch.push(stride(scale=(0.5, 1.0)), NOBODY)
    assert watch.problem == ""


def changed(change: Callable[[Message], Message], stream: int) -> Callable[[Message], Message]:
    return lambda m: change(m) if m.stream == stream and BEGIN <= m.came < END else m


def frozen_gyro() -> Callable[[Message], Message]:
    kept: list[np.ndarray] = []

    def change(m: Message) -> Message:
        kept.append(m.gyro)
        return dataclasses.replace(m, gyro=kept[0])

    return change


@pytest.mark.parametrize(
    ("change", "stream", "words", "latest"),
    [
        (frozen_gyro(), SHANK, "has a dead axis", 0.5),
        (lambda m: dataclasses.replace(m, gyro=0.5 * m.gyro), SHANK, "the shank's gyro suddenly turns 0.", 2.5),
        (lambda m: dataclasses.replace(m, accel=m.accel + np.array([2.94, 0.0, 0.0])), SHANK, "suddenly leans", 2.5),
        (lambda m: dataclasses.replace(m, gyro=m.gyro + np.array([0.0, 0.0, 0.5])), SHANK, "suddenly reads", 2.7),
    ],
)
def test_a_sensor_that_fails_on_the_way_is_told_within_two_strides_and_believed_again(
    change: Callable[[Message], Message], stream: int, words: str, latest: float
) -> None:
    said, samples = told(walk().calibration, 0.0, END + 5.0, changed(change, stream))
    assert words in said[0][1]
    assert BEGIN < said[0][0] < BEGIN + latest
    joint = samples[-1].joint
    assert joint is not None
    assert abs(joint.angle - walk().truth(joint.stamp)) < 0.1


def test_sensors_that_are_exchanged_back_are_believed_after_a_few_strides() -> None:
    """A foot that rests for a third of each stride of 1.2 s and a shank that never does; the two exchanged for 12 s."""
    watch, told_at = SwapWatch(), []
    for k in range(3200):
        stamp = 0.01 * k
        shank, foot = (0.0, 2.0 * math.sin(5.2 * stamp), 0.5), (0.0, 4.0 if stamp % 1.2 > 0.4 else 0.1, 0.0)
        watch.push(stamp, *((foot, shank) if 10.0 <= stamp < 22.0 else (shank, foot)))
        if watch.problem:
            told_at.append(stamp)
    assert 10.0 < told_at[0] < 22.0
    assert 22.0 < told_at[-1] < 26.0


@cache
def strides_of(path: Path) -> list[str]:
    recording = read_recording(path)
    leg = LegEstimator(LegConfig(), recording.calibration)
    return [leg.sensor_problem for stamp, _ in leg_samples(recording, leg) if stamp < recording.start + 40.0]


@pytest.mark.parametrize("name", ["hugadb/hug_05_00_l", "marpino/marp_author01_r"])
def test_stairs_stops_and_starts_are_no_faults(data_dir: Path, name: str) -> None:
    assert not any(strides_of(data_dir / "public" / name))
