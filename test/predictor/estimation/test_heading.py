"""Forward from walking: found in any orientation of the sensors, never the wrong way round, and without a jump."""

from __future__ import annotations

import dataclasses
import functools
import math
from pathlib import Path

import numpy as np
import pytest
from rigs.turned_sensors import about, any_rotation, turned
from rigs.walks import part

from ankle_imu_driver.arrays import FloatArray
from ankle_imu_driver.conventions import SENSORS
from ankle_imu_driver.mounting import FOOT_MOUNTING, SHANK_MOUNTING, axes_of, described, found_mounting
from ankle_imu_driver.recordings.mirror import mirrored
from ankle_imu_driver.recordings.read_recording import read_recording
from ankle_imu_driver.recordings.recording import Recording
from ankle_imu_driver.simulator.gait_scenario import Stand, Walk
from ankle_imu_driver.simulator.sensor_model import SensorModel
from ankle_imu_driver.simulator.simulate import simulate
from ankle_imu_driver.simulator.user_profile import draw_user
from ankle_predictor.estimation.leg_estimator import LegConfig, LegEstimator
from ankle_predictor.estimation.samples import LegSample
from ankle_predictor.offline.pipeline import ChainError, leg_samples, pairs_of

SET = LegConfig(SHANK_MOUNTING, FOOT_MOUNTING)
AUTO = LegConfig()


@functools.cache
def walk(seed: int = 1) -> Recording:
    """A simulated person who stands and walks."""
    return simulate([Stand(4.0), Walk(14.0)], draw_user(seed), SensorModel(), seed).recording


def uncalibrated(recording: Recording) -> Recording:
    return dataclasses.replace(recording, calibration=None)


def estimate(recording: Recording, config: LegConfig) -> tuple[LegEstimator, list[LegSample]]:
    """What the live estimator makes of a recording."""
    leg, samples = LegEstimator(config, recording.calibration), []
    merged = sorted(
        (float(s.stamp[k]), stream, k)
        for stream, s in enumerate((recording.shank, recording.foot))
        for k in range(len(s))
    )
    for stamp, stream, k in merged:
        s = (recording.shank, recording.foot)[stream]
        samples += leg.push(stream, stamp, tuple(s.accel[k].tolist()), tuple(s.gyro[k].tolist()))
    return leg, samples


def angles(samples: list[LegSample]) -> FloatArray:
    """(N, 2) stamps in s and angles in deg."""
    return np.array([(s.joint.stamp, math.degrees(s.joint.angle)) for s in samples if s.joint is not None])


def difference(a: FloatArray, b: FloatArray, since: float) -> FloatArray:
    """Differences of the angles of ``a`` and ``b`` in deg where ``a`` has one."""
    rows = a[a[:, 0] >= since]
    error: FloatArray = rows[:, 1] - np.interp(rows[:, 0], b[:, 0], b[:, 1])
    return error


@pytest.mark.parametrize("seed", range(3))
def test_sensors_in_any_orientation_give_the_angle_of_documented_ones(seed: int) -> None:
    usual = uncalibrated(walk(seed))
    _, expected = estimate(usual, AUTO)
    leg, samples = estimate(turned(usual, any_rotation(seed), any_rotation(seed + 50)), AUTO)
    assert leg.waiting == ""
    found = angles(samples)
    assert len(found) > 800  # of 1400 while walking
    assert np.abs(difference(found, angles(expected), found[0, 0])).max() < 1.0
    assert "forward from" in (leg.calibration.source if leg.calibration else "")
    assert all(text.endswith("found") for text in leg.mountings.values())


@pytest.mark.parametrize("degrees", [15, 45, 90, 180])
def test_a_turn_about_the_long_axis_costs_next_to_nothing(degrees: float) -> None:
    recording = walk()
    assert recording.calibration is not None
    reference = angles(estimate(recording, SET)[1])
    shank = about(recording.calibration.shank.gravity, degrees)
    leg, samples = estimate(turned(recording, shank=shank), AUTO)
    assert leg.waiting == ""
    settled = difference(angles(samples), reference, recording.start + 10.0)
    assert np.abs(settled).mean() < 1.0
    # With axes that are set this very recording is far off, so the comparison means something.
    if degrees >= 90:
        wrong = angles(estimate(turned(recording, shank=shank), SET)[1])
        assert np.abs(difference(wrong, reference, recording.start + 10.0)).mean() > 5.0


