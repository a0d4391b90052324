"""Steady gait, transitions, standing and the stride period are detected as the samples come."""

from __future__ import annotations

import itertools
import math
from pathlib import Path

import numpy as np
import pytest
from rigs.walks import part

from ankle_imu_driver.recordings.read_recording import read_recording
from ankle_predictor.estimation.gait import Gait, StrideMonitor, Swing, SwingDetector

STEP = 0.01


def swings(periods: list[float], start: float = 0.0) -> list[tuple[float, float]]:
    """Stamps and pitch rates of strides that begin with stance (-1 rad/s forward lean) and end with a swing."""
    samples, begin = [], start
    for period in periods:
        for k in range(round(period / STEP)):
            phase = k * STEP / period
            rate = -4.0 * math.sin(math.pi * (phase - 0.6) / 0.4) if phase > 0.6 else 0.8
            samples.append((begin + k * STEP, rate))
        begin += round(period / STEP) * STEP
    return samples


def feed(monitor: StrideMonitor, samples: list[tuple[float, float]]) -> list[tuple[Gait, float]]:
    results = []
    for stamp, rate in samples:
        monitor.push(stamp, rate)
        results.append((monitor.gait, monitor.period))
    return results


def still(seconds: float, start: float) -> list[tuple[float, float]]:
    return [(start + k * STEP, 0.02 * (-1) ** k) for k in range(round(seconds / STEP))]


@pytest.mark.parametrize("period", [0.6, 1.0, 1.5, 2.4])
def test_steady_gait_has_a_period_after_four_swings(period: float) -> None:
    results = feed(StrideMonitor(), swings([period] * 6))
    assert results[-1] == (Gait.STEADY, pytest.approx(period, abs=STEP))
    first = next(k for k, (gait, _) in enumerate(results) if gait is Gait.STEADY)
    assert 3.7 * period <= first * STEP <= 4.1 * period
    assert {gait for gait, _ in results[:first]} == {Gait.TRANSITION}


def test_standing_is_reported_within_a_second_and_ends_the_period() -> None:
    monitor = StrideMonitor()
    assert feed(monitor, still(1.2, 0.0))[-1] == (Gait.STANDING, pytest.approx(math.nan, nan_ok=True))
    assert feed(monitor, swings([1.2] * 5, 1.2))[-1][0] is Gait.STEADY
    results = feed(monitor, still(3.0, 7.2))
    kinds = [gait for gait, _ in itertools.groupby(gait for gait, _ in results)]
    assert kinds in ([Gait.STEADY, Gait.STANDING], [Gait.STEADY, Gait.TRANSITION, Gait.STANDING])
    assert math.isnan(results[-1][1])
    assert results[170][0] is not Gait.STEADY  # 1.4 periods after the last swing


@pytest.mark.parametrize("period", [0.52, 0.55, 0.6, 0.65, 1.0, 2.0])
def test_every_swing_begins_once_and_ends_once_however_short_the_strides(period: float) -> None:
    detector, events = SwingDetector(), []
    for k in range(round(30.0 / STEP)):
        events.append(detector.push(k * STEP, -1.0 - 5.0 * math.cos(2.0 * math.pi * k * STEP / period)))
    strides = 30.0 / period
    assert events.count(Swing.BEGINS) == pytest.approx(strides, abs=1.5)
    assert events.count(Swing.ENDS) == pytest.approx(strides, abs=1.5)


def test_uneven_strides_are_a_transition() -> None:
    assert feed(StrideMonitor(), swings([1.0, 1.6, 0.9, 1.7, 1.0]))[-1][0] is Gait.TRANSITION


def test_the_period_follows_the_wearer_and_is_reset_by_a_jump_of_the_clock() -> None:
    monitor = StrideMonitor()
    assert feed(monitor, swings([1.5] * 5 + [1.4, 1.3, 1.2, 1.2, 1.2]))[-1][1] == pytest.approx(1.2, abs=STEP)
    for jump in (-7200.0, 7200.0):
        monitor.push(jump, 0.8)
        assert (monitor.gait, math.isnan(monitor.period)) == (Gait.TRANSITION, True)
        assert feed(monitor, swings([1.0] * 5, jump + STEP))[-1][0] is Gait.STEADY


def test_only_past_samples_are_used() -> None:
    samples = swings([1.1] * 5)
    whole = feed(StrideMonitor(), [*samples, *still(3.0, 5.5)])
    assert [g for g, _ in feed(StrideMonitor(), samples)] == [g for g, _ in whole[: len(samples)]]


def test_recorded_strides_are_found(walks_dir: Path) -> None:
    recording = part(read_recording(walks_dir / "LOG10.TXT"), 60.0)
    monitor, periods, swing = StrideMonitor(), [], []
    rate = -recording.shank.gyro[:, 2]  # the sensor's z axis points right, opposite to the left axis
    for stamp, value in zip(recording.shank.stamp.tolist(), rate.tolist(), strict=True):
        monitor.push(stamp, value)
        periods.append(monitor.period)
        swing.append(monitor.gait is Gait.STEADY)
    encoder = recording.encoder
    assert encoder is not None
    # The autocorrelation of the encoder is independent of the shank.
    angle = np.interp(np.arange(encoder.stamp[0], encoder.stamp[-1], STEP), encoder.stamp, encoder.angle)
    angle -= angle.mean()
    lags = np.correlate(angle, angle, "full")[len(angle) - 1 :]
    expected = (80 + np.argmax(lags[80:200])) * STEP
    assert np.nanmedian(periods) == pytest.approx(expected, abs=0.06)
    assert np.mean(swing) > 0.5


def test_striding_begins_with_the_second_swing_and_ends_when_none_follows() -> None:
    monitor = StrideMonitor()
    begins = []
    for stamp, rate in swings([1.0] * 3):
        monitor.push(stamp, rate)
        begins.append(monitor.is_striding)
    assert 1.0 <= begins.index(True) * STEP <= 2.0
    assert monitor.is_striding
    feed(monitor, still(2.0, 3.0))
    assert monitor.is_striding
    feed(monitor, still(2.0, 5.0))
    assert not monitor.is_striding
