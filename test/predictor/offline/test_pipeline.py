"""A recording through the live code, with the encoder as an input and without."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
from rigs.walks import swinging

from ankle_imu_driver.recordings.read_recording import read_recording
from ankle_imu_driver.recordings.recording import EncoderSamples, Recording
from ankle_predictor.estimation.samples import AngleSource
from ankle_predictor.model.features import SEGMENT_FEATURES
from ankle_predictor.offline.pipeline import run_chain

ANGLE = SEGMENT_FEATURES.index("ankle_angle")
OFFSET = math.radians(1.0)


def with_encoder(recording: Recording, keep: np.ndarray | None = None, above: float = 0.0) -> Recording:
    encoder = recording.encoder
    assert encoder is not None
    keep = np.ones(len(encoder), dtype=bool) if keep is None else keep
    return dataclasses.replace(recording, encoder=EncoderSamples(encoder.stamp[keep], encoder.angle[keep] + above))


def test_without_the_role_of_an_input_the_encoder_changes_nothing() -> None:
    walk = swinging(4.0)
    alone = run_chain(dataclasses.replace(walk, encoder=None), encoder_role="input")
    scored = run_chain(with_encoder(walk, above=OFFSET), encoder_role="score")
    np.testing.assert_array_equal(alone.values, scored.values)
    assert set(alone.source) == set(scored.source) == {AngleSource.IMU}


def test_as_an_input_the_encoder_gives_the_angle_and_nothing_else_changes() -> None:
    walk = with_encoder(swinging(10.0), above=OFFSET)
    assert walk.encoder is not None
    alone, fused = run_chain(walk), run_chain(walk, encoder_role="input")
    others = np.arange(len(SEGMENT_FEATURES)) != ANGLE
    np.testing.assert_array_equal(alone.values[:, others], fused.values[:, others])
    np.testing.assert_array_equal(fused.values[:, ANGLE], fused.angle)
    late = fused.stamp > 6.0
    assert set(fused.source[late]) == {AngleSource.ENCODER}
    error, error_alone = (np.abs(table.angle - walk.encoder.angle)[late].mean() for table in (fused, alone))
    assert error < 0.5 * error_alone


def test_an_encoder_that_comes_and_goes() -> None:
    walk = swinging(12.0)
    stamp = walk.encoder.stamp if walk.encoder is not None else np.zeros(0)
    table = run_chain(with_encoder(walk, (stamp < 4.0) | (stamp > 7.0)), encoder_role="input")
    source = {second: set(table.source[(table.stamp > second) & (table.stamp < second + 0.9)]) for second in range(12)}
    assert source[3] == source[9] == {AngleSource.ENCODER}
    assert source[5] == source[6] == {AngleSource.IMU}


def test_a_pair_knows_no_encoder_sample_from_later() -> None:
    walk = swinging(6.0)
    assert walk.encoder is not None
    changed = dataclasses.replace(
        walk, encoder=EncoderSamples(walk.encoder.stamp, np.where(walk.encoder.stamp < 4.0, walk.encoder.angle, 0.2))
    )
    before = run_chain(walk).stamp <= 4.0
    same, other = run_chain(walk, encoder_role="input"), run_chain(changed, encoder_role="input")
    np.testing.assert_array_equal(same.values[before], other.values[before])
    assert np.any(same.values[~before] != other.values[~before])


@pytest.mark.parametrize("name", ["LOG2", "LOG8", "LOG10", "LOG13"])
def test_on_recorded_walks_the_fused_angle_is_the_encoders(walks_dir, name) -> None:
    recording = read_recording(walks_dir / f"{name}.TXT")
    assert recording.encoder is not None
    table = run_chain(recording, encoder_role="input")
    late = table.stamp > recording.start + 5.0
    error = table.angle - np.interp(table.stamp, recording.encoder.stamp, recording.encoder.angle)
    assert np.degrees(np.mean(np.abs(error[late]))) < 0.3
    assert np.mean(table.source[late] == AngleSource.ENCODER) > 0.97
