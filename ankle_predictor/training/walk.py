"""A walk to learn from: its features, the angle to forecast, and the windows that are cut from it."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from ankle_imu_driver.arrays import Float32Array, FloatArray
from ankle_imu_driver.recordings.recording import EncoderSamples, Recording
from ankle_predictor.estimation.gait import StrideMonitor
from ankle_predictor.estimation.leg_estimator import LegConfig
from ankle_predictor.model.features import SEGMENT_FEATURES
from ankle_predictor.offline.feature_tables import feature_table
from ankle_predictor.offline.log_forecasts import Timed
from ankle_predictor.offline.pipeline import FeatureTable, with_encoder
from ankle_predictor.training.augmentation import VariedSource
from ankle_predictor.training.dataset import DatasetError, Examples, cut_examples
from ankle_predictor.training.settings import TrainSettings
from ankle_predictor.trust.familiarity import moving, spreads

SIMULATED_STRIDE = 5  # times as many pairs between two windows, so that real people weigh more than simulated ones
SHANK_RATE = SEGMENT_FEATURES.index("shank_gyro_y")


@dataclass(frozen=True, eq=False)
class Walk:
    """A walk in memory.

    Attributes:
        recording: name, start and end of the recording.
        truth: the angle to forecast: the encoder's, or the IMUs' later one.
        table: its features, with the IMUs' angle.
        settings: by which examples are cut from it.
        fused: (N,) rad, the angle of each pair fused with the encoder; None without an encoder.
        stride: pairs between two windows that are learned from.
        simulated: whether nobody walked it. The model's scales rest on real walks.
        chosen: the examples to learn from; None for all.
        known_stride_time: s, median of the whole walk's strides, where it was computed before.
    """

    recording: Timed
    truth: EncoderSamples
    table: FeatureTable
    settings: TrainSettings
    fused: FloatArray | None
    stride: int
    simulated: bool = False
    chosen: Examples | None = None
    known_stride_time: float | None = None

    @cached_property
    def examples(self) -> Examples:
        """Its windows, without variation.

        Raises:
            DatasetError: there are none.
        """
        if self.chosen is not None:
            return self.chosen
        name, spec = (self.recording.name, self.recording.start), self.settings.spec
        return cut_examples(self.table, name, self.truth, spec, self.settings.horizon, self.stride)

    @property
    def person(self) -> str:
        """Who walks: a walk in memory is of a person of its own."""
        return self.recording.name

    @property
    def pairs(self) -> int:
        """Rows of its table."""
        return len(self.table.stamp)

    @property
    def last(self) -> float:
        """Stamp of the last example in s."""
        return float(self.examples.stamp[-1])

    def load(self) -> Walk:
        """Return the walk itself: it is in memory."""
        return self

    def spread(self) -> FloatArray:
        """Return the (N, F) standard deviations of the features in the windows in which the leg moves."""
        return moving_spreads(self.examples.window)

    def source(self, end: float) -> VariedSource:
        """Return the walk up to its last example, made at ``end`` in s, and the truth until its last step, to vary."""
        table, truth = self.table, self.truth
        rows = table.stamp <= end
        known = truth.stamp <= end + self.settings.horizon * self.settings.spec.period
        shorter = replace(table, stamp=table.stamp[rows], values=table.values[rows], angle=table.angle[rows])
        followed = EncoderSamples(truth.stamp[known], truth.angle[known])
        period = self.known_stride_time
        if period is None:
            period = stride_time(shorter) if self.settings.is_varied else math.nan
        fused = None if self.fused is None else self.fused[rows]
        return VariedSource(shorter, followed, fused, self.simulated, period)


def walk_of(recording: Recording, settings: TrainSettings, simulated: bool = False, side: str | None = None) -> Walk:
    """Run a recording through the live code and cut it into examples.

    Args:
        recording: the walk.
        settings: of the training.
        simulated: whether nobody walked it.
        side: the leg that was recorded; None for the settings' one.

    Raises:
        DatasetError: the recording has no encoder though one is to be learned from, or gives no example.
        ChainError, FeatureError, MountingError, ReferenceFeatureError: the features cannot be made from the recording.
    """
    encoder, spec = recording.encoder, settings.spec
    if encoder is None and settings.labels == "encoder":
        raise DatasetError(
            f"{recording.name} has no encoder, so there is no angle to learn; "
            "--labels imu learns from the IMUs' own later angle"
        )
    side = side or settings.side
    leg = replace(LegConfig() if simulated else settings.worn.leg, side=side)
    table = feature_table(recording, spec, mirrored=side != settings.side, leg=leg)
    truth = encoder or EncoderSamples(table.stamp, table.angle)
    stride = settings.stride * (SIMULATED_STRIDE if simulated else 1)
    fused = with_encoder(table, encoder).angle if encoder is not None and settings.is_varied else None
    walk = Walk(recording, truth, table, settings, fused, stride, simulated)
    assert len(walk.examples)  # cut now, so that a walk without examples is refused now
    return walk


def moving_spreads(windows: Float32Array) -> FloatArray:
    """Return the (N, F) standard deviations of the features in those of (N, W, F) windows in which the leg moves."""
    return spreads(moving(windows))


def stride_time(table: FeatureTable) -> float:
    """Return the median stride time of a walk of ``SEGMENT_FEATURES`` in s; NaN if nobody walks steadily."""
    strides, found = StrideMonitor(), []
    for stamp, rate in zip(table.stamp.tolist(), table.values[:, SHANK_RATE].tolist(), strict=True):
        strides.push(stamp, rate)
        found.append(strides.period)
    steady = np.array(found)[np.isfinite(found)]
    return float(np.median(steady)) if len(steady) else math.nan
