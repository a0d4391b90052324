"""Mirrored walks: the simulated left leg gives the same angles as the right one."""

from __future__ import annotations

from itertools import islice

import numpy as np
import pytest

from ankle_imu_driver.conventions import FOOT, SHANK
from ankle_imu_driver.recordings.mirror import mirrored
from ankle_imu_driver.simulator.sensor_model import SensorModel
from ankle_imu_driver.simulator.simulate import stream
from ankle_imu_driver.simulator.user_profile import draw_user
from ankle_predictor.estimation.leg_estimator import LegConfig, LegEstimator

LEFT = LegConfig(side="left")


def angles(side: str, config: LegConfig, seed: int) -> list[float]:
    """Return the angles that an uncalibrated leg estimates in a simulated person's first seconds."""
    leg, found = LegEstimator(config), []
    for chunk in islice(stream(draw_user(seed), SensorModel(), seed, side), 4):
        for k, stamp in enumerate(chunk.shank.stamp.tolist()):
            for stream_id, samples in ((SHANK, chunk.shank), (FOOT, chunk.foot)):
                made = leg.push(stream_id, stamp, tuple(samples.accel[k].tolist()), tuple(samples.gyro[k].tolist()))
                found += [sample.joint.angle for sample in made if sample.joint is not None]
    return found


@pytest.mark.parametrize("seed", range(3))
def test_a_simulated_left_leg_gives_the_angles_of_the_right_one(seed: int) -> None:
    right, left = angles("right", LegConfig(), seed), angles("left", LEFT, seed)
    assert len(right) > 400
    assert left == right


def test_mirroring_twice_gives_the_original_walk() -> None:
    walk = next(stream(draw_user(1), SensorModel(), 1))
    image = mirrored(walk)
    assert image.encoder is walk.encoder
    assert not np.array_equal(image.shank.accel[:, 2], walk.shank.accel[:, 2])
    again = mirrored(image)
    np.testing.assert_array_equal(again.foot.gyro, walk.foot.gyro)
    np.testing.assert_array_equal(again.shank.accel, walk.shank.accel)
    assert again.calibration == walk.calibration
