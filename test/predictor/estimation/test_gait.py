"""Steady gait, transitions and standing, and the stride period, as the samples come."""

from __future__ import annotations

import itertools
import math
from pathlib import Path

import numpy as np
import pytest
from rigs.walks import part

from ankle_imu_driver.recordings.read_recording import read_recording
from ankle_predictor.estimation.gait import Gait, StrideMonitor

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


def fed(watch: StrideMonitor, samples: list[tuple[float, float]]) -> list[tuple[Gait, float]]:
    told = []
    for stamp, rate in samples:
        watch.push(stamp, rate)
        told.append((watch.gait, watch.period))
    return told


def still(seconds: float, start: float) -> list[tuple[float, float]]:
    return [(start + k * STEP, 0.02 * (-1) ** k) for k in range(round(seconds / STEP))]


@pytest.mark.parametrize("period", [0.6, 1.0, 1.5, 2.4])
def test_steady_gait_has_a_period_after_four_swings(period: float) -> None:
    told = fed(StrideMonitor(), swings([period] * 6))
    assert told[-1] == (Gait.STEADY, pytest.approx(period, abs=STEP))
    first = next(k for k, (gait, _) in enumerate(told) if gait is Gait.STEADY)
    assert 3.7 * period <= first * STEP <= 4.1 * period
    assert {gait for gait, _ in told[:first]} == {Gait.TRANSITION}


def test_standing_is_said_within_a_second_and_ends_the_period() -> None:
    watch = StrideMonitor()
    assert fed(watch, still(1.2, 0.0))[-1] == (Gait.STANDING, pytest.approx(math.nan, nan_ok=True))
    assert fed(watch, swings([1.2] * 5, 1.2))[-1][0] is Gait.STEADY
    told = fed(watch, still(3.0, 7.2))
    kinds = [gait for gait, _ in itertools.groupby(gait for gait, _ in told)]
    assert kinds in ([Gait.STEADY, Gait.STANDING], [Gait.STEADY, Gait.TRANSITION, Gait.STANDING])
    assert math.isnan(told[-1][1])
    assert told[170][0] is not Gait.STEADY  # 1.4 periods after the last swing


def test_uneven_strides_are_a_transition() -> None:
    assert fed(StrideMonitor(), swings([1.0, 1.6, 0.9, 1.7, 1.0]))[-1][0] is Gait.TRANSITION


def test_the_period_follows_the_walker_and_forgets_after_a_jump() -> None:
    watch = StrideMonitor()
    assert fed(watch, swings([1.5] * 5 + [1.4, 1.3, 1.2, 1.2, 1.2]))[-1][1] == pytest.approx(1.2, abs=STEP)
    for jump in (-7200.0, 7200.0):
        watch.push(jump, 0.8)
        assert (watch.gait, math.isnan(watch.period)) == (Gait.TRANSITION, True)
        assert fed(watch, swings([1.0] * 5, jump + STEP))[-1][0] is Gait.STEADY


def test_only_the_past_is_looked_at() -> None:
    samples = swings([1.1] * 5)
    whole = fed(StrideMonitor(), [*samples, *still(3.0, 5.5)])
    assert [g for g, _ in fed(StrideMonitor(), samples)] == [g for g, _ in whole[: len(samples)]]


def test_recorded_strides_are_found(walks_dir: Path) -> None:
    recording = part(read_recording(walks_dir / "LOG10.TXT"), 60.0)
    watch, periods, swing = StrideMonitor(), [], []
    rate = -recording.shank.gyro[:, 2]  # sensor z points right, so that the left axis is its opposite
    for stamp, value in zip(recording.shank.stamp.tolist(), rate.tolist(), strict=True):
        watch.push(stamp, value)
        periods.append(watch.period)
        swing.append(watch.gait is Gait.STEADY)
    encoder = recording.encoder
    assert encoder is not None
    # Autocorrelation of the encoder, which knows nothing of the shank.
    angle = np.interp(np.arange(encoder.stamp[0], encoder.stamp[-1], STEP), encoder.stamp, encoder.angle)
    angle -= angle.mean()
    lags = np.correlate(angle, angle, "full")[len(angle) - 1 :]
    expected = (80 + np.argmax(lags[80:200])) * STEP
    assert np.nanmedian(periods) == pytest.approx(expected, abs=0.06)
    assert np.mean(swing) > 0.5
