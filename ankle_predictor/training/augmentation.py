"""Varies recorded walks as other people might have walked them, so that a model fits more than the few recorded people.

Cadence, amplitude and how the sensors sit are drawn for every window. They change it by physics, not by noise:

- A window that is walked ``s`` times as fast has ``s`` times the angular rates and ``s`` squared times the
  accelerations without gravity.
- A window whose motion is ``c`` times as large has ``c`` times the deviation of every angle from its mean, and of the
  rates and accelerations. This assumes small angles.
- A sensor that is strapped on turned about its segment's long axis measures turned horizontal axes. The levelling
  corrects every other turn.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ankle_imu_driver.arrays import BoolArray, Float32Array, FloatArray, IntArray
from ankle_imu_driver.recordings.recording import EncoderSamples
from ankle_predictor.estimation.segment_filter import GRAVITY
from ankle_predictor.model.features import SEGMENT_FEATURES, FeatureSpec
from ankle_predictor.offline.pipeline import FeatureTable
from ankle_predictor.trust.scoring import truth_at

ANGLE, RATE = SEGMENT_FEATURES.index("ankle_angle"), SEGMENT_FEATURES.index("ankle_rate")
SENSORS = tuple(
    tuple(SEGMENT_FEATURES.index(f"{segment}_{name}") for name in ("accel_x", "gyro_x", "pitch"))
    for segment in ("shank", "foot")
)


@dataclass(frozen=True)
class Augmentation:
    """How much examples are varied.

    Attributes:
        share: of the windows that are varied in more than cadence.
        cadence: largest factor by which a window is walked faster or slower.
        amplitude: largest factor by which its angles are larger or smaller.
        turn: rad, standard deviation of a sensor's turn about its segment.
        gain: standard deviation of the gain of an accelerometer axis; that of a gyro is half as large.
    """

    share: float = 0.7
    cadence: float = 1.2
    amplitude: float = 1.2
    turn: float = 0.1
    gain: float = 0.02


def varied_windows(  # noqa: PLR0917 - each is another thing
    table: FeatureTable,
    truth: EncoderSamples,
    spec: FeatureSpec,
    horizon: int,
    stride: int,
    variation: Augmentation,
    random: np.random.Generator,
) -> tuple[Float32Array, Float32Array]:
    """Cut a walk into varied windows, each with the angle that followed.

    Args:
        table: of ``SEGMENT_FEATURES``.
        truth: the angle to forecast.
        spec: of the windows.
        horizon: H, steps to forecast.
        stride: pairs between two windows; the first window is at a random pair.
        variation: how much they are varied.
        random: source of the random numbers.

    Returns:
        (N, W, F) unscaled windows, and (N, H) rad, the change of the angle from each window's newest one.
    """
    index = np.arange(int(random.integers(stride)), len(table.stamp), stride)
    faster = np.exp(random.uniform(-1.0, 1.0, len(index)) * np.log(variation.cadence))
    index, faster = _whole(table, spec, index, faster)
    due = table.stamp[index, np.newaxis] + faster[:, np.newaxis] * spec.period * np.arange(1, horizon + 1)
    later = truth_at(truth.stamp, truth.angle, due)
    known = np.all(np.isfinite(later), axis=1)
    index, faster, later = index[known], faster[known], later[known]
    windows = _stretched(table, spec, index, faster)
    vary = random.random(len(index)) < variation.share
    larger = np.exp(random.uniform(-1.0, 1.0, len(index)) * np.log(variation.amplitude) * vary)
    middle = windows[:, :, ANGLE].mean(axis=1)
    _vary_motion(windows, faster, larger)
    _vary_sensors(windows, vary, variation, random)
    later = middle[:, np.newaxis] + larger[:, np.newaxis] * (later - middle[:, np.newaxis])
    change = later - windows[:, -1, ANGLE, np.newaxis]
    return windows.astype(np.float32), change.astype(np.float32)


def _whole(table: FeatureTable, spec: FeatureSpec, index: IntArray, faster: FloatArray) -> tuple[IntArray, FloatArray]:
    """Return the windows that do not begin before the table and contain no gap."""
    begin = table.stamp[index] - faster * (spec.window - 1) * spec.period
    gaps = np.flatnonzero(np.diff(table.stamp) > spec.filter.max_gap)
    first = np.searchsorted(table.stamp, begin, side="right") - 1
    has_no_gap = np.searchsorted(gaps, first) == np.searchsorted(gaps, index)  # as many gaps before start as before end
    whole = (begin >= table.stamp[0]) & has_no_gap
    return index[whole], faster[whole]


def _stretched(table: FeatureTable, spec: FeatureSpec, index: IntArray, faster: FloatArray) -> FloatArray:
    """Return (N, W, F) windows that end at the given pairs, sampled as if they were walked faster."""
    back = faster[:, np.newaxis] * spec.period * np.arange(1 - spec.window, 1)
    times = np.clip(table.stamp[index, np.newaxis] + back, table.stamp[0], None)
    after = np.clip(np.searchsorted(table.stamp, times), 1, len(table.stamp) - 1)
    share = (times - table.stamp[after - 1]) / (table.stamp[after] - table.stamp[after - 1])
    share = share[..., np.newaxis]
    windows: FloatArray = table.values[after - 1] * (1.0 - share) + table.values[after] * share
    return windows


def _vary_motion(windows: FloatArray, faster: FloatArray, larger: FloatArray) -> None:
    """Change, in place, the rates and accelerations of (N, W, F) windows by (N,) cadences, and all by amplitudes."""
    faster, larger = faster[:, np.newaxis], larger[:, np.newaxis]
    for accel, gyro, pitch in SENSORS:
        angle = windows[:, :, pitch]
        middle = angle.mean(axis=1, keepdims=True)
        new = middle + larger * (angle - middle)
        moved = windows[:, :, accel : accel + 3] - _gravity(angle)
        windows[:, :, accel : accel + 3] = moved * (larger * faster**2)[..., np.newaxis] + _gravity(new)
        windows[:, :, gyro : gyro + 3] *= (larger * faster)[..., np.newaxis]
        windows[:, :, pitch] = new
    middle = windows[:, :, ANGLE].mean(axis=1, keepdims=True)
    windows[:, :, ANGLE] = middle + larger * (windows[:, :, ANGLE] - middle)
    windows[:, :, RATE] *= larger * faster


def _gravity(pitch: FloatArray) -> FloatArray:
    """Return (..., 3) what an accelerometer at rest measures in m/s^2 at a pitch in rad."""
    return GRAVITY * np.stack([-np.sin(pitch), np.zeros_like(pitch), np.cos(pitch)], axis=-1)


def _vary_sensors(windows: FloatArray, vary: BoolArray, variation: Augmentation, random: np.random.Generator) -> None:
    """Change, in place, how the sensors sit on their segments and their gains."""
    for accel, gyro, _ in SENSORS:
        turn = random.normal(0.0, variation.turn, len(windows)) * vary
        sine, cosine = np.sin(turn)[:, np.newaxis], np.cos(turn)[:, np.newaxis]
        for first in (accel, gyro):
            x, y = windows[:, :, first].copy(), windows[:, :, first + 1].copy()
            windows[:, :, first], windows[:, :, first + 1] = cosine * x - sine * y, sine * x + cosine * y
        gains = 1.0 + random.normal(0.0, variation.gain, (len(windows), 1, 3)) * vary[:, np.newaxis, np.newaxis]
        windows[:, :, accel : accel + 3] *= gains
        gains = 1.0 + random.normal(0.0, variation.gain / 2, (len(windows), 1, 1)) * vary[:, np.newaxis, np.newaxis]
        windows[:, :, gyro : gyro + 3] *= gains
