"""Whole recordings as the inputs of a model, one row for each pair, each row from what came before it."""

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
    # No ankle angle is among these inputs, so there is none to start a forecast from.
    unknown = np.full(len(values), np.nan)
    return FeatureTable(recording.foot.stamp, values[:, columns], unknown, reference_features.low_pass)


TABLES: Mapping[str, Callable[[Recording, FeatureSpec], FeatureTable]] = {
    "segment": run_chain,
    "reference16": _reference_table,
    "reference12": _reference_table,
}
"""By the labels of ``FAMILIES``."""


def feature_table(recording: Recording, spec: FeatureSpec) -> FeatureTable:
    """Run a recording through what makes a spec's inputs; ``pipeline.windows_of`` cuts the windows from the result.

    Raises:
        ChainError, FeatureError, MountingError, ReferenceFeatureError: the inputs cannot be made of this recording.
    """
    return TABLES[family_of(spec).label](recording, spec)
