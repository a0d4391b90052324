"""Runs a whole recording through the live code, sample by sample: pair assembler, estimator and window grid."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

import numpy as np

from ankle_imu_driver.arrays import FloatArray, Vector
from ankle_imu_driver.conventions import FOOT, SHANK
from ankle_imu_driver.recordings.recording import EncoderSamples, ImuSamples, Recording
from ankle_imu_driver.refusal import Refusal
from ankle_predictor.estimation.encoder_fusion import EncoderFusion, EncoderRole
from ankle_predictor.estimation.leg_estimator import LegConfig, LegEstimator
from ankle_predictor.estimation.samples import JointSample, LegSample, PairSample
from ankle_predictor.model.features import SEGMENT_FEATURES, FeatureSpec, WindowGrid, pair_features

ANGLE, RATE = SEGMENT_FEATURES.index("ankle_angle"), SEGMENT_FEATURES.index("ankle_rate")


class ChainError(Refusal):
    """A recording that the live code cannot process; the message says why and what to do."""


@dataclass(frozen=True, eq=False)
class FeatureTable:
    """The predictor's inputs, pair by pair.

    Attributes:
        stamp: (N,) s, on the recording's clock.
        values: (N, F) features, columns as the spec's names.
        angle: (N,) present ankle angle in rad, dorsiflexion positive; NaN if the features do not contain it.
        in_window: applied to the (W, F) rows of each window after it is cut; depends on these rows only.
        source: (N,) ``AngleSource`` of each angle; empty if the features do not contain it.
    """

    stamp: FloatArray
    values: FloatArray
    angle: FloatArray
    in_window: Callable[[FloatArray], FloatArray] = lambda rows: rows
    source: FloatArray = field(default_factory=lambda: np.zeros(0))


def pairs_of(
    recording: Recording, spec: FeatureSpec | None = None, leg: LegConfig | None = None
) -> Iterator[PairSample]:
    """Yield the pairs that the filter node would publish, as soon as the leg is calibrated and its mounting is known.

    A recording without a calibration is calibrated as a wearer is: from standing still, and from walking.

    Args:
        recording: the raw samples.
        spec: gives the constants of the filter.
        leg: how the sensors are mounted; its own constants of the filter are not used.

    Raises:
        ChainError: nobody stands still or walks in the recording, or its rate cannot be used.
        MountingError: the calibration does not fit a mounting that is set.
    """
    config = replace(leg or LegConfig(), filter=(spec or FeatureSpec()).filter)
    estimator, has_angle = LegEstimator(config, recording.calibration), False
    for _, sample in leg_samples(recording, estimator):
        if sample.shank is not None and sample.foot is not None and sample.joint is not None:
            has_angle = True
            yield PairSample(sample.shank, sample.foot, sample.joint)
    if not has_angle and (why := estimator.waiting or ("" if estimator.calibration is not None else estimator.refusal)):
        raise ChainError(f"{recording.name} gives no angle: {why}; put the calibration file of that walk beside it")


def leg_samples(recording: Recording, leg: LegEstimator) -> Iterator[tuple[float, LegSample]]:
    """Yield everything that the filter node makes of a recording, each with the stamp in s of the sample that ended it.

    Args:
        recording: the raw samples.
        leg: the estimator; one without a calibration makes it from standing in the recording, as the node does.

    Raises:
        ChainError: the recording is of a rate that cannot be used.
    """
    newest = recording.start
    for raw in _in_time_order(recording.shank, recording.foot):
        for sample in leg.push(*raw):
            if sample.joint is not None:
                newest = sample.joint.stamp
            yield raw[1], sample
    if leg.rates.problem and newest < recording.start + 1.0:  # only its first samples, until the rate was known
        raise ChainError(f"{recording.name}: {leg.rates.problem}")


class EncoderFeed:
    """Gives an encoder's samples in time: a pair knows those before its stamp. One of the same stamp comes after it."""

    def __init__(self, encoder: EncoderSamples | None, push: Callable[[float, float], object]) -> None:
        """Make a feed.

        Args:
            encoder: None for a walk without one.
            push: takes each sample, s and rad.
        """
        self._push = push
        stamps, angles = ([], []) if encoder is None else (encoder.stamp.tolist(), encoder.angle.tolist())
        self._waiting = zip(stamps, angles, strict=True)
        self._next = next(self._waiting, None)

    def until(self, stamp: float) -> None:
        """Give the samples before a stamp in s."""
        while self._next is not None and self._next[0] < stamp:
            self._push(*self._next)
            self._next = next(self._waiting, None)


