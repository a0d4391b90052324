"""The calibration from standing still and upright, and every reason to refuse it."""

from __future__ import annotations

import math

import numpy as np
import pytest
from rigs.walks import FOOT, SHANK, G

from ankle_imu_driver.calibration import Calibration, CalibrationError, SensorCalibration
from ankle_imu_driver.mounting import FOOT_TILT, SHANK_TILT, gravity_at_standing
from ankle_imu_driver.simulator.gait_scenario import Label, Sit, Stand, Sway, Walk
from ankle_imu_driver.simulator.sensor_model import SensorModel
from ankle_imu_driver.simulator.simulate import simulate
from ankle_imu_driver.simulator.user_profile import draw_user
from ankle_predictor.estimation.samples import RawPair
from ankle_predictor.estimation.standing_calibration import StandingCalibrator

STANDING = Calibration(
    shank=SensorCalibration((0.0, 0.0, 0.0), tuple(G * gravity_at_standing(SHANK, *SHANK_TILT))),
    foot=SensorCalibration((0.0, 0.0, 0.0), tuple(G * gravity_at_standing(FOOT, *FOOT_TILT))),
)


def still(seconds=2.5, change=lambda pair, k: pair, noise=0.02, seed=0):
    random = np.random.default_rng(seed)
    calibrator = StandingCalibrator(SHANK, FOOT)
    for k in range(int(seconds * 100)):
        a, b = (np.asarray(s.gravity) + noise * random.normal(size=3) for s in (STANDING.shank, STANDING.foot))
        w, v = (np.array([0.02, -0.03, 0.01]) + 0.002 * random.normal(size=3) for _ in range(2))
        calibrator.push(change(RawPair(0.01 * k, tuple(a), tuple(w), 0.01 * k, tuple(b), tuple(v)), k))
    return calibrator


def test_standing_still_gives_gravity_and_bias():
    calibration = still().calibrate()
    for sensor, truth in ((calibration.shank, STANDING.shank), (calibration.foot, STANDING.foot)):
        assert sensor.gravity == pytest.approx(truth.gravity, abs=0.01)
        assert sensor.gyro_bias == pytest.approx((0.02, -0.03, 0.01), abs=0.001)
    assert "2.0 s" in calibration.source


def test_less_than_two_seconds_is_refused_with_the_time_so_far():
    with pytest.raises(CalibrationError, match=r"only 1\.\d s"):
        still(seconds=1.5).calibrate()


def test_a_gap_or_a_nan_restarts_the_duration():
    def nan_at(pair, k):
        return pair if k != 150 else RawPair(pair.shank_stamp, (math.nan,) * 3, *list(vars(pair).values())[2:])

    def gap_at(pair, k):
        return pair if k < 150 else RawPair(*(v + 0.5 if isinstance(v, float) else v for v in vars(pair).values()))

    for change in (nan_at, gap_at):
        with pytest.raises(CalibrationError, match=r"only (0\.9|1\.0)"):
            still(change=change).calibrate()


def turned(sensor, angle):
    """Gravity of a shank that leans by this much (rad) about the lateral axis, which is the sensor's z."""
    c, s = math.cos(angle), math.sin(angle)
    x, y, z = sensor.gravity
    return (c * x - s * y, s * x + c * y, z)


def test_a_seated_shank_is_refused_as_not_upright():
    def seated(pair, k):
        return RawPair(pair.shank_stamp, turned(STANDING.shank, 0.8), *list(vars(pair).values())[2:])

    with pytest.raises(CalibrationError, match="the shank leans 46 degrees from its usual"):
        still(change=seated).calibrate()


def test_swaying_is_refused_as_moving():
    def sway(pair, k):
        rate = 0.15 * math.sin(2 * math.pi * 0.5 * 0.01 * k)
        return RawPair(pair.shank_stamp, pair.shank_accel, (0.0, 0.0, rate), *list(vars(pair).values())[3:])

    with pytest.raises(CalibrationError, match="the shank moves"):
        still(change=sway).calibrate()


def test_a_constant_rotation_is_not_taken_for_a_bias():
    def turn(pair, k):
        return RawPair(pair.shank_stamp, pair.shank_accel, (0.0, 0.5, 0.0), *list(vars(pair).values())[3:])

    with pytest.raises(CalibrationError, match="the shank turns"):
        still(change=turn).calibrate()


def test_a_sensor_that_does_not_read_gravity_is_named():
    def weak(pair, k):
        half = tuple(0.5 * v for v in pair.foot_accel)
        return RawPair(*list(vars(pair).values())[:4], half, pair.foot_gyro)

    with pytest.raises(CalibrationError, match=r"the foot sensor reads 4\.9"):
        still(change=weak).calibrate()


def attempt(walk, label):
    """Calibrate from the last 2.5 s of the simulated walk with this label."""
    calibrator = StandingCalibrator(SHANK, FOOT)
    recording = walk.recording
    for k in np.flatnonzero(walk.truth.label == label)[-250:]:
        values = (recording.shank.accel[k], recording.shank.gyro[k], recording.foot.accel[k], recording.foot.gyro[k])
        sa, sg, fa, fg = (tuple(v.tolist()) for v in values)
        stamp = float(recording.shank.stamp[k])
        calibrator.push(RawPair(stamp, sa, sg, stamp, fa, fg))
    return calibrator.calibrate()


@pytest.mark.parametrize("seed", range(6))
def test_simulated_users_are_calibrated_when_standing_and_refused_otherwise(seed):
    walk = simulate([Stand(4.0), Sway(4.0), Sit(6.0), Walk(6.0)], draw_user(seed), SensorModel(), seed)
    standing = attempt(walk, Label.STAND)
    assert standing.shank.gravity == pytest.approx(walk.recording.calibration.shank.gravity, abs=0.1)
    assert standing.foot.gyro_bias == pytest.approx(walk.recording.calibration.foot.gyro_bias, abs=0.01)
    for label, reason in (
        (Label.SWAY, "shank moves"),
        (Label.SIT, "shank leans .* from its usual"),
        (Label.WALK, "moves"),
    ):
        with pytest.raises(CalibrationError, match=reason):
            attempt(walk, label)
