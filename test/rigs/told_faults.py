"""What a leg says of a simulated person's walk whose messages or calibration are changed."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np

from ankle_imu_driver.arrays import Vector
from ankle_imu_driver.calibration import Calibration
from ankle_predictor.estimation.leg_estimator import LegConfig, LegEstimator
from ankle_predictor.estimation.samples import LegSample
from benchmarks.fault_chain import Message, TrueWalk, true_walk

Told = list[tuple[float, str]]


@cache
def walk() -> TrueWalk:
    return true_walk(1)


def told(
    calibration: Calibration, since: float, until: float, change: Callable[[Message], Message] = lambda m: m
) -> tuple[Told, list[LegSample]]:
    """What a leg says, with the time, and its samples."""
    leg, said, samples = LegEstimator(LegConfig(), calibration), [], []
    for message in walk().messages:
        if since <= message.came < until:
            m = change(message)
            samples += leg.push(m.stream, m.stamp, vector(m.accel), vector(m.gyro))
            if leg.sensor_problem:
                said.append((m.stamp, leg.sensor_problem))
    return said, samples


def vector(values: np.ndarray) -> Vector:
    x, y, z = values.tolist()
    return x, y, z
