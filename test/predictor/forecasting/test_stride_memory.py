"""The memory corrects forecasts by their known errors, and only in movement that it knows."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ankle_predictor.forecasting.stride_memory import StrideMemory
from ankle_predictor.model.features import FeatureSpec
from ankle_predictor.model.manifest import MemorySettings

SPEC = FeatureSpec(window=20)
HORIZON = 50
STRIDE = 1.2  # s


def memory(**changes: float) -> StrideMemory:
    constants = MemorySettings(**changes)  # type: ignore[arg-type]
    scale = (0.2,) * len(SPEC.names)
    return StrideMemory(constants, SPEC.names, scale, period=SPEC.period, horizon=HORIZON)


def step(made: StrideMemory, window: np.ndarray, error: float | None) -> np.ndarray:
    """Return the correction at a moment, then tell its error."""
    key = made.key(window, window.mean(axis=0))
    correction = made.correction(key)
    if error is not None:
        made.learn(key, np.full(HORIZON, error))
    return correction


def window_at(time: float) -> np.ndarray:
    """A window in which all features swing, so that its key depends on the phase."""
    times = time + SPEC.period * np.arange(1 - SPEC.window, 1)
    phase = 2 * np.pi * times / STRIDE
    return np.stack([np.sin(phase + 0.3 * k) for k in range(len(SPEC.names))], axis=-1) * 0.2


def walked(seconds: float, made: StrideMemory, error: float = 0.1) -> np.ndarray:
    """Walk with a network whose forecasts are ``error`` too low; return the (N, H) corrections."""
    return np.array([step(made, window_at(k * SPEC.period), error) for k in range(round(seconds / SPEC.period))])


def test_it_corrects_a_constant_error_after_one_stride() -> None:
    corrections = walked(4.0, memory())
    np.testing.assert_array_equal(corrections[0], 0.0)
    np.testing.assert_allclose(corrections[250:], 0.1, atol=0.02)


def test_it_does_not_correct_unknown_movement() -> None:
    made = memory()
    walked(4.0, made)
    assert np.max(np.abs(step(made, window_at(4.0) * 5.0, None))) < 1e-3


@settings(max_examples=20, deadline=None)
@given(low=st.floats(-0.3, 0.3), high=st.floats(-0.3, 0.3))
def test_a_correction_lies_within_the_known_errors_or_is_none(low: float, high: float) -> None:
    made = memory()
    for k in range(200):
        step(made, window_at(k * SPEC.period), high if k % 2 else low)
    correction = step(made, window_at(2.0), None)
    assert np.all(correction >= min(low, high, 0.0) - 1e-6)
    assert np.all(correction <= max(low, high, 0.0) + 1e-6)


def test_it_holds_no_more_than_its_span() -> None:
    made = memory(span=1.0)
    walked(4.0, made)
    assert made.moments == 50, "one in two pairs is stored"


@pytest.mark.parametrize(
    "wrong", [{"span": 0.0}, {"span": 1e4}, {"every": 0}, {"sharpness": 0.0}, {"prior": -1.0}, {"prior": float("nan")}]
)
def test_invalid_constants_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        memory(**wrong)
