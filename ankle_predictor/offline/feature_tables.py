"""Model inputs of a whole recording: one row for each pair, made from this pair and earlier ones."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from ankle_imu_driver.arrays import FloatArray
from ankle_imu_driver.recordings.recording import Recording
from ankle_predictor.estimation.encoder_fusion import EncoderRole
from ankle_predictor.estimation.leg_estimator import LegConfig
from ankle_predictor.model.feature_family import family_of
from ankle_predictor.model.features import REFERENCE_FEATURES, FeatureSpec
from ankle_predictor.offline import reference_features
from ankle_predictor.offline.pipeline import FeatureTable, run_chain


def _segment_table(
    recording: Recording, spec: FeatureSpec, encoder_role: EncoderRole, mirrored: bool, leg: LegConfig | None
) -> FeatureTable:
    return run_chain(recording, spec, mirrored, encoder_role, leg)


def _reference_table(
    recording: Recording, spec: FeatureSpec, _encoder_role: EncoderRole, mirrored: bool, _leg: LegConfig | None
) -> FeatureTable:
    if mirrored:
        raise reference_features.ReferenceFeatureError(
            f"{recording.name} is of the other leg, but the reference's inputs cannot be mirrored"
        )
    values = reference_features.recording_features(recording)
    columns = [REFERENCE_FEATURES.index(name) for name in spec.names]
    # These inputs do not contain the ankle angle.
    unknown = np.full(len(values), np.nan)
    return FeatureTable(recording.foot.stamp, values[:, columns], unknown, reference_features.low_pass)


TABLES: Mapping[str, Callable[[Recording, FeatureSpec, EncoderRole, bool, LegConfig | None], FeatureTable]] = {
    "segment": _segment_table,
    "reference16": _reference_table,
    "reference12": _reference_table,
}
"""By the label of the feature family, see ``FAMILIES``."""


def feature_table(
    recording: Recording,
    spec: FeatureSpec,
    encoder_role: EncoderRole = "score",
    mirrored: bool = False,
    leg: LegConfig | None = None,
) -> FeatureTable:
    """Return a recording's inputs for a spec; ``pipeline.windows_of`` cuts windows from them.

    Args:
        recording: the walk.
        spec: of the inputs.
        encoder_role: "input" to fuse the encoder into the ankle angle, where the inputs have one.
        mirrored: whether the recording is of the other leg than the model's.
        leg: how the sensors are mounted; None for the nodes' defaults.

    Raises:
        ChainError, FeatureError, MountingError, ReferenceFeatureError: the inputs cannot be made from this recording.
    """
    return TABLES[family_of(spec).label](recording, spec, encoder_role, mirrored, leg)


def in_window_of(spec: FeatureSpec) -> Callable[[FloatArray], FloatArray]:
    """Return what is applied to the rows of each window of a spec, as ``FeatureTable.in_window``."""
    return (lambda rows: rows) if family_of(spec).label == "segment" else reference_features.low_pass
