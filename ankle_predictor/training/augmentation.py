"""Varies recorded walks as other people might have walked them, so that a model fits more than the few recorded people.

Cadence, amplitude and how the sensors sit are drawn for every window. They change it by physics, not by noise:

- A window that is walked ``s`` times as fast has ``s`` times the angular rates and ``s`` squared times the
  accelerations without gravity.
- A window whose motion is ``c`` times as large has ``c`` times the deviation of every angle from its mean, and of the
  rates and accelerations. This assumes small angles.
- A sensor that is strapped on turned about its segment's long axis measures turned horizontal axes. The levelling
  corrects every other turn.
- A sensor that sits elsewhere on its segment measures larger or smaller impacts.
- A slower sensor's samples are interpolated between.
- The ankle angle rests on the encoder, on the IMUs, or changes from one to the other within the window: one model
  serves with an encoder, without one, and with one that comes and goes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ankle_imu_driver.arrays import BoolArray, Float32Array, FloatArray, IntArray
from ankle_imu_driver.recordings.recording import EncoderSamples
from ankle_predictor.estimation.segment_filter import GRAVITY
from ankle_predictor.model.features import SEGMENT_FEATURES, FeatureSpec, interpolated
from ankle_predictor.offline.pipeline import FeatureTable
from ankle_predictor.trust.scoring import truth_at

LARGEST_FORCE = 20.5  # m/s^2, beyond which an axis of a sensor of 2 g is clipped, its scale error included
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
        stride: s, shortest and longest stride time that the change of cadence leads to.
        amplitude: largest factor by which its angles are larger or smaller.
        turn: rad, standard deviation of a sensor's turn about its segment.
        gain: standard deviation of the gain of an accelerometer axis; that of a gyro is half as large.
        impact: standard deviation of the logarithm of the factor on a sensor's accelerations without their mean.
        slow: share of the times that a walk is sampled slowly, at 33 to 83 Hz.
        encoder: share of the windows whose angle rests on the encoder, where there is one.
        changing: share of the windows in which that changes.
    """

    share: float = 0.7
    cadence: float = 1.9
    stride: tuple[float, float] = (0.7, 2.0)
    amplitude: float = 1.35
    turn: float = 0.12
    gain: float = 0.03
    impact: float = 0.25
    slow: float = 0.3
    encoder: float = 0.4
    changing: float = 0.1

    def cadences(self, stride_time: float) -> tuple[float, float]:
        """Return the smallest and the largest factor for a walk of a stride time in s, NaN if it has none."""
        if not np.isfinite(stride_time):
            stride_time = 1.0
        slowest, fastest = stride_time / self.stride[1], stride_time / self.stride[0]
        return min(1.0, max(slowest, 1.0 / self.cadence)), max(1.0, min(fastest, self.cadence))


@dataclass(frozen=True, eq=False)
class VariedSource:
    """A walk to vary.

    Attributes:
        table: of ``SEGMENT_FEATURES``, with the IMUs' angle.
        truth: the angle to forecast.
        fused: (N,) rad, the angle of each pair fused with the encoder; None without an encoder.
        own: whether a window whose angle rests on the IMUs is followed by the IMUs' own later angle, not the truth.
            It is so in simulated walks: how far their IMUs' angle is from the joint's is drawn, nothing to be learned.
        stride_time: s, median; NaN where there are no strides.
    """

    table: FeatureTable
    truth: EncoderSamples
    fused: FloatArray | None = None
    own: bool = False
    stride_time: float = float("nan")


@dataclass(frozen=True, eq=False)
class Draw:
    """Windows of one walk and how each is varied: everything that is random, so that a window can be made at any time.

    Attributes:
        stamp: (N,) s, of the newest pair of each window.
        faster: (N,) factors on the cadence.
        slow: (N,) s between the samples of a slower sensor; 0 for the walk's own. One value for a whole walk.
        on: (N, 3) how the angle rests on the encoder: whether it does before row ``on[:, 1]``, that row, and whether it
            does from there on; (-1, 0, -1) without an encoder.
        larger: (N,) factors on the amplitude.
        turn: (N, 2) rad, of each sensor about its segment.
        accel_gain: (N, 2, 3) of each accelerometer's axes.
        gyro_gain: (N, 2) of each gyro.
        impact: (N, 2) factors on the accelerations of each sensor without their mean.
        later: (N, H) rad, the angle that followed, not yet enlarged.
    """

    stamp: FloatArray
    faster: FloatArray
    slow: FloatArray
    on: IntArray
    larger: FloatArray
    turn: FloatArray
    accel_gain: FloatArray
    gyro_gain: FloatArray
    impact: FloatArray
    later: FloatArray

    def __len__(self) -> int:
        return len(self.stamp)


