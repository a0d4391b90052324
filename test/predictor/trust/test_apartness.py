"""Shank and foot of one leg turn together in every gait, and in nothing else."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ankle_imu_driver.arrays import FloatArray
from ankle_imu_driver.simulator.varied_scenario import KINDS
from ankle_imu_driver.simulator.varied_walks import varied_recording
from ankle_predictor.model.features import SEGMENT_FEATURES, FeatureSpec
from ankle_predictor.offline.pipeline import run_chain, windows_of
from ankle_predictor.trust.familiarity import FOOT_RATE, SHANK_RATE, apartness, unfamiliarity

ROWS = 200


def window(shank: FloatArray, foot: FloatArray) -> FloatArray:
    """A window in which only the rates about the ankle's axis are not zero."""
    rows = np.zeros((ROWS, len(SEGMENT_FEATURES)))
    rows[:, SHANK_RATE], rows[:, FOOT_RATE] = shank, foot
    return rows


def wave(size: float, lag: float = 0.0) -> FloatArray:
    return size * np.sin(2.0 * math.pi * (np.arange(ROWS) / 100.0 - lag))


@given(size=st.floats(1.1, 9.0), ratio=st.floats(0.05, 20.0), shift=st.floats(-1.0, 1.0))
def test_segments_that_turn_together_are_gait_whatever_their_size_and_bias(
    size: float, ratio: float, shift: float
) -> None:
    assert apartness(window(wave(size), wave(ratio * size) + shift)) == pytest.approx(0.0, abs=1e-9)


@given(seed=st.integers(0, 10_000), size=st.floats(0.8, 10.0))
def test_noise_is_no_gait(seed: int, size: float) -> None:
    random = np.random.default_rng(seed)
    assert apartness(window(wave(3.0), size * random.normal(size=ROWS))) > 1.0


@pytest.mark.parametrize("foot", [np.zeros(ROWS), np.full(ROWS, 0.3)])
def test_a_foot_that_lies_still_while_the_shank_walks_is_no_gait(foot: FloatArray) -> None:
    assert apartness(window(wave(3.0), foot)) > 1.0
    assert apartness(window(foot, wave(3.0))) > 1.0


def test_opposite_turns_are_no_gait() -> None:
    assert apartness(window(wave(2.0), wave(-3.0))) > 2.0
    assert apartness(window(wave(2.0), wave(3.0, lag=0.25))) > 1.0


@given(seed=st.integers(0, 10_000))
def test_sway_is_not_judged(seed: int) -> None:
    random = np.random.default_rng(seed)
    assert apartness(window(0.3 * random.normal(size=ROWS), 0.3 * random.normal(size=ROWS))) == 0.0


@pytest.mark.parametrize("kind", KINDS)
def test_all_kinds_of_movement_that_the_simulator_knows_are_gait(kind: str) -> None:
    table = run_chain(varied_recording(kind, seed=77, seconds=25.0, side="right"))
    apart = np.array([apartness(rows) for _, rows in windows_of(table, FeatureSpec(), stride=10)])
    assert np.mean(apart > 1.0) <= 0.02


def test_what_is_no_gait_stays_unfamiliar_however_well_it_is_forecast() -> None:
    assert unfamiliarity(window=0.0, apart=1.2, surprise=0.1, experience=60.0) == 1.2
    assert unfamiliarity(window=0.0, apart=0.2, surprise=0.11, experience=60.0) == pytest.approx(0.2)
    assert unfamiliarity(window=3.0, apart=0.2, surprise=math.nan, experience=0.0) == 3.0
    assert unfamiliarity(window=3.0, apart=0.2, surprise=0.0, experience=60.0) == 0.2