def with_encoder(table: FeatureTable, encoder: EncoderSamples) -> FeatureTable:
    """Return a table of ``SEGMENT_FEATURES`` with the angles that the predictor node fuses from encoder and IMUs.

    Args:
        table: with the IMUs' angles.
        encoder: its gaps are times without an encoder.
    """
    fusion, fused = EncoderFusion(), []
    feed = EncoderFeed(encoder, fusion.push_encoder)
    for joint in zip(table.stamp.tolist(), *table.values[:, (ANGLE, RATE)].T.tolist(), strict=True):
        feed.until(joint[0])
        fused.append(fusion.fuse(JointSample(*joint)))
    angle, values = np.array([joint.angle for joint in fused]), table.values.copy()
    values[:, ANGLE] = angle
    return replace(table, values=values, angle=angle, source=np.array([float(joint.source) for joint in fused]))


def run_chain(
    recording: Recording,
    spec: FeatureSpec | None = None,
    mirrored: bool = False,
    encoder_role: EncoderRole = "score",
    leg: LegConfig | None = None,
) -> FeatureTable:
    """Run a recording through the live code.

    Args:
        recording: with its calibration.
        spec: gives the constants of the filter.
        mirrored: whether the recording is of the other leg than the model's.
        encoder_role: with "input" the angle is fused from encoder and IMUs. A recording without an encoder, or with one
            that has gaps, is a walk whose encoder is silent there.
        leg: how the sensors are mounted.

    Raises:
        ChainError: the recording has no calibration, or no pair of samples.
    """
    stamps, rows = [], []
    for pair in pairs_of(recording, spec, leg):
        stamps.append(pair.joint.stamp)
        rows.append(pair_features(pair, mirrored))
    if not rows:
        raise ChainError(f"{recording.name} has no pair of samples: the stamps of shank and foot never come close")
    values = np.array(rows)
    table = FeatureTable(np.array(stamps), values, values[:, ANGLE].copy(), source=np.zeros(len(rows)))
    encoder = recording.encoder
    return with_encoder(table, encoder) if encoder_role == "input" and encoder is not None else table


def windows_of(table: FeatureTable, spec: FeatureSpec, stride: int = 1) -> Iterator[tuple[int, FloatArray]]:
    """Yield (index of the newest pair, (window, F) rows) for every ``stride``-th pair whose window is full."""
    grid = WindowGrid(spec)
    for index, (stamp, row) in enumerate(zip(table.stamp, table.values, strict=True)):
        if grid.push(float(stamp), row) and index % stride == 0:
            yield index, table.in_window(grid.window())


def _in_time_order(shank: ImuSamples, foot: ImuSamples) -> Iterator[tuple[int, float, Vector, Vector]]:
    stamps = np.concatenate((shank.stamp, foot.stamp))
    streams = np.repeat((SHANK, FOOT), (len(shank), len(foot)))
    accels = np.concatenate((shank.accel, foot.accel)).tolist()
    gyros = np.concatenate((shank.gyro, foot.gyro)).tolist()
    for k in np.argsort(stamps, kind="stable").tolist():
        yield int(streams[k]), float(stamps[k]), tuple(accels[k]), tuple(gyros[k])
