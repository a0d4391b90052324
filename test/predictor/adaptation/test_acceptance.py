"""An adaptation is accepted if it is better on average and has not become worse lately."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ankle_predictor.adaptation.acceptance import is_better

PERIOD = 0.03


def gains(*parts: float, scatter: float = 0.0, seconds: float = 10.0) -> tuple[np.ndarray, int, float]:
    each = round(seconds / PERIOD)
    noise = scatter * np.sign(np.sin(2.0 * math.pi * np.arange(each) * PERIOD / 2.0))
    return np.concatenate([part + noise for part in parts]), each, PERIOD


@pytest.mark.parametrize(
    ("gain", "better"),
    [
        (gains(1.0, 1.0, 1.0), True),
        (gains(-1.0, -1.0, 1.0), False),
        (gains(0.0, 0.0, 0.0), False),
        (gains(3.0, 3.0, -1.0), False),  # an early gain that is lost later
        (gains(3.0, 3.0, -0.1, scatter=1.0), True),  # the loss in the last part is within its scatter
        (gains(3.0, 3.0, -2.0, scatter=1.0), False),
        (gains(3.0, 3.0, -0.1, scatter=1.0, seconds=2.0), False),  # too few seconds to know the scatter
        (gains(math.nan, 1.0, 1.0), False),
    ],
)
def test_it_is_accepted_if_it_is_better_and_not_worse_lately(gain: tuple[np.ndarray, int, float], better: bool) -> None:
    assert is_better(*gain) is better


@given(st.floats(-2.0, 2.0), st.floats(0.01, 1.0), st.integers(0, 99))
def test_an_adaptation_that_is_worse_in_every_second_is_never_accepted(offset: float, least: float, seed: int) -> None:
    gain = -least - np.random.default_rng(seed).random(600) * (2.0 + offset)
    assert not is_better(gain, 200, PERIOD)