@pytest.mark.parametrize("degrees", [15, 90])
def test_on_a_recorded_walk_a_turned_strap_costs_little(walks_dir: Path, degrees: float) -> None:
    recording = part(read_recording(walks_dir / "LOG2.TXT"), 60.0)
    assert recording.calibration is not None
    assert recording.encoder is not None

    def error(walk: Recording, config: LegConfig) -> float:
        found = angles(estimate(walk, config)[1])
        found = found[found[:, 0] >= walk.start + 5.0]
        truth = np.degrees(np.interp(found[:, 0], recording.encoder.stamp, recording.encoder.angle))  # type: ignore[union-attr]
        return float(np.abs(found[:, 1] - truth).mean())

    strapped = turned(recording, shank=about(recording.calibration.shank.gravity, degrees))
    assert error(strapped, AUTO) <= error(recording, SET) + 0.3


def test_the_first_steps_withhold_an_assumed_heading_that_they_contradict() -> None:
    recording = walk()
    assert recording.calibration is not None
    _, samples = estimate(turned(recording, shank=about(recording.calibration.shank.gravity, 180.0)), AUTO)
    has_angle = np.array([s.joint is not None for s in samples])
    assert has_angle[:350].all()  # standing: the documented mounting is assumed
    withheld = np.flatnonzero(~has_angle[:-50])
    assert 100 <= len(withheld) <= 500  # from the first stride to the third
    assert has_angle[withheld[-1] + 1 : -50].all()


def test_a_heading_that_is_found_late_gives_what_it_would_have_given_from_the_start() -> None:
    recording = turned(uncalibrated(walk()), any_rotation(7), any_rotation(8))
    leg, samples = estimate(recording, AUTO)
    assert leg.calibration is not None
    again = dataclasses.replace(recording, calibration=leg.calibration)
    known, from_the_start = estimate(again, AUTO)
    late = angles(samples)
    # The forward directions of the file are those of twenty strides, the late ones begin with three.
    assert np.abs(difference(late, angles(from_the_start), late[0, 0])).max() < 1.0
    assert angles(from_the_start)[0, 0] < recording.start + 0.1
    assert known.notes == []


@pytest.mark.parametrize("seconds", [8.0, 40.0])  # of walking: some strides, and more than the twenty that are averaged
def test_what_is_kept_and_shown_is_where_forward_is(seconds: float) -> None:
    usual = simulate([Stand(4.0), Walk(seconds)], draw_user(1), SensorModel(), 1).recording
    turns = any_rotation(9), any_rotation(10)
    expected, _ = estimate(uncalibrated(usual), AUTO)
    leg, _ = estimate(turned(uncalibrated(usual), *turns), AUTO)
    assert leg.calibration is not None
    assert f"forward from {'20' if seconds > 20.0 else '3'} strides" in leg.calibration.source
    documented = axes_of("auto", SHANK_MOUNTING), axes_of("auto", FOOT_MOUNTING)
    sensors = leg.calibration.shank, leg.calibration.foot
    for name, found, usually, axes, turn, sensor in zip(
        SENSORS, leg.rotations, expected.rotations, documented, turns, sensors, strict=True
    ):
        assert angle_between(usually, axes) < 30.0
        assert angle_between(found, usually @ turn.T) < 3.0
        assert leg.mountings[f"{name}.mounting"] == f"{described(found)}, found"
        assert sensor.forward is not None
        kept = found_mounting(axes, sensor)
        assert angle_between(kept, found) < 10.0  # the newest strides say the one, those until it was kept the other


