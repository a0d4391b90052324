"""A forecast of the ankle angle, with its prediction interval."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ankle_imu_driver.arrays import FloatArray


@dataclass(frozen=True, eq=False)
class Forecast:
    """The coming ankle angle in rad, dorsiflexion positive; step k is (k + 1) sample periods after the newest row.

    Attributes:
        angle: (..., H) expected angle.
        lower: (..., H) lower end of the prediction interval.
        upper: (..., H) upper end of the prediction interval.
        offset: (..., H) expected difference between the encoder's angle and the IMUs' angle at that step; None if the
            network does not estimate it.
    """

    angle: FloatArray
    lower: FloatArray
    upper: FloatArray
    offset: FloatArray | None = None

    def at(self, k: Any) -> Forecast:
        """Return the forecasts of a batch that an index or a mask selects."""
        offset = None if self.offset is None else self.offset[k]
        return Forecast(self.angle[k], self.lower[k], self.upper[k], offset)

    def without_offset(self) -> Forecast:
        """Return the forecast for a present angle that is the encoder's already: the offset is in it."""
        return self if self.offset is None else replace(self.moved(-self.offset), offset=None)

    def moved(self, by: FloatArray) -> Forecast:
        """Return the forecast and its interval, moved by (..., H) rad."""
        return Forecast(self.angle + by, self.lower + by, self.upper + by, self.offset)


def joined(parts: Sequence[Forecast]) -> Forecast:
    """Concatenate batches."""
    offsets = [part.offset for part in parts if part.offset is not None]
    angle, lower, upper = (np.concatenate([getattr(p, name) for p in parts]) for name in ("angle", "lower", "upper"))
    return Forecast(angle, lower, upper, np.concatenate(offsets) if offsets else None)


def stacked(parts: Sequence[Forecast]) -> Forecast:
    """Make a batch of single forecasts without an offset."""
    angle, lower, upper = (np.stack([getattr(p, name) for p in parts]) for name in ("angle", "lower", "upper"))
    return Forecast(angle, lower, upper)
