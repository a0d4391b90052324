"""Cuts recordings into examples: the windows of the live code, each with the encoder's angles that followed."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ankle_imu_driver.arrays import BoolArray, Float32Array, FloatArray
from ankle_imu_driver.recordings.recording import EncoderSamples
from ankle_imu_driver.refusal import Refusal
from ankle_predictor.model.features import FeatureSpec
from ankle_predictor.model.manifest import Scaler
from ankle_predictor.offline.pipeline import FeatureTable, windows_of
from ankle_predictor.trust.scoring import due_times, truth_at

# A feature that never changes in training has no scale of its own.
SMALLEST_SCALE = 1e-6


class DatasetError(Refusal):
    """A recording that cannot be learned from; the message says why."""


@dataclass(frozen=True, eq=False)
class Examples:
    """Windows of one log, each with the angle that followed.

    Attributes:
        log: the log's stem.
        start: s, stamp of the log's first sample.
        stamp: (N,) s, of each window's newest row.
        window: (N, W, F) unscaled features.
        angle: (N,) rad, the IMUs' ankle angle at ``stamp``.
        target: (N, H) rad, the encoder's angle when each step is due.
    """

    log: str
    start: float
    stamp: FloatArray
    window: Float32Array
    angle: FloatArray
    target: FloatArray

    def __len__(self) -> int:
        return len(self.stamp)

    def select(self, which: BoolArray) -> Examples:
        """Return the examples for which the (N,) mask is true."""
        return Examples(
            self.log, self.start, self.stamp[which], self.window[which], self.angle[which], self.target[which]
        )


def cut_examples(  # noqa: PLR0917 - each is another thing
    table: FeatureTable, log: tuple[str, float], truth: EncoderSamples, spec: FeatureSpec, horizon: int, stride: int
) -> Examples:
    """Cut features, and the angle to forecast, into examples.

    The windows are those of the live code, run from the first sample; no window contains a gap over ``max_gap``. An
    example whose target is not known, because the truth has ended or has a gap, is left out.

    Args:
        table: of the spec's features.
        log: its name, and the stamp of its first sample in s.
        truth: the angle to forecast.
        spec: of the windows.
        horizon: steps to forecast.
        stride: pairs between two windows.

    Raises:
        DatasetError: there is no example.
    """
    name, start = log
    found = [(i, window.astype(np.float32)) for i, window in windows_of(table, spec, stride)]
    index = np.array([i for i, _ in found], dtype=np.int64)
    due = due_times(table.stamp[index], horizon, spec.period)
    target = truth_at(truth.stamp, truth.angle, due)
    known = np.all(np.isfinite(target), axis=1)
    if not known.any():
        seconds = spec.window * spec.period + horizon * spec.period
        raise DatasetError(f"{name} has no {seconds:.1f} s without a gap, so it gives no example")
    windows = np.stack([window for (_, window), k in zip(found, known, strict=True) if k])
    index = index[known]
    return Examples(name, start, table.stamp[index], windows, table.angle[index], target[known])


def split_in_time(examples: Examples, spec: FeatureSpec, held_out: float) -> tuple[Examples, Examples]:
    """Hold out the end of a log.

    The two sides share no data: no window and no target lies on both sides of the cut.

    Args:
        examples: of one log, in time order.
        spec: of the windows.
        held_out: share of the log's time.

    Returns:
        The examples before the cut, and those after it.

    Raises:
        DatasetError: one side is empty.
    """
    first, last = float(examples.stamp[0]), float(examples.stamp[-1])
    before, after = sides_of(examples, spec, last - held_out * (last - first))
    if not before.any() or not after.any():
        raise DatasetError(f"{examples.log} is too short to hold out {held_out:.0%} of it; record a longer walk")
    return examples.select(before), examples.select(after)


def sides_of(examples: Examples, spec: FeatureSpec, cut: float) -> tuple[BoolArray, BoolArray]:
    """Return two (N,) masks: the examples whose last target is due by a time in s, and those that begin after it."""
    before = examples.stamp + examples.target.shape[1] * spec.period <= cut
    after = examples.stamp - (spec.window - 1) * spec.period >= cut
    return before, after


def fit_scaler(parts: Iterable[Examples]) -> Scaler:
    """Return mean and standard deviation of each feature over all rows of all windows.

    The parts are read twice and summed up row after row, in their order, so that the sums are the same to the last bit
    as those over one array of all rows.

    Args:
        parts: can be iterated over more than once.
    """
    count, total = _summed(parts, lambda rows: rows)
    mean = total / count
    _, squares = _summed(parts, lambda rows: (rows - mean) ** 2)
    deviation = np.sqrt(squares / count)
    scale = np.where(deviation < SMALLEST_SCALE, 1.0, deviation)
    return Scaler(tuple(mean.tolist()), tuple(scale.tolist()))


def _summed(parts: Iterable[Examples], of: Callable[[FloatArray], FloatArray]) -> tuple[int, FloatArray]:
    """Return the number of rows, and the (F,) sum over all of them of a function of (R, F) rows."""
    count, total = 0, np.zeros((0, 1))
    for part in parts:
        rows = part.window.reshape(-1, part.window.shape[2])
        count += len(rows)
        values = of(rows.astype(np.float64))
        total = np.add.reduce(np.concatenate([total, values]) if len(total) else values, axis=0, keepdims=True)
    return count, total[0]


def scaled(window: npt.NDArray[np.floating], scaler: Scaler) -> Float32Array:
    """Return (N, W, F) windows as the network's input: less the scaler's offset, divided by its scale."""
    result: Float32Array = ((window - np.array(scaler.offset)) / np.array(scaler.scale)).astype(np.float32)
    return result


def network_changes(part: Examples, delta: bool = True) -> Float32Array:
    """Return the network's (N, H) expected outputs in rad.

    They are the change from the newest angle, or the angle itself if ``delta`` is false.
    """
    change: Float32Array = (part.target - (part.angle[:, np.newaxis] if delta else 0.0)).astype(np.float32)
    return change
