"""The memory learns from forecasts that have come due, and corrects forecasts only in movement that it knows."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ankle_predictor.forecasting.stride_memory import StrideMemory
from ankle_predictor.model.features import SEGMENT_FEATURES, FeatureSpec
from ankle_predictor.model.manifest import MemorySettings

SPEC = FeatureSpec(window=20)
HORIZON = 50
STRIDE = 1.2  # s
ANGLE = SEGMENT_FEATURES.index("ankle_angle")


def memory(**changes: float) -> StrideMemory:
    constants = MemorySettings(**changes)  # type: ignore[arg-type]
    scale = (0.2,) * len(SPEC.names)
    return StrideMemory(constants, SPEC.names, scale, period=SPEC.period, window=SPEC.window, horizon=HORIZON)


def ankle(time: np.ndarray | float) -> np.ndarray:
    return 0.2 * np.sin(2 * np.pi * np.asarray(time) / STRIDE)


def step(
    made: StrideMemory, time: float, window: np.ndarray, angle: np.ndarray, offset: np.ndarray | None = None
) -> np.ndarray:
    """Return the correction at a moment, then add its angle and remember it, as ``Forecaster`` does."""
    key = made.key(window)
    correction = made.correction(key)
    made.push_angle(time, float(window[-1, ANGLE]))
    if made.keeps_next():
        made.remember(time, key, angle, offset)
    return correction


def window_at(time: float) -> np.ndarray:
    """A window in which all features swing, so that its key depends on the phase."""
    times = time + SPEC.period * np.arange(1 - SPEC.window, 1)
    phase = 2 * np.pi * times / STRIDE
    window = np.stack([np.sin(phase + 0.3 * k) for k in range(len(SPEC.names))], axis=-1) * 0.2
    window[:, ANGLE] = ankle(times)
    return window


def walked(seconds: float, made: StrideMemory, error: float = 0.1, shift: float = 0.0) -> np.ndarray:
    """Walk with a network whose forecasts are ``error`` too low; return the (N, H) corrections."""
    corrections = []
    steps = SPEC.period * np.arange(1, HORIZON + 1)
    for k in range(round(seconds / SPEC.period)):
        time = shift + k * SPEC.period
        corrections.append(step(made, time, window_at(time), ankle(time + steps) - error))
    return np.array(corrections)


def test_it_corrects_a_constant_error_after_one_stride() -> None:
    corrections = walked(4.0, memory())
    np.testing.assert_array_equal(corrections[:50], 0.0)  # nothing was due yet
    np.testing.assert_allclose(corrections[250:], 0.1, atol=0.02)


def test_it_does_not_correct_unknown_movement() -> None:
    made = memory()
    walked(4.0, made)
    unknown = window_at(4.0) * 5.0
    assert np.max(np.abs(step(made, 4.0, unknown, np.zeros(HORIZON)))) < 1e-3


def test_the_offset_of_an_encoder_is_not_corrected_away() -> None:
    made, steps = memory(), SPEC.period * np.arange(1, HORIZON + 1)
    offset = np.full(HORIZON, 0.05)
    for k in range(400):
        time = k * SPEC.period
        correction = step(made, time, window_at(time), ankle(time + steps), offset)
    np.testing.assert_allclose(correction, 0.05, atol=0.01)


def test_nothing_is_learned_across_a_gap_or_a_clock_that_jumps_back() -> None:
    for after in (0.7, -5.0):
        made = memory()
        step(made, 0.0, window_at(0.0), np.zeros(HORIZON))
        step(made, 0.0, window_at(0.0), np.zeros(HORIZON))
        made.push_angle(after, 0.0)
        made.push_angle(after + 0.01, 0.0)
        assert made.moments == 0


@settings(max_examples=20, deadline=None)
@given(cut=st.integers(60, 240), seed=st.integers(0, 99))
def test_no_future_sample_changes_a_correction(cut: int, seed: int) -> None:
    steps, random = SPEC.period * np.arange(1, HORIZON + 1), np.random.default_rng(seed)
    results = []
    for changed in (False, True):
        made, corrections = memory(), []
        for k in range(cut + 1 if not changed else 300):
            time = k * SPEC.period
            window = window_at(time) if k <= cut else random.normal(size=window_at(0.0).shape)
            corrections.append(step(made, time, window, ankle(time + steps) - 0.1))
        results.append(corrections[: cut + 1])
    np.testing.assert_array_equal(*results)


def test_it_holds_no_more_than_its_span() -> None:
    made = memory(span=1.0)
    walked(4.0, made)
    assert made.moments == 50


def test_clear_removes_everything() -> None:
    made = memory()
    walked(4.0, made)
    made.clear()
    assert made.moments == 0
    np.testing.assert_array_equal(walked(0.4, made, shift=4.0), 0.0)


@pytest.mark.parametrize(
    "wrong", [{"span": 0.0}, {"span": 1e4}, {"every": 0}, {"sharpness": 0.0}, {"prior": -1.0}, {"prior": float("nan")}]
)
def test_invalid_constants_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        memory(**wrong)
