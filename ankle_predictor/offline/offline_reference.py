"""The reference's own way of scoring a log. It cannot run live, because its filter sees the future.

Source: Zare Banadkouki et al., ICROM 2025, notebook ``tl-50horizon.ipynb``. The whole log is filtered forward and
backward. Window i covers rows i to i+199; its targets are the encoder's values from row i+200 on, regardless of the
time between rows.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from ankle_imu_driver.arrays import FloatArray
from ankle_imu_driver.recordings.recording import Recording
from ankle_imu_driver.refusal import Refusal
from ankle_predictor.model.feature_family import family_of
from ankle_predictor.model.features import FeatureSpec
from ankle_predictor.offline.feature_tables import feature_table
from ankle_predictor.offline.pipeline import FeatureTable


class OfflineReferenceError(Refusal):
    """A model or log that cannot be scored in the reference's way; the message says why."""


def offline_table(recording: Recording, spec: FeatureSpec) -> FeatureTable:
    """Make the reference's inputs, filtered over the whole log; windows cut from them are not filtered again.

    Raises:
        OfflineReferenceError: the features are not the reference's.
        ReferenceFeatureError: the inputs cannot be made from this recording.
    """
    family = family_of(spec)
    if not family.not_live:
        raise OfflineReferenceError(f"features {family.label} exist only in causal form; leave --offline-reference out")
    table = feature_table(recording, spec)
    return dataclasses.replace(table, values=table.in_window(table.values), in_window=lambda rows: rows)


def truth_in_rows(recording: Recording, stamp: FloatArray, horizon: int, end: float) -> FloatArray:
    """Return the encoder's rows after each window.

    Args:
        recording: whose encoder was read in the same rows as its sensors.
        stamp: (N,) s, of the windows' newest rows.
        horizon: H, number of rows.
        end: s from the log's first sample; later rows count as unknown.

    Returns:
        (N, H) rad, NaN where the log has no row.

    Raises:
        OfflineReferenceError: the encoder was not read in the same rows as the sensors.
    """
    encoder = recording.encoder
    if encoder is None or not np.array_equal(encoder.stamp, recording.foot.stamp):
        raise OfflineReferenceError(
            f"the encoder of {recording.name} was not read in the same rows as its sensors, "
            "which --offline-reference needs"
        )
    angle = np.where(encoder.stamp - recording.start <= end, encoder.angle, np.nan)
    padded = np.concatenate([angle, np.full(horizon, np.nan)])
    truth: FloatArray = padded[np.searchsorted(encoder.stamp, stamp)[:, np.newaxis] + np.arange(1, horizon + 1)]
    return truth
