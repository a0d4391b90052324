"""Model inputs of a whole recording: one row for each pair, made from this pair and earlier ones."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from ankle_imu_driver.recordings.recording import Recording
from ankle_predictor.model.feature_family import family_of
from ankle_predictor.model.features import REFERENCE_FEATURES, FeatureSpec
from ankle_predictor.offline import reference_features
from ankle_predictor.offline.pipeline import FeatureTable, run_chain


def _reference_table(recording: Recording, spec: FeatureSpec) -> FeatureTable:
    values = reference_features.recording_features(recording)
    columns = [REFERENCE_FEATURES.index(name) for name in spec.names]
    # These inputs do not contain the ankle angle.
    unknown = np.full(len(values), np.nan)
    return FeatureTable(recording.foot.stamp, values[:, columns], unknown, reference_features.low_pass)


TABLES: Mapping[str, Callable[[Recording, FeatureSpec], FeatureTable]] = {
    "segment": run_chain,
    "reference16": _reference_table,
    "reference12": _reference_table,
}
"""By the label of the feature family, see ``FAMILIES``."""


def feature_table(recording: Recording, spec: FeatureSpec) -> FeatureTable:
    """Return a recording's inputs for a spec; ``pipeline.windows_of`` cuts windows from them.

    Raises:
        ChainError, FeatureError, MountingError, ReferenceFeatureError: the inputs cannot be made from this recording.
    """
    return TABLES[family_of(spec).label](recording, spec)
