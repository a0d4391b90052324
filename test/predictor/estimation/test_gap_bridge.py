"""Gaps are filled by what the segment did a stride ago, and only if it does it again."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ankle_imu_driver.arrays import FloatArray
from ankle_predictor.estimation.gap_bridge import KEPT, GapBridge

PERIOD = 0.01


def rates(stamp: FloatArray, stride: float, drift: float = 0.0) -> FloatArray:
    """The swing of a foot: (N, 3) rad/s, with a swing much faster than the stance; ``drift`` makes it ever larger."""
    phase = 2.0 * math.pi * stamp / stride
    y = 3.0 * np.sin(phase) + 2.0 * np.sin(2.0 * phase + 1.0) + np.cos(3.0 * phase)
    return np.stack([0.2 * np.cos(phase), y * (1.0 + drift * stamp), 0.1 * np.sin(phase)], axis=1)


def bridged(stride: float, start: float, gap: float, drift: float = 0.0) -> tuple[FloatArray, FloatArray, FloatArray]:
    """The mean rate over a gap: as told, as it was, and the mean of both ends."""
    bridge, stamp = GapBridge(), np.arange(0.0, start, PERIOD)
    gyro = rates(stamp, stride, drift)
    for t, rate in zip(stamp, gyro, strict=True):
        bridge.push(float(t), tuple(rate))
    end = stamp[-1] + gap
    after = rates(np.array([end]), stride, drift)[0]
    inside = np.linspace(stamp[-1], end, 400)
    truth = np.trapezoid(rates(inside, stride, drift), inside, axis=0) / gap
    return np.array(bridge.mean_rate(float(end), tuple(after))), truth, 0.5 * (gyro[-1] + after)


@given(
    stride=st.floats(0.8, 1.9),
    start=st.floats(KEPT, 9.0),
    gap=st.sampled_from([0.12, 0.15, 0.2, 0.3, 0.4]),
    drift=st.floats(-0.01, 0.01),
)
def test_a_gap_in_regular_walking_is_filled_by_the_stride_before(
    stride: float, start: float, gap: float, drift: float
) -> None:
    told, truth, _ = bridged(stride, start, gap, drift)
    assert np.max(np.abs(told - truth)) < 0.2  # rad/s, of rates of up to 6


def test_what_both_ends_say_is_far_off() -> None:
    told, truth, ends = bridged(stride=1.2, start=5.0, gap=0.3)
    assert np.max(np.abs(ends - truth)) > 10.0 * np.max(np.abs(told - truth))


@pytest.mark.parametrize("seed", range(5))
def test_without_a_stride_that_is_alike_both_ends_count(seed: int) -> None:
    bridge, random = GapBridge(), np.random.default_rng(seed)
    gyro = random.normal(0.0, 2.0, (300, 3))
    for n, rate in enumerate(gyro):
        bridge.push(PERIOD * n, tuple(rate))
    after = random.normal(0.0, 2.0, 3)
    told = bridge.mean_rate(PERIOD * 299 + 0.2, tuple(after))
    np.testing.assert_allclose(told, 0.5 * (gyro[-1] + after))


@pytest.mark.parametrize("samples", [1, 2, 20])
def test_soon_after_the_start_both_ends_count(samples: int) -> None:
    bridge = GapBridge()
    for n in range(samples):
        bridge.push(PERIOD * n, (0.0, 1.0, 0.0))
    told = bridge.mean_rate(PERIOD * samples + 0.2, (0.0, 3.0, 0.0))
    np.testing.assert_allclose(told, (0.0, 2.0, 0.0))


def test_a_stride_ago_with_a_gap_of_its_own_is_not_used() -> None:
    bridge, stride, gap = GapBridge(), 1.2, 0.25
    stamp = np.arange(0.0, 3.0, PERIOD)
    stamp = stamp[(stamp % stride < 0.5) | (stamp % stride > 0.5 + gap)]  # every stride lacks the same part
    stamp = stamp[stamp < 2.0 * stride + 0.5]  # and ends where one begins
    for t, rate in zip(stamp, rates(stamp, stride), strict=True):
        bridge.push(float(t), tuple(rate))
    last, after = rates(np.array([stamp[-1], stamp[-1] + gap]), stride)
    np.testing.assert_allclose(bridge.mean_rate(float(stamp[-1]) + gap, tuple(after)), 0.5 * (last + after))