def angle_between(a: FloatArray, b: FloatArray) -> float:
    """Angle in degrees between two rotations."""
    return math.degrees(math.acos(min(1.0, (float(np.trace(a @ b.T)) - 1.0) / 2.0)))


def test_a_reset_after_many_strides_changes_nothing() -> None:
    usual = simulate([Stand(4.0), Walk(40.0)], draw_user(1), SensorModel(), 1).recording
    leg, _ = estimate(turned(uncalibrated(usual), any_rotation(9), any_rotation(10)), AUTO)
    before = leg.rotations
    leg.reset()
    for was, now in zip(before, leg.rotations, strict=True):
        assert angle_between(was, now) < 10.0


def test_a_left_leg_is_found_as_well() -> None:
    recording = turned(uncalibrated(mirrored(walk())), any_rotation(3), any_rotation(4))
    _, right = estimate(uncalibrated(walk()), AUTO)
    _, left = estimate(recording, AUTO)
    assert np.abs(difference(angles(left), angles(right), recording.start + 10.0)).mean() < 0.5


def test_nothing_in_the_future_matters() -> None:
    recording = turned(uncalibrated(walk()), any_rotation(1), any_rotation(2))
    _, whole = estimate(recording, AUTO)
    n = 1100

    def cut(samples):
        return type(samples)(samples.stamp[:n], samples.accel[:n], samples.gyro[:n])

    _, part = estimate(dataclasses.replace(recording, shank=cut(recording.shank), foot=cut(recording.foot)), AUTO)
    np.testing.assert_array_equal(angles(part), angles(whole)[: len(angles(part))])


def test_axes_that_are_set_stay_but_walking_that_contradicts_is_said() -> None:
    recording = walk()
    assert recording.calibration is not None
    leg, samples = estimate(turned(recording, shank=about(recording.calibration.shank.gravity, 90.0)), SET)
    assert all(s.joint is not None for s in samples[:-1])
    assert len(leg.notes) == 1
    assert "the shank's sensor is turned about its long axis, 9" in leg.notes[0]
    assert "shank.mounting" in leg.notes[0]
    leg, _ = estimate(turned(recording, foot=about(recording.calibration.foot.gravity, 180.0)), SET)
    assert "left for right" in leg.notes[0]
    assert estimate(recording, SET)[0].notes == []


def test_a_strap_that_turned_since_the_calibration_is_said() -> None:
    recording = walk()
    leg, _ = estimate(recording, AUTO)
    assert leg.calibration is not None
    assert leg.calibration.foot.forward is not None
    same = dataclasses.replace(recording, calibration=leg.calibration)
    assert estimate(same, AUTO)[0].notes == []
    slipped = turned(recording, foot=about(recording.calibration.foot.gravity, 25.0))  # type: ignore[union-attr]
    leg, _ = estimate(dataclasses.replace(slipped, calibration=leg.calibration), AUTO)
    assert len(leg.notes) == 1
    assert "the foot's strap has turned by 2" in leg.notes[0]


def test_offline_and_live_are_the_same() -> None:
    recording = turned(uncalibrated(walk()), any_rotation(5), any_rotation(6))
    _, live = estimate(recording, AUTO)
    offline = [sample for _, sample in leg_samples(recording, LegEstimator(AUTO))]
    np.testing.assert_array_equal(angles(live), angles(offline))


def test_swapped_sensors_are_told_by_name_and_others_are_not() -> None:
    recording = uncalibrated(walk())
    assert estimate(recording, AUTO)[0].sensor_problem == ""
    leg, samples = estimate(dataclasses.replace(recording, shank=recording.foot, foot=recording.shank), AUTO)
    assert "the shank and the foot sensor are swapped" in leg.sensor_problem
    assert samples[-1].joint is None


def test_a_recording_in_which_nobody_walks_says_so() -> None:
    still = simulate([Stand(5.0)], draw_user(1), SensorModel(), 1).recording
    with pytest.raises(ChainError, match="walk a few steps straight ahead"):
        list(pairs_of(turned(uncalibrated(still), any_rotation(1), any_rotation(2))))
