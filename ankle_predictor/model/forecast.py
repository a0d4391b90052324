"""A forecast: the ankle angle to come, with its interval."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ankle_imu_driver.arrays import FloatArray


@dataclass(frozen=True, eq=False)
class Forecast:
    """The ankle angle to come, dorsiflexion positive, in rad; step k is due (k+1) sample periods after the newest row.

    Attributes:
        angle: (..., H) what is expected.
        lower: (..., H) lower end of the bundle's interval.
        upper: (..., H) upper end.
        offset: (..., H) by how much the joint is thought to lie above the IMUs' own angle then; None if not known.
    """

    angle: FloatArray
    lower: FloatArray
    upper: FloatArray
    offset: FloatArray | None = None

    def at(self, k: Any) -> Forecast:
        """Return those of a batch that an index or a mask picks."""
        offset = None if self.offset is None else self.offset[k]
        return Forecast(self.angle[k], self.lower[k], self.upper[k], offset)

    def moved(self, by: FloatArray) -> Forecast:
        """Return the forecast, interval and all, moved by (..., H) rad."""
        return Forecast(self.angle + by, self.lower + by, self.upper + by, self.offset)


def joined(parts: Sequence[Forecast]) -> Forecast:
    """Return batches one after the other."""
    offsets = [part.offset for part in parts if part.offset is not None]
    angle, lower, upper = (np.concatenate([getattr(p, name) for p in parts]) for name in ("angle", "lower", "upper"))
    return Forecast(angle, lower, upper, np.concatenate(offsets) if offsets else None)