def draw(  # noqa: PLR0917 - each is another thing
    walk: VariedSource,
    spec: FeatureSpec,
    horizon: int,
    stride: int,
    variation: Augmentation,
    random: np.random.Generator,
) -> Draw:
    """Draw the windows of a walk and how they are varied.

    Args:
        walk: to be varied.
        spec: of the windows.
        horizon: H, steps to forecast.
        stride: pairs between two windows; the first window is at a random pair.
        variation: how much they are varied.
        random: source of the random numbers.
    """
    table, truth = walk.table, walk.truth
    index = np.arange(int(random.integers(stride)), len(table.stamp), stride)
    slowest, fastest = np.log(variation.cadences(walk.stride_time))
    faster = np.exp(random.uniform(slowest, fastest, len(index)))
    index, faster = _whole(table, spec, index, faster)
    due = table.stamp[index, np.newaxis] + faster[:, np.newaxis] * spec.period * np.arange(1, horizon + 1)
    later = truth_at(truth.stamp, truth.angle, due)
    on = _on_encoder(walk, len(index), spec.window, variation, random)
    if walk.own:
        imus = truth_at(table.stamp, table.angle, due)
        later = imus if walk.fused is None else np.where(on[:, 2:] == 1, later, imus)
    known = np.all(np.isfinite(later), axis=1)
    index, faster, later, on = index[known], faster[known], later[known], on[known]
    slow = random.uniform(0.012, 0.03) if random.random() < variation.slow else 0.0
    varied = random.random(len(index)) < variation.share
    larger = np.exp(random.uniform(-1.0, 1.0, len(index)) * np.log(variation.amplitude) * varied)
    sensors = [_draw_sensor(len(index), varied, variation, random) for _ in SENSORS]
    turn, accel_gain, gyro_gain, impact = (np.stack(parts, axis=1) for parts in zip(*sensors, strict=True))
    slows = np.full(len(index), slow)
    return Draw(table.stamp[index], faster, slows, on, larger, turn, accel_gain, gyro_gain, impact, later)


