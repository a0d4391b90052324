"""Familiarity with walks whose windows are in memory."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from ankle_predictor.model.manifest import Familiarity
from ankle_predictor.trust.familiarity import familiarity_of, spreads


def fit_familiarity(
    learned: Sequence[npt.NDArray[np.floating]], kept: Sequence[npt.NDArray[np.floating]], scale: Sequence[float]
) -> Familiarity:
    """Fit the statistics of training walks in memory, each of another person; see ``familiarity_of``.

    Args:
        learned: (N, W, F) unscaled windows of each log; only walking, see ``moving``.
        kept: (N, W, F) unscaled windows of the held-out end of each log; only walking.
        scale: (F,) scale of the scaler.
    """
    found = [(str(k), spreads(windows)) for k, windows in enumerate(learned)]
    return familiarity_of(found, [spreads(windows) for windows in kept], scale)
