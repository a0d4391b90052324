"""Baselines that need no training and that any forecast must beat: the present angle, and the last stride repeated."""

from __future__ import annotations

import numpy as np

from ankle_imu_driver.arrays import FloatArray

PERIOD = 0.01  # s between two compared angles, and between two steps
STRIDES = np.arange(80, 221, 2)  # stride lengths in periods that are compared
COMPARED = 100  # newest angles, compared with those one stride before
BATCH = 2048  # moments that are compared at once


def persistence(angle: FloatArray, horizon: int) -> FloatArray:
    """Return (N, H) forecasts that keep the (N,) present angles."""
    return np.repeat(angle[:, np.newaxis], horizon, axis=1)


def last_stride_repeated(
    stamp: FloatArray, known: FloatArray, pitch: FloatArray, angle: FloatArray, horizon: int
) -> FloatArray:
    """Forecast that the ankle angle changes as it did one stride ago.

    Args:
        stamp: (N,) s, of the forecasts; increasing.
        known: (M,) s, of the pairs; increasing.
        pitch: (M, 2) rad, of shank and foot at each pair.
        angle: (M,) rad, ankle angle at each pair.
        horizon: H, at most the shortest stride in ``STRIDES``.

    Returns:
        (N, H) rad. Where the past is shorter than two seconds and a stride, it is continued backward as constant.
    """
    columns = (*pitch.T, angle)
    offsets = PERIOD * np.arange(1 - COMPARED - STRIDES[-1], 1)
    made = []
    for first in range(0, len(stamp), BATCH):
        before = stamp[first : first + BATCH, np.newaxis] + offsets
        past = np.stack([np.interp(before, known, column) for column in columns], axis=-1)
        made.append(past[:, -1:, 2] + change_one_stride_ago(past, horizon))
    return np.concatenate(made) if made else np.empty((0, horizon))


def change_one_stride_ago(past: FloatArray, horizon: int) -> FloatArray:
    """Return the change of the ankle angle (N, H) in rad that followed one stride ago.

    The stride length is the lag at which both inclinations in the last second are most similar to those one lag before.

    Args:
        past: (N, 320, 3) rad, shank pitch, foot pitch and ankle angle before each moment, ``PERIOD`` apart.
        horizon: H.
    """
    pitch = np.ascontiguousarray(past[:, :, :2].transpose(0, 2, 1))
    newest = pitch[:, :, -COMPARED:] - pitch[:, :, -COMPARED:].mean(axis=2, keepdims=True)
    difference = []
    for lag in STRIDES:
        # The squared difference of the two centred seconds, without the part that is the same for all lags.
        older = pitch[:, :, -COMPARED - lag : -lag]
        spread = np.einsum("npt,npt->n", older, older) - np.sum(older.sum(axis=2) ** 2, axis=1) / COMPARED
        difference.append(spread - 2.0 * np.einsum("npt,npt->n", older, newest))
    lag = STRIDES[np.argmin(difference, axis=0)]
    then = past.shape[1] - 1 - lag
    rows = np.arange(len(past))
    steps = then[:, np.newaxis] + np.arange(1, horizon + 1)
    change: FloatArray = past[rows[:, np.newaxis], steps, 2] - past[rows, then, 2][:, np.newaxis]
    return change
