"""The reference's own way of scoring a log, which no robot can follow: its filter sees the future.

Source: Zare Banadkouki et al., ICROM 2025, notebook ``tl-50horizon.ipynb``. The whole log is filtered forward and
backward, window i covers rows i to i+199, its targets are the encoder's values in rows i+200 and on, whatever the time
between two rows.
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
    """A model or log to which the reference's way does not apply; the message says why."""


def offline_table(recording: Recording, spec: FeatureSpec) -> FeatureTable:
    """Make the reference's inputs with each row knowing the whole log; windows are then cut and left as they are.

    Raises:
        OfflineReferenceError: the inputs are not the reference's.
        ReferenceFeatureError: the inputs cannot be made of this recording.
    """
    family = family_of(spec)
    if not family.not_live:
        raise OfflineReferenceError(f"features {family.label} are made causally only; leave --offline-reference out")
    table = feature_table(recording, spec)
    return dataclasses.replace(table, values=table.in_window(table.values), in_window=lambda rows: rows)


def truth_in_rows(recording: Recording, stamp: FloatArray, horizon: int, end: float) -> FloatArray:
    """Return the encoder's next rows.

    Args:
        recording: its encoder was read in the same rows as its sensors.
        stamp: (N,) s, of windows' newest rows.
        horizon: H, how many rows.
        end: s from the log's first sample; what lies later is not known.

    Returns:
        (N, H) rad, NaN where the log has no such row.

    Raises:
        OfflineReferenceError: the encoder has other rows.
    """
    encoder = recording.encoder
    if encoder is None or not np.array_equal(encoder.stamp, recording.foot.stamp):
        raise OfflineReferenceError(
            f"{recording.name}'s encoder was not read in the same rows as its sensors, which the reference's way needs"
        )
    angle = np.where(encoder.stamp - recording.start <= end, encoder.angle, np.nan)
    padded = np.concatenate([angle, np.full(horizon, np.nan)])
    truth: FloatArray = padded[np.searchsorted(encoder.stamp, stamp)[:, np.newaxis] + np.arange(1, horizon + 1)]
    return truth
