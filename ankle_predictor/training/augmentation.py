"""Walks as other people might have walked them: physics, not noise, so that a model learns the kind and not the few.

Cadence, amplitude and how the sensors sit are drawn anew for every window. One walked ``s`` times as fast has ``s``
times the angular rates and ``s`` squared the accelerations, less gravity; one that is ``c`` times as large has ``c``
times the deviation of every angle from its mean, and of all that follows from it. Small angles are assumed there. A
sensor that is strapped on turned about its segment's long axis sees its horizontal axes turned; the levelling takes
care of every other turn.
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
    """How far examples are varied.

    Attributes:
        share: of the windows that are varied in more than cadence; the others stay as they were walked.
        cadence: largest factor by which a window is walked faster or slower.
        amplitude: largest factor by which its angles are larger or smaller.
        turn: rad, standard deviation of how a sensor is turned about its segment.
        gain: standard deviation of an accelerometer axis's gain; a gyro's is half of it.
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
    """Cut a walk into varied windows, each with what followed.

    Args:
        table: of ``SEGMENT_FEATURES``.
        truth: the angle that is to be forecast.
        spec: of the windows.
        horizon: H, steps to forecast.
        stride: every how many pairs a window is taken; where the first one is, is drawn.
        variation: how far they are varied.
        random: draws it.

    Returns:
        (N, W, F) unscaled windows, and (N, H) rad, the change from each window's newest ankle angle.
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
    _move_otherwise(windows, faster, larger)
    _sit_otherwise(windows, vary, variation, random)
    later = middle[:, np.newaxis] + larger[:, np.newaxis] * (later - middle[:, np.newaxis])
    change = later - windows[:, -1, ANGLE, np.newaxis]
    return windows.astype(np.float32), change.astype(np.float32)


def _whole(table: FeatureTable, spec: FeatureSpec, index: IntArray, faster: FloatArray) -> tuple[IntArray, FloatArray]:
    """Return the windows that neither begin before the table nor have a gap in them."""
    begin = table.stamp[index] - faster * (spec.window - 1) * spec.period
    gaps = np.flatnonzero(np.diff(table.stamp) > spec.filter.max_gap)
    gap_before = np.searchsorted(gaps, index)  # how many gaps lie before the window's end, and before its begin
    first = np.searchsorted(table.stamp, begin, side="right") - 1
    whole = (begin >= table.stamp[0]) & (np.searchsorted(gaps, first) == gap_before)
    return index[whole], faster[whole]


def _stretched(table: FeatureTable, spec: FeatureSpec, index: IntArray, faster: FloatArray) -> FloatArray:
    back = faster[:, np.newaxis] * spec.period * np.arange(1 - spec.window, 1)
    times = np.clip(table.stamp[index, np.newaxis] + back, table.stamp[0], None)
    after = np.clip(np.searchsorted(table.stamp, times), 1, len(table.stamp) - 1)
    share = (times - table.stamp[after - 1]) / (table.stamp[after] - table.stamp[after - 1])
    share = share[..., np.newaxis]
    windows: FloatArray = table.values[after - 1] * (1.0 - share) + table.values[after] * share
    return windows


def _move_otherwise(windows: FloatArray, faster: FloatArray, larger: FloatArray) -> None:
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
    return GRAVITY * np.stack([-np.sin(pitch), np.zeros_like(pitch), np.cos(pitch)], axis=-1)


def _sit_otherwise(windows: FloatArray, vary: BoolArray, variation: Augmentation, random: np.random.Generator) -> None:
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
