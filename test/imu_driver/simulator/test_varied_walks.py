"""Varied people move as people do: the foot rests in stance, angles and stride times stay in a person's range."""

from __future__ import annotations

import numpy as np
import pytest

from ankle_imu_driver.refusal import Refusal
from ankle_imu_driver.simulator.gait_scenario import Label
from ankle_imu_driver.simulator.varied_person import draw_person
from ankle_imu_driver.simulator.varied_scenario import KINDS
from ankle_imu_driver.simulator.varied_walks import VariedWalk, varied_recording, varied_walk


@pytest.fixture(scope="module", params=KINDS)
def walk(request: pytest.FixtureRequest) -> VariedWalk:
    return varied_walk(request.param, 5, 20.0)


def test_the_encoder_is_shank_minus_foot(walk: VariedWalk) -> None:
    assert walk.recording.encoder is not None
    np.testing.assert_allclose(walk.recording.encoder.angle, walk.shank_pitch - walk.foot_pitch, atol=1e-12)


def test_angles_stay_in_the_range_of_people(walk: VariedWalk) -> None:
    assert walk.recording.encoder is not None
    angle = np.degrees(walk.recording.encoder.angle)
    assert np.isfinite(angle).all()
    assert -50 < angle.min() < angle.max() < 45
    assert np.ptp(angle[500:]) > 0.2
    assert np.degrees(walk.foot_pitch).max() < 110


def test_the_calibration_is_that_of_standing(walk: VariedWalk) -> None:
    calibration = walk.recording.calibration
    assert calibration is not None
    for sensor in (calibration.shank, calibration.foot):
        assert 8.5 < np.linalg.norm(sensor.gravity) < 11.2


def test_the_foot_rests_in_stance() -> None:
    walk = varied_walk("level", 6, 30.0)
    walking = walk.label == Label.WALK
    still = np.abs(np.gradient(walk.foot_pitch, walk.recording.foot.stamp)) < np.radians(0.1)
    share = still[walking].mean()
    assert 0.1 < share < 0.6
    level = np.degrees(np.abs(walk.foot_pitch[walking & still])) < 0.1
    assert level.mean() > 0.97  # the rest are moments in the air at which the foot's turning reverses


def test_the_gyros_see_the_ankle_turn() -> None:
    """The difference of the two lateral rates is the encoder's rate, but for the soft tissue and the chips."""
    walk = varied_walk("level", 7, 40.0)
    recording = walk.recording
    assert recording.encoder is not None
    assert recording.calibration is not None
    lateral = [
        -(samples.gyro[:, 2] - calibration.gyro_bias[2])
        for samples, calibration in (
            (recording.shank, recording.calibration.shank),
            (recording.foot, recording.calibration.foot),
        )
    ]
    rate = np.gradient(recording.encoder.angle, recording.encoder.stamp)
    assert np.corrcoef(lateral[0] - lateral[1], rate)[0, 1] > 0.9


def test_people_differ() -> None:
    times = [draw_person(seed).user.stride_time for seed in range(200)]
    assert min(times) < 0.85
    assert max(times) > 1.6
    assert 1.0 < np.median(times) < 1.25


def test_the_same_seed_gives_the_same_recording_and_another_seed_another() -> None:
    first, again, other = (varied_recording("stops", seed, 12.0) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first.foot.accel, again.foot.accel)
    assert first.foot.accel.shape != other.foot.accel.shape or not np.array_equal(first.foot.accel, other.foot.accel)


def test_a_left_leg_is_the_mirror_image() -> None:
    right, left = (varied_recording("level", 3, 12.0, side) for side in ("right", "left"))
    np.testing.assert_allclose(left.shank.accel * (1, 1, -1), right.shank.accel)
    np.testing.assert_allclose(left.foot.gyro * (-1, -1, 1), right.foot.gyro)
    assert right.encoder is not None
    assert left.encoder is not None
    np.testing.assert_array_equal(left.encoder.angle, right.encoder.angle)


@pytest.mark.parametrize("rate", [25.0, 200.0])
def test_other_rates(rate: float) -> None:
    recording = varied_recording("level", 4, 12.0, rate=rate)
    assert len(recording.foot) == pytest.approx(12.0 * rate, rel=0.02)


@pytest.mark.parametrize(
    ("kind", "side", "seed", "rate"),
    [
        ("swimming", "right", 1, 100.0),
        ("level", "top", 1, 100.0),
        ("level", "left", -1, 100.0),
        ("level", "left", 1, 5.0),
    ],
)
def test_what_cannot_be_is_refused(kind: str, side: str, seed: int, rate: float) -> None:
    with pytest.raises(Refusal):
        varied_recording(kind, seed, 10.0, side, rate)