def _draw_sensor(
    count: int, varied: BoolArray, variation: Augmentation, random: np.random.Generator
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Draw turn, gains of accelerometer and gyro, and impact of one sensor in ``count`` windows."""
    turn = random.normal(0.0, variation.turn, count) * varied
    accel = 1.0 + random.normal(0.0, variation.gain, (count, 3)) * varied[:, np.newaxis]
    gyro = 1.0 + random.normal(0.0, variation.gain / 2, count) * varied
    impact = np.exp(random.normal(0.0, variation.impact, count) * varied)
    return turn, accel, gyro, impact


def vary(windows: FloatArray, drawn: Draw) -> tuple[Float32Array, Float32Array]:
    """Vary (N, W, F) stretched windows in place; returns them, and the (N, H) rad of change that followed each."""
    larger = drawn.larger[:, np.newaxis]
    middle = windows[:, :, ANGLE].mean(axis=1)
    _vary_motion(windows, drawn.faster, drawn.larger)
    for sensor, columns in enumerate(SENSORS):
        _vary_sensor(windows, columns, drawn, sensor)
    later = middle[:, np.newaxis] + larger * (drawn.later - middle[:, np.newaxis])
    change = later - windows[:, -1, ANGLE, np.newaxis]
    return windows.astype(np.float32), change.astype(np.float32)


def _on_encoder(
    walk: VariedSource, count: int, rows: int, variation: Augmentation, random: np.random.Generator
) -> IntArray:
    """Draw for ``count`` windows how the angle rests on the encoder, as ``Draw.on``."""
    if walk.fused is None:
        return np.tile((-1, 0, -1), (count, 1))
    drawn = random.random(count)
    whole = (drawn < variation.encoder).astype(np.int64)
    changing = (drawn >= variation.encoder) & (drawn < variation.encoder + variation.changing)
    at = random.integers(1, rows, count)
    comes = (random.random(count) < 0.5).astype(np.int64)
    return np.stack([np.where(changing, 1 - comes, whole), at, np.where(changing, comes, whole)], axis=1)


def _whole(table: FeatureTable, spec: FeatureSpec, index: IntArray, faster: FloatArray) -> tuple[IntArray, FloatArray]:
    """Return the windows that do not begin before the table and contain no gap."""
    begin = table.stamp[index] - faster * (spec.window - 1) * spec.period
    gaps = np.flatnonzero(np.diff(table.stamp) > spec.filter.max_gap)
    first = np.searchsorted(table.stamp, begin, side="right") - 1
    has_no_gap = np.searchsorted(gaps, first) == np.searchsorted(gaps, index)  # as many gaps before start as before end
    whole = (begin >= table.stamp[0]) & has_no_gap
    return index[whole], faster[whole]


def stretched(
    rows: tuple[FloatArray, FloatArray, FloatArray | None],
    ends: tuple[float, float],
    spec: FeatureSpec,
    drawn: Draw,
    n: int,
) -> FloatArray:
    """Return the (W, F) window ``n`` of a draw, sampled as if it were walked faster.

    Args:
        rows: (M,) stamps in s, (M, F) features and, with an encoder, (M,) fused angles in rad: of a part of the walk
            that contains the window and its neighbours, see ``rows_needed``.
        ends: s, first and last stamp of the walk.
        spec: of the windows.
        drawn: of the walk.
        n: number of the window.
    """
    stamps, values, fused = rows
    back = float(drawn.faster[n]) * spec.period * np.arange(1 - spec.window, 1)
    times = np.clip(drawn.stamp[n] + back, ends[0], None)
    if slow := float(drawn.slow[n]):
        coarse = np.arange(*ends, slow)
        times = np.minimum(times, coarse[-1])
        first, last = np.searchsorted(coarse, times[[0, -1]])
        coarse = coarse[max(0, first - 2) : last + 2]
        coarse = coarse[(coarse >= stamps[0]) & (coarse <= stamps[-1])]
        if fused is not None:
            fused = np.interp(coarse, stamps, fused)
        stamps, values = coarse, interpolated(stamps, values, coarse)
    window = interpolated(stamps, values, times)
    before, at, after = drawn.on[n]
    if fused is not None and max(before, after) > 0:
        on = np.where(np.arange(spec.window) >= at, after, before) == 1
        window[:, ANGLE] = np.where(on, np.interp(times, stamps, fused), window[:, ANGLE])
    return window


def rows_needed(stamp: FloatArray, spec: FeatureSpec, drawn: Draw) -> tuple[IntArray, IntArray]:
    """Return the first row that each window of a draw rests on, and the one after the last, of a walk's (M,) stamps."""
    end = drawn.stamp
    begin = end - drawn.faster * (spec.window - 1) * spec.period - 3.0 * drawn.slow
    first = np.maximum(np.searchsorted(stamp, begin) - 3, 0)
    last = np.minimum(np.searchsorted(stamp, end + 3.0 * drawn.slow) + 4, len(stamp))
    return first, last


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


def _vary_sensor(windows: FloatArray, columns: tuple[int, ...], drawn: Draw, sensor: int) -> None:
    """Change, in place, how a sensor sits on its segment and its gains."""
    accel, gyro, _ = columns
    turn = drawn.turn[:, sensor, np.newaxis]
    sine, cosine = np.sin(turn), np.cos(turn)
    for first in (accel, gyro):
        x, y = windows[:, :, first].copy(), windows[:, :, first + 1].copy()
        windows[:, :, first], windows[:, :, first + 1] = cosine * x - sine * y, sine * x + cosine * y
    windows[:, :, accel : accel + 3] *= drawn.accel_gain[:, np.newaxis, sensor]
    windows[:, :, gyro : gyro + 3] *= drawn.gyro_gain[:, sensor, np.newaxis, np.newaxis]
    force = windows[:, :, accel : accel + 3]
    middle = force.mean(axis=1, keepdims=True)
    impact = drawn.impact[:, sensor, np.newaxis, np.newaxis]
    windows[:, :, accel : accel + 3] = np.clip(middle + impact * (force - middle), -LARGEST_FORCE, LARGEST_FORCE)
