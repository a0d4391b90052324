"""Recordings of other rates offline."""

from __future__ import annotations

import numpy as np
import pytest
from rigs.walks import swinging

from ankle_predictor.offline.pipeline import ChainError, run_chain


@pytest.mark.parametrize("rate", [200.0, 1000.0])
def test_a_fast_recording_gives_100_pairs_a_second_with_the_same_angle(rate: float) -> None:
    table, usual = run_chain(swinging(4.0, rate)), run_chain(swinging(4.0, 100.0))
    late = table.stamp > 1.0
    assert np.diff(table.stamp[late]) == pytest.approx(0.01)
    same = np.interp(table.stamp, usual.stamp, usual.angle)
    assert np.max(np.abs(table.angle - same)[late]) < np.radians(0.03)


def test_a_recording_that_is_too_slow_is_refused_with_the_value() -> None:
    with pytest.raises(ChainError, match="swinging: the shank sends 10 samples a second: 20 to 1000"):
        run_chain(swinging(4.0, 10.0))
