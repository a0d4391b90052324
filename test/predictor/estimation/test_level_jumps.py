"""Small jumps of an encoder are taken off; what the wearer's own steps do to its level is not."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ankle_imu_driver.arrays import FloatArray
from ankle_predictor.estimation.level_jumps import LARGEST, LEAST, STAYS, LevelJumps

RATE = 100


def judged(level: FloatArray, believed: bool = True) -> tuple[LevelJumps, int]:
    """Push levels in rad at 100 Hz; also returns how many samples may not be used."""
    jumps = LevelJumps()
    return jumps, sum(not jumps.push(n / RATE, float(value), believed) for n, value in enumerate(level))


def noise(seconds: float, degrees: float = 0.08) -> FloatArray:
    return np.radians(degrees) * np.random.default_rng(5).normal(size=round(seconds * RATE))


@given(degrees=st.floats(2.1, 3.0), sign=st.sampled_from([-1.0, 1.0]), start=st.floats(3.0, 8.0))
def test_a_jump_that_stays_is_taken_off(degrees: float, sign: float, start: float) -> None:
    level, k = noise(10.0), round(start * RATE)
    level[k:] += sign * math.radians(degrees)
    jumps, unused = judged(level)
    assert jumps.count == 1
    assert 0 < unused <= STAYS * RATE + 1
    left = math.exp(-(10.0 - start) / 30.0)
    assert jumps.taken_off == pytest.approx(sign * math.radians(degrees) * left, abs=math.radians(0.5))


def test_a_jump_back_is_taken_off_as_well() -> None:
    level = noise(12.0)
    level[300:700] += math.radians(2.0)
    jumps, _ = judged(level)
    assert jumps.count == 2
    assert abs(jumps.taken_off) < math.radians(0.6)


@pytest.mark.parametrize("seconds", [0.01, 0.03, 0.06])
def test_a_knock_that_passes_is_not(seconds: float) -> None:
    level = noise(6.0)
    level[300 : 300 + round(seconds * RATE)] += math.radians(2.5)
    jumps, unused = judged(level)
    assert jumps.taken_off == 0.0
    assert unused > 0


@pytest.mark.parametrize("size", [0.9 * LEAST, 1.1 * LARGEST])
def test_a_step_that_noise_could_be_or_that_makes_an_encoder_suspect_is_left_alone(size: float) -> None:
    level = noise(6.0, degrees=0.02)
    level[300:] += size
    jumps, unused = judged(level)
    assert (jumps.taken_off, unused) == (0.0, 0)


def test_where_every_stride_knocks_nothing_is_taken_off() -> None:
    level, at = noise(30.0), np.arange(30 * RATE)
    level += math.radians(1.5) * ((at // 65) % 2)  # below the least: this is how the brace always moves
    level[2000:] += math.radians(2.0)
    jumps, _ = judged(level)
    assert jumps.taken_off == 0.0


def test_of_an_encoder_that_is_not_believed_nothing_is_taken_off() -> None:
    level = noise(6.0)
    level[300:] += math.radians(2.0)
    jumps, unused = judged(level, believed=False)
    assert (jumps.taken_off, unused) == (0.0, 0)


def test_over_a_gap_nothing_is_compared() -> None:
    jumps = LevelJumps()
    for n, value in enumerate(noise(3.0)):
        jumps.push(n / RATE, float(value), True)
    assert jumps.push(3.5, math.radians(2.0), True)
    jumps.interrupt()
    assert jumps.push(3.51, math.radians(-2.0), True)
    assert jumps.taken_off == 0.0
