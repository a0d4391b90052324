"""The baselines without training: what they repeat, and that they see the past only."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ankle_predictor.offline.baselines import COMPARED, PERIOD, STRIDES, last_stride_repeated, persistence

HORIZON = 50
LONGEST = PERIOD * (COMPARED + STRIDES[-1])


def gait(time: np.ndarray, stride: float) -> tuple[np.ndarray, np.ndarray]:
    """Two pitches and an ankle angle that repeat every ``stride`` s."""
    phase = 2 * math.pi * time / stride
    pitch = np.stack([np.sin(phase) + 0.3 * np.sin(2 * phase), np.cos(phase)], axis=-1)
    return pitch, 0.2 * np.sin(phase + 1.0) + 0.1 * np.sin(3 * phase)


@settings(max_examples=15, deadline=None)
@given(st.integers(40, 110), st.floats(50.0, 200.0))
def test_what_repeats_is_forecast_exactly(half_stride: int, rate: float) -> None:
    stride = 2 * half_stride * PERIOD
    known = np.arange(0.0, 5.0, 1.0 / rate)
    pitch, angle = gait(known, stride)
    stamp = known[known >= LONGEST][::25]
    made = last_stride_repeated(stamp, known, pitch, angle, HORIZON)
    due = stamp[:, None] + PERIOD * np.arange(1, HORIZON + 1)
    off = np.abs(made - gait(due, stride)[1])
    # Interpolation between samples is all that is off; at 100 Hz and a stride of whole periods there is none.
    assert off.max() < 0.6 * (9.0 * 0.1 + 0.2) * (2 * math.pi / stride / rate) ** 2 + 1e-9


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 2**31))
def test_the_future_changes_nothing(seed: int) -> None:
    random = np.random.default_rng(seed)
    known = PERIOD * np.arange(500)
    pitch, angle = random.normal(size=(500, 2)), random.normal(size=500)
    before = last_stride_repeated(known[:400:20], known, pitch, angle, HORIZON)
    pitch[400:], angle[400:] = 7.0, -3.0
    np.testing.assert_array_equal(before, last_stride_repeated(known[:400:20], known, pitch, angle, HORIZON))


def test_persistence_keeps_the_angle_and_no_moments_give_no_forecasts() -> None:
    np.testing.assert_array_equal(persistence(np.array([1.0, 2.0]), 3), [[1.0] * 3, [2.0] * 3])
    none = np.empty(0)
    assert last_stride_repeated(none, none, np.empty((0, 2)), none, HORIZON).shape == (0, HORIZON)


def test_it_starts_from_the_angle_now() -> None:
    known = PERIOD * np.arange(500)
    pitch, angle = gait(known, 1.1)
    lifted = last_stride_repeated(known[-1:], known, pitch, np.append(angle[:-1], angle[-1] + 1.0), HORIZON)
    usual = last_stride_repeated(known[-1:], known, pitch, angle, HORIZON)
    assert lifted - usual == pytest.approx(1.0)
