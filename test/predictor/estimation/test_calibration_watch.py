"""Files that say something else than the wearer's standing and strides, and sensors that contradict themselves."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from rigs.told_faults import told, vector, walk

from ankle_imu_driver.calibration import Calibration
from ankle_imu_driver.conventions import FOOT, SHANK
from ankle_imu_driver.recordings.read_recording import read_recording
from ankle_predictor.estimation.leg_estimator import LegConfig, LegEstimator
from ankle_predictor.estimation.samples import LegSample
from ankle_predictor.offline.pipeline import leg_samples
from benchmarks.fault_chain import STANDING, Message, true_walk
from benchmarks.fault_sensors import biased, tilted

WALKS = 4.0  # s, from which on the person walks for sure


def wrong(what: str) -> Calibration:
    good = walk().calibration
    return {
        "shank": replace(good, shank=tilted(25.0, 0)(good.shank)),
        "shank back": replace(good, shank=tilted(-25.0, 0)(good.shank)),
        "foot": replace(good, foot=tilted(25.0, 0)(good.foot)),
        "foot aside": replace(good, foot=tilted(25.0, 2)(good.foot)),
        "zero": replace(good, angle_zero=math.radians(25.0)),
        "exchanged": replace(good, shank=good.foot, foot=good.shank),
    }[what]


@pytest.mark.parametrize(("since", "until"), [(0.0, 14.0), (WALKS, 14.0)])
def test_a_good_file_is_believed(since: float, until: float) -> None:
    said, samples = told(walk().calibration, since, until)
    assert said == []
    assert sum(sample.joint is not None for sample in samples) > 900


@pytest.mark.parametrize("what", ["shank", "shank back", "foot", "foot aside", "zero", "exchanged"])
def test_a_wrong_file_is_contradicted_by_the_first_strides(what: str) -> None:
    said, samples = told(wrong(what), WALKS, WALKS + 8.0)
    assert said[0][0] < WALKS + 6.0
    assert "the first strides contradict the calibration in use" in said[0][1]
    assert "call calibrate, or leave calibration_file empty" in said[0][1]
    assert "\n" not in said[0][1]
    assert said[-1][0] > WALKS + 7.9
    assert all(sample.joint is None for sample in samples[-100:])
    assert not believed(samples)


def believed(samples: list[LegSample]) -> list[LegSample]:
    """The samples from which something is forecast."""
    return [s for s in samples if s.joint is not None and s.shank is not None and s.shank.is_confirmed]


@pytest.mark.parametrize("what", ["shank", "shank back", "foot", "foot aside", "exchanged", "zero"])
def test_a_wrong_file_is_doubted_by_standing_before_any_window_is_full(what: str) -> None:
    leg = LegEstimator(LegConfig(), wrong(what))
    doubts = []
    for m in walk().messages:
        if m.came > 1.9:  # after 2 s who stands is calibrated anew, if this one has sensors upside down
            break
        assert not believed(leg.push(m.stream, m.stamp, vector(m.accel), vector(m.gyro)))
        doubts.append((m.stamp, leg.unconfirmed))
    assert "stand still and upright for a second, or walk three steps" in doubts[0][1]
    first = next(stamp for stamp, doubt in doubts if "the calibration in use" in doubt)
    assert first < 1.5


@pytest.mark.parametrize(("since", "latest"), [(0.0, 1.1), (WALKS, WALKS + 4.0)])
def test_a_good_file_is_believed_from_a_second_of_standing_or_from_the_first_strides_on(
    since: float, latest: float
) -> None:
    _, samples = told(walk().calibration, since, since + 6.0)
    first = believed(samples)[0].shank
    assert first is not None
    assert since + 0.9 < first.stamp < latest


@pytest.mark.parametrize("what", ["shank's bias", "foot's bias", "another wearer's"])
def test_nothing_is_believed_of_a_file_whose_gyro_biases_are_not_those_of_these_sensors(what: str) -> None:
    good = walk().calibration
    calibration = {
        "shank's bias": replace(good, shank=biased(0.3, 2)(good.shank)),
        "foot's bias": replace(good, foot=biased(0.3, 2)(good.foot)),
        "another wearer's": true_walk(101).calibration,
    }[what]
    _, samples = told(calibration, WALKS, 16.0)
    assert not believed(samples)


RECORDED = [
    ("walks/LOG2.TXT", 5.0),
    ("walks/LOG13.TXT", 1.1),
    ("public/hugadb/hugw_03_00_l", 1.5),
    ("public/hugadb/hugw_01_01_r", 4.0),
    ("public/hugadb/hug_03_01_l", 5.0),
]


@pytest.mark.parametrize(("name", "latest"), RECORDED)
def test_files_of_people_who_walk_at_once_stand_or_sit_are_confirmed(data_dir: Path, name: str, latest: float) -> None:
    """LOG13 stands first; the last one sits for four seconds; the others walk at once."""
    recording = read_recording(data_dir / name)
    leg = LegEstimator(LegConfig(), recording.calibration)
    for stamp, sample in leg_samples(recording, leg):
        assert stamp < recording.start + latest, leg.unconfirmed
        if believed([sample]):
            break
    assert leg.unconfirmed == ""


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_a_wrong_bias_is_seen_at_rest(axis: int) -> None:
    good = walk().calibration
    said, _ = told(replace(good, foot=biased(0.3, axis)(good.foot)), 0.0, STANDING)
    assert said[0][0] < 1.5
    assert said[0][1].startswith("the foot's gyro reads 0.")


def test_a_wrong_bias_is_seen_while_walking() -> None:
    good = walk().calibration
    said, _ = told(replace(good, shank=biased(0.3, 2)(good.shank)), WALKS, 14.0)
    assert "the shank would turn by 0.3" in said[0][1]
    assert said[0][0] < WALKS + 6.0


def test_calibrating_again_ends_it() -> None:
    leg = LegEstimator(LegConfig(), wrong("shank"))
    for m in walk().messages:
        if m.came > STANDING - 0.2:
            break
        leg.push(m.stream, m.stamp, vector(m.accel), vector(m.gyro))
    assert "from the calibration in use" in leg.unconfirmed
    leg.calibrate()
    assert leg.unconfirmed == ""


def test_whoever_sits_at_first_is_believed_when_standing() -> None:
    """Gravity of a shank that leans, and then as the file says."""
    good = walk().calibration
    leaning = tilted(25.0, 0)(good.shank).gravity
    leg = LegEstimator(LegConfig(), good)
    for k in range(400):
        for stream, gravity in ((SHANK, leaning if k < 200 else good.shank.gravity), (FOOT, good.foot.gravity)):
            bias = (good.shank, good.foot)[stream].gyro_bias
            leg.push(stream, 0.01 * k, gravity, bias)
        if k == 150:
            assert "or walk a few steps if you sit" in leg.unconfirmed
    assert leg.unconfirmed == ""


def held(part: str, axis: int, until: float) -> Callable[[Message], Message]:
    value: list[float] = []

    def change(m: Message) -> Message:
        if m.stream != SHANK or not 6.0 <= m.came < until:
            return m
        values = getattr(m, part).copy()
        value.append(values[axis])
        values[axis] = value[0]
        return replace(m, **{part: values})

    return change


@pytest.mark.parametrize(("part", "name"), [("accel", "accelerometer"), ("gyro", "gyro")])
@pytest.mark.parametrize("axis", [0, 1, 2])
def test_a_dead_axis_is_told_in_a_third_of_a_second_and_forgotten(part: str, name: str, axis: int) -> None:
    said, samples = told(walk().calibration, 0.0, 9.0, held(part, axis, 7.0))
    assert 6.25 <= said[0][0] < 6.5
    assert said[0][1] == (
        f"the shank sensor has a dead axis: the {'xyz'[axis]} axis of its {name} does not change while it moves; "
        "restart or replace the sensor"
    )
    assert said[-1][0] < 7.1
    assert samples[-1].joint is not None


def test_what_no_sensor_can_read_is_dropped_and_counted() -> None:
    """One sample in ten with 1e4 rad/s."""
    count = iter(range(10**6))

    def change(m: Message) -> Message:
        glitch = m.stream == SHANK and 6.0 <= m.came < 8.0 and next(count) % 10 == 0
        return replace(m, gyro=m.gyro + 1e4) if glitch else m

    _, samples = told(walk().calibration, 0.0, 9.0, change)
    angles = [(s.joint.stamp, s.joint.angle) for s in samples if s.joint is not None and s.joint.stamp > 6.0]
    assert max(abs(angle - walk().truth(stamp)) for stamp, angle in angles) < math.radians(6.0)


def test_after_a_dead_gyro_the_orientation_is_found_anew() -> None:
    """All axes of the shank's gyro hang for 3 s."""
    values: list[np.ndarray] = []

    def change(m: Message) -> Message:
        if m.stream != SHANK or not 6.0 <= m.came < 9.0:
            return m
        values.append(m.gyro)
        return replace(m, gyro=values[0])

    said, samples = told(walk().calibration, 0.0, 16.0, change)
    assert all("dead axis" in sentence for _, sentence in said)
    assert said[-1][0] < 9.1
    last = [s.joint for s in samples[-100:]]
    assert all(joint is not None and abs(joint.angle - walk().truth(joint.stamp)) < 0.1 for joint in last)
