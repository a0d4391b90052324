"""Baselines that any forecast must beat: the rows of ``accuracy.py`` without a network. All are causal."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from ankle_imu_driver.arrays import FloatArray
from ankle_imu_driver.recordings.recording import Recording
from ankle_predictor.model.features import SEGMENT_FEATURES
from ankle_predictor.offline.baselines import COMPARED, PERIOD, STRIDES, change_one_stride_ago, persistence
from ankle_predictor.offline.pipeline import FeatureTable, run_chain
from ankle_predictor.trust.scoring import due_times, truth_at

HORIZON = 50
EVERY = 10  # pairs between two scored forecasts
SETTLED = 5.0  # s from the log's first sample that are not scored
LAGS = 50
RIDGE = 0.01  # weight of the penalty for standardised inputs, per example; the best of 0.001 to 1
ANGLE, PITCHES = (
    SEGMENT_FEATURES.index("ankle_angle"),
    [SEGMENT_FEATURES.index(f"{s}_pitch") for s in ("shank", "foot")],
)


@dataclass(frozen=True, eq=False)
class Subject:
    """One walk, cut at the moments at which every row of the table is scored.

    Attributes:
        recording: with calibration and encoder.
        table: of our features.
        stamp: (N,) s, of the scored forecasts.
        raw: (N, LAGS, 12) raw channels before each moment: m/s^2 and rad/s in the sensors' axes, means at standing
            subtracted, as the logger writes them.
        angles: (N, 320, 3) rad, shank pitch, foot pitch and ankle angle before each moment.
        truth: (N, H) rad, from the encoder.
    """

    recording: Recording
    table: FeatureTable
    stamp: FloatArray
    raw: FloatArray
    angles: FloatArray
    truth: FloatArray


def scored_stamps(table: FeatureTable, recording: Recording) -> FloatArray:
    """Return the scored moments in s: every tenth pair with encoder samples in the whole next half second."""
    stamp = table.stamp[::EVERY]
    assert recording.encoder is not None
    truth = truth_at(recording.encoder.stamp, recording.encoder.angle, due_times(stamp, HORIZON, PERIOD))
    settled: FloatArray = stamp[(stamp >= recording.start + SETTLED) & np.all(np.isfinite(truth), axis=1)]
    return settled


def subject_of(recording: Recording) -> Subject:
    """Cut a recording at the scored moments."""
    calibration, encoder, table = recording.calibration, recording.encoder, run_chain(recording)
    assert calibration is not None
    assert encoder is not None
    stamp = scored_stamps(table, recording)
    times = stamp[:, np.newaxis] + PERIOD * np.arange(1 - LAGS, 1)
    channels = []
    for samples, sensor in ((recording.shank, calibration.shank), (recording.foot, calibration.foot)):
        values = np.hstack([samples.accel - sensor.gravity, samples.gyro - sensor.gyro_bias])
        channels += [np.interp(times, samples.stamp, column) for column in values.T]
    before = stamp[:, np.newaxis] + PERIOD * np.arange(1 - COMPARED - STRIDES[-1], 1)
    angles = [np.interp(before, table.stamp, table.values[:, k]) for k in (*PITCHES, ANGLE)]
    truth = truth_at(encoder.stamp, encoder.angle, due_times(stamp, HORIZON, PERIOD))
    return Subject(recording, table, stamp, np.stack(channels, axis=-1), np.stack(angles, axis=-1), truth)


def forecasts(held_out: Subject, learned: Sequence[Subject]) -> dict[str, FloatArray]:
    """Return the (N, H) angles in rad that each baseline forecasts for the held-out subject."""
    now = held_out.angles[:, -1:, 2]
    return {
        "constant": np.full_like(held_out.truth, np.mean(np.concatenate([s.truth for s in learned]))),
        "persistence": persistence(now[:, 0], HORIZON),
        "last stride repeated": now + change_one_stride_ago(held_out.angles, HORIZON),
        "ridge, raw channels": _linear(held_out, learned, angles=False),
        "ridge, raw channels and angle": _linear(held_out, learned, angles=True),
    }


def _linear(held_out: Subject, learned: Sequence[Subject], angles: bool) -> FloatArray:
    """Return forecasts of ridge regression; with ``angles`` it also uses the angles, and forecasts their change."""

    def inputs(subject: Subject) -> FloatArray:
        lags = subject.raw
        if angles:
            lags = np.concatenate([lags, subject.angles[:, -LAGS:]], axis=-1)
        return lags.reshape(len(lags), -1)

    def origin(subject: Subject) -> FloatArray:
        return subject.angles[:, -1:, 2] if angles else np.zeros((len(subject.stamp), 1))

    model = _ridge(np.concatenate([inputs(s) for s in learned]), np.concatenate([s.truth - origin(s) for s in learned]))
    return model(inputs(held_out)) + origin(held_out)


def _ridge(inputs: FloatArray, targets: FloatArray) -> Callable[[FloatArray], FloatArray]:
    mean, scale = inputs.mean(axis=0), inputs.std(axis=0) + 1e-9
    x, middle = (inputs - mean) / scale, targets.mean(axis=0)
    weights = np.linalg.solve(x.T @ x + RIDGE * len(x) * np.eye(x.shape[1]), x.T @ (targets - middle))
    return lambda new: ((new - mean) / scale) @ weights + middle
