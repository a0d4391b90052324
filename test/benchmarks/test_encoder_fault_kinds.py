"""The faults of an encoder that the benchmark injects, and that the fusion survives each of them."""

from __future__ import annotations

import numpy as np
import pytest
from rigs.walks import swinging

from ankle_imu_driver.recordings.recording import EncoderSamples
from ankle_predictor.estimation.encoder_fusion import STEP
from ankle_predictor.offline.pipeline import run_chain, with_encoder
from benchmarks.encoder_fault_kinds import FROM_START, KINDS, faulted

START, END = 4.0, 6.0
WALK = swinging(9.0)
TABLE = run_chain(WALK)
assert WALK.encoder is not None
GOOD: EncoderSamples = WALK.encoder


@pytest.mark.parametrize("kind", KINDS)
def test_a_fault_is_the_same_every_time_and_changes_nothing_before_or_after(kind: str) -> None:
    one, other = (faulted(GOOD, kind, START, END, seed=3) for _ in range(2))
    np.testing.assert_array_equal(one.stamp, other.stamp)
    np.testing.assert_array_equal(one.angle, other.angle)
    for outside in (lambda stamp: stamp < START, lambda stamp: stamp >= END):
        np.testing.assert_array_equal(one.stamp[outside(one.stamp)], GOOD.stamp[outside(GOOD.stamp)])
        np.testing.assert_array_equal(one.angle[outside(one.stamp)], GOOD.angle[outside(GOOD.stamp)])
    assert len(one) != len(GOOD) or np.any(one.angle != GOOD.angle)


@pytest.mark.parametrize("kind", FROM_START)
def test_a_fault_from_the_start(kind: str) -> None:
    bad = faulted(GOOD, kind, START, END, seed=3)
    assert np.all((bad.angle != GOOD.angle) == (GOOD.stamp < END))


@pytest.mark.parametrize("kind", KINDS)
def test_no_fault_moves_the_angle_at_once(kind: str) -> None:
    correction = with_encoder(TABLE, faulted(GOOD, kind, START, END, seed=3)).angle - TABLE.angle
    assert np.all(np.isfinite(correction))
    assert np.abs(np.diff(correction)).max() <= STEP * 1.001
