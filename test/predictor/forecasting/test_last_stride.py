"""The last stride, repeated: found whatever clock the stamps are of."""

from __future__ import annotations

import math

import numpy as np
import pytest

from ankle_predictor.forecasting.last_stride import LastStride

STRIDE = 1.0  # s


@pytest.mark.parametrize("start", [0.0, 1.0, 1_795_825_773.63, 4_000_000_000.0])
def test_stamps_since_1970_are_as_good_as_those_from_zero(start: float) -> None:
    """A stamp of today is known to 240 ns only, so that equal distances differ by that much."""
    for offset in range(100):
        last = LastStride(0.01, 50, 0.1)
        stamps = [(round(start * 1e9) + 123 * offset + k * 10_000_000) / 1e9 for k in range(261)]
        for k, stamp in enumerate(stamps[:-1]):
            phase = math.tau * k * 0.01 / STRIDE
            last.push(stamp, 0.3 * math.sin(phase), 0.5 * math.sin(phase + 0.4), 0.2 * math.sin(phase + 1.0))
            if k >= 165:
                assert last.change(stamp + 0.01, 0.0) is not None
    now = math.tau * 2.6 / STRIDE + 1.0
    expected = 0.2 * (np.sin(now + math.tau * 0.01 * np.arange(1, 51) / STRIDE) - math.sin(now))
    assert last.change(stamps[-1], 0.2 * math.sin(now)) == pytest.approx(expected, abs=0.002)
