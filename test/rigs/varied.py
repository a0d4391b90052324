"""All varied windows of a walk at once; training makes them one by one."""

from __future__ import annotations

import numpy as np

from ankle_imu_driver.arrays import Float32Array
from ankle_predictor.model.features import FeatureSpec
from ankle_predictor.training.augmentation import Augmentation, VariedSource, draw, stretched, vary


def varied_windows(
    walk: VariedSource,
    spec: FeatureSpec,
    horizon: int,
    stride: int,
    variation: Augmentation,
    random: np.random.Generator,
) -> tuple[Float32Array, Float32Array]:
    """Cut a walk into varied windows, each with the angle that followed.

    Args:
        walk: to be varied.
        spec: of the windows.
        horizon: H, steps to forecast.
        stride: pairs between two windows; the first window is at a random pair.
        variation: how much they are varied.
        random: source of the random numbers.

    Returns:
        (N, W, F) unscaled windows, and (N, H) rad, the change of the angle from each window's newest one.
    """
    drawn = draw(walk, spec, horizon, stride, variation, random)
    table = walk.table
    ends = float(table.stamp[0]), float(table.stamp[-1])
    windows = np.empty((len(drawn), spec.window, len(spec.names)))
    for n in range(len(drawn)):
        windows[n] = stretched((table.stamp, table.values, walk.fused), ends, spec, drawn, n)
    return vary(windows, drawn)
